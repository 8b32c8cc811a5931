//! `mshub explain`: the catalogue of error codes, and the exit codes.

use clap::Args;
use serde::Serialize;
use wire::Code;

use crate::{
    error::{CliError, Kind},
    global::Global,
};

/// Explain an error code or an exit code; without one, list them all
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub explain MSH-4150
  mshub explain 7
  mshub explain --json | jq -r .code")]
pub struct ExplainArgs {
    /// The code as it was printed
    pub code: Option<String>,
}

#[derive(Serialize)]
struct Entry {
    code: String,
    meaning: &'static str,
    status: Option<u16>,
    exit_code: u8,
    retryable: bool,
}

impl Entry {
    fn of_hub(code: Code) -> Self {
        let error = CliError::from(wire::Problem::new(code, ""));
        let retryable = error.problem.as_ref().is_some_and(|problem| problem.retryable);
        let (name, status) = (code.name().to_owned(), Some(code.status()));
        Self { code: name, meaning: code.title(), status, exit_code: error.kind.exit_code(), retryable }
    }

    fn of_program(kind: Kind) -> Self {
        let (code, exit_code) = (kind.code(), kind.exit_code());
        Self { code, meaning: kind.meaning(), status: None, exit_code, retryable: kind.is_worth_repeating() }
    }

    fn describe(&self) -> String {
        let from = match self.status {
            Some(status) => format!("The hub says so with HTTP status {status}."),
            None => "This program says so.".to_owned(),
        };
        let again =
            if self.retryable { "Trying again later can help." } else { "Trying again does not help." };
        format!("{}: {}\n{from} The exit code is {}. {again}", self.code, self.meaning, self.exit_code)
    }
}

/// Prints one entry or all.
pub fn run(args: ExplainArgs, global: &Global) -> Result<(), CliError> {
    let Some(code) = args.code else {
        return global.out.list(
            &all(),
            &["CODE", "EXIT", "MEANING"],
            |entry| entry.code.clone(),
            |entry| vec![entry.code.clone(), entry.exit_code.to_string(), entry.meaning.to_owned()],
        );
    };
    let entry = find(&code).ok_or_else(|| {
        CliError::new(Kind::NotFound, format!("there is no code `{code}`"))
            .hint("`mshub explain` lists all; a newer hub may have more")
    })?;
    global.out.result(&entry, entry.meaning, || entry.describe())
}

fn all() -> Vec<Entry> {
    let of_program = Kind::ALL.iter().copied().map(Entry::of_program);
    of_program.chain(Code::ALL.iter().copied().map(Entry::of_hub)).collect()
}

/// An entry by name, by number, or by exit code.
fn find(code: &str) -> Option<Entry> {
    let digits = code.trim().trim_start_matches(['m', 'M']).trim_start_matches(['s', 'S']);
    let number: u32 = digits.trim_start_matches(['h', 'H']).trim_start_matches('-').parse().ok()?;
    let name = format!("MSH-{number:04}");
    all().into_iter().find(|entry| entry.code == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_however_it_is_written() {
        for written in ["MSH-4010", "msh-4010", "4010"] {
            assert_eq!(find(written).unwrap().exit_code, 4, "{written}");
        }
        assert_eq!(find("7").unwrap().code, "MSH-0007");
        assert_eq!(find("MSH-0130").unwrap().exit_code, 130);
        assert!(find("9999").is_none());
        assert!(find("soon").is_none());
    }
}
