//! Which of several results is the best, and whether that is good enough.

use crate::{Error, Report, Request};

/// Whether one result keeps more of the document than another: more words, then fewer other losses.
pub(crate) fn better(one: &Report, other: &Report) -> bool {
    let words = |report: &Report| report.recall.unwrap_or(if report.degraded { 0.0 } else { 1.0 });
    // A word more or less of a thousand is the readers' doing.
    let (ours, theirs) = (words(one), words(other));
    if (ours - theirs).abs() > 0.001 { ours > theirs } else { one.lost.len() < other.lost.len() }
}

/// The end of a conversion from its best result and its first error.
pub(crate) fn verdict(req: &Request, best: Option<Report>, error: Option<Error>) -> Result<Report, Error> {
    match (best, error) {
        // Stopped in the middle is stopped, whatever was there by then.
        (_, Some(Error::Cancelled)) => Err(Error::Cancelled),
        (Some(report), _) if req.strict && report.degraded => {
            Err(Error::LowFidelity { recall: report.recall.unwrap_or(0.0) })
        }
        (Some(report), _) => Ok(report),
        (None, Some(error)) => Err(error),
        (None, None) => Err(Error::Io { detail: "no engine was asked".into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_count_more_than_sentences_about_them() {
        let report = |recall, lost: &[&str]| Report {
            recall,
            degraded: !lost.is_empty(),
            lost: lost.iter().map(|lost| (*lost).to_owned()).collect(),
            ..Report::default()
        };
        assert!(better(&report(Some(0.99), &["x", "y"]), &report(Some(0.5), &["x"])));
        assert!(better(&report(Some(0.99), &[]), &report(Some(0.9905), &["x"])));
        assert!(!better(&report(None, &["x"]), &report(Some(0.9), &["x"])));
    }
}
