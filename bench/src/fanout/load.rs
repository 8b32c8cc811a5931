//! The load itself: one thread, one task a socket, every message checked by everybody who gets it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    io::AsyncReadExt as _, net::TcpStream, net::tcp::OwnedReadHalf, net::tcp::OwnedWriteHalf, task::LocalSet,
};
use wire::{RoomId, frames::Position};

use super::{cost::Cost, link};

/// A room and the sockets that are live in it.
pub(super) struct Room {
    pub(super) id: RoomId,
    links: Vec<std::net::TcpStream>,
    /// Up to where the last of them has heard everything.
    pub(super) at: Position,
}

impl Room {
    pub(super) fn new(id: RoomId, links: Vec<std::net::TcpStream>, at: Position) -> Self {
        Self { id, links, at }
    }
}

/// How the load behaves.
pub(super) struct Load {
    /// Sockets of a room that write, in turn.
    pub(super) senders: u32,
    pub(super) window: u32,
    /// Between two messages of a room, where they are sent by the clock.
    pub(super) pace: Option<Duration>,
    pub(super) warm_up: Duration,
    pub(super) measured: Duration,
    /// The gateways.
    pub(super) pids: Vec<u32>,
}

/// What was seen.
pub(super) struct Counted {
    pub(super) span: Duration,
    pub(super) deliveries: u64,
    pub(super) hub: Duration,
    /// What of it the threads of the databases and of the log used.
    pub(super) stores: Duration,
    pub(super) own: Duration,
    pub(super) lost: u64,
    pub(super) disorder: u64,
    /// Some of the deliveries, evenly chosen: from the time a message was due to its arrival.
    pub(super) latencies: Vec<Duration>,
}

/// Latencies kept at most; with more deliveries every n-th counts.
const KEPT: u64 = 200_000;
/// How long what was sent may take to arrive after the end.
const DRAIN: Duration = Duration::from_secs(5);

struct Talk {
    room: RoomId,
    members: u64,
    writers: Vec<OwnedWriteHalf>,
    sent: Cell<u64>,
    delivered: Cell<u64>,
}

struct Board {
    began: Instant,
    stopped: Cell<bool>,
    deliveries: Cell<u64>,
    disorder: Cell<u64>,
    latencies: RefCell<Vec<Duration>>,
    every: Cell<u64>,
}

/// Runs the load on this thread until its time is over.
pub(super) fn run(load: &Load, rooms: Vec<Room>) -> anyhow::Result<Counted> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, measure(load, rooms))
}

async fn measure(load: &Load, rooms: Vec<Room>) -> anyhow::Result<Counted> {
    let board = Rc::new(Board {
        began: Instant::now(),
        stopped: Cell::new(false),
        deliveries: Cell::new(0),
        disorder: Cell::new(0),
        latencies: RefCell::default(),
        every: Cell::new(1),
    });
    let (mut talks, count) = (Vec::new(), rooms.len());
    for (nth, Room { id, links, .. }) in rooms.into_iter().enumerate() {
        let talk = begin(load, &board, id, links).await?;
        if let Some(pace) = load.pace {
            // Rooms in turn: all of them in the same millisecond would be a burst that nobody asked for.
            let first = board.began + pace.mul_f64(nth as f64 / count as f64);
            tokio::task::spawn_local(paced(first.into(), pace, board.clone(), talk.clone()));
        }
        talks.push(talk);
    }
    tokio::time::sleep(load.warm_up).await;
    let (from, hub, own) = (Instant::now(), Cost::of(&load.pids)?, Cost::of(&[std::process::id()])?);
    board.latencies.borrow_mut().clear();
    let before = board.deliveries.get();
    tokio::time::sleep(load.measured).await;
    let (span, hub_after, own_after) =
        (from.elapsed(), Cost::of(&load.pids)?, Cost::of(&[std::process::id()])?);
    let deliveries = board.deliveries.get() - before;
    let latencies = board.latencies.take();
    board.stopped.set(true);
    Ok(Counted {
        span,
        deliveries,
        hub: hub_after.cpu - hub.cpu,
        stores: hub_after.stores - hub.stores,
        own: own_after.cpu - own.cpu,
        lost: drained(&talks).await,
        disorder: board.disorder.get(),
        latencies,
    })
}

