//! Doing something to a message: editing, removing, signs, pins. Each is a fact of the log like the message itself.

use axum::extract::State;
use platform::service::{ApiError, ApiJson, ApiPath, Outcome};
use uuid::Uuid;
use wire::{
    Code, RoomId,
    events::What,
    messages::{Act, EDITS, Message, Op, REACTIONS},
    rooms::{Room, Sent},
};

use super::{
    joined, mentions, messages, rights,
    rights::Deed,
    say::{self, Wanted},
};
use crate::{
    accounts::Caller,
    files,
    state::{App, State as Hub},
};

/// Bytes of a sign: an emoji with its modifiers has up to 35.
const LONGEST_SIGN: usize = 64;

/// Does something to a message of a room that the caller is in. Sending the same `cid` again answers with the first
/// place.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/ops", tag = "rooms", params(("room" = String, Path)), request_body = Act, security(("bearer" = [])),
    responses((status = 200, body = Sent), (status = 403, body = wire::Problem), (status = 404, body = wire::Problem), (status = 409, body = wire::Problem), (status = 422, body = wire::Problem), (status = 429, body = wire::Problem), (status = 503, body = wire::Problem)))]
pub(crate) async fn act(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
    ApiJson(Act { cid, tgt, op }): ApiJson<Act>,
) -> Outcome<ApiJson<Sent>> {
    let room = joined(&state, &caller, &room).await?;
    let what = allowed(&state, &caller, &room, tgt, op);
    say::append(&state, &caller, room.id, cid, what).await.map(ApiJson)
}

/// The fact that an act comes to, if the caller may do it.
pub(crate) async fn checked(state: &Hub, caller: &Caller, room: RoomId, tgt: u64, op: Op) -> Outcome<Wanted> {
    let room = joined(state, caller, &room.to_string()).await?;
    allowed(state, caller, &room, tgt, op).await
}

async fn allowed(state: &Hub, caller: &Caller, room: &Room, tgt: u64, op: Op) -> Outcome<Wanted> {
    rights::check(room, Deed::Speak)?;
    let message = messages::at(state, caller.user, room.id, tgt).await?;
    let own = message.by == caller.user;
    let what = match op {
        Op::Edit { body } => {
            check_edit(&message, own, &body)?;
            let mentions = mentions::of(state, room.id, &body).await?;
            What::Edited { tgt, body, mentions, removed: None }
        }
        Op::Redact => {
            if !own {
                rights::check(room, Deed::RemoveOthers)?;
            }
            let task = files::removal(caller.user, &message).map(|task| (Uuid::now_v7(), task));
            return Ok(Wanted { what: What::Redacted { tgt }, task });
        }
        Op::React { body } => {
            check_sign(&message, &body)?;
            What::Reacted { tgt, body }
        }
        Op::Unreact { body } => What::Unreacted { tgt, body },
        Op::Pin => rights::check(room, Deed::Pin).map(|_| What::Pinned { tgt })?,
        Op::Unpin => rights::check(room, Deed::Pin).map(|_| What::Unpinned { tgt })?,
    };
    Ok(what.into())
}

fn check_edit(message: &Message, own: bool, body: &str) -> Outcome<()> {
    if !own {
        return Err(ApiError::new(Code::Forbidden, "only its author may edit a message"));
    }
    if message.card.is_some() {
        return Err(ApiError::new(Code::Conflict, "a conversion has no text to edit"));
    }
    if message.edits.len() >= EDITS {
        let detail = format!("a message is edited at most {EDITS} times");
        return Err(ApiError::new(Code::Conflict, detail).hint("remove it and say it anew"));
    }
    say::check_length(body)
}

fn check_sign(message: &Message, sign: &str) -> Outcome<()> {
    let plain = |letter: char| !letter.is_whitespace() && !letter.is_control();
    if sign.is_empty() || sign.len() > LONGEST_SIGN || !sign.chars().all(plain) {
        let detail = format!("a sign is 1 to {LONGEST_SIGN} bytes without spaces, such as 👍");
        return Err(ApiError::new(Code::InvalidField, detail.clone()).field("/body", detail));
    }
    let known = message.reactions.iter().any(|reaction| reaction.body == sign);
    if !known && message.reactions.len() >= REACTIONS {
        let detail = format!("a message carries at most {REACTIONS} kinds of signs");
        return Err(ApiError::new(Code::Conflict, detail).hint("use one that is there already"));
    }
    Ok(())
}
