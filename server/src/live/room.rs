//! One room as this gateway sees it: its newest events, who is in it, and who listens.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use platform::mutants::{self, Mutant};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use wire::{
    RoomId, UserId,
    events::{RoomEvent, What},
    frames::ToClient,
};

use super::{
    bundle, encoded,
    limits::CROWD,
    line::{Line, Round},
};
use crate::rooms;

/// Names a socket of this gateway.
pub(super) type SocketId = u64;

/// An event as it is kept: its place, and its JSON, which is made once for everybody.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) pos: u64,
    pub(super) json: Utf8Bytes,
}

/// What an event takes beside its text, about.
const BESIDE: usize = 384;

impl Kept {
    fn of(event: &RoomEvent) -> Self {
        let mut json = Vec::with_capacity(BESIDE + event.what.body().len());
        serde_json::to_writer(&mut json, event).expect("an event is plain data");
        let json = String::from_utf8(json).expect("JSON is UTF-8");
        Self { pos: event.pos, json: json.into() }
    }

    /// Takes the text away if this is a message that was removed, or an edit of it.
    fn blank(&mut self, tgt: u64) {
        if self.pos != tgt && !self.json.contains(&format!("\"tgt\":{tgt}")) {
            return;
        }
        if let Ok(mut event) = serde_json::from_str::<RoomEvent>(&self.json) {
            rooms::blank([&mut event], tgt);
            *self = Self::of(&event);
        }
    }
}

/// One socket that follows the room.
struct Listener {
    user: UserId,
    line: Arc<Line>,
    /// Whether the past is complete; until then nothing is pushed to it.
    live: bool,
}

/// A room of the live registry.
pub(super) struct Room {
    pub(super) partition: i32,
    /// Everything of the room that its partition's ring still holds, oldest first.
    recent: VecDeque<Kept>,
    /// The newest position, once it is known.
    last: Option<u64>,
    listeners: HashMap<SocketId, Listener>,
    /// Who is in it, once that was asked for; kept true by the log.
    members: Option<HashSet<UserId>>,
    /// Counts changes of membership, so that an answer of the database that one overtook is not kept.
    changes: u64,
}

/// What stands between a socket and being live.
pub(super) enum Reach {
    /// Nothing any more: it is live.
    Live,
    /// These events, of which memory has all.
    Newer(Vec<Kept>),
    /// More than memory has.
    Beyond,
    /// It does not follow the room any more.
    Gone,
}

/// What an event changes in who is in a room.
pub(super) enum Change {
    In(UserId),
    Out(UserId),
    /// Nobody is in it any more.
    Closed,
}

impl Change {
    pub(super) fn of(event: &RoomEvent) -> Option<Self> {
        match event.what {
            What::Closed => Some(Self::Closed),
            _ => event.entered().map(Self::In).or_else(|| event.left().map(Self::Out)),
        }
    }
}

impl Room {
    pub(super) fn new(partition: i32) -> Self {
        let (recent, listeners) = (VecDeque::new(), HashMap::new());
        Self { partition, recent, last: None, listeners, members: None, changes: 0 }
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.last
    }

    /// The newest position as the database and the log together have it; what was seen live knows better.
    pub(super) fn seed(&mut self, head: u64) {
        self.last = self.last.max(Some(head));
    }

    /// Takes events in their order: keeps them, and pushes them to everybody who is live. Somebody who leaves hears
    /// of it and of nothing after it.
    pub(super) fn take(&mut self, id: RoomId, events: Vec<RoomEvent>, round: &mut Round) -> Vec<Kept> {
        let (mut kept, mut run) = (Vec::with_capacity(events.len()), Vec::new());
        let mut after = self.last;
        for mut event in events {
            event.prev = self.last;
            self.last = Some(event.pos);
            run.push(Kept::of(&event));
            if let What::Redacted { tgt } = event.what {
                let earlier = self.recent.iter_mut().chain(&mut kept).chain(&mut run);
                earlier.for_each(|kept| kept.blank(tgt));
            }
            if let Some(change) = Change::of(&event) {
                self.push(id, after, &run, round);
                after = self.last;
                kept.append(&mut run);
                self.change(id, &change, round);
            }
        }
        self.push(id, after, &run, round);
        kept.append(&mut run);
        self.recent.extend(kept.iter().cloned());
        kept
    }

    /// Hands events to everybody who is live, the same bytes to each.
    fn push(&self, id: RoomId, after: Option<u64>, events: &[Kept], round: &mut Round) {
        let Some(first) = events.first() else { return };
        if self.listeners.is_empty() {
            return;
        }
        let mut after = after.unwrap_or(first.pos.saturating_sub(1));
        for (newest, frame) in bundle::frames(id, events) {
            for listener in self.listeners.values().filter(|listener| listener.live) {
                round.events(&listener.line, id, after, frame.clone());
            }
            after = newest;
        }
    }

