//! The list of rooms, the open one, its members and its history.

use wire::{
    RoomId, Timestamp,
    rooms::{EventPage, Member, Room},
};

use super::{failed, landing, notify};
use crate::{
    app::{Link, Overlay, Picker, Screen, State, Tone},
    msg::{Answer, Effect, FailureKind},
    room::{RoomState, Scroll, clean},
    text,
};

/// The rooms one is in: new ones are heard of from now on, those left are gone, the wanted one opens.
pub(super) fn listed(state: &mut State, answer: Answer<Vec<Room>>, now: Timestamp) -> Vec<Effect> {
    let rooms: Vec<Room> = match answer {
        // An answer may come after the session it was asked in.
        Ok(_) if state.me.is_none() => return Vec::new(),
        Ok(rooms) => rooms.into_iter().filter(|room| room.joined).collect(),
        Err(failure) => return failed(state, &failure, now),
    };
    let mut effects = Vec::new();
    let gone: Vec<RoomId> = state.rooms.iter().map(RoomState::id).collect();
    for id in gone.into_iter().filter(|id| !rooms.iter().any(|room| room.id == *id)) {
        effects.extend(drop_room(state, id));
    }
    for room in rooms {
        effects.extend(put(state, room));
    }
    let first = !state.rooms_known;
    state.rooms_known = true;
    effects.extend(open_wanted(state, first, now));
    effects
}

/// A room as the hub tells it; when it is new, it is subscribed to.
fn put(state: &mut State, room: Room) -> Vec<Effect> {
    let id = room.id;
    if let Some(known) = state.room_mut(id) {
        known.told(room);
        return Vec::new();
    }
    state.rooms.push(RoomState::new(room));
    state.rooms.sort_by(|a, b| a.room.name.cmp(&b.room.name));
    vec![Effect::Subscribe(id)]
}

/// Opens the room that was asked for at the start, else the first one.
fn open_wanted(state: &mut State, first: bool, now: Timestamp) -> Vec<Effect> {
    if let Some(wanted) = state.wanted.take() {
        let name = wanted.trim_start_matches('#').to_lowercase();
        let found = state.rooms.iter().find(|room| room.room.name == name || room.id().to_string() == name);
        if let Some(id) = found.map(RoomState::id) {
            state.typing = true;
            return open(state, id);
        }
        notify(state, Tone::Plain, format!("you are in no room called {}", text::clean_line(&name)), now);
        return super::overlay::pick_named(state, &name);
    }
    if state.open.is_some() {
        return Vec::new();
    }
    let Some(id) = state.rooms.first().map(RoomState::id) else { return Vec::new() };
    state.typing = first && state.screen == Screen::Chat && state.overlay.is_none();
    open(state, id)
}

/// A room comes on the screen: where what was not seen in it begins, else at the newest message.
pub(super) fn open(state: &mut State, id: RoomId) -> Vec<Effect> {
    if state.open == Some(id) {
        return Vec::new();
    }
    if let Some(before) = state.open_room_mut() {
        (before.timeline.divider, before.timeline.landing) = (None, false);
    }
    let me = state.my_id();
    if let Some(room) = state.room_mut(id) {
        room.timeline.divider = room.unread(me);
        room.timeline.landing = room.timeline.divider.is_some();
        room.timeline.scroll = Scroll::Follow;
    }
    state.open = Some(id);
    vec![Effect::LoadMembers(id)]
}

/// The person has read a room up to a position, here or on another device. What cannot be counted here is asked for.
pub(super) fn read_elsewhere(state: &mut State, id: RoomId, pos: u64) -> Vec<Effect> {
    let Some(room) = state.room_mut(id) else { return Vec::new() };
    let news = room.counted.read(pos);
    if news && room.counted.is_doubtful(&room.timeline) { vec![Effect::LoadRooms] } else { Vec::new() }
}

/// Opens the room so many further down the list.
pub(super) fn step(state: &mut State, step: isize) -> Vec<Effect> {
    let at = state.rooms.iter().position(|room| Some(room.id()) == state.open).unwrap_or(0);
    let next = at.saturating_add_signed(step).min(state.rooms.len().saturating_sub(1));
    match state.rooms.get(next).map(RoomState::id) {
        Some(id) => open(state, id),
        None => Vec::new(),
    }
}

/// Opens the next room in the list that has something unseen, around the end.
pub(super) fn next_unread(state: &mut State, now: Timestamp) -> Vec<Effect> {
    let at = state.rooms.iter().position(|room| Some(room.id()) == state.open).unwrap_or(0);
    let later = state.rooms.iter().cycle().skip(at + 1).take(state.rooms.len());
    let next = later.filter(|room| Some(room.id()) != state.open).find(|room| state.unread(room) > 0);
    match next.map(RoomState::id) {
        Some(id) => open(state, id),
        None => {
            notify(state, Tone::Plain, "nothing unread elsewhere", now);
            Vec::new()
        }
    }
}

