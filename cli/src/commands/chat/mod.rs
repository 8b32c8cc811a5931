//! `mshub chat`: say something, read what was said, follow a room.

mod deliver;
mod follow;
mod history;
mod line;
mod outbox;
mod position;
mod send;
mod tail;
mod trace;
mod wait;

use clap::Subcommand;

use crate::{error::CliError, global::Global};

pub use history::HistoryArgs;
pub use outbox::OutboxArgs;
pub use send::SendArgs;
pub use tail::TailArgs;
pub use trace::TraceArgs;
pub use wait::WaitArgs;

/// What can be done in a room. A room is named by its name, with or without #, or by its id.
#[derive(Debug, Subcommand)]
pub enum ChatCommand {
    Send(SendArgs),
    History(HistoryArgs),
    Tail(TailArgs),
    Wait(WaitArgs),
    Outbox(OutboxArgs),
    Trace(TraceArgs),
}

impl ChatCommand {
    /// Whether the command keeps the time limit by itself.
    pub fn minds_the_time(&self) -> bool {
        matches!(self, Self::Send(_) | Self::Outbox(_) | Self::Wait(_))
    }
}

/// Does it.
pub async fn run(command: ChatCommand, global: &Global) -> Result<(), CliError> {
    match command {
        ChatCommand::Send(args) => send::run(args, global).await,
        ChatCommand::History(args) => history::run(args, global).await,
        ChatCommand::Tail(args) => tail::run(args, global).await,
        ChatCommand::Wait(args) => wait::run(args, global).await,
        ChatCommand::Outbox(args) => outbox::run(args, global).await,
        ChatCommand::Trace(args) => trace::run(args, global).await,
    }
}
