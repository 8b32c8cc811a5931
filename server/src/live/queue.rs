//! What waits for one socket: bounded, in its order, and written as far as the kernel takes it.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, IoSlice},
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use tokio::{net::tcp::OwnedWriteHalf, time::Instant};
use wire::{RoomId, frames::ToClient};

use super::{
    frame::encoded,
    limits::{QUEUE_BYTES, QUEUE_FRAMES},
    line::{Ending, Found},
};

/// Frames of one write.
const HANDFUL: usize = 64;
/// A queue that is this full takes no hints, and nothing of a catch-up.
const ROOMY_FRAMES: usize = QUEUE_FRAMES / 8;
const ROOMY_BYTES: usize = QUEUE_BYTES / 4;
/// Places that an empty queue keeps: most bursts are no longer.
const KEPT: usize = 4;
const GONE: Ending = (1000, "gone");

/// One frame on its way to a socket.
pub(super) enum Parcel {
    /// It must arrive.
    Frame(Bytes),
    /// Events of a room, after a position: what is dropped of these is caught up later.
    Events { room: RoomId, after: u64, frame: Bytes },
}

/// The writing half of a socket, and what waits for it.
#[derive(Default)]
pub(super) struct Queue {
    writer: Option<OwnedWriteHalf>,
    waiting: VecDeque<Parcel>,
    bytes: usize,
    /// Whoever put something in line is about to write it.
    urgent: bool,
    /// The kernel has a part of the first frame: that one cannot be dropped any more.
    begun: bool,
    /// Since when the kernel has taken nothing.
    blocked: Option<Instant>,
    behind: Vec<Behind>,
    ending: Option<Ending>,
    /// The last frame is in line; nothing comes after it.
    closed: bool,
}

/// A room whose events are dropped until it is caught up.
struct Behind {
    room: RoomId,
    /// Nothing up to here is missing.
    from: u64,
    told: bool,
}

impl Queue {
    pub(super) fn new(writer: OwnedWriteHalf) -> Self {
        Self { writer: Some(writer), ..Self::default() }
    }

    /// Puts a parcel in line; whether nobody else is about to write it.
    pub(super) fn put(&mut self, parcel: Parcel) -> bool {
        let is_behind = |room: &RoomId| self.behind.iter().any(|behind| behind.room == *room);
        if self.closed || matches!(&parcel, Parcel::Events { room, .. } if is_behind(room)) {
            return false;
        }
        let is_left_to_others = self.urgent || self.blocked.is_some();
        self.urgent = true;
        self.push(parcel);
        !is_left_to_others
    }

    /// Puts a frame in line that goes out with the next one, unless the line is full; whether it waits alone.
    pub(super) fn put_aside(&mut self, frame: Bytes) -> bool {
        if self.closed || !self.is_roomy() {
            return false;
        }
        let is_alone = self.waiting.is_empty();
        self.push(Parcel::Frame(frame));
        is_alone
    }

    fn push(&mut self, parcel: Parcel) {
        self.bytes += parcel.bytes();
        self.waiting.push_back(parcel);
        while (self.waiting.len() > QUEUE_FRAMES || self.bytes > QUEUE_BYTES) && self.shed() {}
    }

    /// Whether there is room for more than what must arrive.
    pub(super) fn is_roomy(&self) -> bool {
        self.waiting.len() < ROOMY_FRAMES && self.bytes < ROOMY_BYTES
    }

    /// The first reason to end counts.
    pub(super) fn end(&mut self, ending: Ending) {
        self.ending.get_or_insert(ending);
    }

    /// A room's events are taken again.
    pub(super) fn forget(&mut self, room: RoomId) {
        self.behind.retain(|behind| behind.room != room);
    }

    /// Since when the kernel has taken nothing of what waits.
    pub(super) fn blocked(&self) -> Option<Instant> {
        self.blocked
    }

    /// Writes what waits, from whatever task; whether the socket's own task has something to do now.
    pub(super) fn flush(&mut self) -> bool {
        let (was_blocked, was_roomy) = (self.blocked.is_some(), self.is_roomy());
        self.write();
        let is_newly_blocked = self.blocked.is_some() && !was_blocked;
        let is_newly_roomy = self.is_roomy() && !was_roomy;
        let is_behind = self.waiting.is_empty() && self.behind.iter().any(|behind| !behind.told);
        is_newly_blocked || is_newly_roomy || is_behind || self.ending.is_some()
    }

