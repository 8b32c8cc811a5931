//! Live: this gateway follows the log and pushes to its own members' sockets.
//!
//! Nothing whose loss matters comes over the fan-out: it carries progress, watermarks and ended sessions only.

mod attempts;
mod catch_up;
mod registry;
mod room;
pub(crate) mod socket;
mod tail;

use std::{collections::BTreeMap, time::Duration};

use platform::bus::ReadError;
use wire::{RoomId, events::RoomEvent, frames::ToClient, paths::TOPIC_CHAT};

pub(crate) use attempts::{Claimed, Outcomes};
pub(crate) use registry::Registry;

use crate::state::{App, State};

/// How long a wedged tail goes unnoticed.
const WEDGED: Duration = Duration::from_secs(2);
/// Clients spread their reconnects over this when the hub stops.
const SPREAD_MS: u64 = 2_000;

/// Follows the log and the hints; answers when this gateway has caught up with the log as it was.
pub(crate) async fn start(state: &App) -> anyhow::Result<()> {
    tail::start(state).await?;
    tail::start_hints(state).await;
    Ok(())
}

/// Tells every socket to come back later, each at a moment of its own.
pub(crate) fn drain(state: &State) {
    state.live.tell_all(&ToClient::Drain { spread_ms: SPREAD_MS });
}

/// Fails when the log grows and this gateway does not follow.
pub(crate) async fn ping(state: &State) -> Result<(), String> {
    let heads = state.bus.heads(TOPIC_CHAT).await.map_err(|error| error.to_string())?;
    let head = heads.values().copied().max().unwrap_or(0);
    let mut tailed = state.live.follow();
    match tokio::time::timeout(WEDGED, tailed.wait_for(|tailed| *tailed >= head)).await {
        Ok(Ok(_)) => Ok(()),
        _ => Err(format!("the tail stands at {} and the log at {head}", state.live.tailed())),
    }
}

/// Everything of a room after a position, from memory where that reaches back far enough, else from the log itself.
pub(crate) async fn after(state: &State, room: RoomId, after: u64) -> anyhow::Result<Vec<RoomEvent>> {
    match state.live.recent(room, after) {
        Some(events) => Ok(events),
        None => Ok(from_log(state, room, after).await?),
    }
}

/// The slow way, for a database that is further behind than this gateway's memory.
async fn from_log(state: &State, room: RoomId, after: u64) -> Result<Vec<RoomEvent>, ReadError> {
    let upto = state.live.tailed();
    let mut tail = state.bus.tail(TOPIC_CHAT, BTreeMap::from([(0, after)])).await?;
    let (mut events, mut seen) = (Vec::<RoomEvent>::new(), after);
    while seen < upto {
        for record in tail.next().await?.iter().filter(|record| record.pos <= upto) {
            let prev = events.last().map(|event| event.pos);
            if let Some(event) = tail::event(record, prev)
                && event.room == room
                && state.live.is_first(&event)
            {
                events.push(event);
            }
            seen = record.pos;
        }
    }
    Ok(events)
}
