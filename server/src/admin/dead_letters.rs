//! Conversions that failed after every attempt although no document is at fault: listed and started again by admins.

use axum::extract::State;
use platform::service::{ApiJson, ApiPath, ApiQuery, Outcome};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use wire::{
    JobId,
    conversions::{DeadLetter, DeadLetters},
    paths::{self, fill, internal},
};

use crate::{
    accounts::{self, AdminCaller},
    conversions::upload::consented,
    state::App,
    upstream::{call, send},
};

/// Which page is wanted.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// How many at most: 50, and never more than 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    /// `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// Conversions of everybody that failed after every attempt although no document is at fault, newest first; without the
/// names of their files.
#[utoipa::path(get, path = paths::ADMIN_DEAD_LETTERS, tag = "admin", params(Wanted), security(("bearer" = [])),
    responses((status = 200, body = DeadLetters), (status = 401, body = wire::Problem), (status = 403, body = wire::Problem)))]
pub(crate) async fn list(
    State(state): State<App>,
    AdminCaller(admin): AdminCaller,
    ApiQuery(wanted): ApiQuery<Wanted>,
) -> Outcome<ApiJson<DeadLetters>> {
    let request = state.upstream.convert(Method::GET, internal::DEAD_LETTERS, admin.user).query(&wanted);
    Ok(ApiJson(call(request).await?))
}

/// Starts one again on behalf of its owner, whose consent to services of somebody else counts. Answers with what it was.
#[utoipa::path(post, path = paths::ADMIN_DEAD_LETTER_REPLAY, tag = "admin", params(("id" = JobId, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = DeadLetter), (status = 401, body = wire::Problem),
        (status = 403, body = wire::Problem), (status = 404, body = wire::Problem),
        (status = 409, body = wire::Problem), (status = 422, body = wire::Problem),
        (status = 429, body = wire::Problem)))]
pub(crate) async fn replay(
    State(state): State<App>,
    AdminCaller(admin): AdminCaller,
    ApiPath(id): ApiPath<JobId>,
) -> Outcome<ApiJson<DeadLetter>> {
    let asked = state.upstream.convert(Method::GET, &fill(internal::DEAD_LETTER, id), admin.user);
    let letter: DeadLetter = call(asked).await?;
    let allowed = accounts::allows_third_party(&state.db, letter.owner).await?;
    let retry = state.upstream.convert(Method::POST, &fill(internal::JOB_RETRY, id), letter.owner);
    send(consented(retry, allowed)).await?;
    Ok(ApiJson(letter))
}