    /// What the socket's own task has to do; it is woken when the kernel takes more.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Found> {
        loop {
            if let Some(ending) = self.ending {
                return Poll::Ready(Found::Ending(ending));
            }
            if self.waiting.is_empty() {
                let untold = self.behind.iter_mut().find(|behind| !behind.told);
                return untold.map_or(Poll::Pending, |behind| {
                    behind.told = true;
                    Poll::Ready(Found::Behind(behind.room, behind.from))
                });
            }
            ready!(self.poll_write(context));
        }
    }

    /// Drops what waits, and takes a last frame.
    pub(super) fn close(&mut self, last: Bytes) {
        self.waiting.truncate(usize::from(self.begun));
        self.waiting.push_back(Parcel::Frame(last));
        self.bytes = self.waiting.iter().map(Parcel::bytes).sum();
        self.closed = true;
    }

    /// Answers when everything is written, or can never be.
    pub(super) fn poll_empty(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.waiting.is_empty() {
            ready!(self.poll_write(context));
        }
        Poll::Ready(())
    }

    /// Nothing is written any more; the other side hears that.
    pub(super) fn hang_up(&mut self) {
        self.closed = true;
        self.writer = None;
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(writer) = &self.writer else { return Poll::Pending };
        if self.blocked.is_some() {
            // An error shows when it is written to.
            let _ = ready!(writer.as_ref().poll_write_ready(context));
        }
        let was_roomy = self.is_roomy();
        self.write();
        if self.is_roomy() && !was_roomy {
            // What waits for room is a part of the same task.
            context.waker().wake_by_ref();
        }
        Poll::Ready(())
    }

    /// Writes until nothing waits, or the kernel takes nothing.
    fn write(&mut self) {
        self.urgent = false;
        while !self.waiting.is_empty() {
            let Some(writer) = &self.writer else { return };
            match write(writer, &self.waiting) {
                Ok(taken) if taken > 0 => self.taken(taken),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked.get_or_insert_with(Instant::now);
                    return;
                }
                _ => return self.broken(),
            }
        }
    }

    /// The kernel has taken so many bytes.
    fn taken(&mut self, mut taken: usize) {
        self.blocked = None;
        self.bytes -= taken;
        while let Some(first) = self.waiting.front_mut() {
            let frame = first.frame_mut();
            if taken < frame.len() {
                frame.advance(taken);
                self.begun |= taken > 0;
                return;
            }
            taken -= frame.len();
            self.begun = false;
            self.waiting.pop_front();
        }
        // A burst is over: an idle socket keeps no memory for the next one.
        self.waiting.shrink_to(KEPT);
    }

    fn broken(&mut self) {
        self.end(GONE);
        self.waiting.clear();
        self.bytes = 0;
        self.blocked = None;
    }

    /// Drops the waiting events of the fattest room; `false` when there are none of any.
    fn shed(&mut self) -> bool {
        let mut fat: HashMap<RoomId, usize> = HashMap::new();
        let begun = usize::from(self.begun);
        for parcel in self.waiting.iter().skip(begun) {
            if let Parcel::Events { room, frame, .. } = parcel {
                *fat.entry(*room).or_default() += frame.len() + 1;
            }
        }
        let Some((fattest, _)) = fat.into_iter().max_by_key(|(_, bytes)| *bytes) else { return false };
        let (mut from, mut at) = (None, 0);
        self.waiting.retain(|parcel| {
            at += 1;
            match parcel {
                Parcel::Events { room, after, .. } if *room == fattest && at > begun => {
                    from.get_or_insert(*after);
                    false
                }
                _ => true,
            }
        });
        let from = from.unwrap_or(0);
        self.behind.push(Behind { room: fattest, from, told: false });
        self.waiting.push_back(Parcel::Frame(encoded(&ToClient::Lag { room: fattest, from })));
        self.bytes = self.waiting.iter().map(Parcel::bytes).sum();
        metrics::counter!("mshub_live_lag_total").increment(1);
        true
    }

    /// Takes what waits, as texts.
    #[cfg(test)]
    pub(super) fn drain(&mut self) -> Vec<String> {
        self.bytes = 0;
        self.waiting.drain(..).map(|parcel| super::frame::payload(parcel.frame()).to_owned()).collect()
    }
}

