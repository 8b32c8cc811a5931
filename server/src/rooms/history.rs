//! What happened in a room: the database and the log together, so that nothing falls between them.

use std::time::Duration;

use axum::extract::State;
use platform::service::{ApiError, ApiJson, ApiPath, ApiQuery, Outcome};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use wire::{
    Code, RoomId, UserId,
    events::What,
    paths::{TOPIC_CHAT, fill, internal},
    rooms::EventPage,
};

use super::{blank, joined};
use crate::{
    accounts::Caller,
    live,
    state::{App, State as Hub},
    upstream,
};

/// Events of one page.
const PAGE: u32 = 100;
pub(crate) const LONGEST_PAGE: u32 = 500;
/// How long an answer waits for a log that does not say how far it is.
const PATIENCE: Duration = Duration::from_secs(1);

/// Which part of a room's history.
#[derive(Clone, Copy, Debug, Default, Deserialize, serde::Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// Events after this position, oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<u64>,
    /// The newest events before this position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<u64>,
    /// At most this many: 1 to 500, 100 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u32>,
}

impl Part {
    /// Refuses a part with two ends.
    pub(super) fn check(self) -> Outcome<()> {
        if self.after.is_some() && self.before.is_some() {
            let detail = "ask for what is after or for what is before, not for both";
            return Err(ApiError::new(Code::BadRequest, detail));
        }
        Ok(())
    }

    /// How many at most.
    pub(super) fn limit(self) -> usize {
        self.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE) as usize
    }

    /// Whether all of it, or its beginning, is at a position or before it.
    pub(super) fn begins_before(self, pos: u64) -> bool {
        self.after.is_some_and(|after| after < pos) || self.before.is_some_and(|before| before <= pos)
    }

    /// Whether a position is within its bounds.
    pub(super) fn holds(self, pos: u64) -> bool {
        self.after.is_none_or(|after| pos > after) && self.before.is_none_or(|before| pos < before)
    }
}

/// Where events are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// Wherever each is: everything that the log took is there.
    #[default]
    Everywhere,
    /// The rows of the database alone: what the head of the room counts, and what is left when the log is not there.
    Database,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Events after this position, oldest first.
    after: Option<u64>,
    /// The newest events before this position.
    before: Option<u64>,
    /// At most this many: 1 to 500, 100 unless told.
    limit: Option<u32>,
    /// `everywhere` unless told: the database and the log together. `database`: its rows alone, without what the hub
    /// remembers of them; whoever checks the history against the room's head asks so.
    #[param(inline)]
    #[serde(default)]
    from: Source,
}

/// Shows what happened in a room that the caller is in: after a position, before one, or the newest.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/events", tag = "rooms", params(("room" = String, Path), Wanted), security(("bearer" = [])),
    responses((status = 200, body = EventPage), (status = 404, body = wire::Problem), (status = 502, body = wire::Problem)))]
pub(crate) async fn history(
    State(state): State<App>,
    caller: Caller,
    ApiPath(room): ApiPath<String>,
    ApiQuery(Wanted { after, before, limit, from }): ApiQuery<Wanted>,
) -> Outcome<ApiJson<EventPage>> {
    let part = Part { after, before, limit };
    part.check()?;
    let room = joined(&state, &caller, &room).await?;
    if from == Source::Database {
        return rows(&state, room.id, caller.user, part).await.map(ApiJson);
    }
    follow_up(&state, room.id).await;
    page(&state, room.id, caller.user, part).await.map(ApiJson)
}

/// Waits until this gateway has followed the log as far as it is now: who was told by another gateway that something
/// is in it finds it here as well.
pub(super) async fn follow_up(state: &Hub, room: RoomId) {
    let partition = state.bus.partition(&room.to_string());
    let followed = async {
        let head = state.bus.heads(TOPIC_CHAT).await.ok()?.get(&partition).copied()?;
        state.live.follow(room)?.wait_for(|tailed| *tailed >= head).await.ok().map(drop)
    };
    if tokio::time::timeout(PATIENCE, followed).await.is_err() {
        tracing::debug!(%room, "the history is told without knowing how far the log is");
    }
}

/// A page that holds everything of its range, whether the database has it already or only the log. What this gateway
/// remembers is not asked of the database.
pub(crate) async fn page(state: &Hub, room: RoomId, user: UserId, part: Part) -> Outcome<EventPage> {
    let limit = part.limit();
    let ep = state.live.epoch(room);
    // The log's end first, then the database: what the database gains in between is in both and counted once.
    let upto = state.live.tailed(room);
    if let Some((events, more)) = live::in_memory(state, room, part, limit)? {
        return Ok(EventPage { events, ep, upto, persisted: state.live.persisted(room), more });
    }
    let mut page = match stored(state, room, user, Part { limit: u32::try_from(limit).ok(), ..part }).await {
        Ok(page) => {
            state.live.stored(room, page.persisted);
            page
        }
        Err(down) => logged(state, room, part).await?.ok_or(down)?,
    };
    let newer = live::after(state, room, page.persisted).await?;
    for event in &newer {
        if let What::Redacted { tgt } = event.what {
            blank(&mut page.events, tgt);
        }
    }
    if !(part.after.is_some() && page.events.len() >= limit) {
        page.events.extend(newer.into_iter().filter(|event| part.holds(event.pos)));
    }
    page.more |= cut(&mut page.events, limit, part.after.is_some());
    page.upto = page.persisted.max(upto);
    // What the log alone has is not in the database.
    page.persisted = page.persisted.min(state.live.persisted(room));
    page.ep = ep;
    Ok(page)
}

/// A page of what the database has, and of nothing else.
async fn rows(state: &Hub, room: RoomId, user: UserId, part: Part) -> Outcome<EventPage> {
    let limit = u32::try_from(part.limit()).ok();
    let page = stored(state, room, user, Part { limit, ..part }).await?;
    Ok(EventPage { ep: state.live.epoch(room), ..page })
}

/// What the log alone has, for a database that does not answer; nothing when that is less than was asked for.
async fn logged(state: &Hub, room: RoomId, part: Part) -> Outcome<Option<EventPage>> {
    let (mut events, from) = live::newest_of_log(state, room).await?;
    if part.begins_before(from) {
        return Ok(None);
    }
    let upto = state.live.tailed(room);
    events.retain(|event| part.holds(event.pos));
    let more = cut(&mut events, part.limit(), part.after.is_some()) || (from > 0 && part.after.is_none());
    Ok(Some(EventPage { events, ep: String::new(), upto, persisted: upto, more }))
}

/// Cuts to the limit at the far end of the question; whether something was cut.
pub(super) fn cut<T>(items: &mut Vec<T>, limit: usize, from_the_front: bool) -> bool {
    let surplus = items.len().saturating_sub(limit);
    if from_the_front {
        items.truncate(limit);
    } else {
        items.drain(..surplus);
    }
    surplus > 0
}

pub(super) async fn stored(state: &Hub, room: RoomId, user: UserId, part: Part) -> Outcome<EventPage> {
    let path = fill(internal::HISTORY, room);
    upstream::call(state.upstream.chat(reqwest::Method::GET, &path, user).query(&part)).await
}