/// Waits for what is still on its way; answers how much never came.
async fn drained(talks: &[Rc<Talk>]) -> u64 {
    let missing =
        || talks.iter().map(|talk| talk.sent.get() * talk.members - talk.delivered.get()).sum::<u64>();
    let until = Instant::now() + DRAIN;
    while missing() > 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    missing()
}

async fn begin(
    load: &Load,
    board: &Rc<Board>,
    room: RoomId,
    links: Vec<std::net::TcpStream>,
) -> anyhow::Result<Rc<Talk>> {
    let members = links.len() as u64;
    let (mut readers, mut writers) = (Vec::new(), Vec::new());
    for link in links {
        let (reader, writer) = TcpStream::from_std(link)?.into_split();
        readers.push(reader);
        // The others' halves stay open with their readers: a dropped one would end its socket.
        if writers.len() < load.senders as usize {
            // Before the runtime has seen it writable once, every attempt to write would be put off.
            writer.writable().await?;
            writers.push(writer);
        } else {
            writer.forget();
        }
    }
    anyhow::ensure!(!writers.is_empty(), "a room without sockets");
    let talk = Rc::new(Talk { room, members, writers, sent: Cell::new(0), delivered: Cell::new(0) });
    for reader in readers {
        tokio::task::spawn_local(read(
            reader,
            board.clone(),
            talk.clone(),
            load.pace.is_none().then_some(load.window),
        ));
    }
    if load.pace.is_none() {
        refill(board, &talk, load.window);
    }
    Ok(talk)
}

async fn paced(first: tokio::time::Instant, pace: Duration, board: Rc<Board>, talk: Rc<Talk>) {
    let mut beat = tokio::time::interval_at(first, pace);
    while !board.stopped.get() {
        let due = beat.tick().await;
        say(&talk, due.into_std().duration_since(board.began));
    }
}

async fn read(mut link: OwnedReadHalf, board: Rc<Board>, talk: Rc<Talk>, window: Option<u32>) {
    // The order is promised for each who writes, not between them.
    let senders = talk.writers.len() as u64;
    let (mut bytes, mut next) = (Vec::with_capacity(64 * 1024), Vec::from_iter(0..senders));
    while matches!(link.read_buf(&mut bytes).await, Ok(read) if read > 0) {
        let now = board.began.elapsed();
        link::marks(&mut bytes, |number, micros| {
            let next = &mut next[(number % senders) as usize];
            if number != *next {
                board.disorder.set(board.disorder.get() + 1);
            }
            *next = number + senders;
            talk.delivered.set(talk.delivered.get() + 1);
            board.arrived(now.saturating_sub(Duration::from_micros(micros)));
        });
        if let Some(window) = window {
            refill(&board, &talk, window);
        }
    }
}

impl Board {
    fn arrived(&self, after: Duration) {
        let count = self.deliveries.get() + 1;
        self.deliveries.set(count);
        if !count.is_multiple_of(self.every.get()) || self.stopped.get() {
            return;
        }
        let mut latencies = self.latencies.borrow_mut();
        latencies.push(after);
        if latencies.len() as u64 >= KEPT {
            // Half of them, and from now on half as often.
            let mut odd = false;
            latencies.retain(|_| {
                odd = !odd;
                odd
            });
            self.every.set(self.every.get() * 2);
        }
    }
}

/// Sends until the window is full again.
fn refill(board: &Board, talk: &Talk, window: u32) {
    while !board.stopped.get() && talk.sent.get() < talk.delivered.get() / talk.members + u64::from(window) {
        say(talk, board.began.elapsed());
    }
}

fn say(talk: &Talk, at: Duration) {
    let number = talk.sent.get();
    let micros = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
    let Ok(frame) = link::message(talk.room, number, micros) else { return };
    // A few hundred bytes fit into the socket's buffer; when they do not, the hub has stopped reading, and what is
    // not sent is seen as lost.
    talk.sent.set(number + 1);
    match talk.writers[(number % talk.writers.len() as u64) as usize].try_write(&frame) {
        Ok(written) if written == frame.len() => {}
        _ => crate::report::line(&format!("the hub does not read what room {} sends", talk.room)),
    }
}
