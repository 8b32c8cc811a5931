//! A client without a core: it writes down the bare frames, so that a hole is seen before anybody repairs it.

use std::{collections::HashMap, pin::pin, time::Duration};

use anyhow::Context as _;
use client::Hub;
use futures_util::{SinkExt as _, StreamExt as _};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    net::TcpStream,
    time::{Instant, interval, sleep, timeout, timeout_at},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};
use wire::{
    RoomId,
    events::RoomEvent,
    frames::{PROTOCOL, Position, SubMode, ToClient, ToServer},
};

use super::{ClientArgs, Order, Orders, STATUS};
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

pub(super) struct Raw {
    hub: Hub,
    journal: Journal,
    args: ClientArgs,
    dice: StdRng,
    /// Where each room stands, and in which generation of the log.
    places: HashMap<RoomId, Position>,
    /// What is true of a room once the hub has taken it up: a request alone changes nothing.
    asked: HashMap<u64, Observed>,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Raw {
    pub(super) fn new(hub: Hub, journal: Journal, args: ClientArgs) -> Self {
        let dice = StdRng::seed_from_u64(args.seed);
        Self { hub, journal, args, dice, places: HashMap::new(), asked: HashMap::new() }
    }

    /// One short connection after the other, until the end.
    pub(super) async fn run(mut self, mut orders: Orders) -> anyhow::Result<()> {
        let (mut beat, mut status) = (interval(STATUS), Status::default());
        loop {
            let lasts = Duration::from_millis(self.dice.random_range(300..2_500));
            let mut connection = pin!(self.connection(lasts));
            let ended = loop {
                tokio::select! {
                    order = orders.next() => if matches!(order, Order::End) { return Ok(()) },
                    ended = connection.as_mut() => break ended,
                    _ = beat.tick() => {
                        status.beat += 1;
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
        let mut socket = timeout(OPEN, open(&self.hub)).await??;
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
        let until = Instant::now() + lasts;
        while let Ok(message) = timeout_at(until, socket.next()).await {
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
            _ => Ok(()),
        }
    }

    fn heard(&mut self, event: &RoomEvent) -> anyhow::Result<()> {
        if let Some(place) = self.places.get_mut(&event.room) {
            place.pos = event.pos;
        }
        self.journal.note(Observed::Heard(Shown::from(event)))
    }
}

async fn open(hub: &Hub) -> anyhow::Result<Socket> {
    let tok = hub.access_token().await?;
    let base = hub.server().as_str().trim_end_matches('/');
    let address = format!("ws{}{}", base.trim_start_matches("http"), wire::paths::LIVE);
    let (mut socket, _) = connect_async(address).await?;
    send(&mut socket, &ToServer::Hello { v: PROTOCOL, tok }).await?;
    let welcome = socket.next().await.context("the hub hung up")??;
    let welcome: ToClient = serde_json::from_str(welcome.to_text()?)?;
    anyhow::ensure!(matches!(welcome, ToClient::Welcome { .. }), "the hub greeted with {welcome:?}");
    Ok(socket)
}

async fn send(socket: &mut Socket, frame: &ToServer) -> anyhow::Result<()> {
    Ok(socket.send(Message::text(serde_json::to_string(frame)?)).await?)
}
