//! One room as the client knows it: its events in the order of the log, own messages under way, and what was seen.

use std::collections::BTreeMap;

use wire::{
    ClientId, RoomId, Timestamp, UserId,
    events::RoomEvent,
    rooms::{Member, Room},
};

use crate::{attachments, composer::Composer, text};

/// How many events a room keeps while its newest ones are shown; older ones can be loaded again.
const KEPT: usize = 2_000;

/// A room with its timeline, draft and members.
#[derive(Clone, Debug)]
pub struct RoomState {
    /// As the hub describes it, its texts cleaned.
    pub room: Room,
    /// What happened in it.
    pub timeline: Timeline,
    /// The message being written.
    pub composer: Composer,
    /// Who is in it; empty until asked for.
    pub members: Vec<Member>,
}

impl RoomState {
    /// A room of which nothing is known but its description.
    pub fn new(room: Room) -> Self {
        Self {
            room: clean(room),
            timeline: Timeline::default(),
            composer: Composer::default(),
            members: Vec::new(),
        }
    }

    /// Its id.
    pub fn id(&self) -> RoomId {
        self.room.id
    }
}

/// A room whose name and topic cannot steer the terminal.
pub fn clean(mut room: Room) -> Room {
    room.name = text::clean_line(&room.name);
    room.topic = text::clean_line(&room.topic);
    room
}

/// One event, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub pos: u64,
    /// When.
    pub ts: Timestamp,
    /// Who.
    pub by: UserId,
    /// What that person was called, cleaned.
    pub name: String,
    /// The message, or the sentence that tells of the event; cleaned, may have several lines.
    pub text: String,
    /// Whether somebody said it.
    pub said: bool,
}

impl Entry {
    fn of(event: RoomEvent) -> Self {
        let name = text::clean_line(&event.name);
        let sentence = event.sentence();
        let said = sentence.is_none();
        let text = match sentence {
            Some(told) => text::clean_line(&told),
            None => attachments::below(text::clean(event.what.body()), event.what.files()),
        };
        Self { pos: event.pos, ts: event.ts, by: event.by, name, text, said }
    }
}

/// Where an own message is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In the outbox.
    Queued,
    /// The hub said no, for this reason.
    Refused(String),
}

/// An own message that has no place yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The number the state gave it.
    pub draft: u64,
    /// The id that the hub will echo, once the outbox gave it.
    pub cid: Option<ClientId>,
    /// When Enter was pressed.
    pub ts: Timestamp,
    /// As typed.
    pub body: String,
    /// Where it is.
    pub delivery: Delivery,
}

/// What stands on a row: placed events first, in order, then own messages under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// An event at its position.
    At(u64),
    /// An own message by its number.
    Under(u64),
}

/// The last visible row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scroll {
    /// The newest, whatever comes.
    #[default]
    Follow,
    /// A row of an entry, counted from the entry's first.
    Anchor(Place, usize),
}

/// The line between what was seen and what was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divider {
    /// It stands behind this position.
    pub after: u64,
    /// How many messages were missed; while 0 there is no line yet.
    pub count: usize,
}

/// Everything known of what happened in a room.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    entries: BTreeMap<u64, Entry>,
    pending: Vec<Pending>,
    gaps: Vec<(u64, u64)>,
    /// Everything up to here is in the hub's database.
    pub stored: u64,
    /// Whether the beginning of the room is loaded.
    pub complete: bool,
    /// Whether history is being asked for.
    pub loading: bool,
    /// Whether the past that a subscription begins with has been told once.
    pub live: bool,
    /// Everything up to here has been seen.
    pub seen: u64,
    /// The line "n new", if there is one.
    pub divider: Option<Divider>,
    /// What is visible.
    pub scroll: Scroll,
}

impl Timeline {
    /// Takes an event. The same one twice, or one out of order, changes nothing that is seen: the position decides.
    /// True when it is news, that is newer than everything known.
    pub fn insert(&mut self, event: RoomEvent) -> bool {
        let (pos, cid) = (event.pos, event.cid);
        let news = pos > self.newest();
        self.pending.retain(|own| own.cid != Some(cid));
        self.entries.entry(pos).or_insert_with(|| Entry::of(event));
        if news && self.scroll == Scroll::Follow {
            self.forget_oldest();
        }
        news
    }

