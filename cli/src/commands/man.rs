//! `mshub man`: manual pages, generated from the command tree.

use std::{fs, path::PathBuf};

use clap::Args;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use crate::{
    args,
    error::{CliError, Kind},
    global::Global,
};

/// Print the manual page, or write those of all commands into a folder
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub man | man -l -
  mshub man --out-dir /usr/local/share/man/man1")]
pub struct ManArgs {
    /// Write one page for each command into this folder
    #[arg(long, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
}

/// Prints or writes them.
pub fn run(args: ManArgs, global: &Global) -> Result<(), CliError> {
    let mut tree = args::tree();
    tree.build();
    let Some(dir) = args.out_dir else { return global.out.bytes(&page(&tree, "mshub")?) };
    fs::create_dir_all(&dir).map_err(CliError::io(format!("cannot make {}", dir.display())))?;
    let mut pages = Vec::new();
    collect(&tree, "mshub".to_owned(), &mut pages)?;
    for (name, page) in &pages {
        let path = dir.join(format!("{name}.1"));
        fs::write(&path, page).map_err(CliError::io(format!("cannot write {}", path.display())))?;
    }
    global.out.note(format!("{} pages in {}", pages.len(), dir.display()))
}

/// The pages of a command and of what is below it, as `mshub-auth-login` and so on.
fn collect(
    command: &clap::Command,
    name: String,
    pages: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), CliError> {
    pages.push((name.clone(), page(command, &name)?));
    let below = command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set());
    below.into_iter().try_for_each(|below| collect(below, format!("{name}-{}", below.get_name()), pages))
}

fn page(command: &clap::Command, name: &str) -> Result<Vec<u8>, CliError> {
    let command = command.clone().disable_help_subcommand(true);
    let mut page = Vec::new();
    let made = Man::new(command).title(name).manual("MicroServiceHub").render(&mut page);
    made.and_then(|()| ending(name).to_writer(&mut page))
        .map_err(|why| CliError::new(Kind::Other, format!("cannot make the page {name}: {why}")))?;
    Ok(page)
}

/// What the command tree does not know.
fn ending(name: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    let success = (0, "it was done");
    let failures = Kind::ALL.iter().map(|kind| (kind.exit_code(), kind.meaning()));
    for (code, meaning) in std::iter::once(success).chain(failures) {
        roff.control("TP", ["5"]).text([bold(code.to_string())]).text([roman(meaning)]);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    for (variable, meaning) in VARIABLES {
        roff.control("TP", []).text([bold(*variable)]).text([roman(*meaning)]);
    }
    roff.control("SH", ["FILES"]);
    for (file, meaning) in FILES {
        roff.control("TP", []).text([bold(*file)]).text([roman(*meaning)]);
    }
    if name != "mshub" {
        roff.control("SH", ["SEE ALSO"]).text([bold("mshub"), roman("(1)")]);
    }
    roff
}

const VARIABLES: &[(&str, &str)] = &[
    ("MSHUB_SERVER", "The hub's address, where --server does not say."),
    ("MSHUB_CONTEXT", "The saved hub to use, where --context does not say."),
    ("MSHUB_TOKEN", "An access token; it is used as it is, never renewed and never stored."),
    ("MSHUB_CONFIG_DIR", "A folder for settings and state; the keyring is left alone then."),
    ("NO_COLOR", "When not empty: no colour."),
];

const FILES: &[(&str, &str)] = &[
    ("$XDG_CONFIG_HOME/mshub/config.toml", "Saved hubs."),
    ("$XDG_STATE_HOME/mshub/sessions", "Sessions; their secrets are in the keyring where there is one."),
    ("$XDG_DATA_HOME/mshub", "The data of `mshub up`."),
];
