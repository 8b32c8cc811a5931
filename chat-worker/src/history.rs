//! Serving the history to the gateway, which has checked that the person may see the room.

use axum::extract::State;
use platform::{
    db::Transaction,
    service::{ApiError, ApiJson, ApiPath, ApiQuery, Outcome, internal::OnBehalfOf},
};
use serde::Deserialize;
use wire::{
    ClientId, Code, RoomId,
    events::Head,
    rooms::{EventPage, Sent},
};

use crate::{sql, state::App};

const LONGEST_PAGE: u32 = 500;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    pub(crate) after: Option<u64>,
    pub(crate) before: Option<u64>,
    limit: Option<u32>,
}

impl Part {
    /// How many at most.
    pub(crate) fn limit(&self) -> u32 {
        self.limit.unwrap_or(LONGEST_PAGE).clamp(1, LONGEST_PAGE)
    }
}

/// A page of a room's history, and how far the database is.
pub(crate) async fn page(
    State(app): State<App>,
    _caller: OnBehalfOf,
    ApiPath(room): ApiPath<RoomId>,
    ApiQuery(part): ApiQuery<Part>,
) -> Outcome<ApiJson<EventPage>> {
    let limit = part.limit();
    let mut tx = app.db.snapshot().await?;
    let (ep, persisted) = position(&app, &mut tx, room).await?;
    let one_more = i64::from(limit) + 1;
    let mut events = match (part.after, part.before) {
        (Some(after), None) => sql::after(&mut tx, room, after, one_more).await?,
        (None, before) => sql::before(&mut tx, room, before.unwrap_or(u64::MAX), one_more).await?,
        (Some(_), Some(_)) => {
            return Err(ApiError::new(
                Code::BadRequest,
                "ask for what is after or for what is before, not for both",
            ));
        }
    };
    let more = events.len() > limit as usize;
    if more {
        match part.after {
            Some(_) => events.truncate(limit as usize),
            None => drop(events.remove(0)),
        }
    }
    Ok(ApiJson(EventPage { events, ep, upto: persisted, persisted, more }))
}

/// The generation of a room's log, and up to where the database has it. What is read in the same transaction is the
/// room as it was there: without what came later, and without what that changed.
pub(crate) async fn position(app: &App, tx: &mut Transaction, room: RoomId) -> sqlx::Result<(String, u64)> {
    let partition = app.bus.partition(&room.to_string());
    let progress = sql::progress_in(tx).await?.remove(&partition);
    Ok(progress.unwrap_or_else(|| (app.bus.epoch(partition), 0)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    cid: ClientId,
}

/// Where a message of the caller was stored, or null.
pub(crate) async fn sent(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiPath(room): ApiPath<RoomId>,
    ApiQuery(Which { cid }): ApiQuery<Which>,
) -> Outcome<ApiJson<Option<Sent>>> {
    let event = sql::by_cid(&app.db, room, user, cid).await?;
    Ok(ApiJson(event.map(|event| Sent { id: event.id, cid, room, pos: event.pos, ts: event.ts, dup: true })))
}

/// Where a room stands: count and chain hash of everything in the database.
pub(crate) async fn head(
    State(app): State<App>,
    _caller: OnBehalfOf,
    ApiPath(room): ApiPath<RoomId>,
) -> Outcome<ApiJson<Head>> {
    Ok(ApiJson(sql::head(&app.db, room).await?.unwrap_or_default().head(room)))
}
