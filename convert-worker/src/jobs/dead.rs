//! Jobs that failed after every attempt although no document is at fault, of everybody, for whoever runs the hub.
//!
//! The gateway asks for admins only. Names of files are their owners' and not told.

use axum::extract::State;
use platform::service::{ApiError, ApiJson, ApiPath, ApiQuery, Outcome, internal::OnBehalfOf};
use serde::Deserialize;
use wire::{
    JobId,
    conversions::{DeadLetter, DeadLetters, Job, JobError},
};

use super::{list, sql};
use crate::{row::JobRow, state::App};

/// Which page is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(crate) async fn all(
    State(app): State<App>,
    _: OnBehalfOf,
    ApiQuery(Wanted { limit, cursor }): ApiQuery<Wanted>,
) -> Outcome<ApiJson<DeadLetters>> {
    let (before, limit) = (list::before(cursor.as_deref())?, list::page(limit));
    let rows = sql::dead(&app.db, before, limit + 1).await?;
    let (rows, next) = list::cut(rows, limit);
    Ok(ApiJson(DeadLetters { items: rows.iter().map(letter).collect(), next }))
}

pub(crate) async fn one(
    State(app): State<App>,
    _: OnBehalfOf,
    ApiPath(id): ApiPath<JobId>,
) -> Outcome<ApiJson<DeadLetter>> {
    let row = sql::dead_one(&app.db, id).await?;
    row.map(|row| ApiJson(letter(&row))).ok_or_else(|| ApiError::not_found("dead letter"))
}

fn letter(row: &JobRow) -> DeadLetter {
    let Job { id, owner, from, to, bytes_in, attempt, error, updated_at, .. } = row.job();
    let unknown = || JobError { kind: String::new(), detail: String::new() };
    let error = error.unwrap_or_else(unknown);
    DeadLetter { id, owner, from, to, bytes: bytes_in, attempts: attempt, error, at: updated_at }
}
