//! What was shown of a room, checked from end to end: against the count and the chain hash that the hub's database
//! announces.
//!
//! The first head that fits to what was shown is believed; from there on, every later head has to be what the events
//! between them make of it.

use std::collections::VecDeque;

use wire::{
    ClientId, RoomId, UserId,
    events::{Head, RoomEvent, What},
    heads::{Link, Standing},
};

/// Events that may wait for a head: more than a database that is minutes behind lets wait.
const MOST: usize = 20_000;

/// One room's shown events since the last head that was right.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    /// The newest head that agreed.
    base: Option<Standing>,
    /// What was shown after it, without a hole.
    shown: VecDeque<Shown>,
    /// A head that is ahead of what was shown.
    ahead: Option<Head>,
    /// The newest head that agreed, until somebody takes note of it.
    agreed: Option<Standing>,
}

#[derive(Debug)]
struct Shown {
    pos: u64,
    by: UserId,
    cid: ClientId,
    kind: &'static str,
    body: [u8; 32],
}

impl Shown {
    fn link(&self) -> Link<'_> {
        Link { pos: self.pos, by: self.by, cid: self.cid, kind: self.kind, body: self.body }
    }
}

/// Where the database has something else than what was shown.
#[derive(Debug, PartialEq)]
pub(crate) struct Difference {
    pub(crate) room: RoomId,
    /// Up to here it agreed.
    pub(crate) after: u64,
    /// Up to here it was compared.
    pub(crate) upto: u64,
}

impl Witness {
    /// Takes note of the next event that is shown.
    pub(crate) fn show(&mut self, event: &RoomEvent) -> Option<Difference> {
        let RoomEvent { pos, by, cid, what, .. } = event;
        if *what == What::Unknown {
            // What it makes of the hash is not known here.
            *self = Self::default();
            return None;
        }
        self.shown.push_back(Shown {
            pos: *pos,
            by: *by,
            cid: *cid,
            kind: what.kind(),
            body: Link::of(event).body,
        });
        if self.shown.len() > MOST {
            // Too long without a head: the next one is believed anew.
            *self = Self::default();
        }
        let ahead = self.ahead.take_if(|head| head.pos <= *pos)?;
        self.head(&ahead)
    }

    /// These count for nothing, in no head.
    pub(crate) fn void(&mut self, positions: &[u64]) {
        self.shown.retain(|shown| !positions.contains(&shown.pos));
    }

    /// Compares with a head that the hub announces.
    pub(crate) fn head(&mut self, head: &Head) -> Option<Difference> {
        let theirs = Standing::of(head)?;
        let newest = self.shown.back().map(|shown| shown.pos).or(self.base.map(|base| base.pos))?;
        if theirs.pos > newest {
            self.ahead = Some(head.clone());
            return None;
        }
        let Some(base) = self.base else {
            self.believe(theirs);
            return None;
        };
        if theirs.pos < base.pos {
            // Heads may overtake each other.
            return None;
        }
        let covered = self.shown.iter().take_while(|shown| shown.pos <= theirs.pos);
        let ours = covered.fold(base, |standing, shown| standing.after_link(&shown.link()));
        self.forget_upto(theirs.pos);
        self.base = Some(theirs);
        self.agreed = (ours == theirs).then_some(theirs);
        (ours != theirs).then_some(Difference { room: head.room, after: base.pos, upto: theirs.pos })
    }

    /// The newest head that agreed with what was shown, once.
    pub(crate) fn take_agreed(&mut self) -> Option<Standing> {
        self.agreed.take()
    }

    /// The first head: it has to be that of an event which was shown, otherwise what is between them is not known.
    fn believe(&mut self, theirs: Standing) {
        if self.shown.iter().any(|shown| shown.pos == theirs.pos) {
            self.forget_upto(theirs.pos);
            self.base = Some(theirs);
            self.agreed = Some(theirs);
        }
    }

    fn forget_upto(&mut self, pos: u64) {
        while self.shown.front().is_some_and(|shown| shown.pos <= pos) {
            self.shown.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::{MessageId, Timestamp};

    use super::*;

    struct Room {
        id: RoomId,
        events: Vec<RoomEvent>,
    }

    impl Room {
        fn of(count: u64) -> Self {
            let id = RoomId::new();
            let event = |pos: u64| RoomEvent {
                id: MessageId::new(),
                room: id,
                pos,
                prev: Some(pos - 1),
                ts: Timestamp::from_micros(0),
                by: UserId::new(),
                name: "Ann".into(),
                cid: ClientId::new(),
                what: What::Joined,
            };
            Self { id, events: (1..=count).map(event).collect() }
        }

        fn head(&self, upto: usize) -> Head {
            let standing = self.events[..upto].iter().fold(Standing::default(), |at, event| at.after(event));
            standing.head(self.id)
        }
    }

    #[test]
    fn what_the_database_has_too_is_never_a_difference_whichever_comes_first() {
        let room = Room::of(9);
        let mut witness = Witness::default();

        for (index, event) in room.events.iter().enumerate().skip(2) {
            assert_eq!(witness.show(event), None);
            assert_eq!(witness.head(&room.head(index)), None, "one that is late");
            assert_eq!(witness.head(&room.head((index + 2).min(9))), None, "one that is early");
        }
        assert_eq!(witness.base, Standing::of(&room.head(9)));
        assert_eq!((witness.take_agreed(), witness.take_agreed()), (Standing::of(&room.head(9)), None));
    }

    #[test]
    fn an_event_that_was_not_shown_is_found_at_the_next_head() {
        let room = Room::of(6);
        let mut witness = Witness::default();
        witness.show(&room.events[0]);
        witness.head(&room.head(1));

        for index in [1, 3, 4] {
            assert_eq!(witness.show(&room.events[index]), None);
        }

        let after = Some(Difference { room: room.id, after: 1, upto: 5 });
        assert_eq!(witness.take_agreed(), Standing::of(&room.head(1)));
        assert_eq!(witness.head(&room.head(5)), after);
        assert_eq!(witness.take_agreed(), None);
        assert_eq!(witness.show(&room.events[5]), None);
        assert_eq!(witness.head(&room.head(6)), None, "and from there on it is right again");
    }

    #[test]
    fn an_event_that_was_shown_otherwise_is_found_when_the_early_head_is_reached() {
        let room = Room::of(3);
        let mut witness = Witness::default();
        witness.show(&room.events[0]);
        witness.head(&room.head(1));
        assert_eq!(witness.head(&room.head(3)), None);
        let mut changed = room.events[1].clone();
        changed.what = What::Left;

        assert_eq!(witness.show(&changed), None);
        let found = witness.show(&room.events[2]);

        assert_eq!(found, Some(Difference { room: room.id, after: 1, upto: 3 }));
    }
}
