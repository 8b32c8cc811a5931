//! What is unread: messages of others after the read mark, counted in the database and corrected by what only the log
//! has yet.

use std::collections::HashMap;

use platform::service::Outcome;
use wire::{
    RoomId, UserId,
    events::{Mark, RoomEvent, What},
    messages::{Counted, Message, Unread},
    paths::internal,
    rooms::Room,
};

use super::messages;
use crate::{live, state::State, upstream};

/// Adds to the caller's rooms what is unread there. When the history cannot be asked, they go without for a moment:
/// the rooms themselves are there.
pub(super) async fn fill(state: &State, user: UserId, rooms: &mut [Room]) {
    let marks = rooms.iter().filter_map(|room| Some(Mark { room: room.id, pos: room.mark? })).collect();
    let counted = match count(state, user, marks).await {
        Ok(counted) => counted,
        Err(error) => return tracing::debug!(problem = %error.problem(), "rooms are listed without counts"),
    };
    let counted: HashMap<RoomId, Unread> = counted.into_iter().map(|unread| (unread.room, unread)).collect();
    for room in rooms {
        let unread = counted.get(&room.id);
        room.unread = unread.map(|unread| unread.unread);
        room.mentions = unread.map(|unread| unread.mentions);
    }
}

/// What is unread after each mark.
pub(super) async fn count(state: &State, user: UserId, marks: Vec<Mark>) -> Outcome<Vec<Unread>> {
    if marks.is_empty() {
        return Ok(Vec::new());
    }
    let request = state.upstream.chat(reqwest::Method::POST, internal::UNREAD, user).json(&marks);
    let counted: Vec<Counted> = upstream::call(request).await?;
    let mut rooms = Vec::with_capacity(counted.len());
    for Counted { mut unread, upto } in counted {
        let newer = live::after(state, unread.room, upto).await?;
        correct(state, user, &mut unread, upto, &newer).await?;
        rooms.push(unread);
    }
    Ok(rooms)
}

/// Adds what is newer than the database, and what newer facts change about messages that are in it.
async fn correct(
    state: &State,
    user: UserId,
    unread: &mut Unread,
    upto: u64,
    newer: &[RoomEvent],
) -> Outcome<()> {
    let mut changed: Vec<Message> = newer.iter().filter_map(Message::begun_by).collect();
    let mut before = (0, 0);
    for tgt in newer.iter().filter_map(changes_counts).filter(|tgt| (unread.mark + 1..=upto).contains(tgt)) {
        if changed.iter().all(|message| message.pos != tgt)
            && let Some(stored) = messages::stored_at(state, user, unread.room, tgt).await?
        {
            before = added(before, counts(&stored, user));
            changed.push(stored);
        }
    }
    changed.retain(|message| message.pos > unread.mark);
    messages::fold(&mut changed, newer);
    let after = changed.iter().map(|message| counts(message, user)).fold((0, 0), added);
    unread.unread = (unread.unread + after.0).saturating_sub(before.0);
    unread.mentions = (unread.mentions + after.1).saturating_sub(before.1);
    Ok(())
}

fn changes_counts(event: &RoomEvent) -> Option<u64> {
    match event.what {
        What::Redacted { tgt } | What::Edited { tgt, .. } => Some(tgt),
        _ => None,
    }
}

/// What one message adds to a person's counts.
fn counts(message: &Message, user: UserId) -> (u64, u64) {
    let counts = message.by != user && message.removed.is_none();
    (counts.into(), (counts && message.mentions.contains(&user)).into())
}

fn added(one: (u64, u64), other: (u64, u64)) -> (u64, u64) {
    (one.0 + other.0, one.1 + other.1)
}
