//! What is kept of a room's past without the database: this gateway's memory, and the log itself.

use platform::service::{ApiError, Outcome};
use wire::{Code, RoomId, events::RoomEvent};

use super::{limits::TURN, room::Kept, tail};
use crate::{rooms::history::Part, state::State};

/// Records of the log that are gone through at most for one answer.
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

/// Everything of a room after a position, from memory where that reaches back far enough, else from the log itself. A
/// database that is very far behind the log has to come nearer first.
pub(crate) async fn after(state: &State, room: RoomId, after: u64) -> Outcome<Vec<RoomEvent>> {
    match state.live.after(room, after) {
        Some(kept) => Ok(read(&kept)?),
        None if state.live.tailed(room).saturating_sub(after) > LOG => Err(behind()),
        None => from_log(state, room, after).await,
    }
}

/// The same from memory alone: for whoever asks for many rooms.
pub(crate) fn remembered(state: &State, room: RoomId, after: u64) -> Outcome<Vec<RoomEvent>> {
    let kept = state.live.after(room, after).ok_or_else(behind)?;
    Ok(read(&kept)?)
}

fn behind() -> ApiError {
    ApiError::new(Code::Unavailable, "the history is too far behind the log; ask again later").retry_after(5)
}

/// From the log, when there is a turn.
async fn from_log(state: &State, room: RoomId, after: u64) -> Outcome<Vec<RoomEvent>> {
    let turn = tokio::time::timeout(TURN, state.live.log_turns.acquire()).await;
    let Ok(Ok(_turn)) = turn else {
        return Err(ApiError::new(Code::Unavailable, "many read the log right now; ask again").retry_after(1));
    };
    tail::read(state, room, after).await.map_err(|error| anyhow::Error::new(error).into())
}

/// What the newest part of the log has of a room, for a database that does not answer; with the position after which
/// that is everything.
pub(crate) async fn newest_of_log(state: &State, room: RoomId) -> Outcome<(Vec<RoomEvent>, u64)> {
    let from = state.live.tailed(room).saturating_sub(LOG);
    match state.live.after(room, from) {
        Some(kept) => Ok((read(&kept)?, from)),
        None => Ok((from_log(state, room, from).await?, from)),
    }
}

fn read(kept: &[Kept]) -> anyhow::Result<Vec<RoomEvent>> {
    kept.iter().map(|kept| serde_json::from_str(&kept.json).map_err(Into::into)).collect()
}
