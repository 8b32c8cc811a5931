//! Rooms: who is in them, what is said in them, and what was said.
//!
//! A room somebody may not see and a room that is not there are the same answer.

pub(crate) mod act;
mod announce;
mod change;
pub(crate) mod direct;
pub(crate) mod edit;
mod gone;
pub(crate) mod head;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod members;
mod mentions;
pub(crate) mod messages;
mod name;
pub(crate) mod new;
pub(crate) mod rates;
pub(crate) mod read;
mod rights;
pub(crate) mod say;
pub(crate) mod search;
pub(crate) mod show;
mod sql;
pub(crate) mod tail;
mod unread;

pub(crate) use announce::{announce, announce_again};
pub(crate) use gone::blank;
pub(crate) use rates::Rates;

use platform::service::{ApiError, Outcome};
use wire::{
    ClientId, Code, MessageId, RoomId, UserId,
    events::{RoomFact, What},
    rooms::Room,
};

use crate::{accounts::Caller, live, state::State};

/// Whether somebody is a member, now.
pub(crate) async fn is_member(state: &State, room: RoomId, user: UserId) -> sqlx::Result<bool> {
    sql::is_member(&state.db, room, user).await
}

/// Who is in a room, at most so many.
pub(crate) async fn member_ids(state: &State, room: RoomId, most: usize) -> sqlx::Result<Vec<UserId>> {
    sql::member_ids(&state.db, room, most).await
}

/// Where somebody's message is, whether the database has it already or only the log.
pub(crate) async fn place_of(state: &State, room: RoomId, by: UserId, cid: ClientId) -> Outcome<Option<u64>> {
    // How far the database is, first: what it gains in between is in both.
    let upto = messages::upto(state, by, room).await?;
    if let Some(sent) = say::stored(state, by, room, cid).await? {
        return Ok(Some(sent.pos));
    }
    let newer = live::after(state, room, upto).await?;
    Ok(newer.iter().find(|event| (event.by, event.cid) == (by, cid)).map(|event| event.pos))
}

/// Whether the message at a position was removed.
pub(crate) async fn is_removed(state: &State, user: UserId, room: RoomId, pos: u64) -> Outcome<bool> {
    let message = messages::find(state, user, room, pos).await?;
    Ok(message.is_some_and(|message| message.removed.is_some()))
}

/// How many rooms there are.
pub(crate) async fn count(state: &State) -> sqlx::Result<u64> {
    sql::count(&state.db).await
}

/// Something that a person did in a room, ready for the log.
fn fact(room: RoomId, by: &Caller, what: What) -> RoomFact {
    RoomFact { id: MessageId::new(), room, by: by.user, name: by.name.clone(), cid: ClientId::new(), what }
}

/// `@bob@example.org` names the direct conversation with whom the address is of.
fn is_address(text: &str) -> bool {
    text.strip_prefix('@').is_some_and(|address| address.contains('@'))
}

/// The room of an id, a name, `@address` or `@name`, if the caller may see it: public, or a member. Of rooms of one name
/// it is the public one that the caller is in, or the private one that they were in first: nobody takes a name from
/// them by making another room of it.
async fn visible(state: &State, caller: &Caller, text: &str) -> Outcome<Room> {
    let found = match text.parse::<RoomId>() {
        Ok(id) => sql::by_id(&state.db, caller.user, id).await?.into_iter().collect(),
        Err(_) if is_address(text) => direct::with(state, caller, &text[1..]).await?.into_iter().collect(),
        Err(_) if text.starts_with('@') => direct::named(state, caller, &text[1..]).await?,
        Err(_) => sql::by_name(&state.db, caller.user, &name::normal(text)).await?,
    };
    let is_public = |room: &Room| !room.private;
    let chosen = (found.iter().find(|room| room.joined && is_public(room)))
        .or_else(|| found.iter().find(|room| room.joined))
        .or_else(|| found.iter().find(|room| is_public(room)));
    chosen.cloned().ok_or_else(|| not_there(text))
}

/// The same for who wants to come in: of rooms of one name it is the one that is open to anybody.
async fn open_to(state: &State, caller: &Caller, text: &str) -> Outcome<Room> {
    let room = visible(state, caller, text).await?;
    if !room.private || text.starts_with('@') || text.parse::<RoomId>().is_ok() {
        return Ok(room);
    }
    let found = sql::by_name(&state.db, caller.user, &name::normal(text)).await?;
    Ok(found.into_iter().find(|other| !other.private).unwrap_or(room))
}

/// The same for what only members may do.
pub(crate) async fn joined(state: &State, caller: &Caller, text: &str) -> Outcome<Room> {
    let room = visible(state, caller, text).await?;
    if room.joined {
        return Ok(room);
    }
    let detail = format!("you are not in the room `{text}`");
    Err(ApiError::new(Code::NotFound, detail).hint(format!("join it with `mshub room join {text}`")))
}

fn not_there(text: &str) -> ApiError {
    ApiError::new(Code::NotFound, format!("there is no room `{text}`, or you may not see it"))
        .hint("`mshub room list` shows the rooms you are in, and with --public those that anybody may join")
}
