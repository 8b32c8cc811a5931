//! The files of a room, newest first.

use axum::extract::State;
use platform::service::{ApiJson, ApiPath, ApiQuery, Outcome};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;
use wire::{
    FileId,
    files::{RoomFile, RoomFiles},
    paths,
};

use super::{Kept, attach, sql};
use crate::{accounts::Caller, rooms, state::App};

/// Files of one page.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 200;

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// `next` of the page before.
    before: Option<FileId>,
    /// At most this many: 1 to 200, 50 unless told.
    limit: Option<u32>,
}

/// Lists the files of a room that the caller is in, with the messages that they went with.
#[utoipa::path(get, path = paths::ROOM_FILES, tag = "files", security(("bearer" = [])),
    params(("room" = String, Path), Part),
    responses((status = 200, body = RoomFiles), (status = 401, body = wire::Problem),
        (status = 404, body = wire::Problem), (status = 502, body = wire::Problem)))]
pub(crate) async fn list(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
    ApiQuery(Part { before, limit }): ApiQuery<Part>,
) -> Outcome<ApiJson<RoomFiles>> {
    let room = rooms::joined(&state, &caller, &room).await?.id;
    let limit = limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let before = before.unwrap_or(FileId(Uuid::max()));
    let page = sql::of_room(&state.db, room, before, i64::from(limit)).await?;
    let next = page.last().filter(|_| page.len() == limit as usize).map(|kept| kept.file.id);
    let mut items = Vec::with_capacity(page.len());
    for kept in page {
        // One that a message claimed and never carried is not shown.
        let Some(pos) = attach::place(&state, &kept).await? else { continue };
        let Kept { file, room, owner, created_at, .. } = kept;
        items.push(RoomFile { file, room, pos, by: owner, ts: created_at });
    }
    Ok(ApiJson(RoomFiles { items, next }))
}
