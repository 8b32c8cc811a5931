//! The task behind a live socket: one connection after another, with everything that outlives them.

use std::{
    collections::{BTreeMap, HashMap},
    pin::{Pin, pin},
    time::Duration,
};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use wire::{
    Code, JobId, Problem, RoomId,
    frames::{ToClient, ToServer},
};

use super::{
    Health, LiveEvent, Order,
    marks::Marks,
    notes::Notes,
    post::{self, Post},
    reducer::Reducer,
    socket::{Gone, Socket},
    typing::Typing,
    witness::Witness,
};
use crate::{
    backoff::{self, Pause},
    error::Error,
    hub::Hub,
    outbox::{Draft, Outbox},
    tokens::{self, Current},
};

/// A connection that lived for so long was a good one: the next failure begins to count anew.
const GOOD: Duration = Duration::from_secs(5);

pub(super) struct Connection {
    hub: Hub,
    orders: mpsc::UnboundedReceiver<Order>,
    events: mpsc::Sender<LiveEvent>,
    pub(super) rooms: HashMap<RoomId, Reducer>,
    /// What was shown of each room, to be compared with what the database has.
    pub(super) witnesses: HashMap<RoomId, Witness>,
    pub(super) post: Post,
    pub(super) marks: Marks,
    pub(super) notes: Notes,
    typing: Typing,
    jobs: bool,
    /// How the hub said that it is, as far as that was told.
    health: Health,
    /// The newest `seq` of each conversion that was heard of and has not ended.
    pub(super) heard_jobs: BTreeMap<JobId, u64>,
    /// Whether the hub has welcomed the connection that is there, or was last.
    answered: bool,
    next_sub: u64,
    /// Subscriptions that the hub wants to be asked for again later.
    pub(super) postponed: Vec<(Instant, RoomId)>,
}

/// Why a connection ended.
pub(super) enum End {
    /// Nobody listens any more.
    Closed,
    /// The hub wants us elsewhere.
    Moved,
    Gone(Gone),
    SignedOut(String),
}

/// The listener is gone; there is nothing left to do.
pub(super) struct Deaf;

impl From<Deaf> for End {
    fn from(_: Deaf) -> Self {
        Self::Closed
    }
}

impl From<Gone> for End {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

impl Connection {
    pub(super) fn new(
        hub: Hub,
        outbox: Outbox,
        orders: mpsc::UnboundedReceiver<Order>,
        events: mpsc::Sender<LiveEvent>,
    ) -> Self {
        let post = Post::new(hub.clone(), outbox);
        let (rooms, witnesses, postponed) = (HashMap::new(), HashMap::new(), Vec::new());
        let (marks, typing) = (Marks::default(), Typing::default());
        Self {
            hub,
            orders,
            events,
            rooms,
            witnesses,
            post,
            marks,
            notes: Notes::default(),
            typing,
            jobs: false,
            health: Health::default(),
            heard_jobs: BTreeMap::new(),
            answered: false,
            next_sub: 1,
            postponed,
        }
    }

    pub(super) async fn run(mut self) {
        self.connect().await;
        self.notes.write().await;
    }

    /// One connection after the other, until nobody wants them any more.
    async fn connect(&mut self) {
        let mut failures = 0;
        let mut rejected = Rejected::default();
        loop {
            let began = Instant::now();
            self.answered = false;
            let end = self.once(&mut rejected).await;
            self.postponed.clear();
            self.post.disconnected();
            self.marks.disconnected();
            self.rooms.values_mut().for_each(Reducer::disconnected);
            if self.answered {
                failures = if began.elapsed() > GOOD { 0 } else { backoff::after_answer(failures) };
            }
            let (why, wait) = match end {
                End::Closed => return,
                End::SignedOut(why) => {
                    let _ = self.emit(LiveEvent::SignedOut { why }).await;
                    return;
                }
                End::Moved => ("the hub is about to stop".to_owned(), Duration::ZERO),
                End::Gone(Gone::Unauthenticated(why) | Gone::TooLarge(why) | Gone::Lost(why)) => {
                    (why, backoff::full_jitter(failures))
                }
            };
            failures += 1;
            tracing::debug!(why, failures, ?wait, "the live socket is gone");
            let in_ms = wait.as_millis() as u64;
            if self.emit(LiveEvent::Reconnecting { attempt: failures, in_ms, why }).await.is_err()
                || self.rest(Pause::new(began, Instant::now(), wait)).await.is_err()
            {
                return;
            }
        }
    }

