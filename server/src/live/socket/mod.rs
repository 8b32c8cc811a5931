//! One socket: `hello`, then frames both ways until one side ends it.

mod hear;
mod missed;
mod reader;
mod say;
mod talk;

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use platform::service::{ApiError, taken_over};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Message, handshake::server::create_response_with_body};
use tokio_util::task::AbortOnDropHandle;
use wire::{
    Code, RoomId, Timestamp,
    frames::{PROTOCOL, ToServer, close},
};

use super::{
    catch_up::Wish,
    frame,
    line::{Ending, Line},
    room::SocketId,
    typing::Typing,
};
use crate::{
    accounts::{self, Caller},
    state::App,
};
use reader::Reader;

/// Opens the socket. Its frames are described in mshub-protocol(7); the first one must be `hello` with a token.
#[utoipa::path(get, path = "/api/v1/live", tag = "live",
    responses((status = 101, description = "WebSocket, JSON text frames"), (status = 400, body = wire::Problem)))]
pub(crate) async fn open(State(state): State<App>, mut request: Request) -> Result<Response, ApiError> {
    let upgrade = taken_over(&mut request);
    let accepted = create_response_with_body(&request, Body::empty);
    let accepted = accepted.map_err(|refused| ApiError::new(Code::BadRequest, refused.to_string()))?;
    let tasks = state.tasks.clone();
    tokio::spawn(tasks.track(async move {
        match upgrade.await {
            Ok((stream, early)) => serve(state, stream, early).await,
            Err(error) => tracing::debug!(error, "a socket was not opened"),
        }
    }));
    Ok(accepted)
}

async fn serve(state: App, stream: TcpStream, early: Bytes) {
    let (half, writer) = stream.into_split();
    let last_word = state.config.patience.last_word;
    let (mut reader, line) = (Reader::new(half, &early), Arc::new(Line::new(writer)));
    // Even when it is empty, it holds the whole buffer that the request was read into.
    drop(early);
    // What happens once is boxed: a socket's task is as large as what it waits for longest, and not as its greeting.
    let ending = match Box::pin(greet(&state, &mut reader, &line)).await {
        Ok((caller, socket)) => Open::new(state, caller, socket, line.clone()).run(&mut reader).await,
        Err(ending) => ending,
    };
    Box::pin(end(reader, &line, ending, last_word)).await;
}

async fn greet(state: &App, reader: &mut Reader, line: &Arc<Line>) -> Result<(Caller, SocketId), Ending> {
    let greeted = tokio::time::timeout(state.config.patience.hello, hello(state, reader, line)).await;
    let caller = greeted.unwrap_or(Err((close::HELLO_TIMEOUT, "no hello in time")))?;
    let socket = state.live.people.sit(caller.user, caller.session, line.clone());
    let socket = socket.ok_or((close::TOO_MANY, "too many sockets of this account; close one first"))?;
    Ok((caller, socket))
}

async fn hello(state: &App, reader: &mut Reader, line: &Line) -> Result<Caller, Ending> {
    while let Ok(message) = reader.next(line).await {
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

async fn end(reader: Reader, line: &Line, ending: Ending, last_word: Duration) {
    // The other side may be gone already, or take nothing.
    let _ = tokio::time::timeout(last_word, line.close(frame::close(ending))).await;
    line.hang_up();
    let _ = tokio::time::timeout(last_word, reader.finish()).await;
}

/// A socket after its hello.
struct Open {
    state: App,
    caller: Caller,
    socket: SocketId,
    line: Arc<Line>,
    rooms: HashSet<RoomId>,
    /// Catch-ups that wait for the one that runs: a socket has one at a time.
    wishes: VecDeque<Wish>,
    catching_up: Option<(RoomId, BoxFuture<'static, ()>)>,
    heard: Instant,
    /// When the person did something, as far as that was noted.
    acted: Timestamp,
    typing: Typing,
    /// Tells what it missed of conversions.
    missed: Option<AbortOnDropHandle<()>>,
}

impl Open {
    fn new(state: App, caller: Caller, socket: SocketId, line: Arc<Line>) -> Self {
        let now = state.clock.now();
        state.live.crowd.came(caller.user, now);
        Self {
            state,
            caller,
            socket,
            line,
            rooms: HashSet::new(),
            wishes: VecDeque::new(),
            catching_up: None,
            heard: Instant::now(),
            acted: now,
            typing: Typing::default(),
            missed: None,
        }
    }
}

impl Drop for Open {
    /// However it ends, the registry forgets it.
    fn drop(&mut self) {
        for room in &self.rooms {
            self.state.live.unsubscribe(*room, self.socket);
        }
        self.state.live.people.leave(self.caller.user, self.socket);
        self.state.live.crowd.went(self.caller.user, self.state.clock.now());
    }
}