/// Writes as much of what waits as the kernel takes at once.
fn write(writer: &OwnedWriteHalf, waiting: &VecDeque<Parcel>) -> io::Result<usize> {
    // Most often there is one frame: the plain call is the cheaper one.
    if let (1, Some(only)) = (waiting.len(), waiting.front()) {
        return writer.try_write(only.frame());
    }
    let mut slices = [IoSlice::new(&[]); HANDFUL];
    for (slice, parcel) in slices.iter_mut().zip(waiting) {
        *slice = IoSlice::new(parcel.frame());
    }
    writer.try_write_vectored(&slices[..waiting.len().min(HANDFUL)])
}

impl Parcel {
    fn frame(&self) -> &Bytes {
        match self {
            Self::Frame(frame) | Self::Events { frame, .. } => frame,
        }
    }

    fn frame_mut(&mut self) -> &mut Bytes {
        match self {
            Self::Frame(frame) | Self::Events { frame, .. } => frame,
        }
    }

    fn bytes(&self) -> usize {
        self.frame().len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::AsyncReadExt as _,
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::live::frame::text;

    fn frame(bytes: usize) -> Bytes {
        text(bytes, |text| text.resize(text.len() + bytes, b'x'))
    }

    /// A queue, and the other end of its socket.
    async fn connected() -> (Queue, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (reader, writer) = listener.accept().await.unwrap().0.into_split();
        // Dropped, it would only end the reading.
        drop(reader);
        writer.writable().await.unwrap();
        (Queue::new(writer), other)
    }

    /// Puts in line until the kernel takes no more; answers with the bytes that were put.
    fn fill(queue: &mut Queue, room: RoomId) -> usize {
        let (mut put, mut after) = (0, 1);
        while queue.blocked().is_none() {
            let frame = frame(10_000);
            put += frame.len();
            queue.put(Parcel::Events { room, after, frame });
            queue.flush();
            after += 1;
        }
        put
    }

    #[tokio::test]
    async fn what_the_kernel_has_a_part_of_is_never_dropped_and_everything_arrives_in_one_piece() {
        let ((mut queue, mut other), room) = (connected().await, RoomId::new());
        let put = fill(&mut queue, room);
        let waits = queue.bytes;
        assert!(waits > 0, "{put} bytes were put, and the kernel took all of them");

        for after in 0..QUEUE_FRAMES as u64 {
            queue.put(Parcel::Events { room, after, frame: frame(10) });
        }
        assert_eq!(
            queue.waiting.len(),
            1 + usize::from(queue.begun),
            "the lag is told, and what was begun stays"
        );
        let rest = queue.bytes;

        let read = tokio::spawn(async move {
            let mut bytes = Vec::new();
            other.read_to_end(&mut bytes).await.unwrap();
            bytes
        });
        std::future::poll_fn(|context| queue.poll_empty(context)).await;
        queue.hang_up();

        let bytes = tokio::time::timeout(Duration::from_secs(60), read).await.unwrap().unwrap();
        assert_eq!(bytes.len(), put - waits + rest);
        let mut left = &bytes[..];
        while left.len() > 4 {
            assert_eq!(left[0], 0x81, "every frame begins where the one before it ends");
            let length = match left[1] {
                126 => 4 + usize::from(u16::from_be_bytes([left[2], left[3]])),
                short => 2 + usize::from(short),
            };
            left = &left[length..];
        }
        assert!(left.is_empty());
    }

    #[tokio::test]
    async fn a_last_frame_goes_before_everything_that_waits_and_after_what_was_begun() {
        let ((mut queue, mut other), room) = (connected().await, RoomId::new());
        fill(&mut queue, room);
        queue.put(Parcel::Frame(frame(5)));

        queue.close(Bytes::from_static(b"last"));
        assert!(!queue.put(Parcel::Frame(frame(5))), "nothing comes after it");

        let read = tokio::spawn(async move {
            let mut bytes = Vec::new();
            other.read_to_end(&mut bytes).await.unwrap();
            bytes
        });
        std::future::poll_fn(|context| queue.poll_empty(context)).await;
        queue.hang_up();
        let bytes = tokio::time::timeout(Duration::from_secs(60), read).await.unwrap().unwrap();
        assert!(bytes.ends_with(b"xlast"));
        assert_eq!((bytes.len() - 4) % frame(10_000).len(), 0);
    }
}