    /// Takes a page of history, in any order.
    pub fn extend(&mut self, events: Vec<RoomEvent>) {
        for event in events {
            self.pending.retain(|own| own.cid != Some(event.cid));
            self.entries.entry(event.pos).or_insert_with(|| Entry::of(event));
        }
    }

    fn forget_oldest(&mut self) {
        while self.entries.len() > KEPT {
            self.entries.pop_first();
            self.complete = false;
        }
        let oldest = self.oldest();
        self.gaps.retain(|(_, to)| *to > oldest);
    }

    /// An own message goes under way.
    pub fn push(&mut self, draft: u64, body: String, ts: Timestamp) {
        self.pending.push(Pending { draft, cid: None, ts, body, delivery: Delivery::Queued });
    }

    /// The outbox has an own message.
    pub fn name_pending(&mut self, draft: u64, cid: ClientId) {
        if let Some(own) = self.pending.iter_mut().find(|own| own.draft == draft) {
            own.cid = Some(cid);
        }
    }

    /// The outbox has a message that waits: one that is known here already, or one that was left there, which goes
    /// under way with this number.
    pub fn left_in_outbox(&mut self, draft: u64, cid: ClientId, body: String, ts: Timestamp) {
        match self.pending.iter_mut().find(|own| own.cid == Some(cid)) {
            Some(own) => own.delivery = Delivery::Queued,
            None => {
                self.pending.push(Pending { draft, cid: Some(cid), ts, body, delivery: Delivery::Queued })
            }
        }
    }

    /// An own message that waits has another id from now on.
    pub fn renewed(&mut self, cid: ClientId, fresh: ClientId) {
        if let Some(own) = self.pending.iter_mut().find(|own| own.cid == Some(cid)) {
            own.cid = Some(fresh);
        }
    }

    /// Events that count for nothing go.
    pub fn void(&mut self, positions: &[u64]) {
        self.entries.retain(|pos, _| !positions.contains(pos));
        if let Scroll::Anchor(Place::At(pos), _) = self.scroll
            && positions.contains(&pos)
        {
            self.scroll = Scroll::Follow;
        }
    }

    /// An own message was taken out of the outbox.
    pub fn dropped(&mut self, cid: ClientId) {
        self.pending.retain(|own| own.cid != Some(cid));
        if let Scroll::Anchor(Place::Under(draft), _) = self.scroll
            && self.pending(draft).is_none()
        {
            self.scroll = Scroll::Follow;
        }
    }

    /// An own message is durable at a place: it moves there at once, the event itself may come later.
    pub fn sent(&mut self, cid: ClientId, pos: u64, ts: Timestamp, by: UserId, name: &str) {
        let Some(index) = self.pending.iter().position(|own| own.cid == Some(cid)) else { return };
        let own = self.pending.remove(index);
        let text = text::clean(&own.body);
        let entry = Entry { pos, ts, by, name: name.to_owned(), text, said: true };
        self.entries.entry(pos).or_insert(entry);
        if let Scroll::Anchor(Place::Under(draft), row) = self.scroll
            && draft == own.draft
        {
            self.scroll = Scroll::Anchor(Place::At(pos), row);
        }
    }

    /// An own message was refused.
    pub fn refused(&mut self, cid: ClientId, why: String) {
        if let Some(own) = self.pending.iter_mut().find(|own| own.cid == Some(cid)) {
            own.delivery = Delivery::Refused(why);
        }
    }

    /// The newest refused message goes under way again.
    pub fn retry_refused(&mut self) -> Option<&Pending> {
        let own = self.pending.iter_mut().rfind(|own| own.delivery != Delivery::Queued)?;
        own.delivery = Delivery::Queued;
        Some(own)
    }

    /// The socket is gone: what was under way was not sent, unless the outbox tells that it still is, and the past is
    /// told anew.
    pub fn restart(&mut self) {
        let pending = std::mem::take(&mut self.pending).into_iter();
        let why = "the session ended before".to_owned();
        let pending = pending.map(|own| Pending { delivery: Delivery::Refused(why.clone()), ..own });
        *self = Self { pending: pending.collect(), ..Self::default() };
    }

