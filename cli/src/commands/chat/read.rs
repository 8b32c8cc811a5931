//! `mshub chat read`.

use clap::Args;

use crate::{error::CliError, global::Global};

/// Mark a room as read, on every device
#[derive(Debug, Args)]
#[command(after_help = "`mshub room list` shows what is unread. A mark never moves back.

Examples:
  mshub chat read general
  mshub chat read general --upto 1207")]
pub struct ReadArgs {
    /// The room
    room: String,
    /// Only up to this position
    #[arg(long, value_name = "POS")]
    upto: Option<u64>,
}

pub(super) async fn run(args: ReadArgs, global: &Global) -> Result<(), CliError> {
    let unread = global.hub()?.read(&args.room, args.upto).await?;
    global.out.result(&unread, unread.mark, || match unread.unread {
        0 => format!("everything in {} is read", args.room),
        left => format!("{left} unread in {}", args.room),
    })
}
