//! A socket after its hello: what waits goes out, what comes is heard, until one side ends it.

use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures_util::{SinkExt as _, StreamExt as _};
use wire::frames::{PROTOCOL, ToClient, close};

use super::{super::registry::encoded, Ending, Open, WINDOW};

const HEARTBEAT: Duration = Duration::from_secs(25);
/// Without a sign of life for this long, the other side is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// How long an access token is taken beyond its end, so that a renewal in flight arrives.
const GRACE_SECONDS: i64 = 30;

impl Open {
    pub(super) async fn run(&mut self, socket: &mut WebSocket) -> Ending {
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

    pub(super) async fn tell(&mut self, socket: &mut WebSocket, frame: ToClient) {
        // A write that fails is seen at the next one.
        let _ = socket.send(Message::Text(encoded(&frame))).await;
    }
}
