//! What is unread: messages of others after the read mark, counted in the database and corrected by what only the log
//! has yet.
//!
//! The chat-worker moves on while it is asked, so that two of its answers are of two moments. Each alone is of one
//! moment and says which: what is unread is worked out from one answer and the part of the log after it.

use std::collections::{BTreeSet, HashMap};

use platform::service::Outcome;
use wire::{
    RoomId, UserId,
    events::{Mark, RoomEvent, What},
    messages::{Count, Counted, Message, Unread},
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
    let counted: HashMap<RoomId, Counted> =
        counted.into_iter().map(|counted| (counted.unread.room, counted)).collect();
    for room in rooms {
        let counted = counted.get(&room.id);
        room.unread = counted.map(|counted| counted.unread.unread);
        room.mentions = counted.map(|counted| counted.unread.mentions);
        room.upto = counted.map(|counted| counted.upto);
    }
}

/// What is unread after each mark, and up to where that was counted.
pub(super) async fn count(state: &State, user: UserId, marks: Vec<Mark>) -> Outcome<Vec<Counted>> {
    if marks.is_empty() {
        return Ok(Vec::new());
    }
    let counts: Vec<_> = marks.into_iter().map(|mark| Count { mark, show: Vec::new() }).collect();
    let (mut rooms, mut again) = (Vec::with_capacity(counts.len()), Vec::new());
    let mut logs: HashMap<RoomId, Vec<RoomEvent>> = HashMap::new();
    for counted in ask(state, user, &counts).await? {
        let Unread { room, mark: pos, .. } = counted.unread;
        state.live.stored(room, counted.upto);
        let newer = live::remembered(state, room, counted.upto)?;
        match changed(&newer, pos) {
            show if show.is_empty() => rooms.push(corrected(counted, newer, user)),
            show => {
                again.push(Count { mark: Mark { room, pos }, show });
                logs.insert(room, newer);
            }
        }
    }
    if again.is_empty() {
        return Ok(rooms);
    }
    // Once is enough: these answers are newer, so that what they lack is within what was read of the log, and nothing
    // in there changes a message that they do not show.
    for counted in ask(state, user, &again).await? {
        let newer = logs.remove(&counted.unread.room).unwrap_or_default();
        rooms.push(corrected(counted, newer, user));
    }
    Ok(rooms)
}

async fn ask(state: &State, user: UserId, counts: &[Count]) -> Outcome<Vec<Counted>> {
    upstream::call(state.upstream.chat(reqwest::Method::POST, internal::UNREAD, user).json(counts)).await
}

/// Messages after a mark that counted for something before these events and may count for something else since.
fn changed(newer: &[RoomEvent], mark: u64) -> Vec<u64> {
    let begins = |event: &&RoomEvent| matches!(event.what, What::Said { .. } | What::ConvertRequested { .. });
    let begun: BTreeSet<u64> = newer.iter().filter(begins).map(|event| event.pos).collect();
    let changed: BTreeSet<u64> = newer.iter().filter_map(changes_counts).filter(|tgt| *tgt > mark).collect();
    // What only the log has yet needs no second question, unless another event does: it may be stored by then.
    if changed.is_subset(&begun) { Vec::new() } else { changed.into_iter().collect() }
}

/// The count of the database with everything that came later. What is later and changes a message that was counted
/// changes one that is shown.
fn corrected(counted: Counted, mut newer: Vec<RoomEvent>, user: UserId) -> Counted {
    let Counted { mut unread, upto, shown: mut messages } = counted;
    newer.retain(|event| event.pos > upto);
    let before = sum(&messages, user);
    messages.extend(newer.iter().filter_map(Message::begun_by).filter(|message| message.pos > unread.mark));
    messages::fold(&mut messages, &newer);
    let after = sum(&messages, user);
    unread.unread = (unread.unread + after.0).saturating_sub(before.0);
    unread.mentions = (unread.mentions + after.1).saturating_sub(before.1);
    let upto = newer.last().map_or(upto, |newest| newest.pos);
    Counted { unread, upto, shown: Vec::new() }
}

