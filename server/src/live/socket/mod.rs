//! One socket: `hello`, then frames both ways until one side ends it.

mod hear;
mod say;
mod talk;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Instant,
};

use axum::{
    extract::{
        State,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    response::Response,
};
use futures_util::future::BoxFuture;
use platform::service::ApiError;
use wire::{
    ClientId, Code, Problem, RoomId, Timestamp,
    frames::{PROTOCOL, ToClient, ToServer, close},
};

use super::{
    catch_up::Wish,
    limits::{FRAME, HELLO},
    line::{Ending, Parcel},
    people::Seat,
    typing::Typing,
};
use crate::{
    accounts::{self, Caller},
    state::App,
};

/// Read buffer of one socket. The library's default of 128 KiB would be its whole memory use many times over.
const READ_BUFFER: usize = 2 * 1024;
const WRITE_BUFFER: usize = 4 * 1024;
/// Bytes of one socket that are on their way to the kernel at most: what waits, waits in its line.
const MAX_WRITE_BUFFER: usize = 1024 * 1024;
/// How long a last word may take.
const LAST_WORD: std::time::Duration = std::time::Duration::from_secs(2);

/// Opens the socket. Its frames are described in mshub-protocol(7); the first one must be `hello` with a token.
#[utoipa::path(get, path = "/api/v1/live", tag = "live",
    responses((status = 101, description = "WebSocket, JSON text frames"), (status = 400, body = wire::Problem)))]
pub(crate) async fn open(
    State(state): State<App>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|rejected| ApiError::new(Code::BadRequest, rejected.body_text()))?;
    // A frame that is only a little too large still gets its close code.
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_frame_size(2 * FRAME)
        .max_message_size(2 * FRAME);
    Ok(upgrade.on_upgrade(async move |socket| {
        let tasks = state.tasks.clone();
        tasks.track(serve(state, socket)).await;
    }))
}

async fn serve(state: App, mut socket: WebSocket) {
    let greeted = tokio::time::timeout(HELLO, hello(&state, &mut socket)).await;
    let caller = match greeted.unwrap_or(Err((close::HELLO_TIMEOUT, "no hello in time"))) {
        Ok(caller) => caller,
        Err(ending) => return end(socket, ending).await,
    };
    let Some(seat) = state.live.people.sit(caller.user, caller.session) else {
        return end(socket, (close::TOO_MANY, "too many sockets of this account; close one first")).await;
    };
    let ending = Open::new(state, caller, seat).run(&mut socket).await;
    end(socket, ending).await;
}

async fn hello(state: &App, socket: &mut WebSocket) -> Result<Caller, Ending> {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let Ok(ToServer::Hello { v, tok }) = serde_json::from_str(&text) else {
            return Err((close::PROTOCOL, "the first frame must be hello"));
        };
        if v != PROTOCOL {
            return Err((close::PROTOCOL, "this hub speaks version 1"));
        }
        return accounts::authenticate(state, &tok).await.map_err(|error| not_let_in(&error));
    }
    Err((close::PROTOCOL, "no hello"))
}

/// Only a token that was judged ends a session: a database that is away is no reason to sign in again.
fn not_let_in(error: &ApiError) -> Ending {
    match error.problem().status {
        401 | 403 => (close::UNAUTHENTICATED, "sign in first"),
        _ => (close::RESTART, "the token cannot be checked right now; come back"),
    }
}

async fn end(mut socket: WebSocket, (code, reason): Ending) {
    let close = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
    // The other side may be gone already, or take nothing.
    let _ = tokio::time::timeout(LAST_WORD, socket.send(close)).await;
}

/// A socket after its hello.
struct Open {
    state: App,
    caller: Caller,
    seat: Seat,
    rooms: HashSet<RoomId>,
    /// Rooms in which a message was refused for now: later ones wait until that one comes again, so that a sender's
    /// order is kept.
    held_back: HashMap<RoomId, ClientId>,
    /// Sends that wait for their answer.
    unanswered: usize,
    /// Catch-ups that wait for the one that runs: a socket has one at a time.
    wishes: VecDeque<Wish>,
    catching_up: Option<(RoomId, BoxFuture<'static, ()>)>,
    /// Parcels out of the line, about to be written.
    parcels: Vec<Parcel>,
    heard: Instant,
    /// When the person did something, as far as that was noted.
    acted: Timestamp,
    typing: Typing,
}

impl Open {
    fn new(state: App, caller: Caller, seat: Seat) -> Self {
        let now = state.clock.now();
        state.live.crowd.came(caller.user, now);
        Self {
            state,
            caller,
            seat,
            rooms: HashSet::new(),
            held_back: HashMap::new(),
            unanswered: 0,
            wishes: VecDeque::new(),
            catching_up: None,
            parcels: Vec::new(),
            heard: Instant::now(),
            acted: now,
            typing: Typing::default(),
        }
    }
}

impl Drop for Open {
    /// However it ends, the registry forgets it.
    fn drop(&mut self) {
        for room in &self.rooms {
            self.state.live.unsubscribe(*room, self.seat.socket);
        }
        self.state.live.people.leave(self.caller.user, self.seat.socket);
        self.state.live.crowd.went(self.caller.user, self.state.clock.now());
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
