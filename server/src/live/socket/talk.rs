//! A socket after its hello: what is left to its task goes out, what comes is heard, until one side ends it.

use std::{
    future::poll_fn,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use tokio_tungstenite::tungstenite::{Error, Message};
use wire::{
    RoomId,
    frames::{PROTOCOL, ToClient, close},
};

use super::{
    super::{
        catch_up::{self, CatchUp, Wish},
        encoded, frame,
        limits::{GRACE_SECONDS, WINDOW},
        line::{Ending, Found, Line, Round},
    },
    Open, Reader,
};

const SLOW: Ending = (close::SLOW, "reading too slowly; resume");

/// What to do next.
enum Turn {
    Line(Found),
    Stalled,
    CaughtUp,
    Beat,
    Heard(Result<Message, Error>),
}

impl Open {
    pub(super) async fn run(&mut self, reader: &mut Reader) -> Ending {
        let patience = self.state.config.patience;
        self.tell(&ToClient::Welcome {
            v: PROTOCOL,
            uid: self.caller.user,
            hb_ms: u64::try_from(patience.heartbeat.as_millis()).unwrap_or(u64::MAX),
            win: WINDOW as u32,
            now: Some(self.state.clock.now()),
        });
        if !self.state.live.is_well() {
            self.tell(&self.state.live.heartbeat());
        }
        let mut beat = tokio::time::interval(patience.heartbeat);
        beat.reset();
        loop {
            self.begin_next();
            let line = &self.line;
            // The line comes first: it is there that whoever lets the others go on wakes this task.
            let turn = tokio::select! {
                biased;
                found = line.next() => Turn::Line(found),
                () = line.stalled(patience.stalled) => Turn::Stalled,
                () = caught_up(&mut self.catching_up) => Turn::CaughtUp,
                _ = beat.tick() => Turn::Beat,
                message = poll_fn(|context| heard(line, reader, context)) => Turn::Heard(message),
            };
            let done = match turn {
                Turn::Line(Found::Ending(ending)) => Err(ending),
                Turn::Line(Found::Behind(room, from)) => {
                    self.wishes.push_back(Wish::Behind { room, from });
                    Ok(())
                }
                Turn::Stalled => {
                    metrics::counter!("mshub_live_slow_total").increment(1);
                    Err(SLOW)
                }
                Turn::CaughtUp => {
                    self.catching_up = None;
                    Ok(())
                }
                Turn::Beat => self.beat(),
                // Boxed: what a frame sets in motion would make every waiting socket as large.
                Turn::Heard(Ok(message)) => Box::pin(self.hear(message)).await,
                Turn::Heard(Err(_)) => Err((1000, "bye")),
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
                let (state, line) = (self.state.clone(), self.line.clone());
                let (socket, user) = (self.socket, self.caller.user);
                let catch_up = CatchUp { state, socket, user, line, room };
                self.catching_up = Some((room, Box::pin(catch_up::run(catch_up, wish))));
                return;
            }
        }
    }

    fn beat(&self) -> Result<(), Ending> {
        if self.heard.elapsed() > self.state.config.patience.silence {
            return Err((close::SLOW, "no sign of life"));
        }
        if self.caller.expires_at.plus_seconds(GRACE_SECONDS) < self.state.clock.now() {
            return Err((close::UNAUTHENTICATED, "the access token has expired"));
        }
        let mut round = Round::default();
        round.tell(&self.line, encoded(&self.state.live.heartbeat()));
        round.tell(&self.line, frame::PING);
        Ok(())
    }

    /// Puts a frame in line: it goes out in its turn.
    pub(super) fn tell(&self, frame: &ToClient) {
        self.line.tell(encoded(frame));
    }
}

async fn caught_up(catching_up: &mut Option<(RoomId, BoxFuture<'static, ()>)>) {
    match catching_up {
        Some((_, running)) => running.await,
        None => std::future::pending().await,
    }
}

/// The socket is heard only while there is room for what comes of it.
fn heard(line: &Line, reader: &mut Reader, context: &mut Context<'_>) -> Poll<Result<Message, Error>> {
    match line.may_hear() {
        true => reader.poll_next(line, context),
        false => Poll::Pending,
    }
}
