//! What the live socket tells: events in order, acknowledgements, breaks and what was missed in them.

use wire::{
    RoomId, Timestamp,
    events::{RoomEvent, What},
    frames::CARD,
};

use super::{account, notify, rooms};
use crate::{
    app::{Link, State, Tone},
    entry,
    msg::{Effect, Heard},
    room::{Divider, Scroll},
    text,
};

pub(super) fn heard(state: &mut State, heard: Heard, now: Timestamp) -> Vec<Effect> {
    match heard {
        Heard::Connected => {
            let back = matches!(state.link, Link::Reconnecting { .. });
            state.link = Link::Live;
            state.notice.take_if(|notice| notice.offline);
            // Rooms and people may have come or gone meanwhile.
            let members = state.open.map(Effect::LoadMembers);
            if back { [Effect::LoadRooms].into_iter().chain(members).collect() } else { Vec::new() }
        }
        Heard::Reconnecting { attempt, why, .. } => {
            away(state);
            state.link = Link::Reconnecting { attempt, why: text::clean_line(&why) };
            Vec::new()
        }
        Heard::Event(event) => happened(state, event),
        Heard::Live { room, pos } => {
            caught_up(state, room, pos);
            // What could not be fetched while the link was down.
            let gaps = state.room(room).map_or(&[][..], |room| room.timeline.gaps());
            gaps.iter()
                .map(|(after, until)| Effect::LoadMissing { room, after: *after, until: *until })
                .collect()
        }
        Heard::Restarted { room } => {
            if let Some(room) = state.room_mut(room) {
                room.timeline.renumber();
                room.counted.forget();
            }
            vec![Effect::LoadRooms]
        }
        Heard::Differs { room, after, upto } => {
            let Some(known) = state.room_mut(room) else { return Vec::new() };
            // What is wrong among it is not known: it is a hole until the database has told all of it.
            known.timeline.withdraw(after, upto);
            known.timeline.open_gap(after, upto + 1);
            vec![Effect::LoadRows { room, after, until: upto + 1 }]
        }
        Heard::Gap { room, from, to } => gap(state, room, from, to),
        Heard::Queued { draft, at } => {
            let (number, cid) = (state.next_number(), draft.cid);
            if let Some(room) = state.room_mut(draft.room) {
                room.timeline.left_in_outbox(number, cid, (*draft).into(), at);
            }
            Vec::new()
        }
        Heard::Uploading { cid, room, name, sent, total } => {
            if let Some(room) = state.room_mut(room) {
                room.timeline.uploading(cid, text::clean_line(&name), sent, total);
            }
            Vec::new()
        }
        Heard::Card { room, pos, at } => {
            if let Some(room) = state.room_mut(room) {
                let until = now.plus_seconds(CARD.as_secs().cast_signed());
                room.timeline.under_way(pos, at, until);
            }
            Vec::new()
        }
        Heard::Renewed { cid, fresh, room } => {
            if let Some(room) = state.room_mut(room) {
                room.timeline.renewed(cid, fresh);
            }
            Vec::new()
        }
        Heard::Void { room, pos } => {
            if let Some(room) = state.room_mut(room) {
                room.timeline.void(&pos);
            }
            Vec::new()
        }
        Heard::Entered { by, name, .. } => {
            if by != state.my_id() {
                let name = text::clean_line(&name);
                notify(state, Tone::Good, format!("{name} brought you into a room"), now);
            }
            vec![Effect::LoadRooms]
        }
        Heard::Dropped { cid, room } => {
            if let Some(room) = state.room_mut(room) {
                room.timeline.dropped(cid);
            }
            Vec::new()
        }
        Heard::Sent { cid, room, pos, ts, .. } => {
            let (me, name) = (state.my_id(), state.my_name());
            if let Some(room) = state.room_mut(room) {
                room.timeline.sent(cid, pos, ts, me, &name);
            }
            Vec::new()
        }
        Heard::Refused { cid, room, problem } => {
            if let Some(room) = state.room_mut(room) {
                room.timeline.refused(cid, text::clean_line(&problem.detail));
            }
            Vec::new()
        }
        Heard::Job(job) => {
            state.conversions.insert(*job);
            Vec::new()
        }
        Heard::Left { room } => {
            if let Some(name) = state.room(room).map(|room| room.room.name.clone()) {
                notify(state, Tone::Plain, format!("you are not in #{name} any more"), now);
            }
            rooms::drop_room(state, room)
        }
        Heard::Head(head) => {
            if let Some(room) = state.room_mut(head.room) {
                room.timeline.stored = room.timeline.stored.max(head.pos);
            }
            Vec::new()
        }
        Heard::Stored { room, pos } => {
            if let Some(room) = state.room_mut(room) {
                room.timeline.stored = room.timeline.stored.max(pos);
            }
            Vec::new()
        }
        Heard::Read { room, pos } => rooms::read_elsewhere(state, room, pos),
        Heard::Typing { room, user, name, on } => {
            let name = text::clean_line(&name);
            if let Some(room) = state.room_mut(room) {
                room.crowd.types(user, name, on, now);
            }
            Vec::new()
        }
        Heard::Presence { room, all, who } => {
            if let Some(room) = state.room_mut(room) {
                room.crowd.told(all, who);
            }
            Vec::new()
        }
        // It waits as it did before, and that is what is shown.
        Heard::PutOff { .. } => Vec::new(),
        Heard::Health(health) => {
            state.health = health;
            Vec::new()
        }
        Heard::SignedOut { why } => account::session_over(state, &why),
        Heard::Draining => {
            notify(state, Tone::Plain, "moving to another part of the hub; nothing is lost", now);
            Vec::new()
        }
    }
}

