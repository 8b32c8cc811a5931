//! Fetching a file: whoever is in its room can; to everybody else it is not there.

use axum::{extract::State, http::HeaderMap, response::Response};
use platform::service::{ApiError, ApiJson, ApiPath, Outcome};
use wire::{FileId, files::File, paths};

use super::{Content, Kept, deliver, object_key, sql};
use crate::{
    accounts::Caller,
    rooms,
    state::{App, State as Hub},
};

/// A file's bytes, whole or from a byte on.
#[utoipa::path(get, path = paths::FILE, tag = "files", security(("bearer" = [])),
    params(("id" = FileId, Path),
        ("Range" = Option<String>, Header, description = "One range: `bytes=N-`, `bytes=N-M` or `bytes=-N`.")),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 206, content_type = "application/octet-stream", body = Vec<u8>), (status = 304),
        (status = 401, body = wire::Problem), (status = 404, body = wire::Problem),
        (status = 416, body = wire::Problem)))]
pub(crate) async fn download(
    State(state): State<App>,
    caller: Caller,
    ApiPath(id): ApiPath<FileId>,
    headers: HeaderMap,
) -> Outcome<Response> {
    let Kept { file, room, .. } = visible(&state, &caller, id).await?;
    let content = Content {
        key: &object_key(room, id),
        tag: &file.sha256,
        name: &file.name,
        media_type: &file.media_type,
    };
    deliver(&state.objects, &headers, content).await
}

/// What a file is: name, size, SHA-256 and media type.
#[utoipa::path(get, path = paths::FILE_INFO, tag = "files", security(("bearer" = [])), params(("id" = FileId, Path)),
    responses((status = 200, body = File), (status = 401, body = wire::Problem), (status = 404, body = wire::Problem)))]
pub(crate) async fn info(
    State(state): State<App>,
    caller: Caller,
    ApiPath(id): ApiPath<FileId>,
) -> Outcome<ApiJson<File>> {
    Ok(ApiJson(visible(&state, &caller, id).await?.file))
}

/// A file that the caller may see: one that is meant for a message of a room they are in, or their own.
pub(super) async fn visible(state: &Hub, caller: &Caller, id: FileId) -> Outcome<Kept> {
    let none = || ApiError::not_found("file");
    let kept = sql::by_id(&state.db, id).await?.ok_or_else(none)?;
    let shown = kept.cid.is_some() || kept.owner == caller.user;
    if shown && rooms::is_member(state, kept.room, caller.user).await? { Ok(kept) } else { Err(none()) }
}
