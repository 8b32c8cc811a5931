//! Choosing a message, and what is done to it.

use wire::{RoomId, Timestamp, messages::Op};

use super::{chat, failed, files, notify, rooms};
use crate::{
    app::{Confirm, Overlay, PromptKind, State, Tone},
    entry::Entry,
    form::{Field, Form},
    keys::Action,
    msg::{Answer, Effect},
    room::{About, Delivery, Place, RoomState, Scroll},
};

/// Chooses the newest message, or the last one in sight; `typing` tells where Esc leads back to.
pub(super) fn begin(state: &mut State, typing: bool, now: Timestamp) -> Vec<Effect> {
    let follows = |room: &&RoomState| room.timeline.scroll == Scroll::Follow;
    let newest = |room: &RoomState| room.timeline.message_from(None, true);
    let newest = state.open_room().filter(follows).and_then(newest);
    match newest.or_else(|| in_sight(state).1) {
        Some(place) => {
            state.came_from_typing = typing;
            state.typing = false;
            choose(state, place);
        }
        None => notify(state, Tone::Plain, "there is no message here yet", now),
    }
    Vec::new()
}

/// No message is chosen any more.
pub(super) fn none(state: &mut State) {
    if let Some(room) = state.open_room_mut() {
        room.timeline.selected = None;
    }
}

pub(super) fn act(state: &mut State, action: Action, now: Timestamp) -> Vec<Effect> {
    let page = isize::try_from(state.messages_size().1).unwrap_or(isize::MAX).max(2) - 1;
    match action {
        Action::Up => step(state, true),
        Action::Down => step(state, false),
        Action::PageUp => leap(state, page),
        Action::PageDown => leap(state, -page),
        Action::HalfUp => leap(state, (page / 2).max(1)),
        Action::HalfDown => leap(state, -(page / 2).max(1)),
        Action::Top => leap(state, isize::MAX),
        Action::Bottom => {
            let effects = chat::to_newest(state);
            let newest = state.open_room().and_then(|room| room.timeline.message_from(None, true));
            newest.into_iter().for_each(|place| choose(state, place));
            effects
        }
        Action::Compose => {
            state.typing = true;
            Vec::new()
        }
        Action::Back => {
            none(state);
            state.typing = state.came_from_typing;
            chat::to_newest_if_read(state)
        }
        Action::Retry => match state.selected() {
            Some(Place::Under(draft)) => chat::retry(state, Some(draft)),
            _ => told(state, "this message was sent already", now),
        },
        Action::Reply => reply(state, now),
        Action::Edit => edit(state, None, now),
        Action::Delete => delete(state, state.selected(), now),
        Action::React => ask_sign(state, now),
        Action::Pin => pin(state, None, now),
        Action::Save => files::save(state, now),
        Action::ConvertFile => files::ask_format(state, now),
        Action::NextUnread => rooms::next_unread(state, now),
        other => chat::act(state, crate::keys::Place::Chat, other, now),
    }
}

fn told(state: &mut State, what: &str, now: Timestamp) -> Vec<Effect> {
    notify(state, Tone::Plain, what, now);
    Vec::new()
}

/// The message above or below; at the beginning of what is loaded, older ones are asked for.
fn step(state: &mut State, up: bool) -> Vec<Effect> {
    let Some(room) = state.open_room() else { return Vec::new() };
    match room.timeline.message_from(room.timeline.selected, up) {
        Some(place) => {
            choose(state, place);
            Vec::new()
        }
        None if up => chat::scroll(state, 1),
        None => chat::to_newest(state),
    }
}

/// Scrolls, and chooses a message that is in sight then.
fn leap(state: &mut State, rows: isize) -> Vec<Effect> {
    let effects = chat::scroll(state, rows);
    let (first, last) = in_sight(state);
    let place = if rows > 0 { first } else { last };
    place.into_iter().for_each(|place| choose(state, place));
    effects
}

