//! `mshub chat convert`.

use std::{convert::Infallible, path::PathBuf, time::Duration};

use clap::Args;
use client::{Hub, LiveEvent};
use wire::{
    ClientId, FileId,
    conversions::{ConvertInRoom, JobState},
    messages::Message,
};

use super::{attach, message};
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
the command may be stopped.

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
    #[arg(long, value_name = "FORMAT")]
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
    let hub = global.hub()?;
    let cid = args.cid.unwrap_or_default();
    let file = file(&args, global, &hub, cid).await?;
    let wanted = ConvertInRoom { cid, file, to: args.to.clone() };
    let pos = hub.convert_in_room(&args.room, &wanted).await?.pos;
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

/// An id is one of a file of the room, unless a file of this machine has that name.
async fn file(args: &ConvertArgs, global: &Global, hub: &Hub, cid: ClientId) -> Result<FileId, CliError> {
    let path = PathBuf::from(&args.file);
    if let Ok(id) = args.file.parse()
        && !path.exists()
    {
        return Ok(id);
    }
    let uploaded = attach::upload(global, hub, &args.room, cid, &[path]).await?;
    uploaded.first().copied().ok_or_else(|| CliError::usage("FILE is required"))
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
