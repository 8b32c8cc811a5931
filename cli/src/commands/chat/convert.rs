//! `mshub chat convert`.

use std::{convert::Infallible, path::PathBuf, time::Duration};

use clap::Args;
use client::{Attachment, Draft, Hub, LiveEvent};
use wire::{ClientId, FileId, RoomId, conversions::JobState, messages::Message};

use super::{message, post, send::attachment};
use crate::{
    error::{CliError, Kind},
    global::Global,
    progress::{Bar, Progress},
};

/// Between two looks at the message.
const LOOK: Duration = Duration::from_millis(300);

/// Convert a file for everybody in a room, and wait for the result
#[derive(Debug, Args)]
#[command(
    after_help = "The file, or one that is in the room already, becomes a message that shows the state of the conversion
and has the result as a file of the room, also when you leave it. The hub goes on by itself:
the command may be stopped. While the hub is away the wish waits in the outbox, with exit code 8;
leave the file where it is until then.

Examples:
  mshub chat convert general report.docx --to pdf
  mshub chat convert general 01932c07-2d0f-7cc3-9a5b-5f0f6a6ab1d2 --to pdf --json"
)]
pub struct ConvertArgs {
    /// The room
    room: String,
    /// A file of this machine, or the id of a file of the room; `mshub chat files` lists those
    file: String,
    /// The wanted format, such as pdf; `mshub formats` lists them
    #[arg(short, long, value_name = "FORMAT")]
    to: String,
    /// An id of your own, a UUID: a wish that is sent again with the same id is one conversion
    #[arg(long, value_name = "UUID")]
    cid: Option<ClientId>,
    /// Do not wait for the result
    #[arg(long)]
    no_wait: bool,
}

/// Asks, and waits.
pub(super) async fn run(args: ConvertArgs, global: &Global) -> Result<(), CliError> {
    let (hub, source) = (global.hub()?, Source::of(&args.file).await?);
    let pos = post::send(global, &hub, &args.room, false, |room| args.draft(room, source)).await?.pos;
    let bar = Progress::new(&global.out).bar(&args.file);
    let settled = tokio::select! {
        settled = settled(&args, &hub, pos) => settled,
        never = show(&args, &hub, pos, &bar) => match never {},
    };
    bar.end();
    let settled = settled?;
    message::print(&global.out, &settled)?;
    match settled.card.and_then(|card| card.error) {
        Some(error) => Err(CliError::new(Kind::Failed, error.detail)),
        None => Ok(()),
    }
}

/// What is to be converted.
enum Source {
    /// A file of the room.
    There(FileId),
    /// A file of this machine.
    Here(Attachment),
}

impl Source {
    /// An id is one of a file of the room, unless a file of this machine has that name.
    async fn of(named: &str) -> Result<Self, CliError> {
        let path = PathBuf::from(named);
        match named.parse() {
            Ok(id) if !path.exists() => Ok(Self::There(id)),
            _ => Ok(Self::Here(attachment(&path).await?)),
        }
    }
}

impl ConvertArgs {
    fn draft(&self, room: RoomId, source: Source) -> Draft {
        let (cid, convert) = (self.cid.unwrap_or_default(), Some(self.to.clone()));
        match source {
            Source::There(id) => Draft { cid, convert, att: vec![id], ..Draft::new(room, id.to_string()) },
            Source::Here(file) => {
                let name = file.name.clone();
                Draft { cid, convert, files: vec![file], ..Draft::new(room, name) }
            }
        }
    }
}

/// The message when nothing changes any more, or at once where nobody waits.
async fn settled(args: &ConvertArgs, hub: &Hub, pos: u64) -> Result<Message, CliError> {
    loop {
        let message = hub.message_at(&args.room, pos).await?;
        let message = message.filter(|message| message.removed.is_none()).ok_or_else(|| {
            CliError::new(Kind::NotFound, format!("the message at {pos} was removed before it was done"))
        })?;
        let waits = message.card.as_ref().is_some_and(|card| card.state == JobState::Queued);
        if !waits || args.no_wait {
            return Ok(message);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Shows how far the conversion is, to whoever looks.
async fn show(args: &ConvertArgs, hub: &Hub, pos: u64, bar: &Bar) -> Infallible {
    bar.say("queued");
    if !bar.is_hidden()
        && let Ok(room) = hub.room(&args.room).await
    {
        let mut live = hub.live();
        live.subscribe(room.id, None, 0);
        while let Some(event) = live.next().await {
            if let LiveEvent::Card { pos: of, at, .. } = event
                && of == pos
            {
                bar.under_way(&at);
            }
        }
    }
    std::future::pending().await
}
