//! Who listens to what on this gateway. Locks are held for memory only, never across a wait.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use governor::{DefaultKeyedRateLimiter, Quota};
use platform::bus::AppendError;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{
    RoomId, UserId,
    events::{Head, RoomEvent, What},
    frames::ToClient,
    rooms::Sent,
};

use super::{
    attempts::{Attempts, Claim, Claimed, Key},
    room::{Line, Room, SocketId},
};

/// Frames that may wait for one socket.
const QUEUE: usize = 512;
/// How long an acknowledgement waits for this gateway to see the message in the log.
const OWN_TAIL: Duration = Duration::from_secs(5);

/// Everything that is live on this gateway.
pub(crate) struct Registry {
    rooms: Mutex<HashMap<RoomId, Room>>,
    sockets: Mutex<HashMap<SocketId, Entry>>,
    attempts: Mutex<Attempts>,
    rates: DefaultKeyedRateLimiter<UserId>,
    /// Where this gateway began to follow the log.
    begin: AtomicU64,
    tailed: watch::Sender<u64>,
    next_socket: AtomicU64,
}

struct Entry {
    user: UserId,
    session: Uuid,
    jobs: bool,
    line: Line,
    slow: CancellationToken,
    ended: CancellationToken,
}

/// One socket's place in the registry.
pub(super) struct Seat {
    pub(super) socket: SocketId,
    /// Its own sending side, for frames that are made for it alone.
    pub(super) line: Line,
    /// Frames for it.
    pub(super) frames: mpsc::Receiver<Utf8Bytes>,
    /// It reads too slowly and must go.
    pub(super) slow: CancellationToken,
    /// Its session has ended.
    pub(super) ended: CancellationToken,
}

impl Registry {
    pub(crate) fn new(sends_per_second: NonZeroU32) -> Self {
        let quota = Quota::per_second(sends_per_second).allow_burst(sends_per_second.saturating_mul(TWICE));
        Self {
            rooms: Mutex::default(),
            sockets: Mutex::default(),
            attempts: Mutex::default(),
            rates: DefaultKeyedRateLimiter::keyed(quota),
            begin: AtomicU64::new(0),
            tailed: watch::Sender::new(0),
            next_socket: AtomicU64::new(1),
        }
    }

    /// Up to where this gateway has followed the log.
    pub(crate) fn tailed(&self) -> u64 {
        *self.tailed.borrow()
    }

    /// Sees how far this gateway follows.
    pub(super) fn follow(&self) -> watch::Receiver<u64> {
        self.tailed.subscribe()
    }

    /// How many sockets are open.
    pub(crate) fn sockets(&self) -> usize {
        locked(&self.sockets).len()
    }

    /// Whether a person sends faster than is allowed. Asking counts.
    pub(crate) fn is_too_fast(&self, user: UserId) -> bool {
        self.rates.check_key(&user).is_err()
    }

    /// Forgets the rates of those who are quiet.
    pub(super) fn forget_quiet(&self) {
        self.rates.retain_recent();
    }

    /// The right to say a message, or what became of it.
    pub(crate) fn claim(&self, key: Key) -> Claimed {
        locked(&self.attempts).claim(key)
    }

    /// Ends an attempt. The answer waits until this gateway has seen the message in the log: only then is it certain
    /// that no earlier copy of it, through another gateway, comes first.
    pub(crate) async fn settle(&self, claim: Claim, placed: Result<Sent, AppendError>) {
        if let Ok(sent) = &placed {
            let mut tailed = self.follow();
            let seen = tailed.wait_for(|tailed| *tailed >= sent.pos);
            if tokio::time::timeout(OWN_TAIL, seen).await.is_err() {
                tracing::warn!(pos = sent.pos, "acknowledged before this gateway saw the message in the log");
            }
        }
        let first = locked(&self.attempts).land(claim.key());
        claim
            .answer(placed.map(|sent| {
                first.map_or(sent.clone(), |first| Sent { dup: first.pos != sent.pos, ..first })
            }));
    }

    /// Whether an event is no repetition of an earlier one.
    pub(super) fn is_first(&self, event: &RoomEvent) -> bool {
        locked(&self.attempts).is_first(event)
    }

    /// Everything of a room after a position, if memory reaches back that far.
    pub(super) fn recent(&self, room: RoomId, after: u64) -> Option<Vec<RoomEvent>> {
        match locked(&self.rooms).get(&room) {
            Some(room) => room.after(after),
            None => (after >= self.begin.load(Ordering::Relaxed)).then(Vec::new),
        }
    }

    /// The newest position of a room, if one was seen since this gateway began.
    pub(super) fn last(&self, room: RoomId) -> Option<u64> {
        locked(&self.rooms).get(&room).and_then(Room::last)
    }

    /// This gateway begins to follow the log after a position.
    pub(super) fn begin_after(&self, pos: u64) {
        self.begin.store(pos, Ordering::Relaxed);
        self.tailed.send_replace(pos);
    }

