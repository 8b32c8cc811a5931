//! Who is in a room: listing, joining, leaving, inviting.

use axum::{extract::State, http::StatusCode};
use platform::service::{ApiError, ApiJson, ApiPath, Outcome};
use wire::{
    Code, UserId,
    events::What,
    rooms::{Invite, MemberRole, Members, Room},
};

use super::{fact, joined, sql, visible};
use crate::{
    accounts::{self, Caller},
    state::{App, State as Hub},
    tasks::{self, Task},
};

/// People in one room.
const MOST_MEMBERS: u64 = 10_000;

/// Lists the members of a room that the caller is in.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/members", tag = "rooms", params(("room" = String, Path)), security(("bearer" = [])),
    responses((status = 200, body = Members), (status = 404, body = wire::Problem)))]
pub(crate) async fn list(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
) -> Outcome<ApiJson<Members>> {
    let room = joined(&state, &caller, &room).await?;
    let items = sql::members(&state.db, room.id).await?;
    Ok(ApiJson(Members { items }))
}

/// Joins a public room. Joining twice is no error.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/join", tag = "rooms", params(("room" = String, Path)), security(("bearer" = [])),
    responses((status = 200, body = Room), (status = 404, body = wire::Problem)))]
pub(crate) async fn join(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
) -> Outcome<ApiJson<Room>> {
    let room = visible(&state, &caller, &room).await?;
    add(&state, &room, caller.user, fact(room.id, &caller, What::Joined)).await?;
    visible(&state, &caller, &room.id.to_string()).await.map(ApiJson)
}

/// Leaves a room: nothing that happens there later is seen.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/leave", tag = "rooms", params(("room" = String, Path)), security(("bearer" = [])),
    responses((status = 204), (status = 404, body = wire::Problem)))]
pub(crate) async fn leave(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
) -> Outcome<StatusCode> {
    let room = joined(&state, &caller, &room).await?;
    let mut tx = state.db.begin().await?;
    let left = sql::remove_member(&mut tx, room.id, caller.user).await?;
    if left {
        tasks::enqueue(
            &mut tx,
            &Task::Announce { fact: fact(room.id, &caller, What::Left) },
            state.clock.now(),
        )
        .await?;
    }
    tx.commit().await?;
    if left {
        state.live.drop_member(room.id, caller.user);
    }
    tasks::wake(&state);
    Ok(StatusCode::NO_CONTENT)
}

/// Makes somebody a member. The answer is the same whether or not the address has an account.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/invites", tag = "rooms", params(("room" = String, Path)), request_body = Invite, security(("bearer" = [])),
    responses((status = 202), (status = 404, body = wire::Problem), (status = 422, body = wire::Problem)))]
pub(crate) async fn invite(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
    ApiJson(asked): ApiJson<Invite>,
) -> Outcome<StatusCode> {
    let room = joined(&state, &caller, &room).await?;
    if let Some((user, name)) = guest(&state, &asked.user).await? {
        let invited = What::Invited { user, body: name };
        add(&state, &room, user, fact(room.id, &caller, invited)).await?;
    }
    Ok(StatusCode::ACCEPTED)
}

async fn guest(state: &Hub, text: &str) -> Outcome<Option<(UserId, String)>> {
    if let Ok(id) = text.trim().parse::<UserId>() {
        return Ok(accounts::name_of(&state.db, id).await?.map(|name| (id, name)));
    }
    if !text.contains('@') {
        let detail = "invite by e-mail address or user id";
        return Err(ApiError::new(Code::InvalidField, detail).field("/user", detail));
    }
    Ok(accounts::find_by_email(&state.db, text.trim()).await?)
}

/// The membership and the fact that says so, in one transaction. Nothing happens for somebody who is in already.
async fn add(state: &App, room: &Room, user: UserId, fact: wire::events::RoomFact) -> Outcome<()> {
    let now = state.clock.now();
    let mut tx = state.db.begin().await?;
    if sql::add_member(&mut tx, room.id, user, MemberRole::Member, now).await? {
        if sql::count_members(&mut tx, room.id).await? > MOST_MEMBERS {
            return Err(ApiError::new(Code::Conflict, format!("a room has at most {MOST_MEMBERS} members")));
        }
        tasks::enqueue(&mut tx, &Task::Announce { fact }, now).await?;
    }
    tx.commit().await?;
    tasks::wake(state);
    Ok(())
}
