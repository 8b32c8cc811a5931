//! The line of one socket: whoever has something for it puts it here and writes it, as far as the kernel takes it at
//! once; only the rest is left to the socket's own task.
//!
//! Over the bound the events of the room with the most bytes are dropped, the client is told `lag`, and the room is
//! caught up from memory when the line is empty again. Nobody who puts something in line ever waits.

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use platform::mutants::{self, Mutant};
use tokio::{
    net::tcp::OwnedWriteHalf,
    time::{Sleep, sleep_until},
};
use wire::{ClientId, RoomId};

use super::{
    limits::{HOLD, WINDOW},
    locked,
    queue::{Parcel, Queue},
};

/// Lines that one task writes to; with more, others help.
const SHARE: usize = 256;

/// Why a socket ends: the close code and a sentence.
pub(super) type Ending = (u16, &'static str);

/// What a socket's own task finds in its line.
pub(super) enum Found {
    /// Nothing waits, and this room has to be caught up after a position.
    Behind(RoomId, u64),
    /// It has to end.
    Ending(Ending),
}

/// What goes out to one socket, and what it waits for.
#[derive(Default)]
pub(crate) struct Line {
    queue: Mutex<Queue>,
    sends: Mutex<Sends>,
    task: AtomicWaker,
}

/// Messages of one socket.
#[derive(Default)]
struct Sends {
    /// Those that wait for their answer.
    unanswered: usize,
    /// Rooms in which a message was refused for now, and when: later ones wait until that one comes again, so that a
    /// sender's order is kept. It may never come, because it was dropped or went another way: they do not wait for ever.
    held_back: HashMap<RoomId, (ClientId, Instant)>,
}

impl Line {
    pub(super) fn new(writer: OwnedWriteHalf) -> Self {
        Self { queue: Mutex::new(Queue::new(writer)), ..Self::default() }
    }

    /// A frame that must arrive.
    pub(super) fn tell(&self, frame: Bytes) {
        if self.put(Parcel::Frame(frame)) {
            self.flush();
        }
    }

    /// A frame that may be lost: a full line drops it.
    pub(super) fn hint(&self, frame: Bytes) {
        if self.is_roomy() {
            self.tell(frame);
        }
    }

    /// The socket has to end. The first reason counts.
    pub(super) fn end(&self, ending: Ending) {
        self.queue().end(ending);
        self.task.wake();
    }

    /// A room is caught up from now on, or not followed any more: its events are taken again.
    pub(super) fn forget(&self, room: RoomId) {
        self.queue().forget(room);
    }

    /// Whether there is room for more than what must arrive.
    pub(super) fn is_roomy(&self) -> bool {
        self.queue().is_roomy()
    }

    /// Waits until [`Line::is_roomy`]. Only the socket's own task may wait: it polls again when the kernel takes more.
    pub(super) async fn roomy(&self) {
        poll_fn(|_| if self.is_roomy() { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// Waits for something to do, and writes what is left to the socket's own task.
    pub(super) async fn next(&self) -> Found {
        poll_fn(|context| {
            self.task.register(context.waker());
            self.queue().poll(context)
        })
        .await
    }

    /// Answers when the kernel has taken nothing of what waits for so long.
    pub(super) async fn stalled(&self, limit: Duration) {
        let mut patience: Option<Pin<Box<Sleep>>> = None;
        poll_fn(|context| {
            let Some(since) = self.queue().blocked() else {
                patience = None;
                return Poll::Pending;
            };
            let until = since + limit;
            let patience = patience.get_or_insert_with(|| Box::pin(sleep_until(until)));
            if patience.deadline() != until {
                patience.as_mut().reset(until);
            }
            patience.as_mut().poll(context)
        })
        .await;
    }

    /// Writes one last frame, and nothing after it.
    pub(super) async fn close(&self, last: Bytes) {
        self.queue().close(last);
        poll_fn(|context| self.queue().poll_empty(context)).await;
    }

    /// The socket is done with.
    pub(super) fn hang_up(&self) {
        self.queue().hang_up();
    }

    /// One more message waits for its answer.
    pub(super) fn sends_one(&self) {
        locked(&self.sends).unanswered += 1;
    }

    /// Whether the socket may be heard: what it says is answered, and the answers need room. Its task is woken when
    /// that changes.
    pub(super) fn may_hear(&self) -> bool {
        locked(&self.sends).unanswered < WINDOW && self.is_roomy()
    }

    /// A message has its answer.
    pub(super) fn answered_one(&self) {
        let mut sends = locked(&self.sends);
        let was_full = sends.unanswered == WINDOW;
        sends.unanswered = sends.unanswered.saturating_sub(1);
        drop(sends);
        if was_full {
            self.task.wake();
        }
    }

    /// A message was refused for now: later ones of the room wait for it.
    pub(super) fn hold_back(&self, room: RoomId, cid: ClientId) {
        locked(&self.sends).held_back.entry(room).or_insert((cid, Instant::now()));
    }

    /// Whether a message has to wait for an earlier one of its room; if not, nothing is held back there any more.
    pub(super) fn is_held_back(&self, room: RoomId, cid: ClientId, now: Instant) -> bool {
        let mut sends = locked(&self.sends);
        let waits_for =
            |(first, since): &(ClientId, Instant)| *first != cid && now.duration_since(*since) < HOLD;
        let is_later = sends.held_back.get(&room).is_some_and(waits_for);
        if !is_later {
            sends.held_back.remove(&room);
        }
        is_later
    }

    /// Writes what waits. The socket's own task is woken only when it has to do something.
    fn flush(&self) {
        if self.queue().flush() {
            self.task.wake();
        }
    }

    fn put(&self, parcel: Parcel) -> bool {
        self.queue().put(parcel)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        locked(&self.queue)
    }

    /// Takes what waits, as texts.
    #[cfg(test)]
    pub(super) fn drain(&self) -> Vec<String> {
        self.queue().drain()
    }
}

/// Lines that got something together: each is written to once, when all of it is there.
#[derive(Default)]
pub(super) struct Round(Vec<Arc<Line>>);

impl Round {
    /// A frame that must arrive.
    pub(super) fn tell(&mut self, line: &Arc<Line>, frame: Bytes) {
        self.put(line, Parcel::Frame(frame));
    }

    /// Events of a room; `after` is the position that they follow.
    pub(super) fn events(&mut self, line: &Arc<Line>, room: RoomId, after: u64, frame: Bytes) {
        if !mutants::strikes(Mutant::M3) {
            self.put(line, Parcel::Events { room, after, frame });
        }
    }

    /// A frame that may be lost, and goes out with the next one that must not; if there is none, with this round.
    pub(super) fn hint(&mut self, line: &Arc<Line>, frame: Bytes) {
        if line.queue().put_aside(frame) {
            self.0.push(line.clone());
        }
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A line is written by whoever put something there first.
    fn put(&mut self, line: &Arc<Line>, parcel: Parcel) {
        if line.put(parcel) {
            self.0.push(line.clone());
        }
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        // Not each by its socket's own task: to wake one costs as much as to write.
        while self.0.len() > SHARE {
            let share = self.0.split_off(self.0.len() - SHARE);
            tokio::spawn(async move { share.iter().for_each(|line| line.flush()) });
        }
        self.0.iter().for_each(|line| line.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::{
        frame::text,
        limits::{QUEUE_BYTES, QUEUE_FRAMES},
    };

    fn bytes(count: usize) -> Bytes {
        text(count, |text| text.resize(text.len() + count, b'x'))
    }

    fn events(line: &Arc<Line>, room: RoomId, after: u64, frame: Bytes) {
        Round::default().events(line, room, after, frame);
    }

    fn waiting() -> Arc<Line> {
        Arc::default()
    }

    #[tokio::test]
    async fn too_many_frames_drop_the_fattest_room_and_tell_where_it_stopped() {
        let (line, fat, thin) = (waiting(), RoomId::new(), RoomId::new());

        events(&line, thin, 1, bytes(10));
        for pos in 7..7 + QUEUE_FRAMES as u64 {
            events(&line, fat, pos, bytes(10));
        }

        let frames = line.drain();
        assert_eq!(frames.len(), 2, "{frames:?}");
        assert!(frames[1].contains(r#""t":"lag""#) && frames[1].contains(r#""from":7"#), "{}", frames[1]);
        assert!(matches!(line.next().await, Found::Behind(room, 7) if room == fat));
    }

    #[tokio::test]
    async fn too_many_bytes_do_the_same_and_nothing_of_the_room_is_taken_until_it_is_caught_up() {
        let (line, room) = (waiting(), RoomId::new());

        for pos in 0..5 {
            events(&line, room, pos, bytes(QUEUE_BYTES / 4));
        }
        events(&line, room, 5, bytes(1));
        assert_eq!(line.drain().len(), 1, "only the lag is told");
        assert!(matches!(line.next().await, Found::Behind(_, 0)));

        line.forget(room);
        events(&line, room, 6, bytes(1));
        assert_eq!(line.drain(), ["x"]);
    }

    #[test]
    fn a_full_line_drops_hints_and_keeps_what_must_arrive() {
        let line = waiting();
        let mut must = 0;
        while line.is_roomy() {
            line.tell(bytes(4));
            must += 1;
        }

        line.hint(bytes(3));
        line.tell(bytes(4));

        let frames = line.drain();
        assert_eq!(frames.len(), must + 1);
        assert!(frames.iter().all(|frame| frame == "xxxx"));
    }

    #[tokio::test]
    async fn a_hint_waits_for_what_must_arrive_and_not_the_other_way_round() {
        let (line, mut later) = (waiting(), Round::default());

        later.hint(&line, bytes(1));
        later.hint(&line, bytes(2));
        let mut now = Round::default();
        now.tell(&line, bytes(3));

        assert_eq!((later.0.len(), now.0.len()), (1, 1), "each has the line on its list, once");
        assert_eq!(line.drain(), ["x", "xx", "xxx"]);
    }

    #[tokio::test]
    async fn the_first_reason_to_end_counts_and_goes_before_everything() {
        let line = waiting();
        line.tell(bytes(4));

        line.end((1, "first"));
        line.end((2, "second"));

        assert!(matches!(line.next().await, Found::Ending((1, "first"))));
    }

    #[test]
    fn a_message_that_was_refused_for_now_holds_later_ones_of_its_room_back() {
        let (line, room, first, second) = (waiting(), RoomId::new(), ClientId::new(), ClientId::new());

        let now = Instant::now();
        line.hold_back(room, first);

        assert!(line.is_held_back(room, second, now));
        assert!(!line.is_held_back(RoomId::new(), second, now));
        assert!(!line.is_held_back(room, first, now));
        assert!(!line.is_held_back(room, second, now), "the first one came again");
    }

    #[test]
    fn a_message_that_never_comes_again_holds_nothing_back_for_ever() {
        let (line, room, first, second) = (waiting(), RoomId::new(), ClientId::new(), ClientId::new());

        line.hold_back(room, first);
        let later = Instant::now() + HOLD;

        assert!(!line.is_held_back(room, second, later));
        assert!(!line.is_held_back(room, ClientId::new(), later), "nor does the second one");
    }
}
