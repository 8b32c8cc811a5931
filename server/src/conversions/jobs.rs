//! One's own conversions: the convert-worker knows them, and which of them belong to whom.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
};
use platform::service::{ApiJson, ApiPath, ApiQuery, Outcome};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use wire::{
    JobId,
    conversions::{ConversionReport, Formats, Job, JobState, Jobs, WebhookSecret},
    document_password::DOCUMENT_PASSWORD,
    paths::{self, internal},
};

use super::{upload::consented, wait};
use crate::{
    accounts::Caller,
    state::App,
    upstream::{call, send},
};

/// Which conversions are wanted.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<JobState>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    dead: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// One's own conversions, newest first.
#[utoipa::path(get, path = paths::CONVERSIONS, tag = "conversions", security(("bearer" = [])),
    params(
        ("state" = Option<JobState>, Query, description = "Only those in this state."),
        ("dead" = Option<bool>, Query, description = "Only those that failed after every attempt although the document is not at fault: starting them again may help."),
        ("from" = Option<String>, Query, description = "Only those of this format."),
        ("to" = Option<String>, Query, description = "Only those to this format."),
        ("limit" = Option<u32>, Query, description = "How many at most: 50, and never more than 200."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, body = Jobs), (status = 400, body = wire::Problem), (status = 401, body = wire::Problem)))]
pub(crate) async fn list(
    State(state): State<App>,
    caller: Caller,
    ApiQuery(wanted): ApiQuery<Wanted>,
) -> Outcome<ApiJson<Jobs>> {
    let request = state.upstream.convert(Method::GET, internal::JOBS, caller.user).query(&wanted);
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

/// One conversion. Somebody else's is missing, exactly like one that never was.
#[utoipa::path(get, path = paths::CONVERSION, tag = "conversions", params(("id" = JobId, Path), Patience),
    security(("bearer" = [])),
    responses((status = 200, body = Job), (status = 401, body = wire::Problem), (status = 404, body = wire::Problem),
        (status = 422, body = wire::Problem)))]
pub(crate) async fn show(
    State(state): State<App>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
    ApiQuery(Patience { wait }): ApiQuery<Patience>,
) -> Outcome<ApiJson<Job>> {
    let limit = wait::wanted(wait)?;
    let request = state.upstream.convert(Method::GET, &paths::fill(internal::JOB, id), caller.user);
    let job = call(request).await?;
    Ok(ApiJson(if limit.is_zero() { job } else { wait::ended(&state, job, limit).await? }))
}

/// Removes a conversion with its upload and its result. One that runs is cancelled first.
#[utoipa::path(delete, path = paths::CONVERSION, tag = "conversions", params(("id" = JobId, Path)),
    security(("bearer" = [])),
    responses((status = 204), (status = 401, body = wire::Problem), (status = 404, body = wire::Problem)))]
pub(crate) async fn remove(
    State(state): State<App>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
) -> Outcome<StatusCode> {
    send(state.upstream.convert(Method::DELETE, &paths::fill(internal::JOB, id), caller.user)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stops a conversion that waits or runs. Cancelling it twice is as good as once.
#[utoipa::path(post, path = paths::CONVERSION_CANCEL, tag = "conversions", params(("id" = JobId, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = Job), (status = 401, body = wire::Problem), (status = 404, body = wire::Problem),
        (status = 409, body = wire::Problem)))]
pub(crate) async fn cancel(
    State(state): State<App>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
) -> Outcome<ApiJson<Job>> {
    let request = state.upstream.convert(Method::POST, &paths::fill(internal::JOB_CANCEL, id), caller.user);
    Ok(ApiJson(call(request.repeatable()).await?))
}

/// Starts a failed or cancelled conversion again. It asks no service of somebody else that it might not ask before.
#[utoipa::path(post, path = paths::CONVERSION_RETRY, tag = "conversions",
    params(("id" = JobId, Path), ("Document-Password" = Option<String>, Header,
        description = "Password of an encrypted document, percent-encoded: the one from before was forgotten.")),
    security(("bearer" = [])),
    responses((status = 200, body = Job), (status = 401, body = wire::Problem), (status = 404, body = wire::Problem),
        (status = 409, body = wire::Problem), (status = 422, body = wire::Problem),
        (status = 429, body = wire::Problem)))]
pub(crate) async fn retry(
    State(state): State<App>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
    headers: HeaderMap,
) -> Outcome<ApiJson<Job>> {
    let request = state.upstream.convert(Method::POST, &paths::fill(internal::JOB_RETRY, id), caller.user);
    let password = headers.get(DOCUMENT_PASSWORD).cloned();
    let request = request.with(|request| match password {
        Some(password) => request.header(DOCUMENT_PASSWORD, password),
        None => request,
    });
    Ok(ApiJson(call(consented(request, caller.allows_third_party)).await?))
}

/// How good the result is, which engines were asked for it, and what each of them made of the document.
#[utoipa::path(get, path = paths::CONVERSION_REPORT, tag = "conversions", params(("id" = JobId, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = ConversionReport), (status = 401, body = wire::Problem),
        (status = 404, body = wire::Problem)))]
pub(crate) async fn report(
    State(state): State<App>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
) -> Outcome<ApiJson<ConversionReport>> {
    let request = state.upstream.convert(Method::GET, &paths::fill(internal::JOB_REPORT, id), caller.user);
    Ok(ApiJson(call(request).await?))
}

/// With what one's webhooks are signed, as libraries of Standard Webhooks take it.
#[utoipa::path(get, path = paths::WEBHOOK_SECRET, tag = "conversions", security(("bearer" = [])),
    responses((status = 200, body = WebhookSecret), (status = 401, body = wire::Problem)))]
pub(crate) async fn webhook_secret(
    State(state): State<App>,
    caller: Caller,
) -> Outcome<([(HeaderName, &'static str); 1], ApiJson<WebhookSecret>)> {
    let request = state.upstream.convert(Method::GET, internal::WEBHOOK_SECRET, caller.user);
    Ok(([(header::CACHE_CONTROL, "no-store")], ApiJson(call(request).await?)))
}

/// What can be turned into what, right now.
#[utoipa::path(get, path = paths::FORMATS, tag = "conversions", security(("bearer" = [])),
    responses((status = 200, body = Formats), (status = 401, body = wire::Problem)))]
pub(crate) async fn formats(State(state): State<App>, caller: Caller) -> Outcome<ApiJson<Formats>> {
    let request = state.upstream.convert(Method::GET, internal::FORMATS, caller.user);
    Ok(ApiJson(call(request).await?))
}
