//! A conversion for everybody in a room: asked for in the log, where its card lives, and settled there once.

use axum::extract::State;
use platform::service::{ApiError, ApiJson, ApiPath, Outcome};
use wire::{Code, RoomId, conversions::ConvertInRoom, events::What, paths, rooms::Sent};

use super::card::{self, Wish};
use crate::{
    accounts::Caller,
    files,
    rooms::{self, say::Wanted},
    state::{App, State as Hub},
    tasks::{self, Task},
};

/// Characters of a format.
const LONGEST_FORMAT: usize = 16;

/// Has a file of a room that the caller is in converted. The message that comes of it shows the state, and has the
/// result as a file of the room. Sending the same `cid` again answers with the first place.
#[utoipa::path(post, path = paths::ROOM_CONVERSIONS, tag = "files", params(("room" = String, Path)), request_body = ConvertInRoom, security(("bearer" = [])),
    responses((status = 200, body = Sent), (status = 401, body = wire::Problem), (status = 403, body = wire::Problem), (status = 404, body = wire::Problem), (status = 409, body = wire::Problem), (status = 415, body = wire::Problem), (status = 422, body = wire::Problem), (status = 429, body = wire::Problem), (status = 503, body = wire::Problem)))]
pub(crate) async fn create(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
    ApiJson(wanted): ApiJson<ConvertInRoom>,
) -> Outcome<ApiJson<Sent>> {
    let room = rooms::joined(&state, &caller, &room).await?.id;
    let cid = wanted.cid;
    let made = wished(&state, &caller, room, wanted);
    let sent = rooms::say::append(&state, &caller, room, cid, made).await?;
    tasks::wake(&state);
    Ok(ApiJson(sent))
}

/// The fact, and the task that follows it.
async fn wished(state: &Hub, caller: &Caller, room: RoomId, wanted: ConvertInRoom) -> Outcome<Wanted> {
    let ConvertInRoom { cid, file, to } = wanted;
    let to = to.to_ascii_lowercase();
    if to.is_empty() || to.len() > LONGEST_FORMAT || !to.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let detail = "a format is a short word, such as pdf";
        return Err(ApiError::new(Code::InvalidField, detail).field("/to", detail));
    }
    card::check(state, caller.user, &files::convertible(state, caller, room, file).await?, &to).await?;
    let file = files::for_conversion(state, caller, room, cid, file).await?;
    let name = caller.name.clone();
    let wish = Wish { room, by: caller.user, name, cid, file: file.clone(), to: to.clone() };
    let what =
        What::ConvertRequested { body: file.name.clone(), to, file: Some(Box::new(file)), removed: None };
    Ok(Wanted { what, task: Some((wish.task(), Task::Convert { wish })) })
}
