//! The live socket: rooms as they happen, messages on their way out, conversions as they change.
//!
//! One task owns the connection. It reconnects by itself, resumes every room after the last event that was shown,
//! and sends again what was not acknowledged: whoever reads [`Live::next`] sees each event once and in order.

mod connection;
mod errands;
mod health;
mod hear;
mod marks;
mod notes;
mod post;
mod reducer;
mod sending;
mod socket;
mod typing;
mod witness;

use std::path::PathBuf;

use tokio::sync::mpsc;
use wire::{
    ClientId, MessageId, Problem, RoomId, Timestamp, UserId,
    conversions::Job,
    events::{Head, RoomEvent},
    frames::{Here, Position},
    messages::UnderWay,
};

use crate::{
    hub::Hub,
    outbox::{Draft, Outbox},
};

pub use health::Health;
#[cfg(test)]
pub(crate) use sending::Sending;

/// Events that wait for their reader. A full queue stops the reading of the socket, and the hub notices.
const EVENTS: usize = 1_024;

/// What happens on the live socket.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveEvent {
    /// The socket is there; rooms resume.
    Connected,
    /// The socket is gone and is tried again.
    Reconnecting {
        /// Counts from 1.
        attempt: u32,
        /// In so many milliseconds.
        in_ms: u64,
        /// What happened, as a sentence for a person.
        why: String,
    },
    /// Something happened in a room: each event once, in order of its position.
    Event(RoomEvent),
    /// The past of a room is complete up to here; what follows is live.
    Live {
        /// The room.
        room: RoomId,
        /// Its newest position.
        pos: u64,
    },
    /// Too much was missed to send it over the socket: fetch what lies between over HTTP.
    Gap {
        /// The room.
        room: RoomId,
        /// After this position.
        from: u64,
        /// Before this one.
        to: u64,
    },
    /// The hub's log began anew: forget the positions of this room; what follows is numbered afresh.
    Restarted {
        /// The room.
        room: RoomId,
    },
    /// A message waits in the outbox, and survives there whatever happens to this process: one that was just said, or
    /// one that this or another process has left.
    Queued {
        /// The message, with the id that [`Live::say`] returned.
        draft: Box<Draft>,
        /// When it was said.
        at: Timestamp,
    },
    /// A file of a message that waits is on its way to the hub.
    Uploading {
        /// As [`Live::say`] returned it.
        cid: ClientId,
        /// The room.
        room: RoomId,
        /// What the file is called.
        name: String,
        /// Bytes that have left.
        sent: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The hub took no message under an id of that age: it is sent under a new one.
    Renewed {
        /// As [`Live::say`] returned it.
        cid: ClientId,
        /// What it is from now on.
        fresh: ClientId,
        /// The room.
        room: RoomId,
    },
    /// Somebody took a message out of the outbox: it is not sent (again).
    Dropped {
        /// As [`Live::say`] returned it.
        cid: ClientId,
        /// The room.
        room: RoomId,
    },
    /// A message is durable and has its place.
    Sent {
        /// As [`Live::say`] returned it.
        cid: ClientId,
        /// The room.
        room: RoomId,
        /// Its place.
        pos: u64,
        /// The message.
        id: MessageId,
        /// When the log took it.
        ts: Timestamp,
    },
    /// The hub does not take a message for now, because its sender is too fast or the log is away: it is sent again, and
    /// what was sent behind it follows.
    PutOff {
        /// As [`Live::say`] returned it.
        cid: ClientId,
        /// The room.
        room: RoomId,
        /// Why.
        problem: Problem,
    },
    /// A message was refused for good. In an outbox on disk it stays, to be sent again or dropped by a person.
    Refused {
        /// As [`Live::say`] returned it.
        cid: ClientId,
        /// The room.
        room: RoomId,
        /// Why.
        problem: Problem,
    },
    /// A conversion of one's own changed.
    Job(Box<Job>),
    /// Events that repeat earlier ones and count for nothing: take them from the screen.
    Void {
        /// The room.
        room: RoomId,
        /// Their positions.
        pos: Vec<u64>,
    },
    /// A member of one more room, by invitation or from another device.
    Entered {
        /// The room.
        room: RoomId,
        /// Who made it so.
        by: UserId,
        /// What that person is called.
        name: String,
    },
    /// Not a member of the room (any more): nothing of it follows.
    Left {
        /// The room.
        room: RoomId,
    },
    /// How far the database is with a room: up to there a message is stored for good.
    Head(Head),
    /// Everything of a room up to here was stored for good when the subscription began.
    Stored {
        /// The room.
        room: RoomId,
        /// Up to here.
        pos: u64,
    },
    /// Somebody writes a message, for [`wire::frames::TYPING`] unless it is told again; or has stopped. What they say
    /// ends it as well.
    Typing {
        /// The room.
        room: RoomId,
        /// Who.
        user: UserId,
        /// What they are called.
        name: String,
        /// Writing or not.
        on: bool,
    },
    /// Who is here, as far as it changed. Rooms with very many members are not told of.
    Presence {
        /// The room.
        room: RoomId,
        /// Whether these are all who are here.
        all: bool,
        /// Members, and how each is.
        who: Vec<Here>,
    },
    /// How far the conversion of a card is, for [`wire::frames::CARD`] unless it is told again. The event that settles
    /// the card ends it.
    Card {
        /// The room.
        room: RoomId,
        /// The position of the message with the card.
        pos: u64,
        /// How far it is.
        at: UnderWay,
    },
    /// What was shown of a room is not what the hub's database counts and hashes there. Show what lies between anew,
    /// over HTTP.
    Differs {
        /// The room.
        room: RoomId,
        /// Up to here both agreed.
        after: u64,
        /// Up to here it was compared.
        upto: u64,
    },
    /// The person has read a room up to a position, here or on another device.
    Read {
        /// The room.
        room: RoomId,
        /// Up to here.
        pos: u64,
    },
    /// The session has ended; the socket stays closed.
    SignedOut {
        /// What the hub said.
        why: String,
    },
    /// The hub is otherwise than before: it stores no messages any more, or its database is far behind; or it is well
    /// again. Until this was told it is well.
    Health(Health),
    /// The hub is about to stop; the socket moves to another one by itself.
    Draining,
}

