//! One room as the client knows it: its events in the order of the log, own messages under way, and what was seen.

use std::collections::BTreeMap;

use wire::{
    ClientId, RoomId, Timestamp, UserId,
    events::RoomEvent,
    messages::UnderWay,
    rooms::{Member, Room},
};

use crate::{
    composer::Composer,
    counted::Counted,
    entry::{self, Entry},
    here::Crowd,
    text,
    unsaid::Unsaid,
};

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
    /// What it is about, when it is more than a message.
    pub about: Option<About>,
    /// Who is in it; empty until asked for.
    pub members: Vec<Member>,
    /// Who is here and who writes.
    pub crowd: Crowd,
    /// What is unread.
    pub counted: Counted,
}

impl RoomState {
    /// A room of which nothing is known but its description.
    pub fn new(room: Room) -> Self {
        let mut counted = Counted::default();
        counted.told(&room);
        let timeline = Timeline { direct: room.direct, ..Timeline::default() };
        Self {
            room: clean(room),
            timeline,
            composer: Composer::default(),
            about: None,
            members: Vec::new(),
            crowd: Crowd::default(),
            counted,
        }
    }

    /// The hub describes it anew.
    pub fn told(&mut self, room: Room) {
        self.counted.told(&room);
        self.room = clean(room);
    }

    /// The socket is gone for good: all of it is told anew, but for what is being written and under way.
    pub fn restart(&mut self) {
        self.timeline.restart();
        self.counted.forget();
        self.crowd.forget();
    }

    /// Where the line goes above what the reader has not read; nothing when there is nothing unread.
    pub fn unread(&self, me: UserId) -> Option<Divider> {
        let (count, _) = self.counted.unread(&self.timeline, me);
        (count > 0).then_some(Divider { after: self.counted.mark(), count })
    }

    /// Its id.
    pub fn id(&self) -> RoomId {
        self.room.id
    }
}

/// What the message being written is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// It answers the message at this position.
    Reply(u64),
    /// It is the new text of an own message.
    Edit {
        /// The message's position.
        pos: u64,
        /// What was being written before.
        before: String,
    },
}

/// A room whose name and topic cannot steer the terminal.
pub fn clean(mut room: Room) -> Room {
    room.name = text::clean_line(&room.name);
    room.topic = text::clean_line(&room.topic);
    room
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
    /// What it says.
    pub said: Unsaid,
    /// Where it is.
    pub delivery: Delivery,
    /// The file of it that is on its way: its name, bytes that have left, bytes in all.
    pub moved: Option<(String, u64, u64)>,
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
    /// It stands before the first message by another behind this position.
    pub after: u64,
    /// How many messages were missed; while 0 there is no line yet.
    pub count: u64,
}

/// Everything known of what happened in a room.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    entries: BTreeMap<u64, Entry>,
    /// What was done to messages, by the message's position: it may be known before the message is.
    acts: BTreeMap<u64, Vec<RoomEvent>>,
    /// The newest and the oldest position that were told, shown or not.
    ends: Option<(u64, u64)>,
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
    /// Whether it is a conversation of two, whose events are told in other words.
    pub direct: bool,
    /// Whether the first message behind the divider is still to be brought into sight.
    pub landing: bool,
    /// The line "n new", if there is one.
    pub divider: Option<Divider>,
    /// What is visible.
    pub scroll: Scroll,
    /// The message that was chosen to do something to it.
    pub selected: Option<Place>,
    /// Until when counts what was told of cards, by their positions.
    cards: BTreeMap<u64, Timestamp>,
}

impl Timeline {
    /// Takes an event. The same one twice, or one out of order, changes nothing that is seen: the position decides.
    /// True when it is news, that is newer than everything known.
    pub fn insert(&mut self, event: RoomEvent) -> bool {
        let news = event.pos > self.newest();
        self.place(event);
        if news && self.scroll == Scroll::Follow {
            self.forget_oldest();
        }
        news
    }

    /// Takes a page of history, in any order.
    pub fn extend(&mut self, events: Vec<RoomEvent>) {
        // What was done to a message is known before the message is placed.
        let (acts, others): (Vec<_>, Vec<_>) = events.into_iter().partition(entry::is_act);
        acts.into_iter().chain(others).for_each(|event| self.place(event));
    }

    /// Puts an event where it belongs: on its own place, or on the message that it is about.
    fn place(&mut self, event: RoomEvent) {
        let pos = event.pos;
        self.placed(event.cid, pos);
        let (newest, oldest) = self.ends.unwrap_or((pos, pos));
        self.ends = Some((newest.max(pos), oldest.min(pos)));
        if entry::is_act(&event) {
            return self.act(event);
        }
        // What was put here by its acknowledgement alone says less.
        if self.entries.get(&pos).is_none_or(Entry::is_guess) {
            let acts = self.acts.get(&pos).map_or(&[][..], Vec::as_slice);
            self.entries.insert(pos, Entry::of(event, acts, self.direct));
        }
    }