/// A room was made or joined: it opens, ready to write.
pub(super) fn entered(state: &mut State, answer: Answer<Room>, now: Timestamp) -> Vec<Effect> {
    match answer {
        Ok(room) => {
            let id = room.id;
            let name = text::clean_line(&room.name);
            let told =
                if room.direct { format!("you talk with {name}") } else { format!("you are in #{name}") };
            let mut effects = put(state, room);
            super::go(state, Screen::Chat, true);
            effects.extend(open(state, id));
            notify(state, Tone::Good, told, now);
            effects
        }
        Err(failure) => {
            if let Some(prompt) = super::prompt(state) {
                prompt.form.fail(&failure);
                return Vec::new();
            }
            failed(state, &failure, now)
        }
    }
}

/// A room is no longer ours.
pub(super) fn drop_room(state: &mut State, id: RoomId) -> Vec<Effect> {
    let at = state.rooms.iter().position(|room| room.id() == id).unwrap_or(0);
    state.rooms.retain(|room| room.id() != id);
    let mut effects = vec![Effect::Unsubscribe(id)];
    if state.open == Some(id) {
        state.open = None;
        let next = state.rooms.get(at).or(state.rooms.last()).map(RoomState::id);
        match next {
            Some(next) => effects.extend(open(state, next)),
            None => state.typing = state.typing && state.screen != Screen::Chat,
        }
    }
    effects
}

pub(super) fn left(state: &mut State, room: RoomId, answer: Answer<()>, now: Timestamp) -> Vec<Effect> {
    match answer {
        Ok(()) => drop_room(state, room),
        Err(failure) => failed(state, &failure, now),
    }
}

pub(super) fn public(state: &mut State, answer: Answer<Vec<Room>>, now: Timestamp) -> Vec<Effect> {
    match (answer, &mut state.overlay) {
        (Ok(rooms), Some(Overlay::Picker(Picker { public, .. }))) => {
            *public = rooms.into_iter().map(clean).collect();
            Vec::new()
        }
        (Ok(_), _) => Vec::new(),
        (Err(failure), _) => failed(state, &failure, now),
    }
}

pub(super) fn invited(state: &mut State, answer: Answer<String>, now: Timestamp) -> Vec<Effect> {
    match answer {
        Ok(who) => {
            state.overlay = None;
            // The hub does not tell whether the address has an account, so neither do we.
            notify(state, Tone::Good, format!("{who} is in the room now, if they have an account here"), now);
            state.open.map(Effect::LoadMembers).into_iter().collect()
        }
        Err(failure) => {
            if let Some(prompt) = super::prompt(state) {
                prompt.form.fail(&failure);
                return Vec::new();
            }
            failed(state, &failure, now)
        }
    }
}

pub(super) fn members(
    state: &mut State,
    id: RoomId,
    answer: Answer<Vec<Member>>,
    now: Timestamp,
) -> Vec<Effect> {
    match answer {
        Ok(members) => {
            if let Some(room) = state.room_mut(id) {
                room.room.members = u32::try_from(members.len()).unwrap_or(u32::MAX);
                let clean = |member: Member| Member { name: text::clean_line(&member.name), ..member };
                room.members = members.into_iter().map(clean).collect();
                let here = room.members.iter().filter_map(|member| Some((member.id, member.presence?)));
                room.crowd.listed(here);
            }
            Vec::new()
        }
        // A room that was just left has no members to tell; a lost link tells itself.
        Err(failure) if failure.kind == FailureKind::SignedOut => failed(state, &failure, now),
        Err(_) => Vec::new(),
    }
}

pub(super) fn older(state: &mut State, id: RoomId, answer: Answer<EventPage>, now: Timestamp) -> Vec<Effect> {
    let page = match answer {
        Ok(page) => page,
        Err(failure) => {
            if let Some(room) = state.room_mut(id) {
                room.timeline.loading = false;
            }
            landing::give_up(state, id);
            return failed(state, &failure, now);
        }
    };
    if let Some(room) = state.room_mut(id) {
        room.timeline.loading = false;
        room.timeline.complete = !page.more;
        room.timeline.stored = room.timeline.stored.max(page.persisted);
        room.timeline.extend(page.events);
    }
    Vec::new()
}

/// A page of a hole: on until the hole is closed. `load` asks for what comes after a position.
pub(super) fn missing(
    state: &mut State,
    id: RoomId,
    until: u64,
    answer: Answer<EventPage>,
    load: impl Fn(u64) -> Effect,
) -> Vec<Effect> {
    let (me, is_live) = (state.my_id(), state.link == Link::Live);
    let Some(room) = state.room_mut(id) else { return Vec::new() };
    let page = match answer {
        Ok(page) => page,
        // The hub was asked several times already; it stays a hole on the screen until it answers.
        Err(failure) if failure.kind == FailureKind::Unreachable => {
            let gap = room.timeline.gaps().iter().find(|(_, to)| *to == until);
            return gap.map(|(after, _)| load(*after)).into_iter().collect();
        }
        Err(_) => return Vec::new(),
    };
    let reached = page.events.last().map_or(until, |event| event.pos);
    room.timeline.extend(page.events);
    if page.more && reached + 1 < until {
        return vec![load(reached)];
    }
    room.timeline.close_gap(until);
    if is_live {
        room.timeline.count_missed(me);
    }
    Vec::new()
}
