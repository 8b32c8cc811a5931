//! `mshub chat messages`.

use clap::Args;
use client::EventsQuery;

use super::message;
use crate::{error::CliError, global::Global};

/// Print messages as they are now: edited, removed, with signs and pins
#[derive(Debug, Args)]
#[command(
    after_help = "`mshub chat history` prints what happened, one line for each fact; this prints what came of it.

Examples:
  mshub chat messages general
  mshub chat messages general --before 1200 --limit 20 --json"
)]
pub struct MessagesArgs {
    /// The room
    room: String,
    /// The newest so many, or the first so many after --after; at most 500
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Only what came after this position
    #[arg(long, value_name = "POS", conflicts_with = "before")]
    after: Option<u64>,
    /// Only what came before this position
    #[arg(long, value_name = "POS")]
    before: Option<u64>,
}

pub(super) async fn run(args: MessagesArgs, global: &Global) -> Result<(), CliError> {
    let MessagesArgs { room, limit, after, before } = args;
    let page = global.hub()?.messages(&room, EventsQuery { after, before, limit: Some(limit) }).await?;
    page.messages.iter().try_for_each(|message| message::print(&global.out, message))
}
