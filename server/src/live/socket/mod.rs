//! One socket: `hello`, then frames both ways until one side ends it.

mod hear;
mod say;
mod talk;

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
use futures_util::{future::BoxFuture, stream::FuturesUnordered};
use platform::service::ApiError;
use wire::{
    ClientId, Code, Problem, RoomId,
    frames::{PROTOCOL, ToClient, ToServer, close},
    rooms::Sent,
};

use super::registry::Seat;
use crate::{
    accounts::{self, Caller},
    state::App,
};

/// Read buffer of one socket. The library's default of 128 KiB would be its whole memory use many times over.
const READ_BUFFER: usize = 2 * 1024;
const WRITE_BUFFER: usize = 4 * 1024;
/// Unsent bytes of one socket at most.
const MAX_WRITE_BUFFER: usize = 1024 * 1024;
const MAX_FRAME: usize = 64 * 1024;
const HELLO: Duration = Duration::from_secs(5);
/// Sends of one socket that may wait for their `ok`.
const WINDOW: usize = 16;

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
