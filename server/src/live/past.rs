//! What is kept of a room's past without the database: this gateway's memory, and the log itself.

use wire::{RoomId, events::RoomEvent};

use super::{room::Kept, tail};
use crate::{rooms::history::Part, state::State};

/// Records of the log that are gone through when the database does not answer.
const LOG: u64 = 50_000;

/// A part of a room's history, if memory has all of it: the events, and whether there may be more.
pub(crate) fn in_memory(
    state: &State,
    room: RoomId,
    part: Part,
    limit: usize,
) -> anyhow::Result<Option<(Vec<RoomEvent>, bool)>> {
    let (kept, more) = match part.after {
        Some(after) => {
            let Some(mut kept) = state.live.after(room, after) else { return Ok(None) };
            let more = kept.len() > limit;
            kept.truncate(limit);
            (kept, more)
        }
        None => {
            let before = part.before.unwrap_or(u64::MAX);
            let Some(mut kept) = state.live.before(room, before, limit + 1) else { return Ok(None) };
            let surplus = kept.len().saturating_sub(limit);
            kept.drain(..surplus);
            (kept, surplus > 0)
        }
    };
    Ok(Some((read(&kept)?, more)))
}

/// Everything of a room after a position, from memory where that reaches back far enough, else from the log itself.
pub(crate) async fn after(state: &State, room: RoomId, after: u64) -> anyhow::Result<Vec<RoomEvent>> {
    match state.live.after(room, after) {
        Some(kept) => read(&kept),
        None => Ok(tail::read(state, room, after).await?),
    }
}

/// What the newest part of the log has of a room, for a database that does not answer; with the position after which
/// that is everything.
pub(crate) async fn newest_of_log(state: &State, room: RoomId) -> anyhow::Result<(Vec<RoomEvent>, u64)> {
    let from = state.live.tailed(room).saturating_sub(LOG);
    Ok((after(state, room, from).await?, from))
}

fn read(kept: &[Kept]) -> anyhow::Result<Vec<RoomEvent>> {
    kept.iter().map(|kept| serde_json::from_str(&kept.json).map_err(Into::into)).collect()
}
