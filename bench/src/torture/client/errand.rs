//! What a client does over HTTP beside its live socket, tried again until it works.

use std::time::Duration;

use client::{Error, EventsQuery, Hub};
use tokio::time::sleep;
use wire::{ClientId, Code, Problem, RoomId, messages::Act};

use crate::torture::journal::Shown;

const AGAIN: Duration = Duration::from_millis(300);
/// How long somebody who left stays away.
const AWAY: Duration = Duration::from_millis(500);
const PAGE: u32 = 200;

/// What became of it.
pub(super) enum Done {
    /// The events of a gap.
    Filled(Vec<Shown>),
    /// Part of the history.
    Page { room: RoomId, asked: u64, after: u64, more: bool, seen: Vec<Shown> },
    /// Not a member any more; whether it was this errand that the hub said so to.
    Left { room: RoomId, told: bool },
    /// A member of this room again.
    Joined(RoomId),
    /// What was to be done to a message is done and has its place, or was refused.
    Acted { room: RoomId, cid: ClientId, pos: Option<u64> },
    /// It did not work, and does not matter.
    Nothing,
}

/// Everything between two positions.
pub(super) async fn fill(hub: Hub, room: RoomId, from: u64, to: u64) -> Done {
    let (mut events, mut after) = (Vec::new(), from);
    loop {
        let query = EventsQuery { after: Some(after), before: None, limit: Some(PAGE) };
        match hub.events(&room.to_string(), query).await {
            Ok(page) => {
                let beyond = page.events.iter().any(|event| event.pos >= to);
                events.extend(page.events.iter().filter(|event| event.pos < to).map(Shown::from));
                after = page.events.last().map_or(after, |event| event.pos);
                if beyond || !page.more {
                    return Done::Filled(events);
                }
            }
            Err(Error::SignedOut) => return Done::Nothing,
            Err(_) => sleep(AGAIN).await,
        }
    }
}

/// A page of history, asked once.
pub(super) async fn page(hub: Hub, room: RoomId, asked: u64, after: u64) -> Done {
    let query = EventsQuery { after: Some(after), before: None, limit: Some(PAGE) };
    match hub.events(&room.to_string(), query).await {
        Ok(page) => {
            let seen = page.events.iter().map(Shown::from).collect();
            Done::Page { room, asked, after, more: page.more, seen }
        }
        Err(_) => Done::Nothing,
    }
}

/// Leaves a room, for certain.
pub(super) async fn leave(hub: Hub, room: RoomId) -> Done {
    loop {
        match hub.leave(&room.to_string()).await {
            Ok(()) => return Done::Left { room, told: true },
            // An earlier try worked.
            Err(error) if is_not_there(&error) => return Done::Left { room, told: false },
            Err(_) => sleep(AGAIN).await,
        }
    }
}

/// Joins it again after a while.
pub(super) async fn join(hub: Hub, room: RoomId) -> Done {
    sleep(AWAY).await;
    while hub.join(&room.to_string()).await.is_err() {
        sleep(AGAIN).await;
    }
    Done::Joined(room)
}

/// Does something to a message, again under the same id until the hub has answered. A refusal says nothing of an attempt
/// before it whose answer was lost.
pub(super) async fn act(hub: Hub, room: RoomId, act: Act) -> Done {
    loop {
        match hub.act(&room.to_string(), &act).await {
            Ok(sent) => return Done::Acted { room, cid: act.cid, pos: Some(sent.pos) },
            Err(error) if is_refusal(&error) => return Done::Acted { room, cid: act.cid, pos: None },
            Err(_) => sleep(AGAIN).await,
        }
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::SignedOut) || error.problem().is_some() && !error.is_transient()
}

fn is_not_there(error: &Error) -> bool {
    error.problem().and_then(Problem::known) == Some(Code::NotFound)
}
