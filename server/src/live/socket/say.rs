//! Messages of one socket: in order, a window of them at a time.

use axum::extract::ws::WebSocket;
use platform::service::ApiError;
use wire::{ClientId, Code, RoomId, frames::ToClient, rooms::Sent};

use super::{Open, Said, refusal};
use crate::rooms::{self, say};

impl Open {
    pub(super) async fn say(&mut self, socket: &mut WebSocket, cid: ClientId, room: RoomId, body: String) {
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

    pub(super) fn answer(&mut self, (room, cid, outcome): Said) -> ToClient {
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
}
