//! The live socket: one task translates between the client's socket and messages, another watches the list of rooms.

use std::{collections::HashMap, time::Duration};

use client::{Draft, Live, Outbox};
use tokio::{
    sync::{mpsc, oneshot},
    task::{AbortHandle, JoinSet},
    time::timeout,
};
use wire::{ClientId, RoomId, rooms::Room};

use super::World;
use crate::{
    msg::{Heard, Msg},
    unsaid::Unsaid,
};

/// How many events a room begins with.
const TAIL: u32 = 50;
/// A person who quits waits at most so long.
const GOODBYE: Duration = Duration::from_secs(1);
/// The socket tells nothing of rooms one is not in: being invited is found out by asking this often.
const ROOMS_EVERY: Duration = Duration::from_secs(30);

/// What the state wants of the socket.
#[derive(Debug)]
pub(super) enum Order {
    Subscribe(RoomId),
    Unsubscribe(RoomId),
    Read(RoomId, u64),
    Typing(RoomId, bool),
    Say {
        room: RoomId,
        draft: u64,
        cid: Option<ClientId>,
        said: Unsaid,
    },
    Withdraw(ClientId),
    /// Ends; whoever waits for it hears when it has.
    Close(oneshot::Sender<()>),
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

    /// Closes the socket once the hub was told what was read last; a hub that does not take it is not waited for.
    pub(super) async fn close(self) {
        let (tell, closed) = oneshot::channel();
        self.order(Order::Close(tell));
        let _ = timeout(GOODBYE, closed).await;
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
    if let Some(verified) = &world.verified {
        live.remember_in(verified.clone());
    }
    let mut drafts = HashMap::new();
    loop {
        let msgs = tokio::select! {
            order = orders.recv() => match order {
                None => return,
                Some(Order::Close(tell)) => {
                    live.close().await;
                    let _ = tell.send(());
                    return;
                }
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
        Order::Read(room, pos) => live.read(room, pos),
        Order::Typing(room, on) => live.typing(room, on),
        Order::Say { room, draft, cid: None, said } => {
            let message = said.draft(room);
            drafts.insert(message.cid, draft);
            live.send(message);
        }
        // It is taken before.
        Order::Close(_) => {}
        Order::Withdraw(cid) => {
            if let Err(why) = outbox.withdraw(cid).await {
                return vec![Msg::Told(why.to_string())];
            }
        }
        Order::Say { room, cid: Some(cid), said, .. } => {
            // What the outbox does not have (any more) is put into it again, as the same message.
            if !outbox.again(Some(cid)).await.is_ok_and(|again| again.contains(&cid)) {
                live.send(Draft { cid, ..said.draft(room) });
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
        let cid = waiting.draft.cid;
        let queued = Heard::Queued { draft: Box::new(waiting.draft.clone()), at: waiting.at };
        let failed = waiting.failed.as_deref().cloned();
        [Some(queued), failed.map(|problem| Heard::Refused { cid, room, problem })]
    });
    told.flatten().map(Msg::Heard).collect()
}

/// An event as messages; the first one about a message that was written here says that the outbox has it.
fn told(event: Heard, drafts: &mut Drafts) -> Vec<Msg> {
    let about = match &event {
        Heard::Queued { draft, .. } => Some((draft.cid, draft.room)),
        Heard::Sent { cid, room, .. } | Heard::Refused { cid, room, .. } => Some((*cid, *room)),
        _ => None,
    };
    let named =
        about.and_then(|(cid, room)| drafts.remove(&cid).map(|draft| Msg::Queued { room, draft, cid }));
    match (named, event) {
        (Some(named), Heard::Queued { .. }) => vec![named],
        (named, event) => named.into_iter().chain([Msg::Heard(event)]).collect(),
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
        remember(&world, &rooms).await;
        if world.out.send(Msg::Rooms(Ok(rooms))).await.is_err() {
            return;
        }
    }
}
