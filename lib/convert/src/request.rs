//! What a caller asks for, what it hears on the way, and what it gets told at the end.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Engine, Error, Format, Pages, Prefer, Turn};

/// Share of the source's words that must reach the result before it counts as whole.
pub const MIN_RECALL: f64 = 0.97;

/// Wishes about the result. Unknown fields are refused; absent ones mean "as you think best".
#[derive(Serialize, Deserialize, Default, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Opens an encrypted document. Kept out of logs by its callers; only sent to the child over a pipe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Quality of a JPEG, 1 to 100 (default 88). Pictures in other formats are written without loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<u8>,
    /// Width of a picture in pixels. With one of the two sides the shape is kept; with both, it fits inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height of a picture in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Name, or number from 1, of the only sheet to convert (default: all; to csv, json, tsv: the first).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// Number from 1 of the only page to paint (default: the first; a zip has them all).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Pixels per inch when a picture is put on a page (default: 150, smaller where it would not fit), when a page
    /// becomes a picture (default: 150, at most 600), and when a drawing does (default: 96).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpi: Option<u32>,
    /// The only engine that may do it (default: whichever can, one after the other).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// Which engine is asked first.
    #[serde(skip_serializing_if = "is_default")]
    pub prefer: Prefer,
    /// Whether services of somebody else may have the document.
    #[serde(skip_serializing_if = "is_default")]
    pub third_party: bool,
    /// The pages of a document that has none of its own, such as Markdown.
    #[serde(skip_serializing_if = "is_default")]
    pub paper: Paper,
    /// The pages of a PDF that become a PDF of their own, in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<Pages>,
    /// Which pages of the resulting PDF are turned, and how far. Only for what is a PDF already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotate: Option<Turn>,
    /// Whether a file that has the wanted format already is taken as it is; otherwise there is nothing to convert.
    #[serde(skip_serializing_if = "is_default")]
    pub as_is: bool,
}

/// The size of a page.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paper {
    /// 210 × 297 mm.
    #[default]
    A4,
    /// 8.5 × 11 inches.
    Letter,
}

impl Paper {
    /// Width and height in points.
    pub(crate) fn points(self) -> (f64, f64) {
        match self {
            Paper::A4 => (595.28, 841.89),
            Paper::Letter => (612.0, 792.0),
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One conversion of one file on disk to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The document. It is only read.
    pub input: PathBuf,
    /// PDFs that follow the first one, to be merged with it in this order. Only read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<PathBuf>,
    /// Where the result goes; its folder must exist. Nothing is left there when the conversion fails.
    pub output: PathBuf,
    /// What the input is, as [`crate::sniff`] found.
    pub from: Format,
    /// What the output shall be.
    pub to: Format,
    /// Wishes about the result.
    #[serde(default)]
    pub options: Options,
    /// Below this share of the source's words (0 to 1) the report says `degraded`.
    #[serde(default = "min_recall")]
    pub min_recall: f64,
    /// Turn a degraded result into [`crate::Error::LowFidelity`] instead of reporting it.
    #[serde(default)]
    pub strict: bool,
}

fn min_recall() -> f64 {
    MIN_RECALL
}

impl Request {
    /// A request with default options, [`MIN_RECALL`], not strict.
    pub fn new(input: impl Into<PathBuf>, from: Format, output: impl Into<PathBuf>, to: Format) -> Request {
        Request {
            input: input.into(),
            more: Vec::new(),
            output: output.into(),
            from,
            to,
            options: Options::default(),
            min_recall: MIN_RECALL,
            strict: false,
        }
    }

    /// One PDF of several, in this order. What of them is not on their pages, such as forms, is said to be lost.
    pub fn merge(input: impl Into<PathBuf>, more: Vec<PathBuf>, output: impl Into<PathBuf>) -> Request {
        let options = Options { as_is: true, ..Options::default() };
        Request { more, options, ..Request::new(input, Format::Pdf, output, Format::Pdf) }
    }

    /// Every document that is read.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.input).chain(&self.more).map(PathBuf::as_path)
    }
}

/// The part of a conversion that is under way.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reading the document.
    Opening,
    /// Laying out, decoding, encoding.
    Converting,
    /// Comparing the result with the source.
    Verifying,
    /// Writing the output file.
    Writing,
}

/// How far a conversion is. Numbers are counted, never guessed from a clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The part under way.
    pub stage: Stage,
    /// How many `unit`s of this stage are done.
    pub done: u64,
    /// How many there are, where that is known.
    pub total: Option<u64>,
    /// What is counted: `rows`, `pages`, `bytes`, or empty when nothing is.
    pub unit: String,
    /// Percent of the stage, 0 to 100; `None` where nothing honest is known.
    pub percent: Option<u8>,
}

impl Progress {
    /// A stage that cannot be counted has begun.
    pub fn began(stage: Stage) -> Progress {
        Progress { stage, done: 0, total: None, unit: String::new(), percent: None }
    }

    /// `done` of `total` units are behind us.
    pub fn counted(stage: Stage, done: u64, total: u64, unit: &str) -> Progress {
        let percent = done.min(total).saturating_mul(100).checked_div(total).map(|percent| percent as u8);
        Progress { stage, done, total: Some(total), unit: unit.to_owned(), percent }
    }
}

/// What came out, and what did not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The engine that made the result.
    pub engine: String,
    /// Pages of the result, where it has pages.
    pub pages: Option<u32>,
    /// Words (or values) of the source, where they were counted.
    pub words_in: Option<u64>,
    /// Words of the result.
    pub words_out: Option<u64>,
    /// Share of the source's words found in the result, 0 to 1.
    pub recall: Option<f64>,
    /// Share of the signs on the pages that are drawn as empty boxes, 0 to 1, where we drew them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_glyphs: Option<f64>,
    /// Something of the source is missing; `lost` says what.
    pub degraded: bool,
    /// What is missing, a sentence each.
    pub lost: Vec<String>,
    /// What is different but not missing, a sentence each.
    pub warnings: Vec<String>,
    /// Wall time of the conversion in milliseconds.
    pub millis: u64,
    /// Size of the output in bytes.
    pub bytes_out: u64,
}

/// One engine that was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which.
    pub engine: Engine,
    /// Wall time in milliseconds.
    pub millis: u64,
    /// Share of the source's words found in its result, where it made one and they could be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<f64>,
    /// What was missing in its result, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
    /// Why it made none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_counted_and_never_invented() {
        assert_eq!(Progress::counted(Stage::Converting, 1, 3, "rows").percent, Some(33));
        assert_eq!(Progress::counted(Stage::Converting, 9, 3, "rows").percent, Some(100));
        assert_eq!(Progress::counted(Stage::Converting, 0, 0, "rows").percent, None);
        assert_eq!(Progress::began(Stage::Opening).percent, None);
    }

    #[test]
    fn unknown_options_are_refused() {
        assert!(serde_json::from_str::<Options>(r#"{"qualty":3}"#).is_err());
        assert_eq!(serde_json::from_str::<Options>("{}").unwrap(), Options::default());
    }
}
