//! Folding later facts into the messages they are about, in the transaction that stores them.

use std::collections::{HashMap, HashSet};

use platform::db::Transaction;
use wire::{
    RoomId,
    events::{RoomEvent, What},
    messages::Message,
};

use super::sql::{self, Said};
use crate::search;

/// A message by its place.
type Place = (RoomId, u64);

/// Takes a batch of new events in, oldest first, before they are stored: texts that are removed by one of them are
/// stored without.
pub(crate) async fn take(tx: &mut Transaction, fresh: &mut [RoomEvent]) -> sqlx::Result<()> {
    let mut folds: HashMap<Place, Message> = HashMap::new();
    for at in 0..fresh.len() {
        let (room, pos, what) = (fresh[at].room, fresh[at].pos, &fresh[at].what);
        if matches!(what, What::Closed) {
            close(tx, &mut fresh[..at], room, pos).await?;
            folds.retain(|(of, _), _| *of != room);
        } else if let Some(tgt) = what.target() {
            change(tx, &mut folds, &mut fresh[..=at], (room, tgt)).await?;
        }
    }
    let mut begun = begun(fresh, &folds);
    // Their numbers are the order of a search: that of time, over all rooms.
    begun.sort_by_key(|said| (said.ts, said.pos));
    // Asked before anything is stored: nobody else moves the index on until the end, so that no message comes in behind it.
    let indexed = search::indexed(tx).await?;
    sql::insert(tx, &begun).await?;
    if folds.is_empty() {
        return Ok(());
    }
    let begun: HashSet<Place> = begun.iter().map(|said| (said.room, said.pos)).collect();
    for message in folds.values() {
        if !begun.contains(&(message.room, message.pos)) {
            sql::change(tx, message, indexed).await?;
        }
        sql::keep(tx, message).await?;
    }
    Ok(())
}

/// Makes the messages of a room anew from all its events, when one was put among them.
pub(crate) async fn refold(tx: &mut Transaction, room: RoomId, events: &mut [RoomEvent]) -> sqlx::Result<()> {
    sql::forget_messages(tx, room).await?;
    take(tx, events).await
}

/// Applies the last of the events to the message that it is about.
async fn change(
    tx: &mut Transaction,
    folds: &mut HashMap<Place, Message>,
    events: &mut [RoomEvent],
    place: Place,
) -> sqlx::Result<()> {
    let message = match folds.remove(&place) {
        Some(message) => Some(message),
        None => find(tx, events, place).await?,
    };
    let (Some(mut message), Some(event)) = (message, events.last()) else { return Ok(()) };
    let was_there = message.removed.is_none();
    let settled = message.card.as_ref().and_then(|card| card.settled);
    message.take(event);
    if message.removed.is_some() {
        // In this batch, and in earlier ones: an edit that comes too late is stored without its text as well.
        let of_it = |event: &&mut RoomEvent| {
            event.room == place.0 && (event.pos == place.1 || event.what.target() == Some(place.1))
        };
        events.iter_mut().filter(of_it).for_each(|event| event.what.remove());
        if was_there {
            sql::blank(tx, &message, settled.as_ref()).await?;
        }
    }
    folds.insert(place, message);
    Ok(())
}

async fn find(tx: &mut Transaction, events: &[RoomEvent], place: Place) -> sqlx::Result<Option<Message>> {
    let here = events.iter().find(|event| (event.room, event.pos) == place);
    match here {
        Some(event) => Ok(Message::begun_by(event)),
        None => Ok(sql::at(tx, place.0, &[place.1]).await?.pop()),
    }
}

/// The room is no more: its texts go, in the database and in this batch.
async fn close(tx: &mut Transaction, events: &mut [RoomEvent], room: RoomId, pos: u64) -> sqlx::Result<()> {
    events.iter_mut().filter(|event| event.room == room).for_each(|event| event.what.remove());
    sql::forget_messages(tx, room).await?;
    sql::forget_events(tx, room, pos).await
}

/// The messages that begin in this batch, as they are at its end; those of a room that closed are none any more.
fn begun<'a>(fresh: &'a [RoomEvent], folds: &'a HashMap<Place, Message>) -> Vec<Said<'a>> {
    let begin = |event: &'a RoomEvent| match folds.get(&(event.room, event.pos)) {
        Some(folded) => Some(Said::of(folded)),
        None if event.what.removed().is_some() => None,
        None => Said::begun_by(event),
    };
    fresh.iter().filter_map(begin).collect()
}
