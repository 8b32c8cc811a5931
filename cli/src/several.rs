//! The same done to several things, one after the other: what fails stops none of those behind it.

use crate::error::{CliError, Kind};

/// How it went so far.
#[derive(Debug, Default)]
pub struct Several {
    done: usize,
    failed: Vec<(String, CliError)>,
}

impl Several {
    /// Takes how it went with one. A reader that went away ends all of it, and so does a command line that cannot be
    /// understood: it is the same for all.
    pub fn take(&mut self, what: &str, result: Result<(), CliError>) -> Result<(), CliError> {
        match result {
            Ok(()) => self.done += 1,
            Err(error) if matches!(error.kind, Kind::Closed | Kind::Usage) => return Err(error),
            Err(error) => self.failed.push((what.to_owned(), error)),
        }
        Ok(())
    }

    /// The exit of the whole: that of the only one, or of all when it is the same, or that some were not done.
    pub fn end(mut self) -> Result<(), CliError> {
        let all = self.done + self.failed.len();
        if all < 2 {
            return self.failed.pop().map_or(Ok(()), |(_, error)| Err(error));
        }
        let Some((_, first)) = self.failed.first() else { return Ok(()) };
        let same = self.failed.iter().all(|(_, error)| error.kind == first.kind);
        let kind = if self.done > 0 || !same { Kind::Partial } else { first.kind };
        let hint = first.hint.clone();
        let told = self.failed.iter().map(|(what, error)| format!("{what}: {error}")).collect::<Vec<_>>();
        let message = format!("{} of {all} were not done: {}", self.failed.len(), told.join("; "));
        Err(CliError { hint, ..CliError::new(kind, message) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_tells_one_some_and_all_apart() {
        let exit = |results: &[Option<Kind>]| {
            let mut several = Several::default();
            for kind in results {
                let result = kind.map_or(Ok(()), |kind| Err(CliError::new(kind, "no")));
                several.take("it", result).unwrap();
            }
            several.end().map_or_else(|error| error.kind.exit_code(), |()| 0)
        };

        assert_eq!(exit(&[None, None]), 0);
        assert_eq!(exit(&[Some(Kind::NotFound)]), 3);
        assert_eq!(exit(&[Some(Kind::NotFound), None]), 9);
        assert_eq!(exit(&[Some(Kind::NotFound), Some(Kind::NotFound)]), 3);
        for ending in [Kind::Closed, Kind::Usage] {
            assert!(Several::default().take("it", Err(CliError::new(ending, ""))).is_err());
        }
    }
}
