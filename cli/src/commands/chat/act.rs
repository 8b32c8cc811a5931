//! `mshub chat edit`, `rm`, `react` and `pin`: doing something to a message.

use clap::Args;
use serde::Serialize;
use wire::{
    ClientId, MessageId, RoomId, Timestamp,
    messages::{Act, Op},
};

use crate::{error::CliError, global::Global, several::Several};

/// Change the text of your message
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mshub chat edit general 1207 build is red
  uptime | mshub chat edit general 1207 -")]
pub struct EditArgs {
    /// The room
    room: String,
    /// The message's position, with which its line in `mshub chat history` begins
    pos: u64,
    /// The text to put in its place, several words with a space between them; - for standard input
    #[arg(required = true)]
    text: Vec<String>,
}

/// Remove messages: yours, or as a moderator anybody's
#[derive(Debug, Args)]
#[command(
    after_help = "The text is gone for everybody and cannot be brought back; that there was a message stays visible.

Example:
  mshub chat rm general 1207"
)]
pub struct RmArgs {
    /// The room
    room: String,
    /// Positions of the messages
    #[arg(required = true, value_name = "POS")]
    messages: Vec<u64>,
}

/// Put a sign on a message, or take yours back
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub chat react general 1207 :+1:
  mshub chat react general 1207 :+1: --remove")]
pub struct ReactArgs {
    /// The room
    room: String,
    /// The message's position
    pos: u64,
    /// The sign: an emoji or a short word
    sign: String,
    /// Take it back
    #[arg(long)]
    remove: bool,
}

/// Pin a message; without a message, list those that are pinned
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub chat pin general 1207
  mshub chat pin general 1207 --remove
  mshub chat pin general")]
pub struct PinArgs {
    /// The room
    room: String,
    /// The message's position
    pos: Option<u64>,
    /// Take the pin away
    #[arg(long, requires = "pos")]
    remove: bool,
}

#[derive(Serialize)]
struct Done {
    id: MessageId,
    cid: ClientId,
    room: RoomId,
    pos: u64,
    tgt: u64,
    ts: Timestamp,
}

pub(super) async fn edit(args: EditArgs, global: &Global) -> Result<(), CliError> {
    let said = |tgt: u64| format!("{tgt} in {} is edited", args.room);
    let body = super::words::said(&args.text).await?;
    act(global, &args.room, args.pos, Op::Edit { body }, said).await
}

pub(super) async fn remove(args: RmArgs, global: &Global) -> Result<(), CliError> {
    let (mut several, said) = (Several::default(), |tgt: u64| format!("{tgt} in {} is removed", args.room));
    for pos in args.messages {
        several.take(&pos.to_string(), act(global, &args.room, pos, Op::Redact, said).await)?;
    }
    several.end()
}

pub(super) async fn react(args: ReactArgs, global: &Global) -> Result<(), CliError> {
    let ReactArgs { room, pos, sign, remove } = args;
    let body = sign.clone();
    let op = if remove { Op::Unreact { body } } else { Op::React { body } };
    let said = |tgt: u64| match remove {
        true => format!("{sign} is taken back from {tgt} in {room}"),
        false => format!("{sign} is on {tgt} in {room}"),
    };
    act(global, &room, pos, op, said).await
}

pub(super) async fn pin(args: PinArgs, global: &Global) -> Result<(), CliError> {
    match args.pos {
        Some(pos) if args.remove => {
            act(global, &args.room, pos, Op::Unpin, |tgt| {
                format!("{tgt} in {} is not pinned any more", args.room)
            })
            .await
        }
        Some(pos) => {
            act(global, &args.room, pos, Op::Pin, |tgt| format!("{tgt} in {} is pinned", args.room)).await
        }
        None => {
            let pins = global.hub()?.pins(&args.room).await?;
            pins.iter().try_for_each(|message| super::message::print(&global.out, message))
        }
    }
}

/// `said` makes the sentence about the message at that position.
async fn act(
    global: &Global,
    room: &str,
    tgt: u64,
    op: Op,
    said: impl Fn(u64) -> String,
) -> Result<(), CliError> {
    let act = Act { cid: ClientId::new(), tgt, op };
    let sent = global.hub()?.act(room, &act).await?;
    let done = Done { id: sent.id, cid: sent.cid, room: sent.room, pos: sent.pos, tgt, ts: sent.ts };
    global.out.result(&done, done.pos, || said(tgt))
}
