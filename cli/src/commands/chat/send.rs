//! `mshub chat send`.

use std::io::{self, IsTerminal as _};

use clap::Args;
use serde::Serialize;
use wire::{ClientId, MessageId, RoomId, Timestamp, rooms::Say};

use crate::{
    error::{CliError, Kind},
    files,
    global::Global,
};

/// More than any hub takes; it has the last word on the limit.
const LONGEST: u64 = 256 * 1024;

/// Say something, and return when it is stored for good
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub chat send general 'build is green'
  make 2>&1 | tail -20 | mshub chat send build -")]
pub struct SendArgs {
    /// The room
    pub room: String,
    /// What to say; - for standard input, whose last line break is left out
    pub text: Option<String>,
    /// An id of your own, a UUID: a message that is sent again with the same id is stored once
    #[arg(long, value_name = "UUID")]
    pub cid: Option<ClientId>,
}

#[derive(Serialize)]
struct Said {
    id: MessageId,
    cid: ClientId,
    room: RoomId,
    pos: u64,
    ts: Timestamp,
}

/// Sends.
pub(super) async fn run(args: SendArgs, global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    let body = match args.text {
        Some(text) if text != "-" => text,
        None if io::stdin().is_terminal() => {
            return Err(CliError::usage(
                "TEXT is required: what to say, or - to read it from standard input",
            ));
        }
        _ => from_stdin().await?,
    };
    let cid = args.cid.unwrap_or_default();
    let sent =
        hub.say(&args.room, &Say { cid, body }).await.map_err(|error| again(error, &args.room, cid))?;
    let said = Said { id: sent.id, cid: sent.cid, room: sent.room, pos: sent.pos, ts: sent.ts };
    global.out.result(&said, said.id, || format!("said in {}, at {}", args.room, said.pos))
}

async fn from_stdin() -> Result<String, CliError> {
    let bytes = files::read("-", LONGEST).await?;
    let text = String::from_utf8(bytes)
        .map_err(|_| CliError::new(Kind::Rejected, "standard input is not text in UTF-8"))?;
    Ok(text
        .strip_suffix('\n')
        .map(|text| text.strip_suffix('\r').unwrap_or(text))
        .unwrap_or(&text)
        .to_owned())
}

/// A message whose fate is unknown can be sent again without being stored twice.
fn again(error: client::Error, room: &str, cid: ClientId) -> CliError {
    let unknown = matches!(error, client::Error::Pending { .. });
    let error = CliError::from(error);
    if unknown {
        error.hint(format!("send it again with `mshub chat send {room} --cid {cid} …`; it is stored once"))
    } else {
        error
    }
}
