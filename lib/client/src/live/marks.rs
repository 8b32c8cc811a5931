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
        self.send(now, |mark| mark.is_due(now))
    }

    /// What was not sent yet: before a goodbye nothing waits.
    pub(super) fn rest(&mut self, now: Instant) -> Vec<ToServer> {
        self.send(now, |mark| mark.sent.is_none() || mark.again().is_some())
    }

    fn send(&mut self, now: Instant, which: impl Fn(&Mark) -> bool) -> Vec<ToServer> {
        let chosen = self.rooms.iter_mut().filter(|(_, mark)| which(mark));
        chosen
            .map(|(room, mark)| {
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
    fn before_a_goodbye_what_was_not_sent_is() {
        let (mut marks, now) = (Marks::default(), Instant::now());
        let (sent, fresh, moved) = (RoomId::new(), RoomId::new(), RoomId::new());
        marks.set(sent, 7);
        marks.set(moved, 7);
        marks.ready(now);
        marks.set(moved, 8);
        marks.set(fresh, 9);

        let mut rest: Vec<_> = marks.rest(now).into_iter().map(|frame| format!("{frame:?}")).collect();

        rest.sort_by_key(|frame| frame.contains("pos: 9"));
        assert!(rest.len() == 2 && rest[0].contains("pos: 8") && rest[1].contains("pos: 9"), "{rest:?}");
        assert!(marks.rest(now).is_empty());
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
