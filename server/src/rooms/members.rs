//! Who is in a room: listing, joining, leaving, inviting, making leave, and what each may do.

use axum::{extract::State, http::StatusCode};
use platform::{
    db::Transaction,
    service::{ApiError, ApiJson, ApiPath, Outcome},
};
use wire::{
    Code, RoomId, UserId,
    accounts::Role,
    events::What,
    rooms::{Invite, Member, MemberRole, Members, Room, SetRole},
};

use super::{change::Change, joined, open_to, rights, rights::Deed, sql, visible};
use crate::{
    accounts::{self, Caller},
    state::{App, State as Hub},
};

/// People that one room holds.
pub(crate) const LARGEST: i64 = 10_000;

/// Lists the members of a room that the caller is in, and who of them is here.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/members", tag = "rooms", params(("room" = String, Path)), security(("bearer" = [])),
    responses((status = 200, body = Members), (status = 404, body = wire::Problem)))]
pub(crate) async fn list(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
) -> Outcome<ApiJson<Members>> {
    let room = joined(&state, &caller, &room).await?;
    let mut items = sql::members(&state.db, room.id).await?;
    let now = state.clock.now();
    items.iter_mut().for_each(|member| member.presence = Some(state.live.presence(member.id, now)));
    Ok(ApiJson(Members { items }))
}

/// Joins a public room. Joining twice is no error. Who joins a room that nobody is in owns it. Who was made to leave
/// comes back only when a moderator or an owner invites them.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/join", tag = "rooms", params(("room" = String, Path)), security(("bearer" = [])),
    responses((status = 200, body = Room), (status = 403, body = wire::Problem), (status = 404, body = wire::Problem), (status = 409, body = wire::Problem), (status = 429, body = wire::Problem)))]
pub(crate) async fn join(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
) -> Outcome<ApiJson<Room>> {
    let room = open_to(&state, &caller, &room).await?;
    if !room.joined {
        add(&state, &caller, room.id, caller.user, &caller.name, What::Joined).await?;
    }
    visible(&state, &caller, &room.id.to_string()).await.map(ApiJson)
}

/// Leaves a room: nothing that happens there later is seen. The last owner leaves only when nobody else is there.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/leave", tag = "rooms", params(("room" = String, Path)), security(("bearer" = [])),
    responses((status = 204), (status = 403, body = wire::Problem), (status = 404, body = wire::Problem), (status = 409, body = wire::Problem), (status = 429, body = wire::Problem)))]
pub(crate) async fn leave(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
) -> Outcome<StatusCode> {
    let room = joined(&state, &caller, &room).await?;
    rights::check(&room, Deed::Leave)?;
    let mut change = Change::of(&state, &caller, room.id).await?;
    let (members, _) = sql::count_members(&mut change.tx, room.id).await?;
    if members > 1 {
        keep_an_owner(&mut change.tx, room.id, caller.user).await?;
    }
    if sql::remove_member(&mut change.tx, room.id, caller.user).await? {
        change.tell(What::Left).await?;
    }
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes somebody a member. The answer is the same whether or not the address has an account; the list of members is not,
/// and so people with whom the caller shares no room are asked after at most 20 times at once, and once more every three
/// minutes, except by admins. Only moderators and owners may invite somebody who was made to leave.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/invites", tag = "rooms", params(("room" = String, Path)), request_body = Invite, security(("bearer" = [])),
    responses((status = 202), (status = 403, body = wire::Problem), (status = 404, body = wire::Problem), (status = 409, body = wire::Problem), (status = 422, body = wire::Problem), (status = 429, body = wire::Problem)))]
pub(crate) async fn invite(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
    ApiJson(asked): ApiJson<Invite>,
) -> Outcome<StatusCode> {
    let room = joined(&state, &caller, &room).await?;
    rights::check(&room, Deed::Invite)?;
    if let Some((user, name)) = asked_after(&state, &caller, &asked.user).await? {
        let invited = What::Invited { user, body: name.clone() };
        add(&state, &caller, room.id, user, &name, invited).await?;
    }
    Ok(StatusCode::ACCEPTED)
}

/// Makes a member of a lower role leave, until they are invited again. Moderators may.
#[utoipa::path(delete, path = "/api/v1/rooms/{room}/members/{user}", tag = "rooms", security(("bearer" = [])),
    params(("room" = String, Path), ("user" = String, Path, description = "Id, e-mail address, or the name of exactly one member")),
    responses((status = 204), (status = 403, body = wire::Problem), (status = 404, body = wire::Problem), (status = 409, body = wire::Problem), (status = 429, body = wire::Problem)))]
pub(crate) async fn kick(
    State(state): State<App>,
    caller: Caller,
    ApiPath((room, user)): ApiPath<(String, String)>,
) -> Outcome<StatusCode> {
    let room = joined(&state, &caller, &room).await?;
    rights::check(&room, Deed::Kick)?;
    let member = member(&state, room.id, &user).await?;
    let mut change = Change::of(&state, &caller, room.id).await?;
    // Looked at again: both roles may have changed since.
    let role = rights::check(&change.room().await?, Deed::Kick)?;
    let theirs = sql::role_of(&mut change.tx, room.id, member.id).await?.unwrap_or(member.role);
    rights::check_below(role, theirs)?;
    if sql::remove_member(&mut change.tx, room.id, member.id).await? {
        sql::ban(&mut change.tx, room.id, member.id, state.clock.now()).await?;
        change.tell(What::Kicked { user: member.id, body: member.name }).await?;
    }
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes what a member may do. Owners may; a room keeps at least one.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/members/{user}", tag = "rooms", request_body = SetRole, security(("bearer" = [])),
    params(("room" = String, Path), ("user" = String, Path, description = "Id, e-mail address, or the name of exactly one member")),
    responses((status = 200, body = Member), (status = 403, body = wire::Problem), (status = 404, body = wire::Problem), (status = 409, body = wire::Problem), (status = 429, body = wire::Problem)))]
