//! Making a room.

use axum::{extract::State, http::StatusCode};
use platform::{
    db::is_taken,
    service::{ApiError, ApiJson, Outcome},
};
use wire::{
    Code, RoomId,
    events::What,
    rooms::{MemberRole, NewRoom, Room},
};

use super::{fact, name, sql};
use crate::{
    accounts::Caller,
    state::App,
    tasks::{self, Task},
};

const LONGEST_TOPIC: usize = 250;

/// Makes a room and its first member: the caller, as owner.
#[utoipa::path(post, path = "/api/v1/rooms", tag = "rooms", request_body = NewRoom, security(("bearer" = [])),
    responses((status = 201, body = Room), (status = 409, body = wire::Problem), (status = 422, body = wire::Problem)))]
pub(crate) async fn new(
    State(state): State<App>,
    caller: Caller,
    ApiJson(asked): ApiJson<NewRoom>,
) -> Outcome<(StatusCode, ApiJson<Room>)> {
    let name = name::checked(&asked.name)?;
    if asked.topic.chars().count() > LONGEST_TOPIC {
        let detail = format!("a topic is at most {LONGEST_TOPIC} characters");
        return Err(ApiError::new(Code::InvalidField, detail.clone()).field("/topic", detail));
    }
    let now = state.clock.now();
    let NewRoom { private, topic, .. } = asked;
    let room = Room { id: RoomId::new(), name, private, topic, members: 1, joined: true, created_at: now };

    // The room, its owner and the fact that goes to the log are one change: a crash leaves all of it or nothing.
    let mut tx = state.db.begin().await?;
    sql::insert(&mut tx, &room).await.map_err(|error| taken(error, &room.name))?;
    sql::add_member(&mut tx, room.id, caller.user, MemberRole::Owner, now).await?;
    let created = fact(room.id, &caller, What::Created { body: room.name.clone() });
    tasks::enqueue(&mut tx, &Task::Announce { fact: created }, now).await?;
    tx.commit().await?;
    tasks::wake(&state);
    Ok((StatusCode::CREATED, ApiJson(room)))
}

fn taken(error: sqlx::Error, name: &str) -> ApiError {
    if is_taken(&error) {
        return ApiError::new(Code::NameTaken, format!("there is a public room `{name}` already"))
            .field("/name", "this name is taken")
            .hint(format!("join it with `mshub room join {name}`, or choose another name"));
    }
    error.into()
}