    /// An own message under way has its place: whoever looked at it looks at it there.
    fn placed(&mut self, cid: ClientId, pos: u64) {
        let Some(index) = self.pending.iter().position(|own| own.cid == Some(cid)) else { return };
        let own = self.pending.remove(index);
        if self.selected == Some(Place::Under(own.draft)) {
            self.selected = Some(Place::At(pos));
        }
    }

    fn act(&mut self, event: RoomEvent) {
        let Some(tgt) = event.what.target() else { return };
        let acts = self.acts.entry(tgt).or_default();
        let at = acts.partition_point(|known| known.pos < event.pos);
        if acts.get(at).is_none_or(|known| known.pos != event.pos) {
            if let Some(entry) = self.entries.get_mut(&tgt) {
                entry.take(&event);
            }
            acts.insert(at, event);
        }
    }

    fn forget_oldest(&mut self) {
        while self.entries.len() > KEPT {
            self.entries.pop_first();
            self.complete = false;
        }
        if self.entries.len() < KEPT {
            return;
        }
        let oldest = self.entries.first_key_value().map_or(0, |(pos, _)| *pos);
        self.selected = self.selected.filter(|place| self.has(*place));
        self.acts.retain(|tgt, _| *tgt >= oldest);
        self.ends = self.ends.map(|(newest, _)| (newest, oldest));
        self.gaps.retain(|(_, to)| *to > oldest);
    }

    /// An own message goes under way.
    pub fn push(&mut self, draft: u64, said: Unsaid, ts: Timestamp) {
        self.pending.push(Pending { draft, cid: None, ts, said, delivery: Delivery::Queued, moved: None });
    }

    /// The outbox has an own message.
    pub fn name_pending(&mut self, draft: u64, cid: ClientId) {
        if let Some(own) = self.pending.iter_mut().find(|own| own.draft == draft) {
            own.cid = Some(cid);
        }
    }

    /// The outbox has a message that waits: one that is known here already, or one that was left there, which goes
    /// under way with this number.
    pub fn left_in_outbox(&mut self, draft: u64, cid: ClientId, said: Unsaid, ts: Timestamp) {
        match self.pending.iter_mut().find(|own| own.cid == Some(cid)) {
            Some(own) => own.delivery = Delivery::Queued,
            None => {
                let (cid, delivery) = (Some(cid), Delivery::Queued);
                self.pending.push(Pending { draft, cid, ts, said, delivery, moved: None });
            }
        }
    }

    /// A file of an own message is on its way.
    pub fn uploading(&mut self, cid: ClientId, name: String, sent: u64, total: u64) {
        if let Some(own) = self.pending.iter_mut().find(|own| own.cid == Some(cid)) {
            own.moved = Some((name, sent, total));
        }
    }

    /// How far the conversion of a card is; that counts for a while.
    pub fn under_way(&mut self, pos: u64, at: UnderWay, until: Timestamp) {
        if self.entries.get_mut(&pos).is_some_and(|entry| entry.under_way(Some(at))) {
            self.cards.insert(pos, until);
        }
    }

    /// Forgets of cards what was not told again for too long.
    pub fn elapsed(&mut self, now: Timestamp) {
        let over: Vec<u64> =
            self.cards.iter().filter(|(_, until)| **until <= now).map(|(pos, _)| *pos).collect();
        self.forget_cards(over);
    }

    /// The link is gone: nobody tells how far conversions are.
    pub fn away(&mut self) {
        let all = self.cards.keys().copied().collect();
        self.forget_cards(all);
    }

    fn forget_cards(&mut self, positions: Vec<u64>) {
        for pos in positions {
            self.cards.remove(&pos);
            if let Some(entry) = self.entries.get_mut(&pos) {
                entry.under_way(None);
            }
        }
    }