    /// One connection from its token to its end.
    async fn once(&mut self, rejected: &mut Rejected) -> End {
        let opened = match self.opened(rejected.token.as_deref()).await {
            Ok(opened) => opened,
            Err(end) => return end,
        };
        let (socket, current) = match opened {
            Ok(opened) => opened,
            Err((End::Gone(Gone::Unauthenticated(why)), token)) => {
                return match rejected.again(token) {
                    true => End::SignedOut(why),
                    false => End::Gone(Gone::Unauthenticated(why)),
                };
            }
            Err((end, token)) => {
                // The newer token is there, and nobody has looked at it: it may be refused another time, for another reason.
                if !token.is_empty() {
                    *rejected = Rejected::default();
                }
                return end;
            }
        };
        *rejected = Rejected::default();
        let token = current.token.clone();
        let end = self.serve(socket, current).await;
        if let End::Gone(Gone::Unauthenticated(_)) = end {
            rejected.again(token);
        }
        end
    }

    /// Opens a socket, and takes orders meanwhile.
    async fn opened(&mut self, rejected: Option<&str>) -> Result<Opened, End> {
        let hub = self.hub.clone();
        let mut opening = pin!(open(&hub, rejected));
        let listener = self.events.clone();
        loop {
            tokio::select! {
                opened = opening.as_mut() => return Ok(opened),
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(None, order).await?,
                    None => return Err(End::Closed),
                },
                news = self.post.next() => self.handle(news).await?,
                () = listener.closed() => return Err(End::Closed),
            }
        }
    }

    async fn serve(&mut self, mut socket: Socket, current: Current) -> End {
        let end = self.talk(&mut socket, current).await.unwrap_or_else(|end| end);
        if matches!(end, End::Closed | End::Moved) {
            for frame in self.marks.rest(Instant::now()) {
                if socket.send(&frame).await.is_err() {
                    break;
                }
            }
            socket.close().await;
        }
        match &end {
            End::Gone(Gone::TooLarge(why)) => self.refuse_largest(why).await.map_or_else(End::from, |()| end),
            _ => end,
        }
    }

