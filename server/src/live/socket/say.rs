//! Messages of one socket: in order, a window of them at a time.

use platform::service::ApiError;
use wire::{
    ClientId, Code, RoomId,
    frames::ToClient,
    messages::Op,
    rooms::{Say, Sent},
};

use super::{
    super::{
        line::Answer,
        members, {Begun, Waiter},
    },
    Open, refusal,
};
use crate::rooms::{act, say};

/// What a socket wants to be in the log.
pub(super) enum Wish {
    Say(Say),
    Act { tgt: u64, op: Op },
}

impl Open {
    /// Says or does something in a room.
    pub(super) async fn say(&mut self, cid: ClientId, room: RoomId, wish: Wish) {
        if self.held_back.get(&room).is_some_and(|first| *first != cid) {
            let detail = "an earlier message to this room was refused; send that first";
            let waits = ApiError::new(Code::Unavailable, detail);
            return self.tell(&refusal(waits.problem(), Some(cid), None, Some(room)));
        }
        self.held_back.remove(&room);
        match self.begin(cid, room, wish).await {
            Ok(Begun::Waiting) => self.unanswered += 1,
            Ok(Begun::Known(sent)) => self.tell(&ok(cid, room, sent)),
            Err(error) => {
                let frame = self.refused(cid, room, &error);
                self.tell(&frame);
            }
        }
    }

    async fn begin(&mut self, cid: ClientId, room: RoomId, wish: Wish) -> Result<Begun, ApiError> {
        let user = self.caller.user;
        let made = match wish {
            _ if !members::is_member(&self.state, room, user).await? => Err(ApiError::not_found("room")),
            Wish::Say(say) => say::said(&self.state, user, room, say).await,
            Wish::Act { tgt, op } => act::checked(&self.state, &self.caller, room, tgt, op).await,
        };
        let waiter = Waiter::Socket(self.seat.line.clone());
        say::begin(&self.state, &self.caller, room, cid, made, waiter).await
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
