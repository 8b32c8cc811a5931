//! Where a room opens, which is where the unread begins, and what counts as read: what was on the screen.

use wire::{RoomId, Timestamp};

use super::notify;
use crate::{
    app::{Screen, State, Tone},
    layout::SMALLEST,
    msg::Effect,
    room::{Divider, Place, Scroll},
};

/// Brings the first message behind the divider into sight, once everything from it on is loaded.
pub(super) fn land(state: &mut State) -> Option<Effect> {
    let me = state.my_id();
    let room = state.open_room_mut().filter(|room| room.timeline.landing)?;
    let (id, timeline) = (room.id(), &mut room.timeline);
    let Some(Divider { after, count }) = timeline.divider else {
        timeline.landing = false;
        return None;
    };
    // While the link is down nobody knows what is missed.
    let waits = !timeline.live || count == 0 || timeline.loading;
    if waits || timeline.gaps().iter().any(|(_, to)| *to > after) {
        return None;
    }
    let (lacks, (said, _)) = (timeline.lacks(after), timeline.said_after(after, me));
    // When all that the hub counted is here, and the newest is on the screen with it, nothing is left out.
    if lacks && (said < count || scroll_of(state) != Scroll::Follow) {
        let timeline = &mut state.open_room_mut()?.timeline;
        timeline.loading = true;
        // Until it is here: what is loaded, from its beginning.
        timeline.scroll = timeline.first().map_or(Scroll::Follow, |first| Scroll::Anchor(first, 0));
        return Some(Effect::LoadOlder(id, timeline.oldest()));
    }
    // The hub's count may be older than what came since.
    state.open_room_mut()?.timeline.divider = Some(Divider { after, count: count.max(said) });
    bring(state);
    None
}

/// The older messages do not come: what is loaded has to do. The newest of it is not followed, for that would read all.
pub(super) fn give_up(state: &mut State, id: RoomId) {
    if state.open != Some(id) || state.open_room().is_none_or(|room| !room.timeline.landing) {
        return;
    }
    bring(state);
    let Some(room) = state.open_room_mut() else { return };
    if let (Scroll::Follow, Some(last)) = (room.timeline.scroll, room.timeline.last()) {
        room.timeline.scroll = Scroll::Anchor(last, usize::MAX);
    }
}

fn bring(state: &mut State) {
    let scroll = scroll_of(state);
    if let Some(room) = state.open_room_mut() {
        (room.timeline.landing, room.timeline.scroll) = (false, scroll);
    }
}

/// Where the first message behind the divider is in sight.
fn scroll_of(state: &State) -> Scroll {
    let (my_name, (_, height)) = (state.my_name(), state.messages_size());
    let Some(room) = state.open_room() else { return Scroll::Follow };
    let after = room.timeline.divider.map_or(0, |divider| divider.after);
    let first = room.timeline.first_said_after(after, state.my_id());
    let flow = state.flow(room, &my_name);
    first.map_or(Scroll::Follow, |pos| flow.landed(Place::At(pos), height))
}

/// To the first message that is unread, or was when the room was opened.
pub(super) fn to_first_unread(state: &mut State, now: Timestamp) -> Vec<Effect> {
    let me = state.my_id();
    let Some(room) = state.open_room_mut() else { return Vec::new() };
    let divider = room.unread(me).or(room.timeline.divider.filter(|divider| divider.count > 0));
    room.timeline.landing = divider.is_some();
    match divider {
        Some(_) => room.timeline.divider = divider,
        None => notify(state, Tone::Plain, "nothing unread here", now),
    }
    Vec::new()
}

/// What is on the screen is read, on every device.
pub(super) fn read(state: &mut State) -> Option<Effect> {
    let covered = state.overlay.is_some() || state.size.0 < SMALLEST.0 || state.size.1 < SMALLEST.1;
    if state.screen != Screen::Chat || state.me.is_none() || covered {
        return None;
    }
    let upto = seen(state)?;
    let room = state.open_room_mut()?;
    room.counted.read(upto).then(|| Effect::Read(room.id(), upto))
}

/// Up to where the open room is read by what is on the screen now: a message that was never on it, above what is, stays
/// unread, and so does all that follows it. Whoever is at the newest message has gone there, or has missed nothing.
fn seen(state: &State) -> Option<u64> {
    let (_, height) = state.messages_size();
    let room = state.open_room()?;
    let timeline = &room.timeline;
    if !timeline.live || timeline.landing {
        return None;
    }
    if timeline.scroll == Scroll::Follow {
        return Some(timeline.newest());
    }
    let mark = room.counted.mark();
    let unread = timeline.first_said_after(mark, state.my_id()).filter(|_| timeline.reaches(mark))?;
    let my_name = state.my_name();
    let (first, last) = state.flow(room, &my_name).shown(height)?;
    (first <= unread && unread <= last).then_some(last)
}