fn changes_counts(event: &RoomEvent) -> Option<u64> {
    match event.what {
        What::Redacted { tgt } | What::Edited { tgt, .. } => Some(tgt),
        _ => None,
    }
}

/// What messages add to a person's counts: unread, and those of them that name the person.
fn sum(messages: &[Message], user: UserId) -> (u64, u64) {
    let counts = |message: &&Message| message.by != user && message.removed.is_none();
    let names = |message: &&Message| counts(message) && message.mentions.contains(&user);
    (messages.iter().filter(counts).count() as u64, messages.iter().filter(names).count() as u64)
}

#[cfg(test)]
mod tests {
    use wire::{ClientId, MessageId, Timestamp};

    use super::*;

    fn event(pos: u64, by: UserId, what: What) -> RoomEvent {
        RoomEvent {
            id: MessageId::new(),
            room: RoomId(uuid::Uuid::nil()),
            pos,
            prev: None,
            ts: Timestamp::from_micros(pos.cast_signed()),
            by,
            name: "Ann".into(),
            cid: ClientId::new(),
            what,
        }
    }

    /// A room in which messages are named, edited, removed, and edited and removed after that, by two people.
    fn script(ann: UserId, bob: UserId) -> Vec<RoomEvent> {
        let said = |names: &[UserId]| What::Said {
            body: "text".into(),
            re: None,
            mentions: names.to_vec(),
            att: Vec::new(),
            removed: None,
        };
        let edited = |tgt, names: &[UserId]| What::Edited {
            tgt,
            body: "other".into(),
            mentions: names.to_vec(),
            removed: None,
        };
        let facts = [
            (ann, said(&[])),
            (ann, said(&[bob])),
            (bob, said(&[bob])),
            (ann, edited(1, &[bob])),
            (ann, said(&[])),
            (ann, What::Redacted { tgt: 2 }),
            (bob, edited(1, &[])),
            (ann, edited(5, &[bob])),
            (ann, edited(1, &[])),
            (ann, What::Redacted { tgt: 5 }),
            (ann, edited(5, &[bob])),
            (ann, said(&[bob])),
            (ann, What::Redacted { tgt: 1 }),
        ];
        (1..).zip(facts).map(|(pos, (by, what))| event(pos, by, what)).collect()
    }

    /// The database's answer when it has everything up to a position.
    fn database(script: &[RoomEvent], mark: u64, upto: u64, show: &[u64], user: UserId) -> Counted {
        let known: Vec<_> = script.iter().filter(|event| event.pos <= upto).cloned().collect();
        let mut messages: Vec<_> = known.iter().filter_map(Message::begun_by).collect();
        messages::fold(&mut messages, &known);
        let shown = messages.iter().filter(|message| show.contains(&message.pos)).cloned().collect();
        messages.retain(|message| message.pos > mark);
        let (unread, mentions) = sum(&messages, user);
        Counted { unread: Unread { room: RoomId(uuid::Uuid::nil()), mark, unread, mentions }, upto, shown }
    }

    #[test]
    fn a_count_is_of_one_moment_however_far_the_database_is_at_each_question() {
        let (ann, bob) = (UserId::new(), UserId::new());
        let script = script(ann, bob);
        let end = script.len() as u64;
        let mut asked_again = 0;

        for mark in 0..=end {
            for first in 0..=end {
                for tailed in 0..=end {
                    let newer: Vec<_> = script
                        .iter()
                        .filter(|event| event.pos > first && event.pos <= tailed)
                        .cloned()
                        .collect();
                    let show = changed(&newer, mark);
                    let seconds = if show.is_empty() { first..=first } else { first..=end };
                    for second in seconds {
                        let counted = database(&script, mark, second, &show, bob);
                        let now = database(&script, mark, second.max(tailed), &[], bob).unread;

                        assert_eq!(
                            corrected(counted, newer.clone(), bob).unread,
                            now,
                            "mark {mark}, the database at {first} and then at {second}, the log at {tailed}"
                        );
                        asked_again += u32::from(!show.is_empty());
                    }
                }
            }
        }
        assert!(asked_again > 1_000, "{asked_again}");
    }
}
