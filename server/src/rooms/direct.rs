//! Direct conversations: one private room for each pair of people, whoever opens it first.

use axum::extract::State;
use platform::service::{ApiError, ApiJson, Outcome};
use wire::{
    Code, UserId,
    events::What,
    rooms::{Direct, MemberRole, Room},
};

use super::{change::Change, members, new, sql};
use crate::{
    accounts::{self, Caller},
    state::{App, State as Hub},
};

/// Opens the conversation with somebody: makes it, or answers with the one that is there. That there is no such person
/// is said, so that a slip is noticed; people with whom the caller shares no room are therefore asked after at most
/// 20 times at once, and once more every three minutes.
#[utoipa::path(post, path = "/api/v1/direct", tag = "rooms", request_body = Direct, security(("bearer" = [])),
    responses((status = 200, body = Room), (status = 404, body = wire::Problem), (status = 422, body = wire::Problem), (status = 429, body = wire::Problem)))]
pub(crate) async fn open(
    State(state): State<App>,
    caller: Caller,
    ApiJson(asked): ApiJson<Direct>,
) -> Outcome<ApiJson<Room>> {
    let found = members::asked_after(&state, &caller, &asked.user).await?;
    let Some((other, name)) = found else { return Err(ApiError::not_found("person")) };
    if other == caller.user {
        let detail = "a conversation needs two people";
        return Err(ApiError::new(Code::InvalidField, detail).field("/user", detail));
    }
    let pair = pair(caller.user, other);
    if sql::by_pair(&state.db, caller.user, &pair).await?.is_none() {
        make(&state, &caller, other, &name, &pair).await?;
    }
    let room = sql::by_pair(&state.db, caller.user, &pair).await?;
    room.map(ApiJson).ok_or_else(|| ApiError::not_found("room"))
}

/// The conversation with whom an address is of, if there is one already.
pub(super) async fn with(state: &Hub, caller: &Caller, address: &str) -> sqlx::Result<Option<Room>> {
    match accounts::find_by_email(&state.db, address).await? {
        Some((other, _)) => sql::by_pair(&state.db, caller.user, &pair(caller.user, other)).await,
        None => Ok(None),
    }
}

/// The conversation with whoever is called so; of two of them neither is meant.
pub(super) async fn named(state: &Hub, caller: &Caller, name: &str) -> Outcome<Vec<Room>> {
    let wanted = name.trim().to_lowercase();
    let rooms = sql::of_user(&state.db, caller.user).await?;
    let found: Vec<Room> =
        rooms.into_iter().filter(|room| room.direct && room.name.to_lowercase() == wanted).collect();
    if found.len() < 2 {
        return Ok(found);
    }
    let ids: Vec<String> = found.iter().map(|room| room.id.to_string()).collect();
    let detail = format!("you talk with {} people called `{name}`", ids.len());
    Err(ApiError::new(Code::Conflict, detail)
        .hint(format!("name one by @ADDRESS, or the conversation by its id: {}", ids.join(", "))))
}

async fn make(state: &Hub, caller: &Caller, other: UserId, name: &str, pair: &[u8]) -> Outcome<()> {
    let now = state.clock.now();
    let room = Room { private: true, direct: true, ..new::fresh(String::new(), MemberRole::Member, now) };
    let mut change = Change::new(state, caller, room.id).await?;
    if !sql::insert(&mut change.tx, &room, Some(pair)).await? {
        // The other one was faster; theirs is the room.
        return Ok(());
    }
    let mark = state.live.tailed(room.id);
    for user in [caller.user, other] {
        sql::add_member(&mut change.tx, room.id, user, MemberRole::Member, mark, now).await?;
    }
    change.tell(What::Created { body: String::new() }).await?;
    change.tell(What::Invited { user: other, body: name.to_owned() }).await?;
    change.commit().await
}

/// What both of a pair come to.
fn pair(one: UserId, other: UserId) -> Vec<u8> {
    [one.min(other), one.max(other)].iter().flat_map(|user| *user.0.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_the_same_from_both_sides() {
        let (ann, bob) = (UserId::new(), UserId::new());

        assert_eq!(pair(ann, bob), pair(bob, ann));
        assert_ne!(pair(ann, bob), pair(ann, ann));
    }
}
