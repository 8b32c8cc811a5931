//! `mshub chat history`.

use std::collections::VecDeque;

use clap::Args;
use client::{EventsQuery, Hub};
use wire::events::RoomEvent;

use super::line;
use crate::{error::CliError, global::Global};

/// The largest page that is asked for; the hub may answer with smaller ones.
const PAGE: u32 = 500;

/// Print what happened in a room, oldest first
#[derive(Debug, Args)]
#[command(after_help = "With --json one object a line: id, room, pos, by, kind, body, ts, name,
and att where files go with a message: id, name, bytes, sha256, media_type of each.

Examples:
  mshub chat history general --limit 20
  mshub chat history general --json | jq -r 'select(.kind==\"said\").body'")]
pub struct HistoryArgs {
    /// The room
    pub room: String,
    /// Only the newest so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// Only what came after this position
    #[arg(long, value_name = "POS")]
    pub after: Option<u64>,
    /// Only what came before this position
    #[arg(long, value_name = "POS")]
    pub before: Option<u64>,
}

/// Prints it page by page.
pub(super) async fn run(args: HistoryArgs, global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    // Only sentences for people depend on it.
    let direct = !global.out.is_json() && hub.room(&args.room).await?.direct;
    if args.limit.is_some() {
        let newest = newest(&hub, &args).await?;
        return newest.iter().try_for_each(|event| line::print(&global.out, event, direct));
    }
    let mut after = args.after.unwrap_or(0);
    loop {
        let query = EventsQuery { after: Some(after), before: None, limit: Some(PAGE) };
        let page = hub.events(&args.room, query).await?;
        for event in &page.events {
            if args.before.is_some_and(|before| event.pos >= before) {
                return Ok(());
            }
            line::print(&global.out, event, direct)?;
        }
        match page.events.last() {
            Some(last) if page.more => after = last.pos,
            _ => return Ok(()),
        }
    }
}

/// The newest events, collected backwards because only the end is known.
async fn newest(hub: &Hub, args: &HistoryArgs) -> Result<VecDeque<RoomEvent>, CliError> {
    let wanted = args.limit.unwrap_or(0) as usize;
    let after = args.after.unwrap_or(0);
    let mut before = args.before;
    let mut events = VecDeque::new();
    while events.len() < wanted {
        let limit = Some(PAGE.min((wanted - events.len()) as u32));
        let page = hub.events(&args.room, EventsQuery { after: None, before, limit }).await?;
        let (more, first) = (page.more, page.events.first().map(|event| event.pos));
        for event in page.events.into_iter().rev().filter(|event| event.pos > after) {
            events.push_front(event);
        }
        match first {
            Some(first) if more && first > after => before = Some(first),
            _ => break,
        }
    }
    let excess = events.len().saturating_sub(wanted);
    events.drain(..excess);
    Ok(events)
}