    /// When something of it ends by itself next.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.cards.values().min().copied()
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
        if let Scroll::Anchor(place @ Place::At(pos), _) = self.scroll
            && positions.contains(&pos)
        {
            // The last row of what stands above; the newest would count as read.
            let above = self.above(place).or(self.first());
            self.scroll = above.map_or(Scroll::Follow, |above| Scroll::Anchor(above, usize::MAX));
        }
        self.selected = self.selected.filter(|place| self.has(*place));
    }

    /// Takes back what happened between two places, with both what it was done to and what was done.
    pub fn withdraw(&mut self, after: u64, upto: u64) {
        let wrong: Vec<u64> = self.entries.range(after + 1..=upto).map(|(pos, _)| *pos).collect();
        self.void(&wrong);
        self.acts.values_mut().for_each(|acts| acts.retain(|act| act.pos <= after || act.pos > upto));
    }

    /// Whether there is something at a place.
    fn has(&self, place: Place) -> bool {
        match place {
            Place::At(pos) => self.entries.contains_key(&pos),
            Place::Under(draft) => self.pending(draft).is_some(),
        }
    }

    /// The next message above a place, or below it, that something can be done to.
    pub fn message_from(&self, place: Option<Place>, up: bool) -> Option<Place> {
        let next = |place| if up { self.above(place) } else { self.below(place) };
        let mut at = match place {
            Some(place) => next(place),
            None => self.last(),
        };
        while let Some(place) = at {
            let fits = match place {
                Place::At(pos) => self.entry(pos).is_some_and(Entry::is_there),
                Place::Under(_) => true,
            };
            if fits {
                return Some(place);
            }
            at = next(place);
        }
        None
    }

    /// An own message was taken out of the outbox.
    pub fn dropped(&mut self, cid: ClientId) {
        self.pending.retain(|own| own.cid != Some(cid));
        if let Scroll::Anchor(Place::Under(draft), _) = self.scroll
            && self.pending(draft).is_none()
        {
            self.scroll = Scroll::Follow;
        }
        self.selected = self.selected.filter(|place| self.has(*place));
    }

    /// An own message is durable at a place: it moves there at once, the event itself may come later.
    pub fn sent(&mut self, cid: ClientId, pos: u64, ts: Timestamp, by: UserId, name: &str) {
        let Some(index) = self.pending.iter().position(|own| own.cid == Some(cid)) else { return };
        let own = self.pending.remove(index);
        let entry = Entry::guess(pos, ts, by, name.to_owned(), own.said.shown());
        self.entries.entry(pos).or_insert(entry);
        let (newest, oldest) = self.ends.unwrap_or((pos, pos));
        self.ends = Some((newest.max(pos), oldest.min(pos)));
        if let Scroll::Anchor(Place::Under(draft), row) = self.scroll
            && draft == own.draft
        {
            self.scroll = Scroll::Anchor(Place::At(pos), row);
        }
        if self.selected == Some(Place::Under(own.draft)) {
            self.selected = Some(Place::At(pos));
        }
    }

    /// An own message was refused.
    pub fn refused(&mut self, cid: ClientId, why: String) {
        if let Some(own) = self.pending.iter_mut().find(|own| own.cid == Some(cid)) {
            own.delivery = Delivery::Refused(why);
            own.moved = None;
        }
    }

    /// A refused message goes under way again: the one with this number, else the newest.
    pub fn retry_refused(&mut self, draft: Option<u64>) -> Option<&Pending> {
        let wanted = |own: &&mut Pending| {
            own.delivery != Delivery::Queued && draft.is_none_or(|draft| own.draft == draft)
        };
        let own = self.pending.iter_mut().rfind(wanted)?;
        own.delivery = Delivery::Queued;
        Some(own)
    }

    /// The socket is gone: what was under way was not sent, unless the outbox tells that it still is, and the past is
    /// told anew.
    pub fn restart(&mut self) {
        let pending = std::mem::take(&mut self.pending).into_iter();
        let why = "the session ended before".to_owned();
        let pending = pending.map(|own| Pending { delivery: Delivery::Refused(why.clone()), ..own });
        *self = Self { pending: pending.collect(), direct: self.direct, ..Self::default() };
    }

    /// The log began anew: what was placed is told again, what is under way stays under way.
    pub fn renumber(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        *self = Self { pending, direct: self.direct, ..Self::default() };
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
        self.ends.map_or(0, |(newest, _)| newest)
    }

    /// Position of the oldest event that is known, 0 when there is none.
    pub fn oldest(&self) -> u64 {
        self.ends.map_or(0, |(_, oldest)| oldest)
    }

    /// Whether everything after a position is loaded.
    pub fn reaches(&self, pos: u64) -> bool {
        let back_to = self.complete || self.oldest() <= pos.saturating_add(1) || self.newest() <= pos;
        self.live && back_to && self.gaps.iter().all(|(_, to)| *to <= pos)
    }

    /// Whether older events than those loaded are needed to see everything after a position, and may be asked for:
    /// only so many are kept.
    pub fn lacks(&self, pos: u64) -> bool {
        let earlier = !self.complete && self.oldest() > pos.saturating_add(1);
        earlier && self.entries.len() < KEPT
    }

    /// The link is back and everything up to now is told: what was missed is counted, once no hole is left.
    pub fn count_missed(&mut self, me: UserId) {
        if let Some(Divider { after, count: 0 }) = self.divider
            && self.gaps.iter().all(|(_, to)| *to <= after)
        {
            let (count, _) = self.said_after(after, me);
            self.divider = (count > 0).then_some(Divider { after, count });
        }
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

    /// The place of the first message by another behind a position.
    pub fn first_said_after(&self, pos: u64, me: UserId) -> Option<u64> {
        let after = (std::ops::Bound::Excluded(pos), std::ops::Bound::Unbounded);
        self.entries.range(after).find(|(_, entry)| entry.counts(me)).map(|(pos, _)| *pos)
    }

    /// Messages by others behind a position, and how many of them name the reader.
    pub fn said_after(&self, pos: u64, me: UserId) -> (u64, u64) {
        let after = (std::ops::Bound::Excluded(pos), std::ops::Bound::Unbounded);
        let said = self.entries.range(after).map(|(_, entry)| entry).filter(|entry| entry.counts(me));
        said.fold((0, 0), |(said, named), entry| (said + 1, named + u64::from(entry.names(me))))
    }
}
