//! What a client can say: one arm for each frame.

use std::time::Instant;

use platform::service::ApiError;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::AbortOnDropHandle;
use wire::{
    Code, RoomId,
    frames::{ToClient, ToServer, close},
    messages::Act,
    rooms::Say,
};

use super::{
    super::{
        answer::refusal,
        catch_up::Wish,
        limits::{FRAME, SUBSCRIPTIONS},
        line::Ending,
        typing,
    },
    Open, missed, not_let_in, say,
};
use crate::{accounts, rooms};

/// How exactly it is known when somebody last did something.
const ACTIVITY_SECONDS: i64 = 30;

impl Open {
    pub(super) async fn hear(&mut self, message: Message) -> Result<(), Ending> {
        self.heard = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            Message::Close(_) => return Err((1000, "bye")),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Binary(_) | Message::Frame(_) => return Err((close::PROTOCOL, "frames are text")),
        };
        if text.len() > FRAME {
            return Err((close::TOO_LARGE, "a frame is at most 128 KiB"));
        }
        let Ok(frame) = serde_json::from_str(&text) else {
            return Err((close::PROTOCOL, "this frame cannot be read"));
        };
        self.note_activity(&frame);
        match frame {
            ToServer::Hello { .. } => return Err((close::PROTOCOL, "hello comes once")),
            ToServer::Auth { tok } => self.renew(&tok).await?,
            ToServer::Sub { id, room, after, tail } => {
                self.subscribe(id, Wish::Sub { id, room, after, tail })
            }
            ToServer::Unsub { room } => self.unsubscribe(room),
            ToServer::Send { cid, room, body, re, att } => {
                self.say(cid, room, say::Wish::Say(Say { cid, body, re, att })).await
            }
            ToServer::Op { room, act: Act { cid, tgt, op } } => {
                self.say(cid, room, say::Wish::Act { tgt, op }).await
            }
            ToServer::Read { room, pos } => self.read(room, pos).await,
            ToServer::Typing { room, on } => self.types(room, on).await,
            ToServer::Jobs { on, after } => {
                self.state.live.people.watch_jobs(self.caller.user, self.socket, on);
                // One at a time: who asks again has no use for the first answer.
                self.missed = (on && !after.is_empty()).then(|| {
                    let (state, line) = (self.state.clone(), self.line.clone());
                    AbortOnDropHandle::new(tokio::spawn(missed::tell(state, self.caller.user, line, after)))
                });
            }
            ToServer::Ping { n } => self.tell(&ToClient::Pong { n }),
        }
        Ok(())
    }

    async fn renew(&mut self, token: &str) -> Result<(), Ending> {
        match accounts::authenticate(&self.state, token).await {
            Ok(caller) if caller.user == self.caller.user => {
                self.state.live.people.renews(caller.user, self.socket, caller.session);
                self.caller = caller;
                Ok(())
            }
            Ok(_) => Err((close::UNAUTHENTICATED, "sign in first")),
            Err(error) => Err(not_let_in(&error)),
        }
    }

    fn subscribe(&mut self, id: u64, wish: Wish) {
        let room = wish.room();
        if self.rooms.len() >= SUBSCRIPTIONS {
            self.forget_ended();
        }
        let full = self.rooms.len() >= SUBSCRIPTIONS && !self.rooms.contains(&room);
        if full || self.wishes.len() > SUBSCRIPTIONS {
            let detail = format!("a socket follows at most {SUBSCRIPTIONS} rooms");
            let refused = ApiError::new(Code::Conflict, detail);
            return self.tell(&refusal(refused.problem(), None, Some(id), Some(room)));
        }
        self.rooms.insert(room);
        self.wishes.push_back(wish);
    }

    /// Subscriptions that were refused, or ended by the hub, do not count.
    fn forget_ended(&mut self) {
        let (live, socket, wishes) = (&self.state.live, self.socket, &self.wishes);
        let running = self.catching_up.as_ref().map(|(room, _)| *room);
        let waits = |room: &RoomId| running == Some(*room) || wishes.iter().any(|wish| wish.room() == *room);
        self.rooms.retain(|room| live.hears(*room, socket) || waits(room));
    }

    fn unsubscribe(&mut self, room: RoomId) {
        self.rooms.remove(&room);
        self.state.live.unsubscribe(room, self.socket);
        self.line.forget(room);
    }

    /// What a person does shows that they are there; what a program does by itself does not.
    fn note_activity(&mut self, frame: &ToServer) {
        let by_itself = matches!(frame, ToServer::Ping { .. } | ToServer::Auth { .. } | ToServer::Sub { .. });
        let now = self.state.clock.now();
        if !by_itself && self.acted.plus_seconds(ACTIVITY_SECONDS) <= now {
            self.acted = now;
            self.state.live.crowd.acted(self.caller.user, now);
        }
    }

    /// Only who follows the room, and so is in it, writes in it.
    async fn types(&mut self, room: RoomId, on: bool) {
        if self.state.live.hears(room, self.socket) && self.typing.is_news(room, on, Instant::now()) {
            typing::pass_on(&self.state, &self.caller, room, on).await;
        }
    }

    /// Answers with where the mark stands; who is not in the room hears that nothing of it follows.
    async fn read(&mut self, room: RoomId, pos: u64) {
        self.state.rates.mark_in_turn(self.caller.user).await;
        let frame = match rooms::read::mark(&self.state, &self.caller, room, pos).await {
            Ok(mark) => ToClient::Read { room, pos: mark },
            Err(error) => refusal(error.problem(), None, None, Some(room)),
        };
        self.tell(&frame);
    }
}
