//! `mshub chat`: say something, read what was said, follow a room.

mod history;
mod line;
mod send;
mod tail;

use clap::Subcommand;

use crate::{error::CliError, global::Global};

pub use history::HistoryArgs;
pub use send::SendArgs;
pub use tail::TailArgs;

/// What can be done in a room. A room is named by its name, with or without #, or by its id.
#[derive(Debug, Subcommand)]
pub enum ChatCommand {
    Send(SendArgs),
    History(HistoryArgs),
    Tail(TailArgs),
}

/// Does it.
pub async fn run(command: ChatCommand, global: &Global) -> Result<(), CliError> {
    match command {
        ChatCommand::Send(args) => send::run(args, global).await,
        ChatCommand::History(args) => history::run(args, global).await,
        ChatCommand::Tail(args) => tail::run(args, global).await,
    }
}
