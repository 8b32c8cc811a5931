//! The live socket: one task translates between the client's socket and messages, another watches the list of rooms.

use std::{collections::HashMap, time::Duration};

use client::{Draft, Live, LiveEvent, Outbox};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};
use wire::{ClientId, RoomId, rooms::Room};

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
    Say { room: RoomId, draft: u64, cid: Option<ClientId>, body: String },
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
        let speaking = tasks.spawn(speak(world.clone(), taken));
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

/// The outbox of whoever is signed in; where none can be kept, one that ends with the client.
async fn outbox(world: &World) -> Outbox {
    let Some(below) = &world.outboxes else { return Outbox::in_memory() };
    match world.hub.outbox(below).await {
        Ok(outbox) => outbox,
        Err(why) => {
            let told = format!("messages that wait are not kept when you leave: {why}");
            let _ = world.out.send(Msg::Told(told)).await;
            Outbox::in_memory()
        }
    }
}

/// Remembers what rooms are called, for when the hub is away.
pub(super) async fn remember(world: &World, rooms: &[Room]) {
    if let Err(why) = outbox(world).await.remember(rooms).await {
        tracing::warn!(%why, "the names of rooms are not remembered");
    }
}

async fn speak(world: World, mut orders: mpsc::UnboundedReceiver<Order>) {
    let outbox = outbox(&world).await;
    let mut live = world.hub.live_with(outbox.clone());
    live.watch_jobs(true);
    let mut drafts = HashMap::new();
    loop {
        let msgs = tokio::select! {
            order = orders.recv() => match order {
                None => return,
                Some(order) => obey(&live, &outbox, order, &mut drafts).await,
            },
            event = live.next() => match event {
                None => return,
                Some(event) => told(event, &mut drafts),
            },
        };
        for msg in msgs {
            if world.out.send(msg).await.is_err() {
                return;
            }
        }
        if let Some(warning) = outbox.take_warning().await {
            let _ = world.out.send(Msg::Told(warning)).await;
        }
    }
}

/// Messages that are on their way into the outbox, by the number the state gave them.
type Drafts = HashMap<ClientId, u64>;

async fn obey(live: &Live, outbox: &Outbox, order: Order, drafts: &mut Drafts) -> Vec<Msg> {
    match order {
        Order::Subscribe(room) => {
            live.subscribe(room, None, TAIL);
            return waiting(outbox, room, drafts).await;
        }
        Order::Unsubscribe(room) => live.unsubscribe(room),
        Order::Say { room, draft, cid: None, body } => drop(drafts.insert(live.say(room, body), draft)),
        Order::Say { room, cid: Some(cid), body, .. } => {
            // What the outbox does not have (any more) is put into it again, as the same message.
            if !outbox.again(Some(cid)).await.is_ok_and(|again| again.contains(&cid)) {
                live.send(Draft { cid, ..Draft::new(room, body) });
            }
        }
    }
    Vec::new()
}

/// What waits for a room: it was told when the socket opened, perhaps before the room was known here.
async fn waiting(outbox: &Outbox, room: RoomId, drafts: &Drafts) -> Vec<Msg> {
    let waiting = outbox.list().await.unwrap_or_default();
    // What was just written here is told with its number.
    let is_news = |cid: ClientId| !drafts.contains_key(&cid);
    let here = waiting.into_iter().filter(|waiting| waiting.draft.room == room && is_news(waiting.draft.cid));
    let told = here.flat_map(|waiting| {
        let (cid, body) = (waiting.draft.cid, waiting.draft.body.clone());
        let queued = Heard::Queued { cid, room, body, ts: waiting.at };
        let failed = waiting.failed.as_ref().map(|problem| problem.detail.clone());
        [Some(queued), failed.map(|why| Heard::Refused { cid, room, why })]
    });
    told.flatten().map(Msg::Heard).collect()
}

/// An event as messages; the first one about a message that was written here says that the outbox has it.
fn told(event: LiveEvent, drafts: &mut Drafts) -> Vec<Msg> {
    let named = match &event {
        LiveEvent::Queued { cid, room, .. }
        | LiveEvent::Sent { cid, room, .. }
        | LiveEvent::Refused { cid, room, .. } => {
            let (cid, room) = (*cid, *room);
            drafts.remove(&cid).map(|draft| Msg::Queued { room, draft, cid })
        }
        _ => None,
    };
    match (named, event) {
        (Some(named), LiveEvent::Queued { .. }) => vec![named],
        (named, event) => named.into_iter().chain(heard(event).map(Msg::Heard)).collect(),
    }
}

fn heard(event: LiveEvent) -> Option<Heard> {
    Some(match event {
        LiveEvent::Queued { cid, room, body, at } => Heard::Queued { cid, room, body, ts: at },
        LiveEvent::Renewed { cid, fresh, room } => Heard::Renewed { cid, fresh, room },
        LiveEvent::Void { room, pos } => Heard::Void(room, pos),
        LiveEvent::Entered { name, .. } => Heard::Entered(name),
        LiveEvent::Dropped { cid, room } => Heard::Dropped { cid, room },
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
        // What is missing is fetched as any hole is.
        LiveEvent::Differs { room, after, upto } => Heard::Gap { room, from: after, to: upto + 1 },
        LiveEvent::Head(head) => Heard::Head(head),
        LiveEvent::SignedOut { why } => Heard::SignedOut(why),
        LiveEvent::Draining => Heard::Draining,
        // The list of rooms says it within a moment.
        LiveEvent::Read { .. } => return None,
    })
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
        remember(&world, &rooms).await;
        if world.out.send(Msg::Rooms(Ok(rooms))).await.is_err() {
            return;
        }
    }
}