fn gap(state: &mut State, room: RoomId, from: u64, to: u64) -> Vec<Effect> {
    let Some(known) = state.room_mut(room) else { return Vec::new() };
    known.timeline.open_gap(from, to);
    vec![Effect::LoadMissing { room, after: from, until: to }]
}

/// The link broke: everything from here on is what was missed.
fn away(state: &mut State) {
    let open = state.open;
    for room in &mut state.rooms {
        room.crowd.forget();
        room.members.iter_mut().for_each(|member| member.presence = None);
        let is_open = open == Some(room.id());
        let timeline = &mut room.timeline;
        timeline.away();
        if timeline.live && timeline.divider.is_none_or(|divider| divider.count == 0) {
            timeline.divider = Some(Divider { after: timeline.newest(), count: 0 });
            // What is missed is not on the screen by being the newest.
            timeline.landing |= is_open && timeline.scroll == Scroll::Follow;
        }
    }
}

fn happened(state: &mut State, event: RoomEvent) -> Vec<Effect> {
    let id = event.room;
    let people = !matches!(event.what, What::Said { .. }) && !entry::is_act(&event);
    let takes_away = matches!(event.what, What::Redacted { .. } | What::Edited { .. });
    let Some(room) = state.room_mut(id) else { return Vec::new() };
    room.crowd.stops(event.by);
    let (about, read) = (event.what.target(), room.counted.mark());
    let news = room.timeline.insert(event) && room.timeline.live;
    if news && people && state.open == Some(id) {
        return vec![Effect::LoadMembers(id)];
    }
    // The hub has counted the message that is gone, or names other people now.
    if news && takes_away && about.is_some_and(|tgt| tgt > read) {
        vec![Effect::LoadRooms]
    } else {
        Vec::new()
    }
}

/// The past of a room is complete: the first time it counts as seen; after a break, what was missed is counted.
fn caught_up(state: &mut State, id: RoomId, pos: u64) {
    let me = state.my_id();
    let Some(room) = state.room_mut(id) else { return };
    let timeline = &mut room.timeline;
    if !timeline.live {
        timeline.live = true;
        timeline.complete = timeline.oldest() == 0;
        room.counted.begin_at(pos);
        return;
    }
    timeline.count_missed(me);
}