    /// Takes the next event of the log to everybody who listens.
    pub(super) fn take(&self, mut event: RoomEvent) {
        if !locked(&self.attempts).see(&event) {
            tracing::debug!(room = %event.room, pos = event.pos, "a repeated record is void");
            return;
        }
        let begin = self.begin.load(Ordering::Relaxed);
        let left = matches!(event.what, What::Left).then_some((event.room, event.by));
        let slow = {
            let mut rooms = locked(&self.rooms);
            let room = rooms.entry(event.room).or_insert_with(|| Room::new(begin));
            event.prev = room.last();
            let frame = encoded(&ToClient::Ev(event.clone()));
            room.take(event, &frame)
        };
        self.close_slow(&slow);
        if let Some((room, user)) = left {
            self.expel(room, user);
        }
    }

    /// The log was followed up to a position.
    pub(super) fn reached(&self, pos: u64) {
        self.tailed.send_replace(pos);
    }

    fn expel(&self, room: RoomId, user: UserId) {
        let gone = locked(&self.rooms).get_mut(&room).map(|room| room.forget_user(user)).unwrap_or_default();
        let frame = encoded(&ToClient::Unsubbed { room });
        let slow: Vec<_> = gone
            .into_iter()
            .filter(|(_, line)| line.try_send(frame.clone()).is_err())
            .map(|(socket, _)| socket)
            .collect();
        self.close_slow(&slow);
    }

    /// A new socket takes its seat.
    pub(super) fn sit(&self, user: UserId, session: Uuid) -> Seat {
        let socket = self.next_socket.fetch_add(1, Ordering::Relaxed);
        let (line, frames) = mpsc::channel(QUEUE);
        let (slow, ended) = (CancellationToken::new(), CancellationToken::new());
        let entry = Entry {
            user,
            session,
            jobs: false,
            line: line.clone(),
            slow: slow.clone(),
            ended: ended.clone(),
        };
        locked(&self.sockets).insert(socket, entry);
        metrics::gauge!("mshub_live_sockets").increment(1.0);
        Seat { socket, line, frames, slow, ended }
    }

    /// A socket is gone.
    pub(super) fn leave(&self, socket: SocketId, rooms: impl IntoIterator<Item = RoomId>) {
        locked(&self.sockets).remove(&socket);
        metrics::gauge!("mshub_live_sockets").decrement(1.0);
        for room in rooms {
            self.unsubscribe(socket, room);
        }
    }

    pub(super) fn watch_jobs(&self, socket: SocketId, on: bool) {
        if let Some(entry) = locked(&self.sockets).get_mut(&socket) {
            entry.jobs = on;
        }
    }

    /// A socket begins to hear a room; what happens meanwhile waits for [`Registry::caught_up`].
    pub(super) fn subscribe(&self, socket: SocketId, user: UserId, line: Line, room: RoomId) {
        let begin = self.begin.load(Ordering::Relaxed);
        locked(&self.rooms).entry(room).or_insert_with(|| Room::new(begin)).listen(socket, user, line);
    }

    pub(super) fn unsubscribe(&self, socket: SocketId, room: RoomId) {
        if let Some(room) = locked(&self.rooms).get_mut(&room) {
            room.forget(socket);
        }
    }

    /// See [`Room::caught_up`].
    pub(super) fn caught_up(
        &self,
        socket: SocketId,
        room: RoomId,
        upto: u64,
    ) -> Option<Vec<(u64, Utf8Bytes)>> {
        locked(&self.rooms).get_mut(&room)?.caught_up(socket, upto)
    }

    /// A frame for every socket.
    pub(super) fn tell_all(&self, frame: &ToClient) {
        self.tell(frame, |_| true);
    }

    /// A conversion changed: a frame for its owner's sockets that asked.
    pub(super) fn tell_job(&self, owner: UserId, frame: &ToClient) {
        self.tell(frame, |entry| entry.jobs && entry.user == owner);
    }

    /// The database follows: a frame for those who listen to the room. It may be lost.
    pub(super) fn tell_head(&self, head: Head) {
        let room = head.room;
        let frame = encoded(&ToClient::Wm { r: vec![head] });
        if let Some(room) = locked(&self.rooms).get(&room) {
            for listener in room.listeners() {
                // A full line drops it: the next watermark says more.
                let _ = listener.line.try_send(frame.clone());
            }
        }
    }

    /// A session ended: its sockets close.
    pub(super) fn end_session(&self, session: Uuid) {
        locked(&self.sockets)
            .values()
            .filter(|entry| entry.session == session)
            .for_each(|entry| entry.ended.cancel());
    }

    fn tell(&self, frame: &ToClient, whom: impl Fn(&Entry) -> bool) {
        let frame = encoded(frame);
        let sockets = locked(&self.sockets);
        for entry in sockets.values().filter(|entry| whom(entry)) {
            if entry.line.try_send(frame.clone()).is_err() {
                entry.slow.cancel();
            }
        }
    }

    fn close_slow(&self, slow: &[SocketId]) {
        if slow.is_empty() {
            return;
        }
        metrics::counter!("mshub_live_slow_total").increment(slow.len() as u64);
        let sockets = locked(&self.sockets);
        slow.iter().filter_map(|socket| sockets.get(socket)).for_each(|entry| entry.slow.cancel());
    }
}

const TWICE: NonZeroU32 = NonZeroU32::new(2).expect("two is not zero");

/// A frame as it travels.
pub(super) fn encoded(frame: &ToClient) -> Utf8Bytes {
    serde_json::to_string(frame).expect("a frame is plain data").into()
}

/// A panic while a lock was held leaves memory that is still consistent: every change under a lock is one insertion
/// or removal.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
