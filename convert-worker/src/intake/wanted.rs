//! What is wanted of an upload, checked before a byte of it is read.

use std::str::FromStr;

use convert::{Engine, Engines, Format, Options, Paper, Prefer, UnknownEngine, UnreadablePages};
use platform::service::{ApiError, Outcome};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
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
    /// Whether an earlier result will not do.
    pub(super) fresh: bool,
    /// Where the end is told.
    pub(super) webhook: Option<String>,
}

impl Wanted {
    /// `third_party` is the owner's consent.
    pub(super) fn read(query: NewConversion, third_party: bool, engines: &Engines) -> Outcome<Self> {
        let NewConversion {
            to,
            name,
            from,
            strict,
            password,
            quality,
            width,
            height,
            sheet,
            engine,
            prefer,
            paper,
            page,
            dpi,
            pages,
            rotate,
            as_is,
            fresh,
            webhook,
            // Whoever takes the file in knows where it comes from.
            url: _,
            // For the gateway.
            wait: _,
            redirect: _,
        } = query;
        check(quality, [("/width", width), ("/height", height)])?;
        check_pages(page, dpi)?;
        let to = format(&to)?;
        let from = from.as_deref().filter(|from| !from.is_empty()).map(format).transpose()?;
        let name = plain_name(&name, "upload");
        let (engine, prefer) = (chosen(engine.as_deref())?, preferred(prefer.as_deref())?);
        let paper = paper_of(paper.as_deref())?;
        let pages = read_as("/pages", pages)?;
        let rotate = read_as("/rotate", rotate)?;
        let options = Options {
            password,
            quality,
            width,
            height,
            sheet,
            engine,
            prefer,
            third_party,
            paper,
            page,
            dpi,
            pages,
            rotate,
            as_is,
        };
        if let Some(claimed) = from.or_else(|| Format::from_name(&name)) {
            engines.supports(claimed, to, &options).map_err(refusal)?;
        }
        Ok(Self { to, from, name, options, strict, fresh, webhook })
    }
}

/// What makes a wish another one. A password and the consent of the account may come with one try and not with the next.
#[derive(Serialize)]
struct Meant<'a> {
    to: Format,
    from: Option<Format>,
    name: &'a str,
    options: Options,
    strict: bool,
    webhook: Option<&'a str>,
}

impl Wanted {
    /// A digest of it, 64 hex digits.
    pub(super) fn digest(&self) -> String {
        let Self { to, from, ref name, ref options, strict, fresh: _, ref webhook } = *self;
        let options = Options { password: None, third_party: false, ..options.clone() };
        let meant = Meant { to, from, name, options, strict, webhook: webhook.as_deref() };
        hex::encode(Sha256::digest(serde_json::to_vec(&meant).expect("plain fields are JSON")))
    }
}

fn chosen(engine: Option<&str>) -> Outcome<Option<Engine>> {
    match engine {
        None | Some("" | "auto") => Ok(None),
        Some(name) => {
            name.parse().map(Some).map_err(|unknown: UnknownEngine| invalid("/engine", unknown.to_string()))
        }
    }
}

fn preferred(prefer: Option<&str>) -> Outcome<Prefer> {
    match prefer {
        None | Some("" | "speed") => Ok(Prefer::Speed),
        Some("fidelity") => Ok(Prefer::Fidelity),
        Some(_) => Err(invalid("/prefer", "must be speed or fidelity".into())),
    }
}

fn paper_of(size: Option<&str>) -> Outcome<Paper> {
    match size {
        None | Some("" | "a4") => Ok(Paper::A4),
        Some("letter") => Ok(Paper::Letter),
        Some(_) => Err(invalid("/paper", "must be a4 or letter".into())),
    }
}

/// A wish about pages, in the words of people.
fn read_as<T: FromStr<Err = UnreadablePages>>(pointer: &str, said: Option<String>) -> Outcome<Option<T>> {
    let read = said.map(|said| said.parse::<T>()).transpose();
    read.map_err(|unreadable| invalid(pointer, unreadable.to_string()))
}

fn invalid(pointer: &str, rule: String) -> ApiError {
    ApiError::new(Code::InvalidField, "an option of the conversion breaks a rule").field(pointer, rule)
}

fn check(quality: Option<u8>, sides: [(&str, Option<u32>); 2]) -> Outcome<()> {
    if quality.is_some_and(|quality| !(1..=100).contains(&quality)) {
        return Err(invalid("/quality", "must be 1 to 100".into()));
    }
    for (pointer, side) in sides {
        if side.is_some_and(|side| !(1..=SIDE).contains(&side)) {
            return Err(invalid(pointer, format!("must be 1 to {SIDE} pixels")));
        }
    }
    Ok(())
}

fn check_pages(page: Option<u32>, dpi: Option<u32>) -> Outcome<()> {
    if page == Some(0) {
        return Err(invalid("/page", "pages are counted from 1".into()));
    }
    if dpi.is_some_and(|dpi| !(10..=600).contains(&dpi)) {
        return Err(invalid("/dpi", "must be 10 to 600 pixels per inch".into()));
    }
    Ok(())
}

fn format(name: &str) -> Outcome<Format> {
    if name.is_empty() {
        return Err(ApiError::new(Code::BadRequest, "`to` is missing").hint("name the wanted format with it"));
    }
    name.parse().map_err(|unknown: convert::UnknownFormat| {
        ApiError::new(Code::UnsupportedPair, format!("`{}` is no format that is known here", unknown.0))
            .hint("`mshub formats` lists what there is")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_is_not_here_and_a_wish_nobody_knows_are_refused() {
        let engines = Engines::builtin(convert::Child::of_this_program());
        let read = |engine: &str, prefer: &str| {
            let query = NewConversion {
                to: "pdf".into(),
                name: "a.docx".into(),
                engine: Some(engine.into()),
                prefer: Some(prefer.into()),
                ..NewConversion::default()
            };
            Wanted::read(query, false, &engines)
                .map(|wanted| wanted.options)
                .map_err(|error| error.problem().code.clone())
        };

        assert_eq!(read("auto", "fidelity").unwrap().prefer, Prefer::Fidelity);
        assert_eq!(read("builtin", "").unwrap().engine, Some(Engine::Builtin));
        assert_eq!(read("libreoffice", ""), Err(Code::UnsupportedPair.name().into()));
        assert_eq!(read("word", ""), Err(Code::InvalidField.name().into()));
        assert_eq!(read("auto", "beauty"), Err(Code::InvalidField.name().into()));
    }

    #[test]
    fn what_the_words_tell_is_refused_at_once() {
        let read = |to: &str, name: &str| {
            let query = NewConversion { to: to.into(), name: name.into(), ..NewConversion::default() };
            Wanted::read(query, false, &Engines::builtin(convert::Child::of_this_program()))
                .map(drop)
                .map_err(|error| error.problem().code.clone())
        };

        assert_eq!(read("pdf", "a.md"), Ok(()));
        assert_eq!(read("pdf", "a.unknown"), Ok(()));
        assert_eq!(read("docx", "a.png"), Err(Code::UnsupportedPair.name().into()));
        assert_eq!(read("exe", "a.md"), Err(Code::UnsupportedPair.name().into()));
    }
}
