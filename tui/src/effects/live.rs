//! The live socket: one task translates between the client's socket and messages, another watches the list of rooms.

use std::time::Duration;

use client::{Live, LiveEvent};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};
use wire::{RoomId, rooms::Room};

use super::World;
use crate::msg::{Heard, Msg};

/// How many events a room begins with.
const TAIL: u32 = 50;
/// The socket tells nothing of rooms one is not in: being invited is found out by asking this often.
const ROOMS_EVERY: Duration = Duration::from_secs(30);

/// What the state wants of the socket.
#[derive(Debug)]
pub(super) enum Order {
    Subscribe(RoomId),
    Unsubscribe(RoomId),
    Say { room: RoomId, draft: u64, body: String },
}

/// The socket while it is open. Dropping it closes it.
pub(super) struct Line {
    orders: mpsc::UnboundedSender<Order>,
    tasks: [AbortHandle; 2],
}

impl Line {
    /// Opens the socket; what it tells goes out as messages.
    pub(super) fn open(world: &World, tasks: &mut JoinSet<()>) -> Self {
        // Without a bound: a person's hand is the bound, and the socket's own outbox has one.
        let (orders, taken) = mpsc::unbounded_channel();
        let live = world.hub.live();
        live.watch_jobs(true);
        let speaking = tasks.spawn(speak(live, taken, world.out.clone()));
        let watching = tasks.spawn(watch_rooms(world.clone()));
        Self { orders, tasks: [speaking, watching] }
    }

    /// Passes an order on; after the session's end nobody takes it, and the state has been told of that.
    pub(super) fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn speak(mut live: Live, mut orders: mpsc::UnboundedReceiver<Order>, out: mpsc::Sender<Msg>) {
    loop {
        let msg = tokio::select! {
            order = orders.recv() => match order {
                None => return,
                Some(Order::Subscribe(room)) => {
                    live.subscribe(room, None, TAIL);
                    continue;
                }
                Some(Order::Unsubscribe(room)) => {
                    live.unsubscribe(room);
                    continue;
                }
                // Sent from here, so that no acknowledgement can overtake the id it is for.
                Some(Order::Say { room, draft, body }) => Msg::Queued { room, draft, cid: live.say(room, body) },
            },
            event = live.next() => match event {
                None => return,
                Some(event) => Msg::Heard(heard(event)),
            },
        };
        if out.send(msg).await.is_err() {
            return;
        }
    }
}

fn heard(event: LiveEvent) -> Heard {
    match event {
        LiveEvent::Connected => Heard::Connected,
        LiveEvent::Reconnecting { attempt, why, .. } => Heard::Reconnecting { attempt, why },
        LiveEvent::Event(event) => Heard::Event(event),
        LiveEvent::Live { room, pos } => Heard::Live(room, pos),
        LiveEvent::Gap { room, from, to } => Heard::Gap { room, from, to },
        LiveEvent::Restarted { room } => Heard::Restarted(room),
        LiveEvent::Sent { cid, room, pos, ts, .. } => Heard::Sent { cid, room, pos, ts },
        LiveEvent::Refused { cid, room, problem } => Heard::Refused { cid, room, why: problem.detail },
        LiveEvent::Job(job) => Heard::Job(job),
        LiveEvent::Left { room } => Heard::Left(room),
        LiveEvent::Head(head) => Heard::Head(head),
        LiveEvent::SignedOut { why } => Heard::SignedOut(why),
        LiveEvent::Draining => Heard::Draining,
    }
}

/// Tells the list of rooms whenever it has changed. A hub that cannot be asked is not told of here: the socket does.
async fn watch_rooms(world: World) {
    let mut known: Option<Vec<Room>> = None;
    loop {
        tokio::time::sleep(ROOMS_EVERY).await;
        let Ok(rooms) = world.hub.rooms(false).await else { continue };
        if known.as_ref().is_some_and(|known| *known == rooms) {
            continue;
        }
        known = Some(rooms.clone());
        if world.out.send(Msg::Rooms(Ok(rooms))).await.is_err() {
            return;
        }
    }
}
