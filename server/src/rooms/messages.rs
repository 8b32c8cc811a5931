//! Messages as people see them: the database's folded view, with what only the log has yet folded in.

use std::collections::HashMap;

use axum::extract::State;
use platform::service::{ApiError, ApiJson, ApiPath, ApiQuery, Outcome};
use wire::{
    Code, RoomId, UserId,
    events::RoomEvent,
    messages::{Message, MessagePage},
    paths::{fill, internal},
};

use super::{
    history::{self, Part},
    joined,
};
use crate::{
    accounts::Caller,
    live,
    state::{App, State as Hub},
    upstream,
};

/// Shows messages of a room that the caller is in, each with what was done to it: edited texts, removed ones as such,
/// signs and pins. `events` has the facts behind it.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/messages", tag = "rooms", params(("room" = String, Path), Part), security(("bearer" = [])),
    responses((status = 200, body = MessagePage), (status = 404, body = wire::Problem), (status = 502, body = wire::Problem)))]
pub(crate) async fn list(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
    ApiQuery(part): ApiQuery<Part>,
) -> Outcome<ApiJson<MessagePage>> {
    part.check()?;
    let room = joined(&state, &caller, &room).await?;
    history::follow_up(&state, room.id).await;
    page(&state, caller.user, room.id, part).await.map(ApiJson)
}

/// Shows the pinned messages of a room that the caller is in, oldest first.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/pins", tag = "rooms", params(("room" = String, Path)), security(("bearer" = [])),
    responses((status = 200, body = MessagePage), (status = 404, body = wire::Problem), (status = 502, body = wire::Problem)))]
pub(crate) async fn pins(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
) -> Outcome<ApiJson<MessagePage>> {
    let room = joined(&state, &caller, &room).await?;
    history::follow_up(&state, room.id).await;
    let path = fill(internal::PINS, room.id);
    let mut page: MessagePage =
        upstream::call(state.upstream.chat(reqwest::Method::GET, &path, caller.user)).await?;
    let newer = live::after(&state, room.id, page.upto).await?;
    fold(&mut page.messages, &newer);
    // Pinned since: the message may be in the database or, like its pin, only in the log. It is found as it is now,
    // and nothing is folded into it twice.
    for event in newer.iter().filter(|event| matches!(event.what, wire::events::What::Pinned { .. })) {
        let Some(tgt) = event.what.target() else { continue };
        if page.messages.iter().all(|message| message.pos != tgt) {
            page.messages.extend(find(&state, caller.user, room.id, tgt).await?);
        }
    }
    page.messages.retain(|message| message.pinned);
    page.messages.sort_by_key(|message| message.pos);
    page.upto = newer.last().map_or(page.upto, |event| event.pos);
    page.ep = state.live.epoch(room.id);
    Ok(ApiJson(page))
}

/// The message at a position, to answer it or to do something to it.
pub(super) async fn at(state: &Hub, user: UserId, room: RoomId, pos: u64) -> Outcome<Message> {
    let message = find(state, user, room, pos).await?;
    let message = message.ok_or_else(|| {
        let detail = format!("there is no message at {pos} in this room");
        ApiError::new(Code::NotFound, detail).hint("see `mshub chat history --json` for positions")
    })?;
    if message.removed.is_some() {
        return Err(ApiError::new(Code::Conflict, format!("the message at {pos} was removed")));
    }
    Ok(message)
}

pub(super) async fn find(state: &Hub, user: UserId, room: RoomId, pos: u64) -> Outcome<Option<Message>> {
    let page = page(state, user, room, only(pos)).await?;
    Ok(page.messages.into_iter().find(|message| message.pos == pos))
}

/// A page that holds every message of its range as it is now, whether the database has it already or only the log.
async fn page(state: &Hub, user: UserId, room: RoomId, part: Part) -> Outcome<MessagePage> {
    let limit = part.limit();
    let tailed = state.live.tailed(room);
    let mut page = match stored(state, user, room, Part { limit: u32::try_from(limit).ok(), ..part }).await {
        Ok(page) => page,
        Err(down) => return logged(state, room, part).await?.ok_or(down),
    };
    let newer = live::after(state, room, page.upto).await?;
    if !(page.more && part.after.is_some()) {
        let begun = newer.iter().filter(|event| part.holds(event.pos)).filter_map(Message::begun_by);
        page.messages.extend(begun);
    }
    fold(&mut page.messages, &newer);
    page.more |= history::cut(&mut page.messages, limit, part.after.is_some());
    page.upto = page.upto.max(tailed);
    page.ep = state.live.epoch(room);
    Ok(page)
}

/// What the log alone has, for a database that does not answer; nothing when that is less than was asked for.
async fn logged(state: &Hub, room: RoomId, part: Part) -> Outcome<Option<MessagePage>> {
    let (events, from) = live::newest_of_log(state, room).await?;
    if part.begins_before(from) {
        return Ok(None);
    }
    let begun = events.iter().filter(|event| part.holds(event.pos)).filter_map(Message::begun_by);
    let mut messages: Vec<Message> = begun.collect();
    fold(&mut messages, &events);
    let cut = history::cut(&mut messages, part.limit(), part.after.is_some());
    let more = cut || (from > 0 && part.after.is_none());
    let (ep, upto) = (state.live.epoch(room), state.live.tailed(room));
    Ok(Some(MessagePage { messages, ep, upto, more }))
}

/// Up to where the database has the room.
pub(super) async fn upto(state: &Hub, user: UserId, room: RoomId) -> Outcome<u64> {
    Ok(stored(state, user, room, only(0)).await?.upto)
}

async fn stored(state: &Hub, user: UserId, room: RoomId, part: Part) -> Outcome<MessagePage> {
    let path = fill(internal::MESSAGES, room);
    upstream::call(state.upstream.chat(reqwest::Method::GET, &path, user).query(&part)).await
}

fn only(pos: u64) -> Part {
    Part { after: Some(pos.saturating_sub(1)), limit: Some(1), ..Part::default() }
}

/// Applies later facts of a room to messages of it: each once, in the order of the log.
pub(super) fn fold<'a>(messages: impl IntoIterator<Item = &'a mut Message>, newer: &[RoomEvent]) {
    let mut places: HashMap<u64, &mut Message> =
        messages.into_iter().map(|message| (message.pos, message)).collect();
    for event in newer {
        let message = event.what.target().and_then(|tgt| places.get_mut(&tgt));
        if let Some(message) = message {
            message.take(event);
        }
    }
}
