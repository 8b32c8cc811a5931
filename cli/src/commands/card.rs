//! `mshub` without a command: what to do next, on one screen.

use crate::{
    error::CliError,
    global::{DEFAULT_SERVER, Global},
};

/// Prints the card. Nothing is asked of the network.
pub fn run(global: &Global) -> Result<(), CliError> {
    let here = if global.is_configured() {
        let target = global.target()?;
        format!(
            "Your hub is {}{}.",
            target.address(),
            target.context.as_ref().map(|name| format!(" ({name})")).unwrap_or_default()
        )
    } else {
        format!("No hub is set up yet; without one, {DEFAULT_SERVER} is tried.")
    };
    global.out.line(format!(
        "MicroServiceHub {version}: chat that loses nothing, file conversion you can watch.

{here}
  run a hub on this machine   mshub up
  use a hub elsewhere         mshub context add work --server https://hub.example.org
  make an account             mshub auth signup
  talk                        mshub chat send general 'hello'
  convert                     mshub convert report.docx --to pdf
  full screen                 mshub tui

All commands: mshub --help",
        version = env!("CARGO_PKG_VERSION")
    ))
}
