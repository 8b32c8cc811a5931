//! Saying something: checked, appended to the log, and acknowledged only when it is durable.

use axum::extract::State;
use platform::{
    bus::AppendError,
    service::{ApiError, ApiJson, ApiPath, Outcome},
};
use wire::{
    ClientId, Code, MessageId, RoomId,
    events::{RoomFact, What},
    paths::{TOPIC_CHAT, fill, internal},
    rooms::{Say, Sent},
};

use super::{joined, record};
use crate::{
    accounts::Caller,
    live::{Claimed, Outcomes},
    state::{App, State as Hub},
    upstream,
};

/// Bytes of one message.
const LONGEST: usize = 16 * 1024;
/// A message id older than this may have been stored before the gateway's memory begins: the database is asked.
const REMEMBERED_SECONDS: i64 = 10 * 60;

/// Says something in a room that the caller is in. Sending the same `cid` again answers with the first place.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/messages", tag = "rooms", params(("room" = String, Path)), request_body = Say, security(("bearer" = [])),
    responses((status = 200, body = Sent), (status = 404, body = wire::Problem), (status = 422, body = wire::Problem), (status = 429, body = wire::Problem), (status = 503, body = wire::Problem)))]
pub(crate) async fn say(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
    ApiJson(Say { cid, body }): ApiJson<Say>,
) -> Outcome<ApiJson<Sent>> {
    let room = joined(&state, &caller, &room).await?;
    let begun = begin(&state, &caller, room.id, cid, body).await?;
    finish(begun).await.map(ApiJson)
}

/// A message between being put in line and being durable.
pub(crate) enum Begun {
    /// It was stored before.
    Known(Sent),
    /// It is on its way, by this attempt or by an earlier one with the same `cid`.
    Waiting(Outcomes),
}

/// Checks a message of a member and puts it in line. Whoever calls this for one message after the other gets their
/// order in the log.
pub(crate) async fn begin(
    state: &App,
    caller: &Caller,
    room: RoomId,
    cid: ClientId,
    body: String,
) -> Outcome<Begun> {
    if body.is_empty() || body.len() > LONGEST {
        let detail = format!("a message is 1 to {LONGEST} bytes, this one is {}", body.len());
        let code = if body.is_empty() { Code::InvalidField } else { Code::TooLarge };
        return Err(ApiError::new(code, detail.clone()).field("/body", detail));
    }
    if state.live.is_too_fast(caller.user) {
        return Err(ApiError::new(Code::RateLimited, "you are sending too fast").retry_after(1));
    }
    let claim = match state.live.claim((room, caller.user, cid)) {
        Claimed::Known(sent) => return Ok(Begun::Known(sent)),
        Claimed::Waiting(outcomes) => return Ok(Begun::Waiting(outcomes)),
        Claimed::Own(claim) => claim,
    };
    if is_old(state, cid)
        && let Some(sent) = stored(state, caller, room, cid).await?
    {
        return Ok(Begun::Known(sent));
    }
    let id = MessageId::new();
    let what = What::Said { body };
    let fact = RoomFact { id, room, by: caller.user, name: caller.name.clone(), cid, what };
    let pending = state.bus.enqueue(TOPIC_CHAT, &room.to_string(), record(fact)).await.map_err(refused)?;

    // The attempt outlives whoever asked: when the connection goes away half way, a resend still finds it here.
    let outcomes = claim.outcomes();
    let hub = state.clone();
    state.tasks.spawn("say", async move {
        let placed =
            pending.durable().await.map(|at| Sent { id, cid, room, pos: at.pos, ts: at.at, dup: false });
        hub.live.settle(claim, placed).await;
    });
    Ok(Begun::Waiting(outcomes))
}

/// Waits until the message is durable.
pub(crate) async fn finish(begun: Begun) -> Outcome<Sent> {
    match begun {
        Begun::Known(sent) => Ok(Sent { dup: true, ..sent }),
        Begun::Waiting(mut outcomes) => {
            let settled = outcomes.wait_for(Option::is_some).await.ok().and_then(|settled| settled.clone());
            let given_up = || Err(AppendError::Unknown("the attempt was given up".into()));
            settled.unwrap_or_else(given_up).map_err(refused)
        }
    }
}

fn refused(error: AppendError) -> ApiError {
    match error {
        AppendError::Unavailable(why) => {
            tracing::warn!(why, "a message was refused: the log takes nothing");
            ApiError::new(Code::LogUnavailable, "the message was not taken; send it again").retry_after(1)
        }
        AppendError::Unknown(why) => {
            tracing::error!(why, "the outcome of an append is unknown");
            ApiError::new(
                Code::OutcomeUnknown,
                "it is not known whether the message was taken; send it again",
            )
        }
    }
}

/// Whether this id may have been used before the gateway began to remember. Ids that carry no time may have been.
fn is_old(state: &Hub, cid: ClientId) -> bool {
    let made = cid.0.get_timestamp().map(|at| at.to_unix().0.cast_signed());
    made.is_none_or(|made| made < state.clock.now().seconds() - REMEMBERED_SECONDS)
}

async fn stored(state: &Hub, caller: &Caller, room: RoomId, cid: ClientId) -> Outcome<Option<Sent>> {
    let path = fill(internal::SENT, room);
    let request = state.upstream.chat(reqwest::Method::GET, &path, caller.user).query(&[("cid", cid)]);
    upstream::call(request).await
}
