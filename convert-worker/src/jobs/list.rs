//! A person's jobs, newest first, page by page.

use axum::extract::State;
use platform::service::{ApiError, ApiJson, ApiQuery, Outcome, internal::OnBehalfOf};
use serde::Deserialize;
use wire::{
    Code, JobId,
    conversions::{JobState, Jobs},
};

use super::sql::{self, Filter};
use crate::state::App;

const PAGE: u32 = 50;
const PAGE_MAX: u32 = 200;

/// Which jobs are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    state: Option<JobState>,
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
    let before = wanted.cursor.as_deref().map(str::parse::<JobId>).transpose().map_err(|_| {
        ApiError::new(Code::BadRequest, "the cursor is none of ours")
            .hint("pass `next` of the page before as it is")
    })?;
    let filter = Filter { state: wanted.state, from: wanted.from, to: wanted.to };
    let limit = wanted.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX) as usize;

    // One more than asked for tells whether there is another page.
    let mut rows = sql::list(&app.db, user, &filter, before, limit + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id().to_string());

    let places = sql::places(&app.db, user).await?;
    let items = rows.iter().map(|row| {
        let mut job = row.job();
        job.position = places.get(&job.id).copied().filter(|_| job.state == JobState::Queued);
        job.progress = app.running.progress(job.id).filter(|_| job.state == JobState::InProgress);
        job
    });
    Ok(ApiJson(Jobs { items: items.collect(), next }))
}
