//! Where a room stands in the database: for whoever wants to check a history against it.

use axum::extract::State;
use platform::service::{ApiJson, ApiPath, Outcome};
use wire::{
    events::Head,
    paths::{fill, internal},
};

use super::joined;
use crate::{accounts::Caller, state::App, upstream};

/// Shows how many events of a room that the caller is in are in the database, and the chain hash over them.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/head", tag = "rooms", params(("room" = String, Path)), security(("bearer" = [])),
    responses((status = 200, body = Head), (status = 404, body = wire::Problem), (status = 502, body = wire::Problem)))]
pub(crate) async fn head(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
) -> Outcome<ApiJson<Head>> {
    let room = joined(&state, &caller, &room).await?;
    let path = fill(internal::HEAD, room.id);
    upstream::call(state.upstream.chat(reqwest::Method::GET, &path, caller.user)).await.map(ApiJson)
}
