//! Making a batch of jobs that are there.

use std::collections::HashSet;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use platform::service::{ApiError, ApiJson, Outcome, internal::OnBehalfOf, upload::request_key};
use wire::{
    BatchId, Code, UserId,
    batches::{Batch, NewBatch, Step},
    files::plain_name,
};

use super::sql::{self, BatchRow, Made, New};
use crate::{jobs, state::App, webhooks};

/// Conversions in one batch.
const JOBS: usize = 200;

pub(crate) async fn create(
    State(app): State<App>,
    OnBehalfOf(owner): OnBehalfOf,
    headers: HeaderMap,
    ApiJson(wish): ApiJson<NewBatch>,
) -> Outcome<(StatusCode, ApiJson<Batch>)> {
    let request_key = request_key(&headers)?;
    let mut wish = checked(wish)?;
    wish.webhook =
        wish.webhook.map(|url| webhooks::check(&url, app.config.webhooks_to_private)).transpose()?;
    let row = match known(&app, owner, request_key, &wish).await? {
        Some(row) => row,
        None => made(&app, owner, request_key.map(str::to_owned), wish).await?,
    };
    let batch = super::now(&app, &row).await?;
    app.wake.notify_one();
    Ok((StatusCode::ACCEPTED, ApiJson(batch)))
}

/// The batch that the same wish became before.
async fn known(app: &App, owner: UserId, key: Option<&str>, wish: &NewBatch) -> Outcome<Option<BatchRow>> {
    let Some(key) = key else { return Ok(None) };
    match sql::find_request(&app.db, owner, key).await? {
        Some(row) if row.wish().as_ref() != Some(wish) => {
            Err(ApiError::new(Code::Conflict, format!("the key `{key}` belongs to another batch"))
                .hint("make a fresh key for each batch"))
        }
        found => Ok(found),
    }
}

async fn made(app: &App, owner: UserId, request_key: Option<String>, wish: NewBatch) -> Outcome<BatchRow> {
    let name = plain_name(&wish.name, "batch");
    let new = New { id: BatchId::new(), owner, request_key, name, wish, now: app.clock.now() };
    let limit = app.config.waiting_per_user;
    match sql::make(&app.db, &new, limit).await? {
        Made::New(row) => Ok(row),
        Made::Full => Err(jobs::too_many(limit)),
        Made::NoJob(job) => {
            Err(ApiError::not_found("conversion").hint(format!("{job} is none of yours, or was removed")))
        }
        Made::NoPdf(row) => {
            let detail = format!("{} becomes {}, and only PDFs can be merged", row.name, row.target);
            Err(ApiError::new(Code::UnsupportedPair, detail).hint("convert it to pdf, or make a zip"))
        }
        Made::Again => known(app, owner, new.request_key.as_deref(), &new.wish)
            .await?
            .ok_or_else(|| ApiError::new(Code::Conflict, "this batch was made before, and removed since")),
    }
}

fn checked(wish: NewBatch) -> Outcome<NewBatch> {
    let wrong = |pointer: &str, rule: &str| {
        Err(ApiError::new(Code::InvalidField, "the batch cannot be made").field(pointer, rule))
    };
    if wish.jobs.is_empty() || wish.jobs.len() > JOBS {
        return wrong("/jobs", &format!("must name 1 to {JOBS} conversions"));
    }
    if wish.jobs.iter().collect::<HashSet<_>>().len() < wish.jobs.len() {
        return wrong("/jobs", "must name each conversion once");
    }
    match wish.steps[..] {
        [] | [_] | [Step::Merge, Step::Zip] => Ok(wish),
        _ => wrong("/steps", "must be merge, zip, or merge and then zip"),
    }
}