/// The first and the last message on the screen that can be chosen.
fn in_sight(state: &State) -> (Option<Place>, Option<Place>) {
    let (_, height) = state.messages_size();
    let my_name = state.my_name();
    let Some(room) = state.open_room() else { return (None, None) };
    let rows = state.flow(room, &my_name).visible(height);
    let mut places = rows.into_iter().filter_map(|row| row.place);
    let first = places.next();
    (first, places.next_back().or(first))
}

/// Chooses a message and brings it into sight.
pub(super) fn choose(state: &mut State, place: Place) {
    let (_, height) = state.messages_size();
    let my_name = state.my_name();
    let Some(room) = state.open_room() else { return };
    let flow = state.flow(room, &my_name);
    let shown = flow.visible(height).iter().filter(|row| row.place == Some(place)).count();
    let rows = flow.rows(place);
    let own = rows.iter().filter(|row| row.place == Some(place)).count();
    let scroll = (shown < own).then(|| {
        let above = room.timeline.selected.is_none_or(|selected| place < selected);
        let last = (place, rows.len().saturating_sub(1));
        let page = usize::from(height).saturating_sub(1);
        let bottom = if above { flow.down((place, 0), page) } else { Some(last) };
        let at_end = room.timeline.below(place).is_none() && bottom == Some(last);
        bottom.filter(|_| !at_end).map_or(Scroll::Follow, |(place, row)| Scroll::Anchor(place, row))
    });
    if let Some(room) = state.open_room_mut() {
        room.timeline.selected = Some(place);
        room.timeline.landing = false;
        room.timeline.scroll = scroll.unwrap_or(room.timeline.scroll);
    }
}

/// The chosen message if it will do, else the newest that does.
pub(super) fn meant(room: &RoomState, will_do: impl Fn(&Entry) -> bool) -> Option<&Entry> {
    let fits = |entry: &&Entry| entry.is_there() && will_do(entry);
    match room.timeline.selected {
        Some(Place::At(pos)) => room.timeline.entry(pos).filter(fits),
        Some(Place::Under(_)) => None,
        None => room.timeline.entries().rev().find(fits),
    }
}

/// Answers the chosen message, else the newest of somebody else.
pub(super) fn reply(state: &mut State, now: Timestamp) -> Vec<Effect> {
    let me = state.my_id();
    let chosen = state.selected().is_some();
    let tgt = state
        .open_room()
        .and_then(|room| meant(room, |entry| chosen || entry.by != me))
        .map(|entry| entry.pos);
    let (Some(room), Some(tgt)) = (state.open_room_mut(), tgt) else {
        return told(state, "there is no message to answer", now);
    };
    chat::leave_about(room);
    room.about = Some(About::Reply(tgt));
    write(state)
}

fn write(state: &mut State) -> Vec<Effect> {
    none(state);
    state.typing = true;
    chat::to_newest_if_read(state)
}

/// Changes the chosen message, else the newest own one: at once where the text is given, else in the composer.
pub(super) fn edit(state: &mut State, text: Option<&str>, now: Timestamp) -> Vec<Effect> {
    let me = state.my_id();
    let own = |entry: &Entry| entry.by == me && entry.body().is_some();
    let found = state.open_room().and_then(|room| meant(room, own));
    let Some((pos, body)) = found.map(|entry| (entry.pos, entry.body().unwrap_or_default().to_owned()))
    else {
        return told(state, "only your own messages can be changed", now);
    };
    let Some(room) = state.open_room_mut() else { return Vec::new() };
    if let Some(text) = text {
        room.timeline.selected = None;
        return vec![Effect::Act(room.id(), pos, Op::Edit { body: text.to_owned() })];
    }
    chat::leave_about(room);
    let before = room.composer.take();
    room.composer.put(&body);
    room.about = Some(About::Edit { pos, before });
    write(state)
}

/// Asks whether a message is to go: the chosen one, or the newest of one's own.
pub(super) fn delete(state: &mut State, chosen: Option<Place>, now: Timestamp) -> Vec<Effect> {
    let me = state.my_id();
    let Some(room) = state.open_room() else { return Vec::new() };
    let id = room.id();
    if let Some(Place::Under(draft)) = chosen {
        let own = room.timeline.pending(draft);
        return match own.and_then(|own| own.cid) {
            Some(cid) => asked(state, Confirm::Withdraw(cid)),
            None => told(state, "it is being put into the outbox", now),
        };
    }
    match meant(room, |entry| chosen.is_some() || entry.by == me).map(|entry| entry.pos) {
        Some(pos) => asked(state, Confirm::Delete(id, pos)),
        None => told(state, "there is no message of yours here", now),
    }
}