/// A live socket. Dropping it closes it; messages that were not acknowledged by then stay in their outbox.
pub struct Live {
    orders: mpsc::UnboundedSender<Order>,
    events: mpsc::Receiver<LiveEvent>,
}

/// What the owner of a [`Live`] wants.
#[derive(Debug)]
enum Order {
    Subscribe { room: RoomId, after: Option<Position>, tail: u32 },
    Unsubscribe { room: RoomId },
    Say(Draft),
    Read { room: RoomId, pos: u64 },
    Typing { room: RoomId, on: bool },
    WatchJobs { on: bool },
    RememberIn(PathBuf),
}

impl Hub {
    /// Opens the live socket in a task of its own, with an outbox in memory. Must be called within a tokio runtime.
    pub fn live(&self) -> Live {
        self.live_with(Outbox::in_memory())
    }

    /// The same with an outbox that outlives the socket: what waits in it is sent as well.
    pub fn live_with(&self, outbox: Outbox) -> Live {
        // Without a bound: orders come from a person's hand, and the outbox they end in has one.
        let (orders, taken) = mpsc::unbounded_channel();
        let (emit, events) = mpsc::channel(EVENTS);
        tokio::spawn(connection::Connection::new(self.clone(), outbox, taken, emit).run());
        Live { orders, events }
    }
}

impl Live {
    /// Follows a room: from just after a position, or from its newest `tail` events.
    pub fn subscribe(&self, room: RoomId, after: Option<Position>, tail: u32) {
        self.order(Order::Subscribe { room, after, tail });
    }

    /// Follows it no more.
    pub fn unsubscribe(&self, room: RoomId) {
        self.order(Order::Unsubscribe { room });
    }

    /// Puts a message into the outbox. It is sent in order and, with the same id, again after a reconnect, until
    /// [`LiveEvent::Sent`] or [`LiveEvent::Refused`] answers it.
    pub fn say(&self, room: RoomId, body: String) -> ClientId {
        let draft = Draft::new(room, body);
        let cid = draft.cid;
        self.send(draft);
        cid
    }

    /// The same for a message that has its id already.
    pub fn send(&self, draft: Draft) {
        self.order(Order::Say(draft));
    }

    /// The person has read a room up to a position. The newest one is sent, now and then; [`LiveEvent::Read`] answers.
    pub fn read(&self, room: RoomId, pos: u64) {
        self.order(Order::Read { room, pos });
    }

    /// The person writes in a room, or has stopped: may be called at every keystroke. Without a connection it is lost.
    pub fn typing(&self, room: RoomId, on: bool) {
        self.order(Order::Typing { room, on });
    }

    /// Begins or stops to hear of one's own conversions.
    pub fn watch_jobs(&self, on: bool) {
        self.order(Order::WatchJobs { on });
    }

    /// Keeps in this folder, with what others have [verified](crate::Verified), up to where what is shown of rooms is
    /// what the hub's database has.
    pub fn remember_in(&self, dir: PathBuf) {
        self.order(Order::RememberIn(dir));
    }

    /// The next event; nothing more after [`LiveEvent::SignedOut`].
    pub async fn next(&mut self) -> Option<LiveEvent> {
        self.events.recv().await
    }

    /// Closes it, and comes back when the hub was told what was read last. How long that may take is up to the caller.
    pub async fn close(self) {
        let Self { orders, mut events } = self;
        drop(orders);
        while events.recv().await.is_some() {}
    }

    fn order(&self, order: Order) {
        // The task is gone after `SignedOut`, which the owner hears of.
        let _ = self.orders.send(order);
    }
}
