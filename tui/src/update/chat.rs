//! What keys do on the chat screen: writing, sending, choosing a room, scrolling.

use wire::Timestamp;

use super::{notify, overlay, rooms};
use crate::{
    app::{Confirm, Overlay, State, Tone},
    composer,
    keys::{Action, Place},
    msg::Effect,
    room::{Delivery, Scroll},
    text,
};

/// Seconds after which it is said again that the person writes.
const TYPING_AGAIN: i64 = 3;

pub(super) fn act(state: &mut State, place: Place, action: Action, now: Timestamp) -> Vec<Effect> {
    let page = isize::try_from(state.messages_size().1).unwrap_or(isize::MAX).max(2) - 1;
    match action {
        Action::Compose => state.typing = state.open.is_some(),
        Action::Send => return send(state, now),
        Action::Newline => {
            if let Some(room) = state.open_room_mut() {
                room.composer.newline();
            }
        }
        Action::Back if place == Place::Writing => state.typing = false,
        Action::Back => {
            if let Some(room) = state.open_room_mut() {
                room.timeline.divider = None;
            }
            return to_newest(state);
        }
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
        Action::Leave => {
            if let Some(room) = state.open {
                state.overlay = Some(Overlay::Confirm(Confirm::Leave(room)));
            }
        }
        Action::Retry => return retry(state),
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
    let draft = state.next_number();
    let Some(room) = state.open_room_mut() else { return Vec::new() };
    let body = room.composer.take();
    let mut effects = say(room, draft, body, now);
    effects.extend(typing(state, now));
    effects
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

/// The newest refused message goes under way again.
fn retry(state: &mut State) -> Vec<Effect> {
    let Some(room) = state.open_room_mut() else { return Vec::new() };
    let id = room.id();
    let Some(own) = room.timeline.retry_refused() else { return Vec::new() };
    let (draft, cid, body) = (own.draft, own.cid, own.body.clone());
    vec![Effect::Say { room: id, draft, cid, body }]
}

fn say(room: &mut crate::room::RoomState, draft: u64, body: String, now: Timestamp) -> Vec<Effect> {
    let timeline = &mut room.timeline;
    timeline.push(draft, body.clone(), now);
    timeline.divider = None;
    timeline.scroll = Scroll::Follow;
    debug_assert!(timeline.pending(draft).is_some_and(|own| own.delivery == Delivery::Queued));
    vec![Effect::Say { room: room.id(), draft, cid: None, body }]
}

/// Scrolls by rows: up for more than 0. What is older than what is loaded is asked for at the top.
fn scroll(state: &mut State, rows: isize) -> Vec<Effect> {
    let (_, height) = state.messages_size();
    let my_name = state.my_name();
    let Some(room) = state.open_room() else { return Vec::new() };
    let (scroll, at_top) = state.flow(room, &my_name).scrolled(rows, height);
    let Some(room) = state.open_room_mut() else { return Vec::new() };
    let (id, timeline) = (room.id(), &mut room.timeline);
    timeline.scroll = scroll;
    let older = at_top && !timeline.complete && !timeline.loading && timeline.oldest() > 0;
    if older {
        timeline.loading = true;
    }
    let oldest = timeline.oldest();
    if older { vec![Effect::LoadOlder(id, oldest)] } else { Vec::new() }
}

fn to_newest(state: &mut State) -> Vec<Effect> {
    if let Some(room) = state.open_room_mut() {
        room.timeline.scroll = Scroll::Follow;
    }
    Vec::new()
}
