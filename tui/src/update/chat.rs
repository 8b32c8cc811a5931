//! What keys do on the chat screen: writing, sending, choosing a room, scrolling.

use wire::{Timestamp, messages::Op};

use super::{command, files, landing, notify, overlay, rooms, select};
use crate::{
    app::{Confirm, Overlay, State, Tone},
    commands::{self, Line},
    composer,
    keys::{Action, Place},
    msg::Effect,
    room::{About, Delivery, RoomState, Scroll},
    text,
    unsaid::Unsaid,
};

/// Seconds after which it is said again that the person writes.
const TYPING_AGAIN: i64 = 3;

pub(super) fn act(state: &mut State, place: Place, action: Action, now: Timestamp) -> Vec<Effect> {
    let page = isize::try_from(state.messages_size().1).unwrap_or(isize::MAX).max(2) - 1;
    match action {
        Action::Compose => state.typing = state.open.is_some(),
        Action::Send => return send(state, now),
        Action::Select => return select::begin(state, place == Place::Writing, now),
        Action::CompleteLine => return command::complete(state, now),
        Action::Save => return files::save_newest(state, now),
        Action::Newline => {
            if let Some(room) = state.open_room_mut() {
                room.composer.newline();
            }
        }
        Action::Back if place == Place::Writing => {
            let left = state.open_room_mut().is_some_and(leave_about);
            state.typing = left;
        }
        Action::Back => {
            if let Some(room) = state.open_room_mut() {
                room.timeline.divider = None;
            }
            return to_newest(state);
        }
        Action::FirstUnread => return landing::to_first_unread(state, now),
        Action::Up => return rooms::step(state, -1),
        Action::Down => return rooms::step(state, 1),
        Action::NextUnread => return rooms::next_unread(state, now),
        Action::PageUp => return scroll(state, page),
        Action::PageDown => return scroll(state, -page),
        Action::HalfUp => return scroll(state, (page / 2).max(1)),
        Action::HalfDown => return scroll(state, -(page / 2).max(1)),
        Action::Top => return scroll(state, isize::MAX),
        Action::Bottom => return to_newest(state),
        Action::NewRoom => overlay::new_room(state),
        Action::Rooms => return overlay::pick_room(state),
        Action::Invite => return overlay::invite(state, now),
        Action::Leave => return leave(state, now),
        Action::Retry => return retry(state, None),
        Action::Refresh => {
            notify(state, Tone::Plain, "asking for your rooms…", now);
            return vec![Effect::LoadRooms];
        }
        _ => {}
    }
    Vec::new()
}

/// Enter: the text becomes a message under way. Blank text stays where it is.
fn send(state: &mut State, now: Timestamp) -> Vec<Effect> {
    let Some(room) = state.open_room() else { return Vec::new() };
    if room.composer.is_blank() {
        return Vec::new();
    }
    let length = room.composer.text().len();
    if length > composer::LONGEST {
        let (length, most) = (text::bytes(length as u64), text::bytes(composer::LONGEST as u64));
        notify(state, Tone::Bad, format!("too long: {length}, and a message takes {most} at most"), now);
        return Vec::new();
    }
    let edits = matches!(room.about, Some(About::Edit { .. }));
    let text = room.composer.text();
    let body = match commands::read(&text) {
        Line::Text(body) => body.to_owned(),
        _ if edits => text,
        line => return command::run(state, line, now),
    };
    let mut effects = said(state, body, now);
    effects.extend(typing(state, now));
    effects
}

/// What was written goes where it belongs: into the room, as an answer, or in the place of an earlier text.
fn said(state: &mut State, body: String, now: Timestamp) -> Vec<Effect> {
    let draft = state.next_number();
    let Some(room) = state.open_room_mut() else { return Vec::new() };
    room.composer.take();
    room.timeline.selected = None;
    match room.about.take() {
        Some(About::Edit { pos, before }) => {
            room.composer.put(&before);
            vec![Effect::Act(room.id(), pos, Op::Edit { body })]
        }
        Some(About::Reply(pos)) => say(room, draft, Unsaid { re: Some(pos), ..Unsaid::text(body) }, now),
        None => say(room, draft, Unsaid::text(body), now),
    }
}

