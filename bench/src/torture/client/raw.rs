//! A client without a core: it writes down the bare frames, so that a hole is seen before anybody repairs it, and puts
//! signs on what it hears with bare frames as well.

use std::{
    collections::HashMap,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::Context as _;
use client::Hub;
use futures_util::{SinkExt as _, StreamExt as _};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    net::TcpStream,
    time::{Instant, interval, sleep, timeout, timeout_at},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async_tls, connect_async, tungstenite::Message,
};
use wire::{
    ClientId, RoomId,
    events::{RoomEvent, What},
    frames::{PROTOCOL, Position, SubMode, ToClient, ToServer},
    messages::{Act, Op},
};

use super::{ClientArgs, Order, Orders, SIGNS, STATUS, acted};
use crate::{
    report,
    torture::{
        journal::{Journal, Observed, Shown},
        people::Status,
    },
};

const TAIL: u32 = 20;
const OPEN: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(300);
/// After one message in so many something is done to it.
const ACTS: u32 = 30;
/// Of that, so much is what only the room's owner may.
const FORBIDDEN: u32 = 5;
/// How much may wait for its answer.
const WINDOW: usize = 8;

pub(super) struct Raw {
    hub: Hub,
    journal: Journal,
    args: ClientArgs,
    dice: StdRng,
    /// Where each room stands, and in which generation of the log.
    places: HashMap<RoomId, Position>,
    /// What is true of a room once the hub has taken it up: a request alone changes nothing.
    asked: HashMap<u64, Observed>,
    /// What was done and not answered; it is done again under the same id over the next connection.
    acts: HashMap<ClientId, Pending>,
    /// Frames to send next.
    out: Vec<ToServer>,
    told: Arc<Told>,
}

struct Pending {
    frame: ToServer,
    /// How often it went out: a refusal says nothing of an attempt before it.
    times: u32,
}

