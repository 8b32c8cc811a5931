//! Messages of one socket: in order, a window of them at a time.

use platform::service::ApiError;
use wire::{ClientId, Code, RoomId, frames::ToClient, rooms::Sent};

use super::{
    super::{
        line::Answer,
        members, {Begun, Waiter},
    },
    Open, refusal,
};
use crate::rooms::say;

impl Open {
    pub(super) async fn say(&mut self, cid: ClientId, room: RoomId, body: String) {
        if self.held_back.get(&room).is_some_and(|first| *first != cid) {
            let detail = "an earlier message to this room was refused; send that first";
            let waits = ApiError::new(Code::Unavailable, detail);
            return self.tell(&refusal(waits.problem(), Some(cid), None, Some(room)));
        }
        self.held_back.remove(&room);
        match self.begin(cid, room, body).await {
            Ok(Begun::Waiting) => self.unanswered += 1,
            Ok(Begun::Known(sent)) => self.tell(&ok(cid, room, sent)),
            Err(error) => {
                let frame = self.refused(cid, room, &error);
                self.tell(&frame);
            }
        }
    }

    async fn begin(&mut self, cid: ClientId, room: RoomId, body: String) -> Result<Begun, ApiError> {
        let is_member = members::is_member(&self.state, room, self.caller.user).await?;
        let waiter = Waiter::Socket(self.seat.line.clone());
        say::begin(&self.state, &self.caller, (room, is_member), cid, body, waiter).await
    }

    /// The frame for the outcome of a message that was in line.
    pub(super) fn answered(&mut self, Answer { room, cid, outcome }: Answer) -> ToClient {
        self.unanswered = self.unanswered.saturating_sub(1);
        match outcome {
            Ok(sent) => ok(cid, room, sent),
            Err(error) => self.refused(cid, room, &say::refused(error)),
        }
    }

    fn refused(&mut self, cid: ClientId, room: RoomId, error: &ApiError) -> ToClient {
        if error.problem().retryable {
            self.held_back.entry(room).or_insert(cid);
        }
        refusal(error.problem(), Some(cid), None, Some(room))
    }
}

fn ok(cid: ClientId, room: RoomId, Sent { id, pos, ts, dup, .. }: Sent) -> ToClient {
    ToClient::Ok { cid, room, pos, id, ts, dup }
}
