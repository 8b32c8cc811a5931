//! `mshub tui`: the full-screen client.

use std::io::{self, IsTerminal as _};

use clap::Args;
use etcetera::BaseStrategy as _;

use super::auth::device;
use crate::{
    error::{CliError, Kind},
    global::Global,
};

/// Open the full-screen client; F1 there shows the keys
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub tui
  mshub tui general

A signal ends it with 128 and its number as the exit code: 129 when the terminal was closed.")]
pub struct TuiArgs {
    /// Open this room first
    pub room: Option<String>,
}

/// Opens it, where there is a terminal for it.
pub async fn run(args: TuiArgs, global: &Global) -> Result<(), CliError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(CliError::usage("the full-screen client needs a terminal")
            .hint("in scripts use `mshub chat` and `mshub convert`"));
    }
    let target = global.target()?;
    let hub = global.hub()?;
    let mut options = tui::Options::new(&hub);
    if let Some(context) = target.context {
        options.server_label = context;
    }
    options.room = args.room;
    options.theme = if global.out.has_colour() { tui::Theme::Ansi } else { tui::Theme::Mono };
    options.folder = std::env::current_dir().map_err(CliError::io("cannot find the working folder"))?;
    options.home = etcetera::choose_base_strategy().ok().map(|home| home.home_dir().to_owned());
    options.outboxes = Some(global.outboxes_dir()?);
    options.verified = Some(global.verified_dir()?);
    options.device = Some(device());
    tui::run(hub, options).await.map_err(ended)
}

/// A signal has an exit code of its own.
fn ended(why: anyhow::Error) -> CliError {
    match why.downcast_ref::<tui::Killed>() {
        Some(tui::Killed { signal: 2 }) => CliError::new(Kind::Interrupted, "interrupted"),
        Some(killed @ tui::Killed { signal: 15 }) => CliError::new(Kind::Terminated, killed.to_string()),
        Some(killed) => {
            CliError::new(Kind::Killed(u8::try_from(killed.signal).unwrap_or(0)), killed.to_string())
        }
        None => CliError::new(Kind::Other, format!("{why:#}")),
    }
}
