//! What waits for one socket: bounded in frames and in bytes, so that a slow reader costs a bounded memory and
//! nobody's time.
//!
//! Over the bound the events of the room with the most bytes are dropped, the client is told `lag`, and the room is
//! caught up from memory when the line is empty again. Nobody who puts something in line ever waits.

use std::{
    collections::{HashMap, VecDeque},
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use axum::extract::ws::Utf8Bytes;
use futures_util::task::AtomicWaker;
use platform::{
    bus::AppendError,
    mutants::{self, Mutant},
};
use wire::{ClientId, RoomId, frames::ToClient, rooms::Sent};

use super::{
    encoded,
    limits::{QUEUE_BYTES, QUEUE_FRAMES},
};

/// Parcels that are taken out at once.
const HANDFUL: usize = 64;
/// A line that is this full takes no hints, and nothing of a catch-up.
const ROOMY_FRAMES: usize = QUEUE_FRAMES / 8;
const ROOMY_BYTES: usize = QUEUE_BYTES / 4;

/// Why a socket ends: the close code and a sentence.
pub(super) type Ending = (u16, &'static str);

/// What became of a message that this socket sent.
pub(super) struct Answer {
    pub(super) room: RoomId,
    pub(super) cid: ClientId,
    pub(super) outcome: Result<Sent, AppendError>,
}

/// One thing on its way to a socket.
pub(super) enum Parcel {
    /// For this socket alone, or for everybody.
    Frame(Utf8Bytes),
    /// Events of a room, the same bytes for each of its sockets.
    Events { room: RoomId, after: u64, frame: Utf8Bytes },
    /// The outcome of a send.
    Answer(Box<Answer>),
}

/// What a socket finds in its line.
pub(super) enum Found {
    /// Parcels to write.
    Parcels,
    /// Nothing waits, and this room has to be caught up after a position.
    Behind(RoomId, u64),
    /// It has to end.
    Ending(Ending),
}

/// The waiting side and the reading side of one socket.
#[derive(Default)]
pub(crate) struct Line {
    queue: Mutex<Queue>,
    reader: AtomicWaker,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Parcel>,
    bytes: usize,
    behind: Vec<Behind>,
    ending: Option<Ending>,
}

/// A room whose events are dropped until it is caught up.
struct Behind {
    room: RoomId,
    /// Nothing up to here is missing.
    from: u64,
    told: bool,
}

impl Line {
    /// A frame that must arrive.
    pub(super) fn tell(&self, frame: Utf8Bytes) {
        self.put(Parcel::Frame(frame));
    }

    /// A frame that may be lost: a full line drops it.
    pub(super) fn hint(&self, frame: Utf8Bytes) {
        if self.is_roomy() {
            self.put(Parcel::Frame(frame));
        }
    }

    /// Events of a room; `after` is the position that they follow.
    pub(super) fn events(&self, room: RoomId, after: u64, frame: Utf8Bytes) {
        if !mutants::strikes(Mutant::M3) {
            self.put(Parcel::Events { room, after, frame });
        }
    }

    /// The outcome of a message that this socket sent.
    pub(super) fn answer(&self, answer: Answer) {
        self.put(Parcel::Answer(Box::new(answer)));
    }

    /// The socket has to end. The first reason counts.
    pub(super) fn end(&self, ending: Ending) {
        self.queue().ending.get_or_insert(ending);
        self.reader.wake();
    }

    /// A room is caught up from now on, or not followed any more: its events are taken again.
    pub(super) fn forget(&self, room: RoomId) {
        self.queue().behind.retain(|behind| behind.room != room);
    }

    /// Whether there is room for more than what must arrive.
    pub(super) fn is_roomy(&self) -> bool {
        let queue = self.queue();
        queue.waiting.len() < ROOMY_FRAMES && queue.bytes < ROOMY_BYTES
    }

    /// Waits until [`Line::is_roomy`]. Only the socket's own task may wait: it polls again after each write.
    pub(super) async fn roomy(&self) {
        poll_fn(|_| if self.is_roomy() { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// Waits for something to do.
    pub(super) async fn next(&self, parcels: &mut Vec<Parcel>) -> Found {
        poll_fn(|context| {
            self.reader.register(context.waker());
            self.queue().find(parcels).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// Takes what waits, without waiting; `false` when there is nothing.
    pub(super) fn take(&self, parcels: &mut Vec<Parcel>) -> bool {
        self.queue().take(parcels)
    }

    fn put(&self, parcel: Parcel) {
        let was_empty = {
            let mut queue = self.queue();
            let was_empty = queue.waiting.is_empty();
            queue.put(parcel);
            was_empty
        };
        if was_empty {
            self.reader.wake();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn put(&mut self, parcel: Parcel) {
        if let Parcel::Events { room, .. } = &parcel
            && self.behind.iter().any(|behind| behind.room == *room)
        {
            return;
        }
        self.bytes += parcel.bytes();
        self.waiting.push_back(parcel);
        while self.waiting.len() > QUEUE_FRAMES || self.bytes > QUEUE_BYTES {
            if !self.shed() {
                break;
            }
        }
    }

    /// Drops the waiting events of the fattest room; `false` when there are none of any.
    fn shed(&mut self) -> bool {
        let mut fat: HashMap<RoomId, usize> = HashMap::new();
        for parcel in &self.waiting {
            if let Parcel::Events { room, frame, .. } = parcel {
                *fat.entry(*room).or_default() += frame.len() + 1;
            }
        }
        let Some((fattest, _)) = fat.into_iter().max_by_key(|(_, bytes)| *bytes) else { return false };
        let mut from = None;
        self.waiting.retain(|parcel| match parcel {
            Parcel::Events { room, after, .. } if *room == fattest => {
                from.get_or_insert(*after);
                false
            }
            _ => true,
        });
        let from = from.unwrap_or(0);
        self.behind.push(Behind { room: fattest, from, told: false });
        self.waiting.push_back(Parcel::Frame(encoded(&ToClient::Lag { room: fattest, from })));
        self.bytes = self.waiting.iter().map(Parcel::bytes).sum();
        metrics::counter!("mshub_live_lag_total").increment(1);
        true
    }

    fn find(&mut self, parcels: &mut Vec<Parcel>) -> Option<Found> {
        if let Some(ending) = self.ending {
            return Some(Found::Ending(ending));
        }
        if self.take(parcels) {
            return Some(Found::Parcels);
        }
        let behind = self.behind.iter_mut().find(|behind| !behind.told)?;
        behind.told = true;
        Some(Found::Behind(behind.room, behind.from))
    }

    fn take(&mut self, parcels: &mut Vec<Parcel>) -> bool {
        let count = self.waiting.len().min(HANDFUL);
        parcels.extend(self.waiting.drain(..count));
        if self.waiting.is_empty() {
            self.bytes = 0;
            // A burst is over: an idle socket keeps no memory for the next one.
            self.waiting.shrink_to(HANDFUL / 8);
        } else {
            self.bytes -= parcels[parcels.len() - count..].iter().map(Parcel::bytes).sum::<usize>();
        }
        count > 0
    }
}

impl Parcel {
    fn bytes(&self) -> usize {
        match self {
            Self::Frame(frame) | Self::Events { frame, .. } => frame.len(),
            Self::Answer(_) => 256,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(count: usize) -> Utf8Bytes {
        "x".repeat(count).into()
    }

    fn drained(line: &Line) -> Vec<String> {
        let mut parcels = Vec::new();
        while line.take(&mut parcels) {}
        let text = |parcel: &Parcel| match parcel {
            Parcel::Frame(frame) | Parcel::Events { frame, .. } => Some(frame.to_string()),
            Parcel::Answer(_) => None,
        };
        parcels.iter().filter_map(text).collect()
    }

    async fn found(line: &Line) -> Found {
        line.next(&mut Vec::new()).await
    }

    #[tokio::test]
    async fn too_many_frames_drop_the_fattest_room_and_tell_where_it_stopped() {
        let (line, fat, thin) = (Line::default(), RoomId::new(), RoomId::new());

        line.events(thin, 1, bytes(10));
        for pos in 7..7 + QUEUE_FRAMES as u64 {
            line.events(fat, pos, bytes(10));
        }

        let frames = drained(&line);
        assert_eq!(frames.len(), 2, "{frames:?}");
        assert!(frames[1].contains(r#""t":"lag""#) && frames[1].contains(r#""from":7"#), "{}", frames[1]);
        assert!(matches!(found(&line).await, Found::Behind(room, 7) if room == fat));
    }

    #[tokio::test]
    async fn too_many_bytes_do_the_same_and_nothing_of_the_room_is_taken_until_it_is_caught_up() {
        let (line, room) = (Line::default(), RoomId::new());

        for pos in 0..5 {
            line.events(room, pos, bytes(QUEUE_BYTES / 4));
        }
        line.events(room, 5, bytes(1));
        assert_eq!(drained(&line).len(), 1, "only the lag is told");
        assert!(matches!(found(&line).await, Found::Behind(_, 0)));

        line.forget(room);
        line.events(room, 6, bytes(1));
        assert_eq!(drained(&line), ["x"]);
    }

    #[test]
    fn a_full_line_drops_hints_and_keeps_what_must_arrive() {
        let line = Line::default();
        for _ in 0..ROOMY_FRAMES {
            line.tell("must".into());
        }

        line.hint("may".into());
        line.tell("must".into());

        let frames = drained(&line);
        assert_eq!(frames.len(), ROOMY_FRAMES + 1);
        assert!(frames.iter().all(|frame| frame == "must"));
    }

    #[tokio::test]
    async fn the_first_reason_to_end_counts_and_goes_before_everything() {
        let line = Line::default();
        line.tell("late".into());

        line.end((1, "first"));
        line.end((2, "second"));

        assert!(matches!(found(&line).await, Found::Ending((1, "first"))));
    }
}