    fn change(&mut self, id: RoomId, change: &Change, round: &mut Round) {
        self.changes += 1;
        match change {
            Change::In(user) => {
                self.members.as_mut().map(|members| members.insert(*user));
            }
            Change::Out(user) => {
                self.members.as_mut().map(|members| members.remove(user));
                self.expel(id, |listener| listener == *user, round);
            }
            Change::Closed => {
                self.members = None;
                self.expel(id, |_| true, round);
            }
        }
    }

    fn expel(&mut self, id: RoomId, whom: impl Fn(UserId) -> bool, round: &mut Round) {
        let unsubbed = encoded(&ToClient::Unsubbed { room: id });
        for (_, listener) in self.listeners.extract_if(|_, listener| whom(listener.user)) {
            listener.line.forget(id);
            round.tell(&listener.line, unsubbed.clone());
        }
    }

    /// Forgets the oldest event, which the ring has no place for any more.
    pub(super) fn drop_oldest(&mut self, pos: u64) {
        if self.recent.front().is_some_and(|oldest| oldest.pos <= pos) {
            self.recent.pop_front();
        }
    }

    /// Everything after a position that memory has.
    pub(super) fn after(&self, pos: u64) -> Vec<Kept> {
        let from = self.recent.partition_point(|kept| kept.pos <= pos);
        self.recent.range(from..).cloned().collect()
    }

    /// The newest events before a position that memory has, at most so many.
    pub(super) fn before(&self, pos: u64, most: usize) -> Vec<Kept> {
        let to = self.recent.partition_point(|kept| kept.pos < pos);
        self.recent.range(to.saturating_sub(most)..to).cloned().collect()
    }

    /// Begins to follow: nothing is pushed until [`Room::go_live`] says that the past is complete.
    pub(super) fn listen(&mut self, socket: SocketId, user: UserId, line: Arc<Line>) {
        self.listeners.insert(socket, Listener { user, line, live: false });
    }

    /// What is between a position and now. When it is nothing, the socket is live from here on and hears so.
    /// `complete_after` is the position after which memory has everything.
    pub(super) fn go_live(&mut self, id: RoomId, socket: SocketId, upto: u64, complete_after: u64) -> Reach {
        if !self.listeners.contains_key(&socket) {
            return Reach::Gone;
        }
        let is_newest = self.last.is_some_and(|last| last <= upto);
        if upto < complete_after && !is_newest {
            return Reach::Beyond;
        }
        let newer = self.after(upto);
        if !newer.is_empty() && !mutants::is(Mutant::M4) {
            return Reach::Newer(newer);
        }
        if let Some(listener) = self.listeners.get_mut(&socket) {
            listener.live = true;
            listener.line.tell(encoded(&ToClient::Live { room: id, pos: upto }));
        }
        Reach::Live
    }

    /// Whether a socket still follows.
    pub(super) fn hears(&self, socket: SocketId) -> bool {
        self.listeners.contains_key(&socket)
    }

    pub(super) fn forget(&mut self, socket: SocketId) {
        self.listeners.remove(&socket);
    }

    /// Something that may be lost, for everybody who follows.
    pub(super) fn hint(&self, frame: &Bytes) {
        self.listeners.values().for_each(|listener| listener.line.hint(frame.clone()));
    }

    /// The same, but it may go out with what comes next.
    pub(super) fn hint_aside(&self, frame: &Bytes, round: &mut Round) {
        self.listeners.values().for_each(|listener| round.hint(&listener.line, frame.clone()));
    }

    /// Whether anybody follows.
    pub(super) fn is_followed(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Who is in it, when that is known here and they are few enough to be told of each other.
    pub(super) fn few_members(&self) -> Option<&HashSet<UserId>> {
        self.members.as_ref().filter(|members| members.len() <= CROWD)
    }

    /// Whether somebody is in the room, if that is known here.
    pub(super) fn has_member(&self, user: UserId) -> Option<bool> {
        self.members.as_ref().map(|members| members.contains(&user))
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Keeps what the database said, unless a change of the log overtook it.
    pub(super) fn set_members(&mut self, members: HashSet<UserId>, as_of: u64) {
        if self.changes == as_of {
            self.members = Some(members);
        }
    }

    /// The same for one person whom the database knew and memory did not.
    pub(super) fn add_member(&mut self, user: UserId, as_of: u64) {
        if self.changes == as_of {
            self.members.as_mut().map(|members| members.insert(user));
        }
    }

    /// Somebody is out in the database already; the log will say so as well.
    pub(super) fn drop_member(&mut self, user: UserId) {
        self.changes += 1;
        self.members.as_mut().map(|members| members.remove(&user));
    }

    /// Nobody follows, and nothing is kept that another look could not find again.
    pub(super) fn is_quiet(&self) -> bool {
        self.listeners.is_empty() && self.recent.is_empty()
    }
}