    async fn talk(&mut self, socket: &mut Socket, current: Current) -> Result<End, End> {
        self.answered = true;
        self.post.connected(socket.ahead);
        self.emit(LiveEvent::Connected).await?;
        // A hub that is not well says so at once.
        self.is_well(Health::default()).await?;
        self.resume(socket).await?;
        let hub = self.hub.clone();
        let mut renewal = pin!(renewed(&hub, current));
        let mut moving: Option<Instant> = None;
        loop {
            for frame in self.post.ready(socket.window, Instant::now()) {
                socket.send(&frame).await?;
            }
            for room in self.due(Instant::now()) {
                self.subscribe(socket, room).await?;
            }
            for frame in self.marks.ready(Instant::now()) {
                socket.send(&frame).await?;
            }
            self.notes.write_due(Instant::now()).await;
            let postponed = self.postponed.iter().map(|(when, _)| *when);
            let wakes = [self.post.wake(), self.marks.wake(), self.notes.wake()];
            let again = postponed.chain(wakes.into_iter().flatten()).min();
            tokio::select! {
                frame = socket.receive() => match frame? {
                    ToClient::Drain { spread_ms } => {
                        moving = Some(Instant::now() + backoff::within(Duration::from_millis(spread_ms)));
                        self.emit(LiveEvent::Draining).await?;
                    }
                    frame => self.hear(socket, frame).await?,
                },
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(Some(socket), order).await?,
                    None => return Ok(End::Closed),
                },
                renewed_token = renewal.as_mut() => {
                    socket.send(&ToServer::Auth { tok: renewed_token.token.clone() }).await?;
                    renewal.set(renewed(&hub, renewed_token));
                }
                news = self.post.next() => self.handle(news).await?,
                () = at(again) => {}
                () = at(moving) => return Ok(End::Moved),
            }
        }
    }

    /// Takes up on a new connection what was wanted on the last one.
    async fn resume(&mut self, socket: &mut Socket) -> Result<(), End> {
        if self.jobs {
            socket.send(&ToServer::Jobs { on: true, after: self.heard_jobs.clone() }).await?;
        }
        let rooms: Vec<RoomId> = self.rooms.keys().copied().collect();
        for room in rooms {
            self.subscribe(socket, room).await?;
        }
        Ok(())
    }

    pub(super) async fn subscribe(&mut self, socket: &mut Socket, room: RoomId) -> Result<(), End> {
        let id = self.next_sub;
        self.next_sub += 1;
        if let Some(reducer) = self.rooms.get_mut(&room) {
            let frame = reducer.ask(id);
            socket.send(&frame).await?;
        }
        Ok(())
    }

    /// Does what the owner wants; without a socket it is remembered for the next one.
    async fn obey(&mut self, socket: Option<&mut Socket>, order: Order) -> Result<(), End> {
        match order {
            Order::Subscribe { room, after, tail } => {
                self.rooms.insert(room, Reducer::new(room, after, tail));
                self.witnesses.remove(&room);
                if let Some(socket) = socket {
                    self.subscribe(socket, room).await?;
                }
            }
            Order::Unsubscribe { room } => {
                self.witnesses.remove(&room);
                self.marks.forget(room);
                if self.rooms.remove(&room).is_some()
                    && let Some(socket) = socket
                {
                    socket.send(&ToServer::Unsub { room }).await?;
                }
            }
            Order::Read { room, pos } => self.marks.set(room, pos),
            Order::RememberIn(dir) => self.notes.keep_in(dir),
            Order::Typing { room, on } => {
                if let Some(socket) = socket
                    && let Some(frame) = self.typing.frame(room, on, Instant::now())
                {
                    socket.send(&frame).await?;
                }
            }
            Order::WatchJobs { on } => {
                self.jobs = on;
                self.heard_jobs.clear();
                if let Some(socket) = socket {
                    socket.send(&ToServer::Jobs { on, after: BTreeMap::new() }).await?;
                }
            }
            Order::Say(draft) => {
                let mut drafts = vec![draft];
                let mut next = None;
                // One flush of the disk for all that are there.
                while let Ok(order) = self.orders.try_recv() {
                    match order {
                        Order::Say(draft) => drafts.push(draft),
                        other => {
                            next = Some(other);
                            break;
                        }
                    }
                }
                self.keep(drafts).await?;
                if let Some(order) = next {
                    return Box::pin(self.obey(socket, order)).await;
                }
            }
        }
        Ok(())
    }

    /// Puts messages into the outbox; what cannot be kept is refused at once.
    async fn keep(&mut self, drafts: Vec<Draft>) -> Result<(), Deaf> {
        let (refused, problem) = match self.post.outbox.put(drafts.clone()).await {
            Ok(surplus) => (surplus, Problem::new(Code::RateLimited, "too many messages wait to be sent")),
            Err(error) => {
                (drafts, Problem::new(Code::Unavailable, format!("the message was not kept: {error}")))
            }
        };
        for Draft { cid, room, .. } in refused {
            self.emit(LiveEvent::Refused { cid, room, problem: problem.clone() }).await?;
        }
        self.tell_changes().await
    }

    async fn handle(&mut self, news: post::News) -> Result<(), Deaf> {
        if let Some(event) = self.post.take(news).await {
            self.emit(event).await?;
        }
        self.tell_changes().await
    }

    /// A message is too large for a frame: without it, the others go on.
    async fn refuse_largest(&mut self, why: &str) -> Result<(), Deaf> {
        if let Some(event) = self.post.refuse_largest(why).await {
            self.emit(event).await?;
        }
        self.tell_changes().await
    }

    /// Tells how the hub is, when that is news.
    pub(super) async fn is_well(&mut self, health: Health) -> Result<(), Deaf> {
        if std::mem::replace(&mut self.health, health) == health {
            return Ok(());
        }
        self.emit(LiveEvent::Health(health)).await
    }

    /// Tells what became of messages, whoever brought it about.
    pub(super) async fn tell_changes(&mut self) -> Result<(), Deaf> {
        for event in self.post.changes() {
            self.emit(event).await?;
        }
        Ok(())
    }

    /// The postponed subscriptions whose time has come.
    fn due(&mut self, now: Instant) -> Vec<RoomId> {
        let (due, later) = self.postponed.drain(..).partition(|(when, _)| *when <= now);
        self.postponed = later;
        due.into_iter().map(|(_, room)| room).collect()
    }

    pub(super) async fn emit(&self, event: LiveEvent) -> Result<(), Deaf> {
        self.events.send(event).await.map_err(|_| Deaf)
    }

    /// Waits, and takes orders meanwhile. A message that wants to be sent shortens the wait.
    async fn rest(&mut self, mut pause: Pause) -> Result<(), End> {
        loop {
            tokio::select! {
                () = sleep_until(pause.over) => return Ok(()),
                order = self.orders.recv() => match order {
                    Some(order) => {
                        if matches!(order, Order::Say(_)) {
                            pause.hurry(Instant::now());
                        }
                        self.obey(None, order).await?;
                    }
                    None => return Err(End::Closed),
                },
                news = self.post.next() => self.handle(news).await?,
            }
        }
    }
}

