//! `mshub chat`: say something, read what was said, follow a room, and do something to messages.

mod act;
mod convert;
mod deliver;
mod files;
mod follow;
mod history;
mod line;
mod message;
mod messages;
mod outbox;
mod passing;
mod position;
mod post;
mod read;
mod search;
mod send;
mod tail;
mod trace;
mod wait;
mod words;

use clap::Subcommand;

use crate::{error::CliError, global::Global};

pub use act::{EditArgs, PinArgs, ReactArgs, RmArgs};
pub use convert::ConvertArgs;
pub use files::FilesArgs;
pub use history::HistoryArgs;
pub use messages::MessagesArgs;
pub use outbox::OutboxArgs;
pub use read::ReadArgs;
pub use search::SearchArgs;
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
    Messages(MessagesArgs),
    Files(FilesArgs),
    Convert(ConvertArgs),
    Search(SearchArgs),
    Edit(EditArgs),
    Rm(RmArgs),
    React(ReactArgs),
    Pin(PinArgs),
    Read(ReadArgs),
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
        ChatCommand::Messages(args) => messages::run(args, global).await,
        ChatCommand::Files(args) => files::run(args, global).await,
        ChatCommand::Convert(args) => convert::run(args, global).await,
        ChatCommand::Search(args) => search::run(args, global).await,
        ChatCommand::Edit(args) => act::edit(args, global).await,
        ChatCommand::Rm(args) => act::remove(args, global).await,
        ChatCommand::React(args) => act::react(args, global).await,
        ChatCommand::Pin(args) => act::pin(args, global).await,
        ChatCommand::Read(args) => read::run(args, global).await,
    }
}
