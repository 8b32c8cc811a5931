//! What a client can say: one arm for each frame.

use std::time::Instant;

use axum::extract::ws::{Message, WebSocket};
use platform::service::ApiError;
use wire::{
    Code,
    frames::{ToClient, ToServer, close},
};

use super::{
    super::catch_up::{self, Wish},
    Ending, Open, refusal,
};
use crate::accounts;

const SUBSCRIPTIONS: usize = 200;

impl Open {
    pub(super) async fn hear(&mut self, socket: &mut WebSocket, message: Message) -> Result<(), Ending> {
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
}
