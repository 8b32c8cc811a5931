//! Read marks on their way to the hub: the newest of each room, not too often, and again after a reconnect.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;
use wire::{RoomId, frames::ToServer};

/// Marks of one room are sent at most this often: whoever reads along moves theirs with every message.
const APART: Duration = Duration::from_secs(1);

/// The marks that the hub does not have yet.
#[derive(Debug, Default)]
pub(super) struct Marks {
    rooms: HashMap<RoomId, Mark>,
}

#[derive(Debug)]
struct Mark {
    /// Everything up to here is read.
    pos: u64,
    /// What was sent on this connection, and when.
    sent: Option<(u64, Instant)>,
}

impl Marks {
    /// A room is read up to a position.
    pub(super) fn set(&mut self, room: RoomId, pos: u64) {
        let mark = self.rooms.entry(room).or_insert(Mark { pos, sent: None });
        mark.pos = mark.pos.max(pos);
    }

    /// The positions of this room count no more.
    pub(super) fn forget(&mut self, room: RoomId) {
        self.rooms.remove(&room);
    }

    /// What is to be sent now.
    pub(super) fn ready(&mut self, now: Instant) -> Vec<ToServer> {
        let due = self.rooms.iter_mut().filter(|(_, mark)| mark.is_due(now));
        due.map(|(room, mark)| {
            mark.sent = Some((mark.pos, now));
            ToServer::Read { room: *room, pos: mark.pos }
        })
        .collect()
    }

    /// When something is to be sent that is not to be sent now, if anything is.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.rooms.values().filter_map(Mark::again).min()
    }

    /// What was sent may not have arrived.
    pub(super) fn disconnected(&mut self) {
        // What the hub had said yes to is said again, which is harmless.
        self.rooms.values_mut().for_each(|mark| mark.sent = None);
    }
}

impl Mark {
    fn is_due(&self, now: Instant) -> bool {
        self.sent.is_none() || self.again().is_some_and(|again| again <= now)
    }

    /// When a mark that has moved since it was sent is sent again.
    fn again(&self) -> Option<Instant> {
        self.sent.filter(|(sent, _)| *sent < self.pos).map(|(_, at)| at + APART)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(marks: &mut Marks, now: Instant) -> Vec<u64> {
        let frames = marks.ready(now).into_iter();
        let pos = |frame| match frame {
            ToServer::Read { pos, .. } => pos,
            other => panic!("not a mark: {other:?}"),
        };
        frames.map(pos).collect()
    }

    #[test]
    fn the_newest_mark_is_sent_now_and_then_and_once() {
        let (mut marks, room) = (Marks::default(), RoomId::new());
        marks.set(room, 7);
        let now = Instant::now();
        assert_eq!(sent(&mut marks, now), [7]);

        marks.set(room, 9);
        marks.set(room, 8);

        assert!(sent(&mut marks, now).is_empty());
        assert_eq!(marks.wake(), Some(now + APART));
        assert_eq!(sent(&mut marks, now + APART), [9]);
        assert!(sent(&mut marks, now + 9 * APART).is_empty());
        assert_eq!(marks.wake(), None);
    }

    #[test]
    fn after_a_reconnect_the_newest_mark_is_sent_again() {
        let (mut marks, room) = (Marks::default(), RoomId::new());
        marks.set(room, 7);
        marks.ready(Instant::now());

        marks.disconnected();

        assert_eq!(sent(&mut marks, Instant::now()), [7]);
    }
}
