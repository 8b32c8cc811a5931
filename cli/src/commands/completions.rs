//! `mshub completions`: scripts for shells.

use clap::Args;
use clap_complete::Shell;

use crate::{args, error::CliError, global::Global};

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub completions bash > ~/.local/share/bash-completion/completions/mshub
  mshub completions zsh > ~/.zfunc/_mshub
  mshub completions fish > ~/.config/fish/completions/mshub.fish")]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Prints the script.
pub fn run(args: CompletionsArgs, global: &Global) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::tree(), "mshub", &mut script);
    global.out.bytes(&script)
}
