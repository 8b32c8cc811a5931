//! Searching the messages of the caller's rooms.

use std::collections::{HashMap, HashSet};

use axum::extract::State;
use platform::service::{ApiError, ApiJson, ApiQuery, Outcome};
use serde::Deserialize;
use utoipa::IntoParams;
use wire::{
    Code, RoomId, Timestamp,
    messages::{Found, Search, SearchOrder, Searched},
    paths::internal,
};

use super::{joined, members, messages, sql};
use crate::{
    accounts::Caller,
    live,
    state::{App, State as Hub},
    upstream,
};

const LONGEST_QUESTION: usize = 1_000;
/// Messages of one page.
const PAGE: u32 = 20;

/// What to look for, and where.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// Words that must all be there; "in quotes" one after the other, with * at the end only their beginning.
    q: String,
    /// Only this room, by name or id.
    room: Option<String>,
    /// Only what this person said, by address or id.
    by: Option<String>,
    /// Only what was said at or after this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Only what was said before it.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// `time`: newest first; `rank`: what fits best first.
    #[serde(default)]
    #[param(inline)]
    order: SearchOrder,
    /// At most this many: 1 to 100, 20 unless told.
    limit: Option<u32>,
    /// The `next` of an earlier answer.
    cursor: Option<String>,
}

/// Finds messages of the rooms that the caller is in, as they are now: by the words of an edit, and nothing that was
/// removed. What was said within the last moment may be missing.
#[utoipa::path(get, path = "/api/v1/search", tag = "rooms", params(Question), security(("bearer" = [])),
    responses((status = 200, body = Found), (status = 404, body = wire::Problem), (status = 422, body = wire::Problem), (status = 502, body = wire::Problem), (status = 429, body = wire::Problem)))]
pub(crate) async fn search(
    State(state): State<App>,
    caller: Caller,
    ApiQuery(question): ApiQuery<Question>,
) -> Outcome<ApiJson<Found>> {
    let asked = asked(&state, &caller, question).await?;
    let request = state.upstream.chat(reqwest::Method::POST, internal::SEARCH, caller.user).json(&asked);
    let searched: Searched = upstream::call(request).await?;
    freshen(&state, searched).await.map(ApiJson)
}

async fn asked(state: &Hub, caller: &Caller, question: Question) -> Outcome<Search> {
    let Question { q: text, room, by, since, until, order, limit, cursor } = question;
    if text.len() > LONGEST_QUESTION {
        let detail = format!("a question is at most {LONGEST_QUESTION} bytes");
        return Err(ApiError::new(Code::TooLarge, detail.clone()).field("/q", detail));
    }
    let rooms: Vec<RoomId> = match room {
        Some(room) => vec![joined(state, caller, &room).await?.id],
        None => sql::of_user(&state.db, caller.user).await?.into_iter().map(|room| room.id).collect(),
    };
    let by = match by {
        Some(by) => {
            let person = members::asked_after(state, caller, &by).await?;
            Some(person.ok_or_else(|| ApiError::not_found("person"))?.0)
        }
        None => None,
    };
    Ok(Search { text, rooms, by, since, until, order, limit: limit.unwrap_or(PAGE), cursor })
}

/// What was removed or edited a moment ago is in the log before it is in the index.
async fn freshen(state: &Hub, Searched { mut found, upto }: Searched) -> Outcome<Found> {
    let upto: HashMap<i32, u64> = upto.into_iter().collect();
    // Each room once: what the database does not have yet may be much.
    let rooms: HashSet<RoomId> = found.items.iter().map(|message| message.room).collect();
    for room in rooms {
        if let Some(upto) = upto.get(&state.bus.partition(&room.to_string())) {
            let newer = live::after(state, room, *upto).await?;
            messages::fold(found.items.iter_mut().filter(|message| message.room == room), &newer);
        }
    }
    found.items.retain(|message| message.removed.is_none());
    Ok(found)
}
