//! Evidence made by hand: a small hub whose clients see everything, until a test takes something away.

use std::time::Duration;

use uuid::Uuid;
use wire::{ClientId, RoomId, UserId};

use crate::torture::{
    check::{Epoch, Evidence, Promise, Verdict, heads::link, judge},
    journal::{Line, Observed, Shown, hash},
};

/// How long everybody may take to come to rest.
pub(super) const REST: Duration = Duration::from_secs(10);

pub(super) fn room(n: u128) -> RoomId {
    RoomId(Uuid::from_u128(1_000 + n))
}

pub(super) fn user(n: usize) -> UserId {
    UserId(Uuid::from_u128(2_000 + n as u128))
}

pub(super) fn cid(n: usize) -> ClientId {
    ClientId(Uuid::from_u128(3_000 + n as u128))
}

pub(super) fn shown(pos: u64, by: usize, n: usize) -> Shown {
    let kind = "said".to_owned();
    let hash = hash(&format!("m{n}"));
    Shown { room: room(0), pos, prev: None, by: user(by), cid: cid(n), kind, hash, tgt: None }
}

/// A run as it is told, line by line.
#[derive(Clone, Default)]
pub(super) struct Story {
    pub(super) evidence: Evidence,
    pub(super) now: u64,
}

impl Story {
    /// Two clients that follow a room of one generation.
    pub(super) fn begin(clients: usize) -> Self {
        let mut story = Self::default();
        story.evidence.epochs.push(Epoch::default());
        for n in 0..clients {
            story.tell(n, Observed::Hello { user: user(n) });
            story.tell(n, Observed::Subscribed { room: room(0) });
        }
        story
    }

    pub(super) fn tell(&mut self, who: usize, what: Observed) -> &mut Self {
        self.tell_by(&format!("c{who}"), what)
    }

    pub(super) fn tell_by(&mut self, who: &str, what: Observed) -> &mut Self {
        self.now += 1_000;
        self.evidence.lines.push(Line { t: self.now, who: who.to_owned(), what });
        self
    }

    /// A message is sent, kept at a place, acknowledged and shown to everybody.
    pub(super) fn said(&mut self, by: usize, n: usize, pos: u64, clients: usize) -> &mut Self {
        self.invoke(by, n).keep(shown(pos, by, n)).ok(by, n, pos);
        for who in 0..clients {
            self.tell(who, Observed::Ev(shown(pos, by, n)));
        }
        self
    }

    pub(super) fn invoke(&mut self, by: usize, n: usize) -> &mut Self {
        let hash = hash(&format!("m{n}"));
        self.tell(by, Observed::Invoke { room: room(0), cid: cid(n), hash, re: None })
    }

    pub(super) fn ok(&mut self, by: usize, n: usize, pos: u64) -> &mut Self {
        self.tell(by, Observed::Ok { room: room(0), cid: cid(n), pos })
    }

    /// The history has it, in the newest generation.
    pub(super) fn keep(&mut self, shown: Shown) -> &mut Self {
        if let Some(epoch) = self.evidence.epochs.last_mut() {
            epoch.rooms.entry(shown.room).or_default().push(shown);
        }
        self
    }

    /// The history's count and hash.
    pub(super) fn head(&self) -> (u64, String) {
        let events = self.evidence.epochs.last().and_then(|epoch| epoch.rooms.get(&room(0)));
        let events = events.map_or(&[][..], Vec::as_slice);
        (events.len() as u64, hex::encode(events.iter().fold([0; 16], link)))
    }

    /// Everybody comes to rest at the head, and it is judged.
    pub(super) fn end(mut self, clients: usize) -> Verdict {
        self.tell_by("conductor", Observed::Quiet);
        let epoch = self.evidence.epochs.last().map(|epoch| &epoch.rooms);
        let heads = epoch.into_iter().flatten();
        let heads = heads.filter_map(|(room, events)| Some((*room, events.last()?.pos))).collect();
        for who in 0..clients {
            let settled = Observed::Settled { outbox: 0, heads: Clone::clone(&heads) };
            self.tell(who, settled);
        }
        judge(&self.evidence, REST)
    }
}

/// Exactly these promises were broken.
pub(super) fn assert_broken(verdict: &Verdict, promises: &[Promise]) {
    let broken: Vec<_> = verdict.broken().into_iter().collect();
    let told: Vec<String> = verdict.violations.iter().map(ToString::to_string).collect();
    assert_eq!(broken, promises, "{told:#?}");
}
