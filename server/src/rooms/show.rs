//! One room.

use axum::extract::State;
use platform::service::{ApiJson, ApiPath, Outcome};
use wire::rooms::Room;

use crate::{accounts::Caller, state::App};

/// Shows a room by id or name, if it is public or the caller is in it.
#[utoipa::path(get, path = "/api/v1/rooms/{room}", tag = "rooms", params(("room" = String, Path)), security(("bearer" = [])),
    responses((status = 200, body = Room), (status = 404, body = wire::Problem)))]
pub(crate) async fn show(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
) -> Outcome<ApiJson<Room>> {
    let mut room = super::visible(&state, &caller, &room).await?;
    super::unread::fill(&state, caller.user, std::slice::from_mut(&mut room)).await;
    Ok(ApiJson(room))
}
