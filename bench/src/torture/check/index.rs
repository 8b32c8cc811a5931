//! The evidence, arranged for questions.

use std::collections::{BTreeMap, HashMap};

use wire::{ClientId, RoomId, UserId};

use super::{Evidence, Promise};
use crate::torture::journal::{Line, Observed, Shown};

/// What makes a message one message.
pub(super) type Key = (RoomId, UserId, ClientId);

/// One client's lines, by time.
#[derive(Default)]
pub(super) struct Client<'a> {
    pub(super) user: Option<UserId>,
    pub(super) lines: Vec<&'a Line>,
}

/// One generation of the history.
#[derive(Default)]
pub(super) struct History<'a> {
    pub(super) rooms: BTreeMap<RoomId, BTreeMap<u64, &'a Shown>>,
    /// Where each message is; more than one place is wrong.
    pub(super) places: HashMap<Key, Vec<u64>>,
}

pub(super) struct Seen<'a> {
    pub(super) clients: BTreeMap<&'a str, Client<'a>>,
    pub(super) epochs: Vec<History<'a>>,
    /// When the log was deleted.
    pub(super) deleted: Vec<u64>,
    /// Faults: name, whom, from, to.
    pub(super) faults: Vec<(&'a str, Option<&'a str>, u64, u64)>,
    /// What the run was to show something of.
    pub(super) meant: Vec<Promise>,
    /// When nobody sent any more and no fault was left.
    pub(super) quiet: Option<u64>,
}

impl<'a> Seen<'a> {
    pub(super) fn of(evidence: &'a Evidence) -> Self {
        let mut lines: Vec<&Line> = evidence.lines.iter().collect();
        // Stable: lines of one client within one microsecond keep their order.
        lines.sort_by_key(|line| line.t);
        let epochs = evidence.epochs.iter().map(|epoch| History::of(epoch.rooms.values().flatten()));
        let mut seen = Self {
            clients: BTreeMap::new(),
            epochs: epochs.collect(),
            deleted: Vec::new(),
            faults: Vec::new(),
            meant: Vec::new(),
            quiet: None,
        };
        for line in lines {
            seen.sort_in(line);
        }
        seen
    }

    fn sort_in(&mut self, line: &'a Line) {
        match &line.what {
            Observed::Deleted => self.deleted.push(line.t),
            Observed::Quiet => self.quiet = Some(line.t),
            Observed::Meant { promises } => self.meant.extend(promises),
            Observed::Fault { fault, whom } => {
                self.faults.push((fault, whom.as_deref(), line.t, u64::MAX));
            }
            Observed::Healed { fault, whom } => {
                let open = |known: &&mut (&str, Option<&str>, u64, u64)| {
                    known.0 == fault && known.1 == whom.as_deref() && known.3 == u64::MAX
                };
                if let Some(known) = self.faults.iter_mut().find(open) {
                    known.3 = line.t;
                }
            }
            what => {
                let client = self.clients.entry(line.who.as_str()).or_default();
                if let Observed::Hello { user } = what {
                    client.user = Some(*user);
                }
                client.lines.push(line);
            }
        }
    }

    /// The generation of the log at a moment.
    pub(super) fn epoch_at(&self, t: u64) -> usize {
        self.deleted.iter().filter(|deleted| **deleted <= t).count()
    }

    /// Where a message is in a generation.
    pub(super) fn place(&self, epoch: usize, key: &Key) -> Option<u64> {
        self.epochs.get(epoch)?.places.get(key)?.first().copied()
    }

    /// The event at a position.
    pub(super) fn event(&self, epoch: usize, room: RoomId, pos: u64) -> Option<&'a Shown> {
        self.epochs.get(epoch)?.rooms.get(&room)?.get(&pos).copied()
    }

    /// Positions of a room strictly between two others.
    pub(super) fn between(&self, epoch: usize, room: RoomId, from: u64, to: u64) -> Vec<u64> {
        let Some(events) = self.epochs.get(epoch).and_then(|history| history.rooms.get(&room)) else {
            return Vec::new();
        };
        if to <= from + 1 {
            return Vec::new();
        }
        events.range(from + 1..to).map(|(pos, _)| *pos).collect()
    }
}

impl<'a> History<'a> {
    fn of(events: impl Iterator<Item = &'a Shown>) -> Self {
        let mut history = Self::default();
        for event in events {
            history.rooms.entry(event.room).or_default().insert(event.pos, event);
            history.places.entry((event.room, event.by, event.cid)).or_default().push(event.pos);
        }
        history
    }
}
