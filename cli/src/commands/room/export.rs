//! `mshub room export`.

use clap::Args;
use client::EventsQuery;

use crate::{error::CliError, global::Global};

/// The largest page that is asked for; the hub may answer with smaller ones.
const PAGE: u32 = 500;

/// Print everything that happened in a room, one JSON object a line, oldest first
#[derive(Debug, Args)]
#[command(
    after_help = "Every event as the hub has it, with its pos, the pos before it (prev), its author, its id and its
body: enough to check the chain hash again. To go on where an export was broken off, drop a
last line without a line break and name the pos of the one before with --after.

Examples:
  mshub room export general > general.jsonl
  mshub room export general --after \"$(tail -1 general.jsonl | jq .pos)\" >> general.jsonl"
)]
pub struct ExportArgs {
    /// The room
    room: String,
    /// Only what came after this position
    #[arg(long, value_name = "POS", default_value_t = 0)]
    after: u64,
}

/// Prints page by page.
pub(super) async fn run(args: ExportArgs, global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    let room = hub.room(&args.room).await?.id.to_string();
    let (mut after, mut count) = (args.after, 0_u64);
    loop {
        let query = EventsQuery { after: Some(after), before: None, limit: Some(PAGE) };
        let page = hub.raw_events(&room, query).await?;
        let mut lines = String::new();
        for event in &page.events {
            lines.push_str(event.json.get());
            lines.push('\n');
        }
        global.out.bytes(lines.as_bytes())?;
        count += page.events.len() as u64;
        match page.events.last() {
            Some(last) if page.more => after = last.pos,
            last => {
                let upto = last.map_or(after, |last| last.pos);
                return global.out.note(format!("{count} events, up to {upto}"));
            }
        }
    }
}
