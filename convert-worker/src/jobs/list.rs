//! A person's jobs, newest first, page by page.

use axum::extract::State;
use platform::service::{ApiError, ApiJson, ApiQuery, Outcome, internal::OnBehalfOf};
use serde::Deserialize;
use wire::{
    Code, JobId,
    conversions::{JobState, Jobs},
};

use super::{
    estimate,
    sql::{self, Filter},
};
use crate::{row::JobRow, state::App};

const PAGE: u32 = 50;
const PAGE_MAX: u32 = 200;

/// Which jobs are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    state: Option<JobState>,
    /// Only those that failed after every attempt, and through no document's fault.
    #[serde(default)]
    dead: bool,
    from: Option<String>,
    to: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(crate) async fn list(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiQuery(wanted): ApiQuery<Wanted>,
) -> Outcome<ApiJson<Jobs>> {
    let Wanted { state, dead, from, to, limit, cursor } = wanted;
    let (before, limit) = (before(cursor.as_deref())?, page(limit));
    let filter = Filter { state, dead, from, to };
    let (rows, next) = cut(sql::list(&app.db, user, &filter, before, limit + 1).await?, limit);

    let places = sql::places(&app.db, user).await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        let mut job = row.job();
        job.position = places.get(&job.id).copied().filter(|_| job.state == JobState::Queued);
        job.eta = estimate::of(&app, &job).await?;
        job.progress = app.running.progress(job.id).filter(|_| job.state == JobState::InProgress);
        items.push(job);
    }
    Ok(ApiJson(Jobs { items, next }))
}

/// Where a page begins.
pub(super) fn before(cursor: Option<&str>) -> Outcome<Option<JobId>> {
    cursor.map(str::parse::<JobId>).transpose().map_err(|_| {
        ApiError::new(Code::BadRequest, "the cursor is none of ours")
            .hint("pass `next` of the page before as it is")
    })
}

/// How many a page has.
pub(super) fn page(limit: Option<u32>) -> usize {
    limit.unwrap_or(PAGE).clamp(1, PAGE_MAX) as usize
}

/// A page, and where the next one begins. One row more than `limit` tells that there is one.
pub(super) fn cut(mut rows: Vec<JobRow>, limit: usize) -> (Vec<JobRow>, Option<String>) {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id().to_string());
    (rows, next)
}
