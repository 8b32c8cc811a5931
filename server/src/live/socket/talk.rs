//! A socket after its hello: what waits goes out, what comes is heard, until one side ends it.

use axum::extract::ws::{Message, WebSocket};
use futures_util::{SinkExt as _, future::BoxFuture};
use tokio::time::timeout;
use wire::{
    RoomId,
    frames::{PROTOCOL, ToClient, close},
};

use super::{
    super::{
        catch_up::{self, CatchUp, Wish},
        encoded,
        limits::{GRACE_SECONDS, HEARTBEAT, SILENCE, STALLED, WINDOW},
        line::{Ending, Found, Parcel},
    },
    Open,
};

/// Handfuls that are written before somebody else gets a turn.
const HANDFULS: usize = 16;
const GONE: Ending = (1000, "gone");
const SLOW: Ending = (close::SLOW, "reading too slowly; resume");

/// What to do next.
enum Turn {
    Line(Found),
    CaughtUp,
    Beat,
    Heard(Option<Result<Message, axum::Error>>),
}

impl Open {
    pub(super) async fn run(&mut self, socket: &mut WebSocket) -> Ending {
        self.tell(&ToClient::Welcome {
            v: PROTOCOL,
            uid: self.caller.user,
            hb_ms: u64::try_from(HEARTBEAT.as_millis()).unwrap_or(u64::MAX),
            win: WINDOW as u32,
            now: Some(self.state.clock.now()),
        });
        let mut beat = tokio::time::interval(HEARTBEAT);
        beat.reset();
        loop {
            self.begin_next();
            let may_read = self.unanswered < WINDOW && self.seat.line.is_roomy();
            let turn = tokio::select! {
                found = self.seat.line.next(&mut self.parcels) => Turn::Line(found),
                () = caught_up(&mut self.catching_up) => Turn::CaughtUp,
                _ = beat.tick() => Turn::Beat,
                message = socket.recv(), if may_read => Turn::Heard(message),
            };
            let done = match turn {
                Turn::Line(Found::Ending(ending)) => Err(ending),
                Turn::Line(Found::Parcels) => self.write(socket).await,
                Turn::Line(Found::Behind(room, from)) => {
                    self.wishes.push_back(Wish::Behind { room, from });
                    Ok(())
                }
                Turn::CaughtUp => {
                    self.catching_up = None;
                    Ok(())
                }
                Turn::Beat => self.beat(socket).await,
                Turn::Heard(Some(Ok(message))) => self.hear(message).await,
                Turn::Heard(_) => Err((1000, "bye")),
            };
            if let Err(ending) = done {
                return ending;
            }
        }
    }

    /// Begins the next catch-up, if none runs.
    fn begin_next(&mut self) {
        if self.catching_up.is_some() {
            return;
        }
        // A room that was given up meanwhile is not caught up.
        while let Some(wish) = self.wishes.pop_front() {
            let room = wish.room();
            if self.rooms.contains(&room) {
                let (state, line) = (self.state.clone(), self.seat.line.clone());
                let (socket, user) = (self.seat.socket, self.caller.user);
                let catch_up = CatchUp { state, socket, user, line, room };
                self.catching_up = Some((room, Box::pin(catch_up::run(catch_up, wish))));
                return;
            }
        }
    }

    /// Writes what waits, and flushes once for all of it. A socket that takes nothing for too long ends.
    async fn write(&mut self, socket: &mut WebSocket) -> Result<(), Ending> {
        for _ in 0..HANDFULS {
            let mut parcels = std::mem::take(&mut self.parcels);
            for parcel in parcels.drain(..) {
                let frame = match parcel {
                    Parcel::Frame(frame) | Parcel::Events { frame, .. } => frame,
                    Parcel::Answer(answer) => encoded(&self.answered(*answer)),
                };
                in_time(socket.feed(Message::Text(frame))).await?;
            }
            self.parcels = parcels;
            if !self.seat.line.take(&mut self.parcels) {
                break;
            }
        }
        // A burst is over: an idle socket keeps no memory for the next one.
        self.parcels.shrink_to(4);
        in_time(socket.flush()).await
    }

    async fn beat(&mut self, socket: &mut WebSocket) -> Result<(), Ending> {
        if self.heard.elapsed() > SILENCE {
            return Err((close::SLOW, "no sign of life"));
        }
        if self.caller.expires_at.plus_seconds(GRACE_SECONDS) < self.state.clock.now() {
            return Err((close::UNAUTHENTICATED, "the access token has expired"));
        }
        self.tell(&self.state.live.heartbeat());
        in_time(socket.send(Message::Ping(bytes::Bytes::new()))).await
    }

    /// Puts a frame in line: it goes out in its turn.
    pub(super) fn tell(&self, frame: &ToClient) {
        self.seat.line.tell(encoded(frame));
    }
}

async fn caught_up(catching_up: &mut Option<(RoomId, BoxFuture<'static, ()>)>) {
    match catching_up {
        Some((_, running)) => running.await,
        None => std::future::pending().await,
    }
}

async fn in_time(write: impl Future<Output = Result<(), axum::Error>>) -> Result<(), Ending> {
    match timeout(STALLED, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(GONE),
        Err(_) => {
            metrics::counter!("mshub_live_slow_total").increment(1);
            Err(SLOW)
        }
    }
}
