//! What is wanted of an upload, checked before a byte of it is read.

use convert::{Format, Options};
use platform::service::{ApiError, Outcome};
use wire::{Code, conversions::NewConversion, files::plain_name};

use crate::refusal::refusal;

/// Pixels of one side; the engines limit the area.
const SIDE: u32 = 20_000;

/// A wish that can be fulfilled as far as its words tell.
pub(super) struct Wanted {
    pub(super) to: Format,
    /// What the caller says that it is; the name may say it, too.
    pub(super) from: Option<Format>,
    pub(super) name: String,
    pub(super) options: Options,
    pub(super) strict: bool,
}

impl Wanted {
    pub(super) fn read(query: NewConversion) -> Outcome<Self> {
        let NewConversion { to, name, from, strict, password, quality, width, height, sheet } = query;
        check(quality, [("/width", width), ("/height", height)])?;
        let to = format(&to)?;
        let from = from.as_deref().filter(|from| !from.is_empty()).map(format).transpose()?;
        let name = plain_name(&name, "upload");
        if let Some(claimed) = from.or_else(|| Format::from_name(&name)) {
            convert::supports(claimed, to).map_err(refusal)?;
        }
        let options = Options { password, quality, width, height, sheet, ..Options::default() };
        Ok(Self { to, from, name, options, strict })
    }
}

fn check(quality: Option<u8>, sides: [(&str, Option<u32>); 2]) -> Outcome<()> {
    let invalid = |pointer, rule: String| {
        Err(ApiError::new(Code::InvalidField, "an option of the conversion breaks a rule")
            .field(pointer, rule))
    };
    if quality.is_some_and(|quality| !(1..=100).contains(&quality)) {
        return invalid("/quality", "must be 1 to 100".into());
    }
    for (pointer, side) in sides {
        if side.is_some_and(|side| !(1..=SIDE).contains(&side)) {
            return invalid(pointer, format!("must be 1 to {SIDE} pixels"));
        }
    }
    Ok(())
}

fn format(name: &str) -> Outcome<Format> {
    name.parse().map_err(|unknown: convert::UnknownFormat| {
        ApiError::new(Code::UnsupportedPair, format!("`{}` is no format that is known here", unknown.0))
            .hint("`mshub formats` lists what there is")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_words_tell_is_refused_at_once() {
        let read = |to: &str, name: &str| {
            Wanted::read(NewConversion { to: to.into(), name: name.into(), ..NewConversion::default() })
                .map(drop)
                .map_err(|error| error.problem().code.clone())
        };

        assert_eq!(read("pdf", "a.md"), Ok(()));
        assert_eq!(read("pdf", "a.unknown"), Ok(()));
        assert_eq!(read("docx", "a.png"), Err(Code::UnsupportedPair.name().into()));
        assert_eq!(read("exe", "a.md"), Err(Code::UnsupportedPair.name().into()));
    }
}
