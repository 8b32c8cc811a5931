//! `mshub tui`: the full-screen client.

use clap::Args;

use crate::{error::CliError, global::Global};

/// Opens the full-screen client: chat, conversions, profile. F1 there shows the keys.
#[derive(Debug, Args)]
pub struct TuiArgs {
    /// Open this room first
    pub room: Option<String>,
}

/// Opens it.
pub async fn run(args: TuiArgs, global: &Global) -> Result<(), CliError> {
    let _ = (args.room, global.hub()?);
    Err(CliError::usage("not there yet"))
}
