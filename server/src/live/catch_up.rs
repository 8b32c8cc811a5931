//! The past of a subscription: everything after a position, or the newest, and then live without a seam.

use wire::{
    Code, RoomId, UserId,
    events::RoomEvent,
    frames::{Position, SubMode, ToClient},
    rooms::EventPage,
};

use platform::service::Outcome;

use super::{
    registry::encoded,
    room::{Line, SocketId},
};
use crate::{
    rooms::{
        self,
        history::{self, Part},
    },
    state::{App, State},
};

/// Events of one frame.
const FRAME: usize = 50;
/// A client that missed more than this gets the newest, and a gap to fill by itself.
const MISSED: usize = 1_000;
const PAGE: u32 = 500;
const NEWEST: u32 = 200;

/// A wish to hear a room.
pub(super) struct Wish {
    pub(super) id: u64,
    pub(super) room: RoomId,
    pub(super) after: Option<Position>,
    pub(super) tail: u32,
}

/// Sends the past and makes the subscription live. What happens meanwhile waits in the registry, so that nothing
/// falls between the two.
pub(super) async fn run(state: App, socket: SocketId, user: UserId, line: Line, wish: Wish) {
    let (id, room) = (wish.id, wish.room);
    if let Err(error) = past(&state, socket, user, &line, wish).await {
        state.live.unsubscribe(socket, room);
        let problem = error.into_problem();
        let refusal = ToClient::Err {
            cid: None,
            id: Some(id),
            room: Some(room),
            code: problem.code,
            detail: problem.detail,
            retry: problem.retryable,
            unknown: false,
            after_ms: problem.retryable.then_some(1_000),
        };
        // A socket that is gone needs no answer.
        let _ = line.send(encoded(&refusal)).await;
    }
}

async fn past(state: &State, socket: SocketId, user: UserId, line: &Line, wish: Wish) -> Outcome<()> {
    if !rooms::is_member(state, wish.room, user).await? {
        return Err(platform::service::ApiError::new(
            Code::NotFound,
            "there is no such room, or you may not see it",
        ));
    }
    // Before subscribing: what comes after it is either past or waits in the registry, never neither.
    let now = state.live.tailed();
    state.live.subscribe(socket, user, line.clone(), wish.room);
    let ep = state.bus.epoch(0);
    let resume = wish.after.as_ref().filter(|after| after.ep == ep).map(|after| after.pos);
    let mode = match (&wish.after, resume) {
        (Some(_), Some(_)) => SubMode::Resume,
        (Some(_), None) => SubMode::Reset,
        (None, _) => SubMode::Tail,
    };
    let head = state.live.last(wish.room).unwrap_or(0);
    send(line, ToClient::Subbed { id: wish.id, room: wish.room, ep, head, mode }).await;

    let mut upto = match resume {
        Some(pos) => missed(state, user, line, wish.room, pos).await?,
        None if mode == SubMode::Tail && wish.tail == 0 => now,
        None => {
            newest(state, user, line, wish.room, if mode == SubMode::Reset { NEWEST } else { wish.tail })
                .await?
        }
    };
    while let Some(meanwhile) = state.live.caught_up(socket, wish.room, upto) {
        if meanwhile.is_empty() {
            send(line, ToClient::Live { room: wish.room, pos: upto }).await;
            return Ok(());
        }
        for (pos, frame) in meanwhile {
            let _ = line.send(frame).await;
            upto = pos;
        }
    }
    Ok(())
}

/// Everything after a position; of very much, the oldest part, a gap, and the newest part.
async fn missed(state: &State, user: UserId, line: &Line, room: RoomId, after: u64) -> Outcome<u64> {
    let (mut upto, mut sent) = (after, 0);
    loop {
        let part = Part { after: Some(upto), limit: Some(PAGE), ..Part::default() };
        let EventPage { events, more, .. } = history::page(state, room, user, part).await?;
        sent += events.len();
        upto = in_frames(line, room, upto, events).await;
        if !more {
            return Ok(upto);
        }
        if sent >= MISSED {
            return rest(state, user, line, room, upto).await;
        }
    }
}

async fn rest(state: &State, user: UserId, line: &Line, room: RoomId, from: u64) -> Outcome<u64> {
    let part = Part { limit: Some(NEWEST), ..Part::default() };
    let EventPage { mut events, .. } = history::page(state, room, user, part).await?;
    events.retain(|event| event.pos > from);
    if let Some(first) = events.first() {
        send(line, ToClient::Gap { room, from, to: first.pos }).await;
    }
    Ok(in_frames(line, room, from, events).await)
}

async fn newest(state: &State, user: UserId, line: &Line, room: RoomId, count: u32) -> Outcome<u64> {
    let part = Part { limit: Some(count.min(NEWEST)), ..Part::default() };
    let EventPage { events, .. } = history::page(state, room, user, part).await?;
    Ok(in_frames(line, room, 0, events).await)
}

/// Sends events in frames of a bounded size; answers with the newest position.
async fn in_frames(line: &Line, room: RoomId, upto: u64, events: Vec<RoomEvent>) -> u64 {
    let newest = events.last().map_or(upto, |event| event.pos);
    for chunk in events.chunks(FRAME) {
        send(line, ToClient::Evs { room, ev: chunk.to_vec() }).await;
    }
    newest
}

async fn send(line: &Line, frame: ToClient) {
    // A socket that is gone is noticed by its own task.
    let _ = line.send(encoded(&frame)).await;
}
