//! The command line as types. The comments here and in `commands` are the manual.

use std::time::Duration;

use clap::{Args, CommandFactory as _, Parser, ValueEnum};

use crate::{commands::Command, text};

/// MicroServiceHub: team chat that loses nothing, and file conversion that you upload and watch.
#[derive(Debug, Parser)]
#[command(
    name = "mshub",
    version,
    max_term_width = 100,
    after_help = "Examples:
  mshub up                                 run a whole hub on this machine
  mshub auth signup --email ann@example.org
  mshub chat send general 'build is green'
  mshub convert report.docx --to pdf

`mshub COMMAND --help` has examples for each command. `mshub explain` lists error and exit codes."
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options that every command takes, before or after its name.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct GlobalArgs {
    /// The hub's address; also MSHUB_SERVER [default: http://127.0.0.1:8000]
    #[arg(long, global = true, value_name = "URL")]
    pub server: Option<String>,

    /// The saved hub to use, see `mshub context`; also MSHUB_CONTEXT
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "server")]
    pub context: Option<String>,

    /// Print JSON, one object a line; with =FIELDS only these, such as --json=id,name
    #[arg(
        long,
        global = true,
        value_name = "FIELDS",
        num_args = 0..=1,
        require_equals = true,
        value_delimiter = ',',
        default_missing_value = ""
    )]
    pub json: Option<Vec<String>>,

    /// Print only ids and paths, and say nothing about progress
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Never ask; fail and name the missing option instead
    #[arg(long, global = true)]
    pub no_input: bool,

    /// Give up after this time, such as 90s or 10m, with exit code 8
    #[arg(long, global = true, value_name = "TIME", value_parser = text::parse_span)]
    pub timeout: Option<Duration>,

    /// Keep the session in a file that only you can read, not in the system's keyring
    #[arg(long, global = true)]
    pub insecure_storage: bool,

    /// When to use colour: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    pub color: Color,

    /// Tell on stderr what happens; twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Also into a pipe.
    Always,
    /// Not at all.
    Never,
}

/// The whole command tree, for help, completions and manual pages.
pub fn tree() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_consistent() {
        tree().debug_assert();
    }

    #[test]
    fn json_takes_fields_only_after_an_equals_sign() {
        let json = |line: &[&str]| Cli::try_parse_from(line).unwrap().global.json;

        assert_eq!(json(&["mshub", "status"]), None);
        assert_eq!(json(&["mshub", "--json", "status"]), Some(vec![String::new()]));
        assert_eq!(json(&["mshub", "status", "--json=a,b"]), Some(vec!["a".into(), "b".into()]));
    }
}
