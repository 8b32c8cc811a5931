//! A person's batches, newest first, page by page.

use axum::extract::State;
use platform::service::{ApiError, ApiJson, ApiQuery, Outcome, internal::OnBehalfOf};
use serde::Deserialize;
use wire::{BatchId, Code, batches::Batches};

use super::sql;
use crate::state::App;

/// Each has its jobs with it.
const PAGE: u32 = 20;
const PAGE_MAX: u32 = 50;

/// Which page is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(crate) async fn list(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiQuery(Wanted { limit, cursor }): ApiQuery<Wanted>,
) -> Outcome<ApiJson<Batches>> {
    let before = cursor.as_deref().map(str::parse::<BatchId>).transpose().map_err(|_| {
        ApiError::new(Code::BadRequest, "the cursor is none of ours")
            .hint("pass `next` of the page before as it is")
    })?;
    let limit = limit.unwrap_or(PAGE).clamp(1, PAGE_MAX) as usize;
    let mut rows = sql::list(&app.db, user, before, limit + 1).await?;
    // One more than wanted tells that there is another page.
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id().to_string());
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        items.push(super::now(&app, row).await?);
    }
    Ok(ApiJson(Batches { items, next }))
}