/// So many tokens, each newer than the one before, that are refused one after the other are the end. A hub whose clock
/// steps forth and back refuses two of them: the old one, and the one that was made in between.
const REFUSALS: u32 = 3;

/// Tokens that the hub did not accept, since it last accepted one.
#[derive(Default)]
struct Rejected {
    /// The newest of them.
    token: Option<String>,
    times: u32,
}

impl Rejected {
    /// One more was refused; whether that is final.
    fn again(&mut self, token: String) -> bool {
        self.token = Some(token);
        self.times += 1;
        self.times >= REFUSALS
    }
}

/// A socket with the token that it was opened with; or why there is none, and the token that was tried.
type Opened = Result<(Socket, Current), (End, String)>;

async fn open(hub: &Hub, rejected: Option<&str>) -> Opened {
    let current = match hub.current_token(rejected).await {
        Ok(current) if Some(current.token.as_str()) == rejected => {
            return Err((End::SignedOut("the hub does not accept the token".to_owned()), current.token));
        }
        Ok(current) => current,
        Err(Error::SignedOut) => {
            return Err((End::SignedOut("the session has ended".to_owned()), String::new()));
        }
        Err(error) => return Err((Gone::Lost(error.to_string()).into(), String::new())),
    };
    match Socket::open(hub.server(), &hub.inner.options, current.token.clone()).await {
        Ok(socket) => Ok((socket, current)),
        Err(gone) => Err((gone.into(), current.token)),
    }
}

/// The next token, some time before `current` expires; never when it does not expire.
async fn renewed(hub: &Hub, current: Current) -> Current {
    let Some(expires_at) = current.expires_at else { return std::future::pending().await };
    let left = Duration::from_micros((expires_at.micros() - tokens::now().micros()).max(0) as u64);
    // Before the margin at which `current_token` renews; short-lived tokens at their half.
    let mut wait = if left > Duration::from_secs(60) { left - Duration::from_secs(25) } else { left / 2 };
    loop {
        sleep(wait.max(Duration::from_secs(1))).await;
        match hub.current_token(None).await {
            Ok(newer) => return newer,
            // The hub closes the socket when the old one expires, and says why.
            Err(error) => tracing::debug!(%error, "no newer access token yet"),
        }
        wait = Duration::from_secs(5);
    }
}

/// A moment that may never come.
fn at(moment: Option<Instant>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    match moment {
        Some(moment) => Box::pin(sleep_until(moment)),
        None => Box::pin(std::future::pending()),
    }
}
