//! Making a room.

use axum::{extract::State, http::StatusCode};
use platform::{
    db::is_taken,
    service::{ApiError, ApiJson, Outcome},
};
use wire::{
    Code, RoomId, Timestamp,
    events::What,
    rooms::{MemberRole, NewRoom, Room},
};

use super::{change::Change, name, sql};
use crate::{accounts::Caller, state::App};

const LONGEST_TOPIC: usize = 250;

/// Makes a room and its first member: the caller, as owner.
#[utoipa::path(post, path = "/api/v1/rooms", tag = "rooms", request_body = NewRoom, security(("bearer" = [])),
    responses((status = 201, body = Room), (status = 409, body = wire::Problem), (status = 422, body = wire::Problem), (status = 429, body = wire::Problem)))]
pub(crate) async fn new(
    State(state): State<App>,
    caller: Caller,
    ApiJson(asked): ApiJson<NewRoom>,
) -> Outcome<(StatusCode, ApiJson<Room>)> {
    let NewRoom { name, private, topic } = asked;
    let now = state.clock.now();
    let room = Room {
        private,
        topic: checked_topic(topic)?,
        ..fresh(name::checked(&name)?, MemberRole::Owner, now)
    };

    // The room, its owner and the fact that goes to the log are one change: a crash leaves all of it or nothing.
    let mut change = Change::new(&state, &caller, room.id).await?;
    sql::insert(&mut change.tx, &room, None).await.map_err(|error| taken(error, &room.name))?;
    let mark = state.live.tailed(room.id);
    sql::add_member(&mut change.tx, room.id, caller.user, MemberRole::Owner, mark, now).await?;
    change.tell(What::Created { body: room.name.clone() }).await?;
    change.commit().await?;
    Ok((StatusCode::CREATED, ApiJson(room)))
}

/// A room that its first member has just made.
pub(super) fn fresh(name: String, role: MemberRole, now: Timestamp) -> Room {
    Room {
        id: RoomId::new(),
        name,
        private: false,
        topic: String::new(),
        members: 1,
        joined: true,
        direct: false,
        role: Some(role),
        unread: Some(0),
        mentions: Some(0),
        mark: None,
        upto: None,
        created_at: now,
    }
}

/// A topic that a room may have.
pub(super) fn checked_topic(topic: String) -> Outcome<String> {
    if topic.chars().count() > LONGEST_TOPIC {
        let detail = format!("a topic is at most {LONGEST_TOPIC} characters");
        return Err(ApiError::new(Code::InvalidField, detail.clone()).field("/topic", detail));
    }
    Ok(topic)
}

/// What a database's refusal of a public name means.
pub(super) fn taken(error: sqlx::Error, name: &str) -> ApiError {
    if is_taken(&error) {
        return ApiError::new(Code::NameTaken, format!("there is a public room `{name}` already"))
            .field("/name", "this name is taken")
            .hint(format!("join it with `mshub room join {name}`, or choose another name"));
    }
    error.into()
}