/// What passes between a connection and whoever watches over it.
#[derive(Default)]
struct Told {
    going: AtomicBool,
    waiting: AtomicUsize,
    acked: AtomicU64,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Raw {
    pub(super) fn new(hub: Hub, journal: Journal, args: ClientArgs) -> Self {
        let dice = StdRng::seed_from_u64(args.seed);
        let (places, asked, acts) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { hub, journal, args, dice, places, asked, acts, out: Vec::new(), told: Arc::default() }
    }

    /// One short connection after the other, until the end.
    pub(super) async fn run(mut self, mut orders: Orders) -> anyhow::Result<()> {
        let (mut beat, mut status, told) = (interval(STATUS), Status::default(), self.told.clone());
        loop {
            let lasts = Duration::from_millis(self.dice.random_range(300..2_500));
            let mut connection = pin!(self.connection(lasts));
            let ended = loop {
                tokio::select! {
                    order = orders.next() => match order {
                        Order::Go => told.going.store(true, Relaxed),
                        Order::Pause => told.going.store(false, Relaxed),
                        Order::End => return Ok(()),
                    },
                    ended = connection.as_mut() => break ended,
                    _ = beat.tick() => {
                        status.beat += 1;
                        status.going = told.going.load(Relaxed);
                        status.outbox = told.waiting.load(Relaxed);
                        status.acked = told.acked.load(Relaxed);
                        report::line(&serde_json::to_string(&status)?);
                    }
                }
            };
            // A connection that fails is what this is about; the next one is another chance.
            if ended.is_err() {
                sleep(AGAIN).await;
            }
        }
    }

    async fn connection(&mut self, lasts: Duration) -> anyhow::Result<()> {
        let mut socket = timeout(OPEN, open(&self.hub, self.args.at)).await??;
        self.journal.note(Observed::Link { up: true, why: String::new() })?;
        for (n, room) in self.args.rooms.clone().into_iter().enumerate() {
            // Half of the rooms are taken up where they were left.
            let after = self.places.get(&room).filter(|_| self.dice.random()).cloned();
            let taken_up = match &after {
                Some(after) => Observed::Resumed { room, pos: after.pos },
                None => Observed::Subscribed { room },
            };
            self.asked.insert(n as u64, taken_up);
            send(&mut socket, &ToServer::Sub { id: n as u64, room, after, tail: TAIL }).await?;
        }
        self.out.clear();
        for Pending { frame, times } in self.acts.values_mut() {
            *times += 1;
            self.out.push(frame.clone());
        }
        let until = Instant::now() + lasts;
        loop {
            for frame in std::mem::take(&mut self.out) {
                send(&mut socket, &frame).await?;
            }
            let Ok(message) = timeout_at(until, socket.next()).await else { break };
            if let Message::Text(text) = message.context("the hub hung up")?? {
                self.hear(&text)?;
            }
        }
        self.journal.note(Observed::Link { up: false, why: String::new() })?;
        // Not waited for: a fault may hold the answer back.
        let _ = timeout(AGAIN, socket.close(None)).await;
        Ok(())
    }

    fn hear(&mut self, text: &str) -> anyhow::Result<()> {
        let Ok(frame) = serde_json::from_str(text) else { return Ok(()) };
        match frame {
            ToClient::Subbed { id, room, ep, mode, .. } => {
                if let Some(taken_up) = self.asked.remove(&id) {
                    self.journal.note(taken_up)?;
                }
                // A position of another generation of the log says nothing in this one, also where it was not asked for.
                let kept = self.places.get(&room).filter(|place| mode != SubMode::Reset && place.ep == ep);
                let pos = kept.map_or(0, |place| place.pos);
                self.places.insert(room, Position { ep, pos });
                if mode == SubMode::Reset {
                    self.journal.note(Observed::Reset { room })?;
                }
                Ok(())
            }
            ToClient::Ev(event) => self.heard(&event),
            ToClient::Evs { ev, .. } => ev.iter().try_for_each(|event| self.heard(event)),
            ToClient::Gap { room, from, to } => self.journal.note(Observed::Gap { room, from, to }),
            ToClient::Live { room, pos } => self.journal.note(Observed::Live { room, pos }),
            ToClient::Ok { cid, room, pos, .. } if self.is_answered(cid).is_some() => {
                self.told.acked.fetch_add(1, Relaxed);
                self.journal.note(Observed::Ok { room, cid, pos })
            }
            ToClient::Err {
                cid: Some(cid), room: Some(room), code, retry: false, unknown: false, ..
            } => match self.is_answered(cid) {
                Some(Pending { times: 1, .. }) => self.journal.note(Observed::Err { room, cid, code }),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn is_answered(&mut self, cid: ClientId) -> Option<Pending> {
        let pending = self.acts.remove(&cid);
        self.told.waiting.store(self.acts.len(), Relaxed);
        pending
    }

    /// Puts a sign on a message, or tries to pin it, which only the room's owner may.
    fn act(&mut self, event: &RoomEvent) -> anyhow::Result<()> {
        let op = match self.dice.random_ratio(1, FORBIDDEN) {
            true => Op::Pin,
            false => Op::React { body: SIGNS[1].to_owned() },
        };
        let act = Act { cid: ClientId::new(), tgt: event.pos, op };
        self.journal.note(acted(event.room, &act))?;
        let cid = act.cid;
        let frame = ToServer::Op { room: event.room, act };
        self.out.push(frame.clone());
        self.acts.insert(cid, Pending { frame, times: 1 });
        self.told.waiting.store(self.acts.len(), Relaxed);
        Ok(())
    }

    fn heard(&mut self, event: &RoomEvent) -> anyhow::Result<()> {
        if let Some(place) = self.places.get_mut(&event.room) {
            place.pos = event.pos;
        }
        self.journal.note(Observed::Heard(Shown::from(event)))?;
        let is_free = self.told.going.load(Relaxed) && self.acts.len() < WINDOW;
        match event.what {
            What::Said { .. } if is_free && self.dice.random_ratio(1, ACTS) => self.act(event),
            _ => Ok(()),
        }
    }
}

async fn open(hub: &Hub, at: Option<SocketAddr>) -> anyhow::Result<Socket> {
    let tok = hub.access_token().await?;
    let base = hub.server().as_str().trim_end_matches('/');
    let address = format!("ws{}{}", base.trim_start_matches("http"), wire::paths::LIVE);
    let (mut socket, _) = match at {
        None => connect_async(address).await?,
        Some(at) => client_async_tls(address, TcpStream::connect(at).await?).await?,
    };
    send(&mut socket, &ToServer::Hello { v: PROTOCOL, tok }).await?;
    let welcome = socket.next().await.context("the hub hung up")??;
    let welcome: ToClient = serde_json::from_str(welcome.to_text()?)?;
    anyhow::ensure!(matches!(welcome, ToClient::Welcome { .. }), "the hub greeted with {welcome:?}");
    Ok(socket)
}

async fn send(socket: &mut Socket, frame: &ToServer) -> anyhow::Result<()> {
    Ok(socket.send(Message::text(serde_json::to_string(frame)?)).await?)
}