pub(crate) async fn set_role(
    State(state): State<App>,
    caller: Caller,
    ApiPath((room, user)): ApiPath<(String, String)>,
    ApiJson(SetRole { role }): ApiJson<SetRole>,
) -> Outcome<ApiJson<Member>> {
    let room = joined(&state, &caller, &room).await?;
    rights::check(&room, Deed::SetRole)?;
    let member = member(&state, room.id, &user).await?;
    let mut change = Change::of(&state, &caller, room.id).await?;
    rights::check(&change.room().await?, Deed::SetRole)?;
    if role < MemberRole::Owner {
        keep_an_owner(&mut change.tx, room.id, member.id).await?;
    }
    if sql::role_of(&mut change.tx, room.id, member.id).await?.is_some_and(|before| before != role) {
        sql::set_role(&mut change.tx, room.id, member.id, role).await?;
        change.tell(What::RoleChanged { user: member.id, body: member.name.clone(), role }).await?;
    }
    change.commit().await?;
    Ok(ApiJson(Member { role, ..member }))
}

/// The same for somebody whom the caller asks after. Whoever asks after many people with whom they share no room is told
/// to wait; admins, who see every account anyway, are not.
pub(super) async fn asked_after(
    state: &Hub,
    caller: &Caller,
    text: &str,
) -> Outcome<Option<(UserId, String)>> {
    let found = person(state, text).await?;
    let is_stranger = match &found {
        Some((other, _)) => {
            *other != caller.user && !sql::share_a_room(&state.db, caller.user, *other).await?
        }
        None => true,
    };
    if is_stranger && caller.role != Role::Admin {
        accounts::asks_after_a_stranger(state, caller.user)?;
    }
    Ok(found)
}

/// The account that an address or an id is of, and what it is called.
async fn person(state: &Hub, text: &str) -> Outcome<Option<(UserId, String)>> {
    if let Ok(id) = text.trim().parse::<UserId>() {
        return Ok(accounts::name_of(&state.db, id).await?.map(|name| (id, name)));
    }
    if !text.contains('@') {
        let detail = "name them by e-mail address or user id";
        return Err(ApiError::new(Code::InvalidField, detail).field("/user", detail));
    }
    Ok(accounts::find_by_email(&state.db, text.trim()).await?)
}

/// The member that an id, an address or a name is of.
async fn member(state: &Hub, room: RoomId, text: &str) -> Outcome<Member> {
    let text = text.trim();
    let id = match text.parse::<UserId>() {
        Ok(id) => Some(id),
        Err(_) if text.contains('@') => accounts::find_by_email(&state.db, text).await?.map(|(id, _)| id),
        Err(_) => return by_name(sql::members(&state.db, room).await?, text),
    };
    let found = match id {
        Some(id) => sql::member(&state.db, room, id).await?,
        None => None,
    };
    found.ok_or_else(|| ApiError::not_found("member"))
}

fn by_name(members: Vec<Member>, name: &str) -> Outcome<Member> {
    let name = name.to_lowercase();
    let mut found = members.into_iter().filter(|member| member.name.to_lowercase() == name);
    match (found.next(), found.next()) {
        (Some(member), None) => Ok(member),
        (None, _) => Err(ApiError::not_found("member")),
        (Some(_), Some(_)) => {
            Err(ApiError::new(Code::Conflict, format!("more than one member is called `{name}`"))
                .hint("name them by address or id: see `mshub room members`"))
        }
    }
}

/// Refuses to take its last owner from a room.
async fn keep_an_owner(tx: &mut Transaction, room: RoomId, user: UserId) -> Outcome<()> {
    let (_, owners) = sql::count_members(tx, room).await?;
    let owns = sql::role_of(tx, room, user).await? == Some(MemberRole::Owner);
    if owns && owners == 1 {
        return Err(ApiError::new(Code::Conflict, "the room would be without an owner")
            .hint("make somebody else owner first: `mshub room role ROOM USER owner`"));
    }
    Ok(())
}

/// The membership and the fact that says so, in one transaction. Nothing happens for somebody who is in already.
async fn add(
    state: &Hub,
    caller: &Caller,
    room: RoomId,
    user: UserId,
    name: &str,
    what: What,
) -> Outcome<()> {
    let mut change = Change::of(state, caller, room).await?;
    let seen = change.room().await?;
    if matches!(what, What::Invited { .. }) {
        rights::check(&seen, Deed::Invite)?;
    }
    let (members, _) = sql::count_members(&mut change.tx, room).await?;
    if sql::is_banned(&mut change.tx, room, user).await? {
        rights::check_return(&seen)?;
        sql::lift_ban(&mut change.tx, room, user).await?;
    }
    let role = if members == 0 { MemberRole::Owner } else { MemberRole::Member };
    // Whoever comes has nothing unread: what was said before was not said to them.
    let mark = state.live.tailed(room);
    if !sql::add_member(&mut change.tx, room, user, role, mark, state.clock.now()).await? {
        return Ok(());
    }
    if members >= LARGEST {
        return Err(ApiError::new(Code::Conflict, format!("the room is full: {LARGEST} people are in it")));
    }
    change.tell(what).await?;
    if role == MemberRole::Owner {
        change.tell(What::RoleChanged { user, body: name.to_owned(), role }).await?;
    }
    change.commit().await
}
