//! Read marks: up to where a person has read a room, the same on every device.

use axum::extract::State;
use platform::service::{ApiError, ApiJson, ApiPath, Outcome};
use wire::{
    RoomId,
    events::{Hint, Mark},
    messages::{Read, Unread},
    paths::SUBJECT_HINTS,
};

use super::{joined, sql, unread};
use crate::{
    accounts::Caller,
    state::{App, State as Hub},
};

/// Marks a room as read up to a position, or all of it. A mark never moves back; the answer says where it stands and
/// what is unread after it.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/read", tag = "rooms", params(("room" = String, Path)), request_body = Read, security(("bearer" = [])),
    responses((status = 200, body = Unread), (status = 404, body = wire::Problem), (status = 429, body = wire::Problem), (status = 502, body = wire::Problem), (status = 503, body = wire::Problem)))]
pub(crate) async fn read(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
    ApiJson(Read { upto }): ApiJson<Read>,
) -> Outcome<ApiJson<Unread>> {
    state.rates.mark(caller.user)?;
    let room = joined(&state, &caller, &room).await?.id;
    let pos = mark(&state, &caller, room, upto.unwrap_or(u64::MAX)).await?;
    let counted = unread::count(&state, caller.user, vec![Mark { room, pos }]).await?;
    let counted = counted.into_iter().next().ok_or_else(|| ApiError::not_found("room"))?;
    Ok(ApiJson(counted.unread))
}

/// Moves the caller's mark on, as far as there is anything to read, and tells their other devices. Answers with where
/// it stands. How often is for whoever calls this to bound.
pub(crate) async fn mark(state: &Hub, caller: &Caller, room: RoomId, pos: u64) -> Outcome<u64> {
    let pos = pos.min(state.live.tailed(room));
    // A mark that is there already must not cost a write.
    let stands = sql::mark(&state.db, room, caller.user).await?.ok_or_else(|| ApiError::not_found("room"))?;
    if stands >= pos {
        return Ok(stands);
    }
    if sql::set_mark(&state.db, room, caller.user, pos).await? {
        let hint = Hint::Read { user: caller.user, mark: Mark { room, pos } };
        let hint = serde_json::to_string(&hint).expect("a hint is plain data");
        state.fanout.publish(SUBJECT_HINTS, hint).await;
    }
    sql::mark(&state.db, room, caller.user).await?.ok_or_else(|| ApiError::not_found("room"))
}
