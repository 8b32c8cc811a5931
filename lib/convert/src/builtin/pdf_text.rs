//! The text of a PDF, page after page.

use std::fs;

use pdf_extract::OutputError;

use crate::verify::Words;
use crate::{Error, Request};

use super::Output;

/// More signs without a meaning than this are a loss: a few are bullets of fonts of signs.
const UNKNOWN: f64 = 0.03;

pub(super) fn to_text(req: &Request) -> Result<Output, Error> {
    let bytes = fs::read(&req.input)?;
    let password = req.options.password.as_deref();
    let pages = match password {
        Some(password) => pdf_extract::extract_text_from_mem_by_pages_encrypted(&bytes, password),
        None => pdf_extract::extract_text_from_mem_by_pages(&bytes),
    }
    .map_err(|error| problem(error, password.is_some()))?;
    if pages.is_empty() {
        return Err(Error::corrupt("the PDF has no pages"));
    }

    let text: Vec<String> = pages.iter().map(|page| tidy(page)).collect();
    let blank = text.iter().filter(|page| page.is_empty()).count();
    let text = text.join("\u{c}\n");
    let unknown = unknown_share(&text);
    let mut output = Output {
        pages: u32::try_from(pages.len()).ok(),
        result: Some(Words::of(&text)),
        bytes: text.into_bytes(),
        ..Output::default()
    };
    if blank > 0 {
        // A scan has no text to extract; an empty result must not look like success.
        output.lost.push(format!("{blank} of {} pages have no text (perhaps scans)", pages.len()));
    }
    if unknown > UNKNOWN {
        output.lost.push(format!(
            "{:.0} % of the signs are no letters anybody knows: fonts of the PDF do not tell what they mean",
            unknown * 100.0
        ));
    }
    Ok(output)
}

/// Share of the signs of a text that stand for nothing: replaced, private, or control characters.
fn unknown_share(text: &str) -> f64 {
    let is_unknown = |sign: char| {
        matches!(sign, '\u{fffd}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..)
            || sign.is_control() && !sign.is_whitespace()
    };
    let (mut all, mut unknown) = (0_u32, 0_u32);
    for sign in text.chars().filter(|sign| !sign.is_whitespace()) {
        all += 1;
        unknown += u32::from(is_unknown(sign));
    }
    if all == 0 { 0.0 } else { f64::from(unknown) / f64::from(all) }
}

/// Lines without trailing spaces, and never two blank lines in a row.
fn tidy(page: &str) -> String {
    let mut out = String::new();
    let mut blank = 0;
    for line in page.lines().map(str::trim_end) {
        blank = if line.is_empty() { blank + 1 } else { 0 };
        if blank < 2 && !(out.is_empty() && line.is_empty()) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

fn problem(error: OutputError, had_password: bool) -> Error {
    let detail = error.to_string();
    if detail.to_lowercase().contains("password") || detail.to_lowercase().contains("encrypt") {
        return if had_password { Error::WrongPassword } else { Error::Encrypted };
    }
    Error::corrupt(format!("the PDF cannot be read ({detail})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_that_mean_nothing_are_counted() {
        assert_eq!(unknown_share("plain\u{c}\n text"), 0.0);
        assert_eq!(unknown_share("ab\u{f0b7}\u{1}"), 0.5);
        assert_eq!(unknown_share(""), 0.0);
    }
}
