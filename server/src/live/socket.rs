//! One socket: `hello`, then frames both ways until one side ends it.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use axum::{
    extract::{
        State,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    response::Response,
};
use futures_util::{SinkExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use platform::service::ApiError;
use wire::{
    ClientId, Code, Problem, RoomId,
    frames::{PROTOCOL, ToClient, ToServer, close},
    rooms::Sent,
};

use super::{
    catch_up::{self, Wish},
    registry::{Seat, encoded},
};
use crate::{
    accounts::{self, Caller},
    rooms::{self, say},
    state::App,
};

/// Read buffer of one socket. The library's default of 128 KiB would be its whole memory use many times over.
const READ_BUFFER: usize = 2 * 1024;
const WRITE_BUFFER: usize = 4 * 1024;
/// Unsent bytes of one socket at most.
const MAX_WRITE_BUFFER: usize = 1024 * 1024;
const MAX_FRAME: usize = 64 * 1024;
const HELLO: Duration = Duration::from_secs(5);
const HEARTBEAT: Duration = Duration::from_secs(25);
/// Without a sign of life for this long, the other side is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// Sends of one socket that may wait for their `ok`.
const WINDOW: usize = 16;
const SUBSCRIPTIONS: usize = 200;
/// How long an access token is taken beyond its end, so that a renewal in flight arrives.
const GRACE_SECONDS: i64 = 30;

/// Opens the socket. Its frames are described in mshub-protocol(7); the first one must be `hello` with a token.
#[utoipa::path(get, path = "/api/v1/live", tag = "live",
    responses((status = 101, description = "WebSocket, JSON text frames"), (status = 400, body = wire::Problem)))]
pub(crate) async fn open(
    State(state): State<App>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|rejected| ApiError::new(Code::BadRequest, rejected.body_text()))?;
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_frame_size(MAX_FRAME)
        .max_message_size(MAX_FRAME);
    Ok(upgrade.on_upgrade(async move |socket| {
        let tasks = state.tasks.clone();
        tasks.track(serve(state, socket)).await;
    }))
}

async fn serve(state: App, mut socket: WebSocket) {
    let caller = match tokio::time::timeout(HELLO, hello(&state, &mut socket)).await {
        Ok(Ok(caller)) => caller,
        Ok(Err((code, reason))) => return end(socket, code, reason).await,
        Err(_) => return end(socket, close::HELLO_TIMEOUT, "no hello in time").await,
    };
    let seat = state.live.sit(caller.user, caller.session);
    let id = seat.socket;
    let mut open = Open {
        state: state.clone(),
        caller,
        seat,
        rooms: HashSet::new(),
        held_back: HashMap::new(),
        said: FuturesUnordered::new(),
        heard: Instant::now(),
    };
    let (code, reason) = open.run(&mut socket).await;
    state.live.leave(id, open.rooms);
    end(socket, code, reason).await;
}

type Ending = (u16, &'static str);

async fn hello(state: &App, socket: &mut WebSocket) -> Result<Caller, Ending> {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let Ok(ToServer::Hello { v, tok }) = serde_json::from_str(&text) else {
            return Err((close::PROTOCOL, "the first frame must be hello"));
        };
        if v != PROTOCOL {
            return Err((close::PROTOCOL, "this hub speaks version 1"));
        }
        return accounts::authenticate(state, &tok)
            .await
            .map_err(|_| (close::UNAUTHENTICATED, "sign in first"));
    }
    Err((close::PROTOCOL, "no hello"))
}

async fn end(mut socket: WebSocket, code: u16, reason: &'static str) {
    // The other side may be gone already.
    let _ =
        socket.send(Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }))).await;
}

/// What became of a message that this socket sent.
type Said = (RoomId, ClientId, Result<Sent, ApiError>);

/// A socket after its hello.
struct Open {
    state: App,
    caller: Caller,
    seat: Seat,
    rooms: HashSet<RoomId>,
    /// Rooms in which a message was refused for now: later ones wait until that one comes again, so that a sender's
    /// order is kept.
    held_back: HashMap<RoomId, ClientId>,
    said: FuturesUnordered<BoxFuture<'static, Said>>,
    heard: Instant,
}

impl Open {
    async fn run(&mut self, socket: &mut WebSocket) -> Ending {
        let welcome = ToClient::Welcome {
            v: PROTOCOL,
            uid: self.caller.user,
            hb_ms: u64::try_from(HEARTBEAT.as_millis()).unwrap_or(u64::MAX),
            win: WINDOW as u32,
        };
        if socket.send(Message::Text(encoded(&welcome))).await.is_err() {
            return (close::PROTOCOL, "gone");
        }
        let mut beat = tokio::time::interval(HEARTBEAT);
        beat.reset();
        loop {
            let written = tokio::select! {
                biased;
                () = self.seat.ended.cancelled() => return (close::UNAUTHENTICATED, "the session has ended"),
                () = self.seat.slow.cancelled() => return (close::SLOW, "reading too slowly; resume"),
                () = self.state.tasks.stopping() => return (close::RESTART, "the hub restarts"),
                Some(frame) = self.seat.frames.recv() => self.write(socket, frame).await,
                Some(said) = self.said.next() => {
                    let frame = self.answer(said);
                    socket.send(Message::Text(encoded(&frame))).await
                }
                _ = beat.tick() => match self.is_over() {
                    Some(ending) => return ending,
                    None => self.beat(socket).await,
                },
                message = socket.recv(), if self.said.len() < WINDOW => match message {
                    Some(Ok(message)) => match self.hear(socket, message).await {
                        Ok(()) => Ok(()),
                        Err(ending) => return ending,
                    },
                    Some(Err(_)) | None => return (1000, "bye"),
                },
            };
            if written.is_err() {
                return (1000, "gone");
            }
        }
    }