    /// The log began anew: what was placed is told again, what is under way stays under way.
    pub fn renumber(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        *self = Self { pending, ..Self::default() };
    }

    /// Own messages that wait for the hub.
    pub fn queued(&self) -> usize {
        self.pending.iter().filter(|own| own.delivery == Delivery::Queued).count()
    }

    /// Events were left out between two places.
    pub fn open_gap(&mut self, from: u64, to: u64) {
        if !self.gaps.contains(&(from, to)) {
            self.gaps.push((from, to));
        }
    }

    /// Holes that are not closed yet: what is missing lies between the two places of each.
    pub fn gaps(&self) -> &[(u64, u64)] {
        &self.gaps
    }

    /// The hole that ends at a place is shown as far as it can be.
    pub fn close_gap(&mut self, to: u64) {
        self.gaps.retain(|(_, end)| *end != to);
    }

    /// Whether events are known to be missing right before an entry.
    pub fn gap_before(&self, before: u64, pos: u64) -> bool {
        self.gaps.iter().any(|(from, to)| *from >= before && *to <= pos)
    }

    /// Position of the newest event, 0 when there is none.
    pub fn newest(&self) -> u64 {
        self.entries.last_key_value().map_or(0, |(pos, _)| *pos)
    }

    /// Position of the oldest event that is known, 0 when there is none.
    pub fn oldest(&self) -> u64 {
        self.entries.first_key_value().map_or(0, |(pos, _)| *pos)
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.pending.is_empty()
    }

    /// The event at a position.
    pub fn entry(&self, pos: u64) -> Option<&Entry> {
        self.entries.get(&pos)
    }

    /// The event before a position.
    pub fn entry_before(&self, pos: u64) -> Option<&Entry> {
        self.entries.range(..pos).next_back().map(|(_, entry)| entry)
    }

    /// An own message under way.
    pub fn pending(&self, draft: u64) -> Option<&Pending> {
        self.pending.iter().find(|own| own.draft == draft)
    }

    /// All own messages under way, oldest first.
    pub fn all_pending(&self) -> &[Pending] {
        &self.pending
    }

    /// All events, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.values()
    }

    /// The first place there is.
    pub fn first(&self) -> Option<Place> {
        let entry = self.entries.first_key_value().map(|(pos, _)| Place::At(*pos));
        entry.or_else(|| self.pending.first().map(|own| Place::Under(own.draft)))
    }

    /// The last place there is.
    pub fn last(&self) -> Option<Place> {
        let own = self.pending.last().map(|own| Place::Under(own.draft));
        own.or_else(|| self.entries.last_key_value().map(|(pos, _)| Place::At(*pos)))
    }

    /// The place above another.
    pub fn above(&self, place: Place) -> Option<Place> {
        let pos = match place {
            Place::At(pos) => pos,
            Place::Under(draft) => {
                let earlier = self.pending.iter().take_while(|own| own.draft != draft).last();
                if let Some(own) = earlier {
                    return Some(Place::Under(own.draft));
                }
                u64::MAX
            }
        };
        self.entries.range(..pos).next_back().map(|(pos, _)| Place::At(*pos))
    }

    /// The place below another.
    pub fn below(&self, place: Place) -> Option<Place> {
        match place {
            Place::At(pos) => {
                let after = (std::ops::Bound::Excluded(pos), std::ops::Bound::Unbounded);
                let next = self.entries.range(after).next().map(|(pos, _)| Place::At(*pos));
                next.or_else(|| self.pending.first().map(|own| Place::Under(own.draft)))
            }
            Place::Under(draft) => {
                let mut later = self.pending.iter().skip_while(|own| own.draft != draft).skip(1);
                later.next().map(|own| Place::Under(own.draft))
            }
        }
    }

    /// Messages by others that have not been seen.
    pub fn unread(&self, me: UserId) -> usize {
        self.said_after(self.seen, me)
    }

    /// Messages by others behind a position.
    pub fn said_after(&self, pos: u64, me: UserId) -> usize {
        let after = (std::ops::Bound::Excluded(pos), std::ops::Bound::Unbounded);
        self.entries.range(after).filter(|(_, entry)| entry.said && entry.by != me).count()
    }
}
