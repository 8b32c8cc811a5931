//! Facts of changes on their way into the log: each is there once, however often and late it is tried.

use std::time::Duration;

use futures_util::FutureExt as _;
use platform::service::{ApiError, Outcome};
use wire::{Code, RoomId, Timestamp, events::RoomFact, paths::TOPIC_CHAT, record};

use super::{
    history::{self, Part},
    say::{self, SKEW_SECONDS},
};
use crate::state::State;

/// How long this gateway may be behind the log's end of a moment ago.
const PATIENCE: Duration = Duration::from_secs(5);

/// Appends a fact to the log.
pub(crate) async fn announce(state: &State, fact: RoomFact) -> Outcome<()> {
    let room = fact.room;
    let appended = state.bus.append(TOPIC_CHAT, &room.to_string(), record::write(&fact)).await;
    appended.map(drop).map_err(|error| ApiError::new(Code::LogUnavailable, error.to_string()))
}

/// The same for a fact that was tried before, and came to be at `since`. Gateways know a repetition by the last quarter of
/// an hour, and the database knows it for ever: one that comes later than that, or after a step of the clock, would be
/// told again by the first and not by the second.
pub(crate) async fn announce_again(state: &State, fact: RoomFact, since: Timestamp) -> Outcome<()> {
    if is_there(state, &fact, since).await? { Ok(()) } else { announce(state, fact).await }
}

/// Waits until this gateway has read the log as far as it is now, but not for ever: until then it knows what it will
/// remember, and not yet what is in there.
pub(super) async fn has_followed(state: &State, room: RoomId) -> Outcome<()> {
    let unread = || ApiError::new(Code::Unavailable, "the log was not looked at yet");
    let heads = state.bus.heads(TOPIC_CHAT).await.map_err(|_| unread())?;
    let head = heads.get(&state.bus.partition(&room.to_string())).copied().unwrap_or(0);
    let mut tailed = state.live.follow(room).ok_or_else(unread)?;
    let followed = tokio::time::timeout(PATIENCE, tailed.wait_for(|tailed| *tailed >= head)).await;
    followed.map_err(|_| unread())?.map(drop).map_err(|_| unread())
}

async fn is_there(state: &State, fact: &RoomFact, since: Timestamp) -> Outcome<bool> {
    let room = fact.room;
    has_followed(state, room).await?;
    if state.live.heard((room, fact.by, fact.cid)).now_or_never().is_some() {
        return Ok(true);
    }
    if state.live.reach(room).is_some_and(|reach| reach.plus_seconds(SKEW_SECONDS) <= since) {
        return Ok(false);
    }
    let tailed = state.live.tailed(room);
    let newest = Part { limit: Some(1), ..Part::default() };
    if history::stored(state, room, fact.by, newest).await?.persisted < tailed {
        return Err(ApiError::new(Code::Unavailable, "the database is behind the log"));
    }
    Ok(say::stored(state, fact.by, room, fact.cid).await?.is_some())
}
