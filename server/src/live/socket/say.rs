//! Messages of one socket: in order, a window of them at a time.

use std::time::Instant;

use platform::{
    service::ApiError,
    traces::{Kind, Span},
};
use wire::{ClientId, Code, RoomId, messages::Op, rooms::Say};

use super::{
    super::{
        Begun, Waiter,
        answer::{ok, refusal, refused},
        members,
    },
    Open,
};
use crate::{
    SERVICE,
    rooms::{act, say},
};

/// What a socket wants to be in the log.
pub(super) enum Wish {
    Say(Say),
    Act { tgt: u64, op: Op },
}

impl Open {
    /// Says or does something in a room.
    pub(super) async fn say(&mut self, cid: ClientId, room: RoomId, wish: Wish) {
        if self.line.is_held_back(room, cid, Instant::now()) {
            let detail = "an earlier message to this room was refused; send that first";
            let waits = ApiError::new(Code::Unavailable, detail);
            return self.tell(&refusal(waits.problem(), Some(cid), None, Some(room)));
        }
        // Its answer may be there before this is over.
        self.line.sends_one();
        let mut span = Span::begin(SERVICE, "socket send", Kind::Server, None);
        span.note_shown("mshub.room", room);
        span.note_shown("mshub.cid", cid);
        let told = match span.around(self.begin(cid, room, wish)).await {
            Ok(Begun::Waiting) => return,
            Ok(Begun::Known(sent)) => ok(cid, room, sent),
            Err(error) => {
                span.fail(&error.problem().detail);
                refused(&self.line, cid, room, &error)
            }
        };
        self.line.answered_one();
        self.tell(&told);
    }

    async fn begin(&mut self, cid: ClientId, room: RoomId, wish: Wish) -> Result<Begun, ApiError> {
        let user = self.caller.user;
        let made = async {
            match wish {
                _ if !members::is_member(&self.state, room, user).await? => Err(ApiError::not_found("room")),
                Wish::Say(say) => say::said(&self.state, user, room, say).await,
                Wish::Act { tgt, op } => act::checked(&self.state, &self.caller, room, tgt, op).await,
            }
        };
        let waiter = Waiter::Socket(self.line.clone());
        say::begin(&self.state, &self.caller, room, cid, made, waiter).await
    }
}
