//! Changing what a room is called and is for, and deleting it.

use axum::{extract::State, http::StatusCode};
use platform::service::{ApiJson, ApiPath, Outcome};
use wire::{
    events::What,
    rooms::{EditRoom, Room},
};

use super::{change::Change, joined, name, new, rights, rights::Deed, sql};
use crate::{accounts::Caller, files, state::App};

/// Changes name or topic. Moderators may.
#[utoipa::path(patch, path = "/api/v1/rooms/{room}", tag = "rooms", params(("room" = String, Path)), request_body = EditRoom, security(("bearer" = [])),
    responses((status = 200, body = Room), (status = 403, body = wire::Problem), (status = 404, body = wire::Problem), (status = 409, body = wire::Problem), (status = 422, body = wire::Problem), (status = 429, body = wire::Problem)))]
pub(crate) async fn edit(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
    ApiJson(asked): ApiJson<EditRoom>,
) -> Outcome<ApiJson<Room>> {
    let seen = joined(&state, &caller, &room).await?;
    rights::check(&seen, Deed::Describe)?;
    let name = asked.name.map(|name| name::checked(&name)).transpose()?;
    let topic = asked.topic.map(new::checked_topic).transpose()?;

    let mut change = Change::of(&state, &caller, seen.id).await?;
    // Looked at again: somebody else may have changed it meanwhile, and what they changed stays.
    let mut room = change.room().await?;
    rights::check(&room, Deed::Describe)?;
    if let Some(name) = name.filter(|name| *name != room.name) {
        change.tell(What::Renamed { body: name.clone() }).await?;
        room.name = name;
    }
    if let Some(topic) = topic.filter(|topic| *topic != room.topic) {
        change.tell(What::TopicChanged { body: topic.clone() }).await?;
        room.topic = topic;
    }
    sql::describe(&mut change.tx, &room).await.map_err(|error| new::taken(error, &room.name))?;
    change.commit().await?;
    Ok(ApiJson(room))
}

/// Deletes a room for everybody, with its history. Its owner may.
#[utoipa::path(delete, path = "/api/v1/rooms/{room}", tag = "rooms", params(("room" = String, Path)), security(("bearer" = [])),
    responses((status = 204), (status = 403, body = wire::Problem), (status = 404, body = wire::Problem), (status = 429, body = wire::Problem)))]
pub(crate) async fn close(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
) -> Outcome<StatusCode> {
    let room = joined(&state, &caller, &room).await?;
    rights::check(&room, Deed::Close)?;
    let mut change = Change::of(&state, &caller, room.id).await?;
    rights::check(&change.room().await?, Deed::Close)?;
    sql::delete(&mut change.tx, room.id).await?;
    files::forget_room(&mut change.tx, room.id, state.clock.now()).await?;
    change.tell(What::Closed).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
