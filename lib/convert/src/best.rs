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
            Err(Error::LowFidelity { recall: report.recall.unwrap_or(0.0), lost: report.lost })
        }
        (Some(report), _) => Ok(report),
        (None, Some(error)) => Err(error),
        (None, None) => Err(Error::Io { detail: "no engine was asked".into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;

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

    #[test]
    fn who_is_strict_hears_what_is_lost() {
        let strict = Request { strict: true, ..Request::new("a", Format::Docx, "b", Format::Md) };
        let lost = vec!["charts are left out (2)".to_owned()];
        let report = Report { recall: Some(1.0), degraded: true, lost, ..Report::default() };

        let refused = verdict(&strict, Some(report), None).unwrap_err().to_string();

        assert!(refused.starts_with("the result is not whole: charts are left out (2);"), "{refused}");
    }
}
