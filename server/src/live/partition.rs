//! One partition of the log as this gateway follows it: how far, since when, and what is kept of it.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::watch;
use wire::{RoomId, Timestamp};

use super::{
    attempts::Attempts,
    limits::{ATTEMPTS, RING_BYTES, RING_OVERHEAD},
    locked,
};

/// A partition of this gateway.
pub(super) struct Partition {
    pub(super) number: i32,
    pub(super) attempts: Mutex<Attempts>,
    epoch: String,
    /// Memory has everything after this position.
    complete_after: AtomicU64,
    tailed: watch::Sender<u64>,
    /// The database has everything up to here, as far as it said so.
    persisted: AtomicU64,
    ring: Mutex<Ring>,
}

/// Which events are kept, in the order of the log.
struct Ring {
    places: VecDeque<Place>,
    bytes: usize,
    most: usize,
}

/// Where a kept event stands, and how large it is.
pub(super) struct Place {
    pub(super) room: RoomId,
    pub(super) pos: u64,
    pub(super) bytes: usize,
    pub(super) at: Timestamp,
}

impl Partition {
    /// One of `count`: memory is shared equally between them.
    pub(super) fn new(number: i32, epoch: String, count: usize) -> Self {
        Self {
            number,
            attempts: Mutex::new(Attempts::new(ATTEMPTS / count.max(1))),
            epoch,
            complete_after: AtomicU64::new(0),
            tailed: watch::Sender::new(0),
            persisted: AtomicU64::new(0),
            ring: Mutex::new(Ring::new(RING_BYTES / count.max(1))),
        }
    }

    pub(super) fn epoch(&self) -> String {
        self.epoch.clone()
    }

    /// This gateway begins to follow after a position, and remembers attempts from a moment on, if that is known.
    pub(super) fn begin_after(&self, pos: u64, reach: Option<Timestamp>) {
        self.complete_after.store(pos, Ordering::Release);
        self.tailed.send_replace(pos);
        if let Some(reach) = reach {
            locked(&self.attempts).reaches(reach);
        }
    }

    pub(super) fn complete_after(&self) -> u64 {
        self.complete_after.load(Ordering::Acquire)
    }

    pub(super) fn tailed(&self) -> u64 {
        *self.tailed.borrow()
    }

    /// Sees how far this gateway follows.
    pub(super) fn follow(&self) -> watch::Receiver<u64> {
        self.tailed.subscribe()
    }

    /// The log was followed up to a position.
    pub(super) fn reached(&self, pos: u64) {
        self.tailed.send_replace(pos);
    }

    pub(super) fn persisted(&self) -> u64 {
        self.persisted.load(Ordering::Acquire)
    }

    /// The database said how far it is.
    pub(super) fn persists(&self, pos: u64) {
        self.persisted.fetch_max(pos, Ordering::AcqRel);
    }

    /// How old the oldest kept event is that the database does not have, in milliseconds.
    pub(super) fn lag_ms(&self, now: Timestamp) -> u64 {
        let persisted = self.persisted();
        let ring = locked(&self.ring);
        let first = ring.places.partition_point(|place| place.pos <= persisted);
        let waits =
            |place: &Place| now.micros().saturating_sub(place.at.micros()).max(0).unsigned_abs() / 1_000;
        ring.places.get(first).map_or(0, waits)
    }

    /// Keeps places in the order of the log; answers with what there is no room for any more, oldest first. Until the
    /// rooms have dropped that, nobody may call it kept: [`Partition::complete_after`] has moved on already.
    pub(super) fn keep(&self, places: impl IntoIterator<Item = Place>) -> Vec<(RoomId, u64)> {
        let mut ring = locked(&self.ring);
        for place in places {
            ring.bytes += place.bytes + RING_OVERHEAD;
            ring.places.push_back(place);
        }
        let mut surplus = Vec::new();
        while ring.bytes > ring.most
            && let Some(oldest) = ring.places.pop_front()
        {
            ring.bytes -= oldest.bytes + RING_OVERHEAD;
            surplus.push((oldest.room, oldest.pos));
        }
        if let Some((_, pos)) = surplus.last() {
            self.complete_after.fetch_max(*pos, Ordering::AcqRel);
        }
        surplus
    }
}

impl Ring {
    fn new(most: usize) -> Self {
        Self { places: VecDeque::new(), bytes: 0, most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(room: RoomId, pos: u64, at: i64) -> Place {
        Place { room, pos, bytes: 0, at: Timestamp::from_micros(0).plus_seconds(at) }
    }

    #[test]
    fn the_ring_drops_the_oldest_of_all_rooms_and_says_what_is_complete() {
        let partition = Partition::new(0, "e".into(), RING_BYTES / (4 * RING_OVERHEAD));
        let (one, two) = (RoomId::new(), RoomId::new());

        assert!(partition.keep([place(one, 1, 0), place(one, 2, 0)]).is_empty());
        assert!(partition.keep([place(two, 3, 0), place(two, 4, 0)]).is_empty());
        assert_eq!(partition.keep([place(two, 5, 0)]), [(one, 1)]);

        assert_eq!(partition.complete_after(), 1);
    }

    #[test]
    fn the_lag_is_the_age_of_the_oldest_event_that_is_not_stored() {
        let partition = Partition::new(0, "e".into(), 1);
        let now = Timestamp::from_micros(0).plus_seconds(3);
        partition.keep([place(RoomId::new(), 1, 0), place(RoomId::new(), 2, 1)]);

        assert_eq!(partition.lag_ms(now), 3_000);
        partition.persists(1);
        assert_eq!(partition.lag_ms(now), 2_000);
        partition.persists(2);
        assert_eq!(partition.lag_ms(now), 0);
    }
}