fn asked(state: &mut State, confirm: Confirm) -> Vec<Effect> {
    state.overlay = Some(Overlay::Confirm(confirm));
    Vec::new()
}

fn ask_sign(state: &mut State, now: Timestamp) -> Vec<Effect> {
    let found = state.open_room().and_then(|room| Some((room.id(), meant(room, |_| true)?.pos)));
    match found {
        Some((room, pos)) => {
            let form = Form::new(vec![Field::text("Sign", "sign", "")]);
            super::overlay::open(state, PromptKind::React(room, pos), form);
            Vec::new()
        }
        None => told(state, "it has no place yet", now),
    }
}

/// Puts a sign on the meant message, or takes one's own back.
pub(super) fn react(state: &mut State, sign: &str, now: Timestamp) -> Vec<Effect> {
    let found = state.open_room().and_then(|room| Some((room.id(), meant(room, |_| true)?.pos)));
    match found {
        Some((room, pos)) => {
            none(state);
            put_sign(state, room, pos, sign)
        }
        None => told(state, "there is no message for a sign", now),
    }
}

/// The same for a message at a position.
pub(super) fn put_sign(state: &State, room: RoomId, pos: u64, sign: &str) -> Vec<Effect> {
    let (me, body) = (state.my_id(), sign.to_owned());
    let entry = state.room(room).and_then(|room| room.timeline.entry(pos));
    let has = entry.is_some_and(|entry| entry.has_sign(sign, me));
    let op = if has { Op::Unreact { body } } else { Op::React { body } };
    vec![Effect::Act(room, pos, op)]
}

/// Pins the meant message or not; without a wish what it is not now.
pub(super) fn pin(state: &mut State, wanted: Option<bool>, now: Timestamp) -> Vec<Effect> {
    let found = state.open_room().and_then(|room| {
        let entry = meant(room, |_| true)?;
        Some((room.id(), entry.pos, wanted.unwrap_or(!entry.is_pinned())))
    });
    match found {
        Some((room, pos, pin)) => vec![Effect::Act(room, pos, if pin { Op::Pin } else { Op::Unpin })],
        None => told(state, "there is no message to pin", now),
    }
}

/// The hub has done something to a message, or not. What was done comes as an event of the room.
pub(super) fn acted(
    state: &mut State,
    room: RoomId,
    tgt: u64,
    op: Op,
    answer: Answer<()>,
    now: Timestamp,
) -> Vec<Effect> {
    let Err(failure) = answer else { return Vec::new() };
    // A text that was not taken is not lost.
    if let (Op::Edit { body }, Some(room)) = (op, state.room_mut(room))
        && room.about.is_none()
    {
        let before = room.composer.take();
        room.composer.put(&body);
        room.about = Some(About::Edit { pos: tgt, before });
    }
    failed(state, &failure, now)
}

/// Whether an action makes sense for the chosen message: what does not is no hint.
pub(crate) fn applies(state: &State, action: Action) -> bool {
    let Some(room) = state.open_room() else { return true };
    let me = state.my_id();
    match (room.timeline.selected, action) {
        (Some(Place::Under(draft)), action) => match action {
            Action::Reply | Action::Edit | Action::React | Action::Save | Action::ConvertFile => false,
            Action::Retry => room.timeline.pending(draft).is_some_and(|own| own.delivery != Delivery::Queued),
            _ => true,
        },
        (Some(Place::At(pos)), action) => {
            let Some(entry) = room.timeline.entry(pos) else { return true };
            match action {
                Action::Retry => false,
                Action::Edit => entry.by == me && entry.body().is_some(),
                Action::Save => !entry.files().is_empty(),
                Action::ConvertFile => !entry.sources().is_empty(),
                _ => true,
            }
        }
        (None, _) => true,
    }
}