    /// Writes what waits, and flushes once for all of it.
    async fn write(&mut self, socket: &mut WebSocket, frame: Utf8Bytes) -> Result<(), axum::Error> {
        socket.feed(Message::Text(frame)).await?;
        while let Ok(frame) = self.seat.frames.try_recv() {
            socket.feed(Message::Text(frame)).await?;
        }
        socket.flush().await
    }

    async fn beat(&mut self, socket: &mut WebSocket) -> Result<(), axum::Error> {
        socket.feed(Message::Text(encoded(&ToClient::Hb {}))).await?;
        socket.send(Message::Ping(bytes::Bytes::new())).await
    }

    fn is_over(&self) -> Option<Ending> {
        if self.heard.elapsed() > SILENCE {
            return Some((close::SLOW, "no sign of life"));
        }
        let over = self.caller.expires_at.plus_seconds(GRACE_SECONDS) < self.state.clock.now();
        over.then_some((close::UNAUTHENTICATED, "the access token has expired"))
    }

    async fn hear(&mut self, socket: &mut WebSocket, message: Message) -> Result<(), Ending> {
        self.heard = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            Message::Close(_) => return Err((1000, "bye")),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Binary(_) => return Err((close::PROTOCOL, "frames are text")),
        };
        let Ok(frame) = serde_json::from_str(&text) else {
            return Err((close::PROTOCOL, "this frame cannot be read"));
        };
        match frame {
            ToServer::Hello { .. } => return Err((close::PROTOCOL, "hello comes once")),
            ToServer::Auth { tok } => self.renew(&tok).await?,
            ToServer::Sub { id, room, after, tail } => {
                self.subscribe(socket, Wish { id, room, after, tail }).await
            }
            ToServer::Unsub { room } => {
                self.rooms.remove(&room);
                self.state.live.unsubscribe(self.seat.socket, room);
            }
            ToServer::Send { cid, room, body } => self.say(socket, cid, room, body).await,
            ToServer::Jobs { on } => self.state.live.watch_jobs(self.seat.socket, on),
            ToServer::Ping { n } => self.tell(socket, ToClient::Pong { n }).await,
        }
        Ok(())
    }

    async fn renew(&mut self, token: &str) -> Result<(), Ending> {
        match accounts::authenticate(&self.state, token).await {
            Ok(caller) if caller.user == self.caller.user => {
                self.caller = caller;
                Ok(())
            }
            _ => Err((close::UNAUTHENTICATED, "sign in first")),
        }
    }

    async fn subscribe(&mut self, socket: &mut WebSocket, wish: Wish) {
        if self.rooms.len() >= SUBSCRIPTIONS && !self.rooms.contains(&wish.room) {
            let refused =
                ApiError::new(Code::Conflict, format!("a socket hears at most {SUBSCRIPTIONS} rooms"));
            let frame = refusal(refused.problem(), None, Some(wish.id), Some(wish.room));
            return self.tell(socket, frame).await;
        }
        self.rooms.insert(wish.room);
        let (seat, user) = (&self.seat, self.caller.user);
        let catching_up = catch_up::run(self.state.clone(), seat.socket, user, seat.line.clone(), wish);
        self.state.tasks.spawn("catch-up", catching_up);
    }

    async fn say(&mut self, socket: &mut WebSocket, cid: ClientId, room: RoomId, body: String) {
        if self.held_back.get(&room).is_some_and(|first| *first != cid) {
            let waits = ApiError::new(
                Code::Unavailable,
                "an earlier message to this room was refused; send that first",
            );
            return self.tell(socket, refusal(waits.problem(), Some(cid), None, Some(room))).await;
        }
        self.held_back.remove(&room);
        match self.begin(cid, room, body).await {
            Ok(begun) => self.said.push(Box::pin(async move { (room, cid, say::finish(begun).await) })),
            Err(error) => {
                let frame = self.answer((room, cid, Err(error)));
                self.tell(socket, frame).await;
            }
        }
    }

    async fn begin(&mut self, cid: ClientId, room: RoomId, body: String) -> Result<say::Begun, ApiError> {
        if !rooms::is_member(&self.state, room, self.caller.user).await? {
            return Err(ApiError::not_found("room"));
        }
        say::begin(&self.state, &self.caller, room, cid, body).await
    }

    fn answer(&mut self, (room, cid, outcome): Said) -> ToClient {
        match outcome {
            Ok(Sent { id, pos, ts, dup, .. }) => ToClient::Ok { cid, room, pos, id, ts, dup },
            Err(error) => {
                if error.problem().retryable {
                    self.held_back.entry(room).or_insert(cid);
                }
                refusal(error.problem(), Some(cid), None, Some(room))
            }
        }
    }

    async fn tell(&mut self, socket: &mut WebSocket, frame: ToClient) {
        // A write that fails is seen at the next one.
        let _ = socket.send(Message::Text(encoded(&frame))).await;
    }
}

fn refusal(problem: &Problem, cid: Option<ClientId>, id: Option<u64>, room: Option<RoomId>) -> ToClient {
    ToClient::Err {
        cid,
        id,
        room,
        code: problem.code.clone(),
        detail: problem.detail.clone(),
        retry: problem.retryable,
        unknown: problem.known() == Some(Code::OutcomeUnknown),
        after_ms: problem.retryable.then_some(1_000),
    }
}
