//! Whether the words of the source are in the result: measured after every run, so that no loss stays silent.

use std::collections::{BTreeSet, HashMap};

use crate::builtin::Output;
use crate::matrix::idle;
use crate::{Error, Report, Request};

/// How many missing words a report quotes.
const QUOTED: usize = 5;
/// How many letters of each.
const QUOTED_LETTERS: usize = 40;

/// A bag of words: lower case, letters and digits only; each ideograph is a word of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    counts: HashMap<String, u32>,
    /// Each word once, in reading order, to say which was lost first.
    order: Vec<String>,
    total: u64,
    /// All words one after the other, without spaces.
    squashed: String,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Words {
    pub(crate) fn of(text: &str) -> Words {
        let mut words = Words::default();
        words.add(text);
        words
    }

    /// Adds the words of a piece of text that neither begins nor ends within a word.
    pub(crate) fn add(&mut self, text: &str) {
        let mut word = String::new();
        for letter in text.chars() {
            if is_ideograph(letter) {
                self.push(&mut word);
                word.push(letter);
                self.push(&mut word);
            } else if letter.is_alphanumeric() {
                word.extend(letter.to_lowercase());
            } else if !is_joiner(letter) {
                self.push(&mut word);
            }
        }
        self.push(&mut word);
    }

    fn push(&mut self, word: &mut String) {
        if word.is_empty() {
            return;
        }
        self.total += 1;
        self.squashed.push_str(word);
        self.ends.push(self.squashed.len());
        let word = std::mem::take(word);
        match self.counts.get_mut(&word) {
            Some(count) => *count += 1,
            None => {
                self.order.push(word.clone());
                self.counts.insert(word, 1);
            }
        }
    }

    /// Adds all words of others.
    pub(crate) fn append(&mut self, others: &Words) {
        for word in others.in_order() {
            self.push(&mut word.to_owned());
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    fn in_order(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.squashed[start..*end])
    }

    /// The words that are no words of `others`, or more often, with nothing between those that stand side by side.
    fn beyond(&self, others: &Words) -> String {
        let mut theirs: HashMap<&str, u32> =
            others.counts.iter().map(|(word, count)| (word.as_str(), *count)).collect();
        let mut rest = String::new();
        for word in self.in_order() {
            match theirs.get_mut(word) {
                Some(count @ 1..) => {
                    *count -= 1;
                    rest.push(' ');
                }
                _ => rest.push_str(word),
            }
        }
        rest
    }

    /// Every letter and digit that occurs, in lower case.
    pub(crate) fn letters(&self) -> BTreeSet<char> {
        self.squashed.chars().collect()
    }
}

/// Invisible characters inside a word: soft hyphen, zero-width joiners, direction marks, combining marks; and the tilde,
/// which some readers of Markdown take for a mark (`H~2~O`) and some for itself.
fn is_joiner(letter: char) -> bool {
    matches!(letter, '~' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{300}'..='\u{36f}')
}

fn is_ideograph(letter: char) -> bool {
    matches!(letter, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// What became of the words of a source.
pub(crate) struct Recall {
    /// Share found, 0 to 1.
    pub(crate) share: f64,
    /// The first missing words, in reading order.
    pub(crate) first_lost: Vec<String>,
}

/// Counts how many words of `source` occur in `result`, as often as they occur in the source.
pub(crate) fn recall(source: &Words, result: &Words) -> Recall {
    let mut found = 0_u64;
    let mut first_lost = Vec::new();
    let mut rest = None;
    for word in &source.order {
        let wanted = source.counts.get(word).copied().unwrap_or(0);
        let mut there = result.counts.get(word).copied().unwrap_or(0);
        // A long word that a line break or a change of font cut in two, or that runs into its neighbour, is not lost. It is
        // looked for in what no other word accounts for: a port is not found in a report.
        if there < wanted && word.chars().count() >= 4 {
            let rest = rest.get_or_insert_with(|| result.beyond(source));
            there += u32::try_from(rest.matches(word.as_str()).count()).unwrap_or(u32::MAX - there);
        }
        if there < wanted && first_lost.len() < QUOTED {
            first_lost.push(quoted(word));
        }
        found += u64::from(there.min(wanted));
    }
    let share = if source.total == 0 { 1.0 } else { found as f64 / source.total as f64 };
    Recall { share, first_lost }
}

/// As much of a word as a sentence can have.
fn quoted(word: &str) -> String {
    match word.char_indices().nth(QUOTED_LETTERS) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}

/// The report of a finished run, without engine, time and size.
///
/// # Errors
/// [`Error::Crashed`] when the engine made nothing that deserves the name of the format, [`Error::Unsupported`] when it
/// made a text without any of the words.
pub(crate) fn report(output: &Output, req: &Request) -> Result<Report, Error> {
    says_something(output, req)?;
    parses(output, req)?;
    let mut report = Report {
        pages: output.pages,
        words_in: output.source.as_ref().map(Words::total),
        words_out: output.result.as_ref().map(Words::total),
        lost: output.lost.clone(),
        warnings: warnings(output, req),
        missing_glyphs: output.missing_glyphs.map(to_four_digits),
        ..Report::default()
    };
    if let (Some(source), Some(result)) = (&output.source, &output.result) {
        let recall = recall(source, result);
        report.recall = Some(to_four_digits(recall.share));
        if recall.share < req.min_recall {
            let percent = (1.0 - recall.share) * 100.0;
            let words = recall.first_lost.join(", ");
            report.lost.insert(
                0,
                format!("{percent:.1} % of the words of the source are missing; first lost: {words}"),
            );
        }
    }
    report.degraded = !report.lost.is_empty();
    Ok(report)
}

/// What the engine says, and which wishes it had no use for.
fn warnings(output: &Output, req: &Request) -> Vec<String> {
    let idle = idle(req.from, req.to, &req.options);
    let idle = (!idle.is_empty()).then(|| {
        format!("{} changed nothing: it means nothing from {} to {}", idle.join(", "), req.from, req.to)
    });
    output.warnings.iter().cloned().chain(idle).collect()
}

fn to_four_digits(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

/// A text that has none of the words is no result, whatever else is there.
fn says_something(output: &Output, req: &Request) -> Result<(), Error> {
    use crate::Format::{Csv, Html, Json, Md, Tsv, Txt};
    let words_of = |words: &Option<Words>| words.as_ref().map(Words::total);
    match (words_of(&output.source), words_of(&output.result)) {
        (Some(words @ 1..), Some(0)) if matches!(req.to, Txt | Md | Html | Csv | Tsv | Json) => {
            Err(Error::Unsupported {
                from: format!("this {}", req.from),
                to: req.to.to_string(),
                hint: format!("none of its {words} words would be in the result: convert it to pdf instead"),
            })
        }
        _ => Ok(()),
    }
}

/// The output opens again as what it claims to be.
fn parses(output: &Output, req: &Request) -> Result<(), Error> {
    let broken = |what: &str| Error::Crashed { detail: format!("the engine wrote {what}") };
    // A scan has no text: then the loss is said and the file is rightly empty.
    if output.bytes.is_empty()
        && output.lost.is_empty()
        && output.source.as_ref().is_none_or(|words| words.total() > 0)
    {
        return Err(broken("an empty file"));
    }
    if req.to == crate::Format::Pdf {
        let tail = &output.bytes[output.bytes.len().saturating_sub(64)..];
        let whole = output.bytes.starts_with(b"%PDF-") && tail.windows(5).any(|end| end == b"%%EOF");
        let document = pdf_extract::Document::load_mem(&output.bytes);
        let pages = document.map(|document| document.get_pages().len()).unwrap_or(0);
        if !whole || pages == 0 || output.pages.is_some_and(|said| said as usize != pages) {
            return Err(broken("a PDF that does not open again"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_counts_as_often_as_it_occurs() {
        let recall = recall(&Words::of("Tea, tea and TEA!"), &Words::of("tea and tea"));
        assert_eq!(recall.share, 0.75);
        assert_eq!(recall.first_lost, ["tea"]);
    }

    #[test]
    fn a_word_cut_by_the_layout_is_not_lost() {
        let recall = recall(&Words::of("hyphenation works"), &Words::of("hyphen ation works"));
        assert_eq!(recall.share, 1.0);
    }

    #[test]
    fn a_word_is_not_found_within_another_word_of_the_source() {
        let recall = recall(&Words::of("the report of the port"), &Words::of("the report of the"));
        assert_eq!((recall.share, recall.first_lost), (0.8, vec!["port".to_owned()]));
    }

    #[test]
    fn words_that_run_into_each_other_are_not_lost() {
        let recall = recall(&Words::of("some harbour words here"), &Words::of("some harbourwords here"));
        assert_eq!(recall.share, 1.0);
    }

    #[test]
    fn a_text_without_any_of_the_words_is_no_result() {
        let words = |text: &str| Some(Words::of(text));
        let run = |source: &str, result: &str, to| {
            let bytes = b"| |".to_vec();
            let output = Output { bytes, source: words(source), result: words(result), ..Output::default() };
            report(&output, &Request::new("a", crate::Format::Docx, "b", to))
        };

        let refused = run("two words", "", crate::Format::Md).unwrap_err();
        assert_eq!(refused.code(), "unsupported");
        assert!(refused.to_string().contains("none of its 2 words"), "{refused}");
        assert!(run("two words", "two", crate::Format::Md).unwrap().degraded);
        assert!(!run("", "", crate::Format::Md).unwrap().degraded);
    }

    #[test]
    fn a_tilde_is_no_gap_and_a_long_word_is_not_quoted_whole() {
        assert_eq!(recall(&Words::of("H2O"), &Words::of("H~2~O")).share, 1.0);
        let recall = recall(&Words::of(&"ä".repeat(5000)), &Words::default());
        assert_eq!(recall.first_lost, ["ä".repeat(40) + "…"]);
    }

    #[test]
    fn ideographs_are_words() {
        assert_eq!(Words::of("漢字 kana").total(), 3);
        assert_eq!(recall(&Words::of("漢字"), &Words::of("漢")).share, 0.5);
    }

    #[test]
    fn nothing_lost_from_nothing() {
        assert_eq!(recall(&Words::default(), &Words::default()).share, 1.0);
    }
}