/// What is written is a message like any other again; whether it was more than that.
pub(super) fn leave_about(room: &mut RoomState) -> bool {
    match room.about.take() {
        Some(About::Edit { before, .. }) => {
            room.composer.put(&before);
            true
        }
        about => about.is_some(),
    }
}

/// Others see that the person writes: said at the first letter and again while it goes on, and when nothing is left.
pub(super) fn typing(state: &mut State, now: Timestamp) -> Vec<Effect> {
    let Some(room) = state.open_room() else { return Vec::new() };
    let (id, writes) = (room.id(), !room.composer.is_blank());
    let said = state.said_typing.filter(|(room, until)| *room == id && now < *until);
    match (writes, said) {
        (true, None) => state.said_typing = Some((id, now.plus_seconds(TYPING_AGAIN))),
        (false, Some(_)) => state.said_typing = None,
        _ => return Vec::new(),
    }
    vec![Effect::Typing(id, writes)]
}

/// A refused message goes under way again: the one with this number, else the newest.
pub(super) fn retry(state: &mut State, draft: Option<u64>) -> Vec<Effect> {
    let Some(room) = state.open_room_mut() else { return Vec::new() };
    let id = room.id();
    let Some(own) = room.timeline.retry_refused(draft) else { return Vec::new() };
    let (draft, cid, said) = (own.draft, own.cid, own.said.clone());
    vec![Effect::Say { room: id, draft, cid, said }]
}

/// Something of one's own goes under way.
pub(super) fn say(room: &mut RoomState, draft: u64, said: Unsaid, now: Timestamp) -> Vec<Effect> {
    let timeline = &mut room.timeline;
    timeline.push(draft, said.clone(), now);
    (timeline.divider, timeline.landing) = (None, false);
    timeline.scroll = Scroll::Follow;
    debug_assert!(timeline.pending(draft).is_some_and(|own| own.delivery == Delivery::Queued));
    vec![Effect::Say { room: room.id(), draft, cid: None, said }]
}

/// Asks whether the person wants to leave the open room.
pub(super) fn leave(state: &mut State, now: Timestamp) -> Vec<Effect> {
    match state.open_room().map(|room| (room.id(), room.room.direct)) {
        Some((_, true)) => notify(state, Tone::Plain, "a conversation of two is not left", now),
        Some((room, false)) => state.overlay = Some(Overlay::Confirm(Confirm::Leave(room))),
        None => {}
    }
    Vec::new()
}

/// Scrolls by rows: up for more than 0. What is older than what is loaded is asked for at the top.
pub(super) fn scroll(state: &mut State, rows: isize) -> Vec<Effect> {
    let (_, height) = state.messages_size();
    let my_name = state.my_name();
    let Some(room) = state.open_room() else { return Vec::new() };
    let (scroll, at_top) = state.flow(room, &my_name).scrolled(rows, height);
    let Some(room) = state.open_room_mut() else { return Vec::new() };
    let (id, timeline) = (room.id(), &mut room.timeline);
    (timeline.scroll, timeline.landing) = (scroll, false);
    let older = at_top && !timeline.complete && !timeline.loading && timeline.oldest() > 0;
    if older {
        timeline.loading = true;
    }
    let oldest = timeline.oldest();
    if older { vec![Effect::LoadOlder(id, oldest)] } else { Vec::new() }
}

pub(super) fn to_newest(state: &mut State) -> Vec<Effect> {
    if let Some(room) = state.open_room_mut() {
        (room.timeline.scroll, room.timeline.landing) = (Scroll::Follow, false);
    }
    Vec::new()
}

/// Back to the newest message, unless some are unread: those would count as read without having been seen.
pub(super) fn to_newest_if_read(state: &mut State) -> Vec<Effect> {
    let unread = state.open_room().is_some_and(|room| state.unread(room) > 0);
    if unread { Vec::new() } else { to_newest(state) }
}

/// The screen has another size: what fits below is shown.
pub(super) fn settle(state: &mut State) -> Vec<Effect> {
    let anchored = |room: &RoomState| !room.timeline.landing && room.timeline.scroll != Scroll::Follow;
    if state.open_room().is_some_and(anchored) { scroll(state, 0) } else { Vec::new() }
}
