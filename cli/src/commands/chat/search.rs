//! `mshub chat search`.

use clap::Args;
use client::SearchQuery;
use wire::{RoomId, messages::SearchOrder};

use super::message;
use crate::{error::CliError, global::Global};

/// The largest page that is asked for.
const PAGE: u32 = 100;

/// Find messages by their words, in the rooms you are in
#[derive(Debug, Args)]
#[command(
    after_help = "All words have to be there. \"Words in quotes\" have to follow each other, and a * at the end of a word
takes longer ones as well. Messages are found as they are now: by the words of an edit, and not once they are removed.

Examples:
  mshub chat search 'deploy fail*'
  mshub chat search '\"build is green\"' --room ops --by bob@example.org --since 2026-11-01
  mshub chat search invoice --best --limit 5 --json"
)]
pub struct SearchArgs {
    /// What to look for
    text: String,
    /// Only in this room
    #[arg(long)]
    room: Option<String>,
    /// Only what this person said
    #[arg(long, value_name = "EMAIL|ID")]
    by: Option<String>,
    /// Only what was said at or after this day or moment
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<jiff::Timestamp>,
    /// Only what was said before this day or moment
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<jiff::Timestamp>,
    /// What fits best first, instead of the newest
    #[arg(long)]
    best: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// `2026-11-22`, which begins at midnight here, or a moment such as `2026-11-22T20:00:00Z`.
fn moment(text: &str) -> Result<jiff::Timestamp, String> {
    let day = || text.parse::<jiff::civil::Date>()?.to_zoned(jiff::tz::TimeZone::system());
    let at = text.parse().or_else(|_| day().map(|day| day.timestamp()));
    at.map_err(|_: jiff::Error| format!("`{text}` is no day such as 2026-11-22 and no moment in RFC 3339"))
}

pub(super) async fn run(args: SearchArgs, global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    let rooms = match global.out.is_json() || global.out.is_quiet() {
        true => Vec::new(),
        false => hub.rooms(false).await?,
    };
    let called = |id: RoomId| {
        rooms.iter().find(|room| room.id == id).map_or_else(|| id.to_string(), crate::commands::room::called)
    };
    let mut left = args.limit;
    let mut query = SearchQuery {
        text: args.text,
        room: args.room,
        by: args.by,
        since: args.since.map(|at| at.to_string()),
        until: args.until.map(|at| at.to_string()),
        order: if args.best { SearchOrder::Rank } else { SearchOrder::Time },
        limit: None,
        cursor: None,
    };
    while left > 0 {
        query.limit = Some(left.min(PAGE));
        let found = hub.search(&query).await?;
        for message in &found.items {
            message::print_in(&global.out, message, &called(message.room))?;
        }
        left = left.saturating_sub(found.items.len() as u32);
        query.cursor = found.next;
        if query.cursor.is_none() {
            break;
        }
    }
    Ok(())
}
