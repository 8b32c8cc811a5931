//! Batches: several of one's own conversions as one thing. The convert-worker knows them.

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode},
};
use platform::service::{ApiJson, ApiPath, ApiQuery, Outcome, upload::REQUEST_KEY};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};
use utoipa::IntoParams;
use wire::{
    BatchId, UserId,
    batches::{Batch, Batches, NewBatch},
    paths::{self, fill, internal},
};

use super::wait;
use crate::{
    accounts::Caller,
    state::App,
    upstream::{call, send},
};

/// Between two looks at the worker: of a batch nobody tells.
const LOOK: Duration = Duration::from_millis(500);

/// Makes a batch of one's own conversions, and of their results a merged PDF, a zip, or both.
///
/// Its steps are conversions of their own, which wait until what they are made of is there. The result of the batch is that
/// of its last step, and is downloaded like that of every conversion.
#[utoipa::path(post, path = paths::BATCHES, tag = "conversions", security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Made fresh for each batch.")),
    request_body = NewBatch,
    responses((status = 202, body = Batch), (status = 401, body = wire::Problem), (status = 404, body = wire::Problem),
        (status = 409, body = wire::Problem), (status = 415, body = wire::Problem), (status = 422, body = wire::Problem),
        (status = 429, body = wire::Problem)))]
pub(crate) async fn create(
    State(state): State<App>,
    caller: Caller,
    headers: HeaderMap,
    ApiJson(wish): ApiJson<NewBatch>,
) -> Outcome<(StatusCode, ApiJson<Batch>)> {
    let request = state.upstream.convert(Method::POST, internal::BATCHES, caller.user).json(&wish);
    let request = match headers.get(REQUEST_KEY).cloned() {
        // With a key, making it twice makes one.
        Some(key) => request.with(|request| request.header(REQUEST_KEY, key)).repeatable(),
        None => request,
    };
    Ok((StatusCode::ACCEPTED, ApiJson(call(request).await?)))
}

/// Which batches are wanted.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// How many at most: 20, and never more than 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    /// `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// One's own batches, newest first.
#[utoipa::path(get, path = paths::BATCHES, tag = "conversions", security(("bearer" = [])), params(Wanted),
    responses((status = 200, body = Batches), (status = 400, body = wire::Problem), (status = 401, body = wire::Problem)))]
pub(crate) async fn list(
    State(state): State<App>,
    caller: Caller,
    ApiQuery(wanted): ApiQuery<Wanted>,
) -> Outcome<ApiJson<Batches>> {
    let request = state.upstream.convert(Method::GET, internal::BATCHES, caller.user).query(&wanted);
    Ok(ApiJson(call(request).await?))
}

/// How long the answer may wait.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patience {
    /// Seconds, at most 60, that the answer waits for the end.
    wait: Option<u32>,
}

/// One batch with its conversions and steps. Somebody else's is missing, exactly like one that never was.
#[utoipa::path(get, path = paths::BATCH, tag = "conversions", params(("id" = BatchId, Path), Patience),
    security(("bearer" = [])),
    responses((status = 200, body = Batch), (status = 401, body = wire::Problem), (status = 404, body = wire::Problem),
        (status = 422, body = wire::Problem)))]
pub(crate) async fn show(
    State(state): State<App>,
    caller: Caller,
    ApiPath(id): ApiPath<BatchId>,
    ApiQuery(Patience { wait }): ApiQuery<Patience>,
) -> Outcome<ApiJson<Batch>> {
    let deadline = Instant::now() + wait::wanted(wait)?;
    let mut batch = look(&state, caller.user, id).await?;
    while !batch.state.is_final() && Instant::now() < deadline {
        // What ends last is a step, where there is one.
        let last = batch.jobs.iter().chain(&batch.made).rfind(|job| !job.state.is_final());
        let Some(last) = last.map(|job| job.id) else { break };
        let mut following = state.news.follow(last);
        tokio::select! {
            () = state.tasks.stopping() => break,
            () = sleep_until(deadline) => {}
            () = sleep_until(Instant::now() + LOOK) => {}
            _ = following.next() => {}
        }
        batch = look(&state, caller.user, id).await?;
    }
    Ok(ApiJson(batch))
}

async fn look(state: &App, user: UserId, id: BatchId) -> Outcome<Batch> {
    call(state.upstream.convert(Method::GET, &fill(internal::BATCH, id), user)).await
}

/// Removes a batch with its conversions, their uploads and all results. What runs is cancelled first.
#[utoipa::path(delete, path = paths::BATCH, tag = "conversions", params(("id" = BatchId, Path)),
    security(("bearer" = [])),
    responses((status = 204), (status = 401, body = wire::Problem), (status = 404, body = wire::Problem)))]
pub(crate) async fn remove(
    State(state): State<App>,
    caller: Caller,
    ApiPath(id): ApiPath<BatchId>,
) -> Outcome<StatusCode> {
    send(state.upstream.convert(Method::DELETE, &fill(internal::BATCH, id), caller.user)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stops a batch: its steps, and all of its conversions that wait or run. Cancelling it twice is as good as once.
#[utoipa::path(post, path = paths::BATCH_CANCEL, tag = "conversions", params(("id" = BatchId, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = Batch), (status = 401, body = wire::Problem), (status = 404, body = wire::Problem),
        (status = 409, body = wire::Problem)))]
pub(crate) async fn cancel(
    State(state): State<App>,
    caller: Caller,
    ApiPath(id): ApiPath<BatchId>,
) -> Outcome<ApiJson<Batch>> {
    let request = state.upstream.convert(Method::POST, &fill(internal::BATCH_CANCEL, id), caller.user);
    Ok(ApiJson(call(request.repeatable()).await?))
}
