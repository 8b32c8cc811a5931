//! Downloads: a signed link to a result, and the objects of the folder store behind such links.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use platform::{
    objects::{LINK_LIFE, LinkTerms, SignedLink},
    service::{ApiError, ApiJson, ApiPath, ApiQuery, Outcome},
};
use serde::Deserialize;
use wire::{
    Code, JobId,
    conversions::{Job, ResultLink, StoredResult},
    paths::{self, internal},
};

use super::wait;
use crate::{
    accounts::Caller,
    files::{Content, deliver},
    state::App,
    upstream::call,
};

/// Results are all that links are ever made of; photos and uploads are not to be had by one.
const RESULTS: &str = "out/";

/// Seconds of each redirect while a result is waited for.
const PIECE: u32 = 50;

/// How the link is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    #[serde(default)]
    redirect: Option<String>,
    #[serde(default)]
    wait: Option<u32>,
}

/// Where the result of a conversion that has only begun is waited for.
pub(super) fn waiting(job: JobId) -> String {
    format!("{}?redirect=1&wait={PIECE}", paths::fill(paths::CONVERSION_RESULT, job))
}

/// A link to the result of a completed conversion. It needs no token, and works for 15 minutes.
///
/// As JSON; with `redirect=1`, or for a caller that prefers something else than JSON, as a redirect to it. With `wait`
/// it is waited for; whoever is redirected then, and it takes longer, is sent to wait once more.
#[utoipa::path(get, path = paths::CONVERSION_RESULT, tag = "conversions", security(("bearer" = [])),
    params(("id" = JobId, Path), ("redirect" = Option<String>, Query, description = "`1` for a redirect."),
        ("wait" = Option<u32>, Query, description = "Seconds, at most 60, that the answer waits for the result.")),
    responses((status = 200, body = ResultLink), (status = 302, description = "To the link."),
        (status = 401, body = wire::Problem), (status = 404, body = wire::Problem),
        (status = 409, body = wire::Problem)))]
pub(crate) async fn result(
    State(state): State<App>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
    ApiQuery(wish): ApiQuery<Wish>,
    headers: HeaderMap,
) -> Outcome<Response> {
    let redirect = matches!(wish.redirect.as_deref(), Some("1" | "true")) || prefers_the_file(&headers);
    let limit = wait::wanted(wish.wait)?;
    if !limit.is_zero() {
        let job =
            call(state.upstream.convert(Method::GET, &paths::fill(internal::JOB, id), caller.user)).await?;
        let job: Job = wait::ended(&state, job, limit).await?;
        if redirect && !job.state.is_final() {
            return Ok((StatusCode::FOUND, [(header::LOCATION, waiting(id))]).into_response());
        }
    }
    let request = state.upstream.convert(Method::GET, &paths::fill(internal::JOB_RESULT, id), caller.user);
    let StoredResult { key, name, bytes, sha256, media_type } = call(request).await?;

    let life = i64::try_from(LINK_LIFE.as_secs()).unwrap_or(i64::MAX);
    let terms = LinkTerms { name, media_type, expires_at: state.clock.now().plus_seconds(life) };
    let url = state.objects.signed_link(&key, &terms).await.map_err(anyhow::Error::from)?;
    let LinkTerms { name, media_type, expires_at } = terms;

    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if redirect {
        let location = HeaderValue::try_from(url).map_err(anyhow::Error::from)?;
        return Ok((StatusCode::FOUND, [no_store, (header::LOCATION, location)]).into_response());
    }
    Ok(([no_store], ApiJson(ResultLink { url, expires_at, name, bytes, sha256, media_type })).into_response())
}

/// Whether what the caller likes best is certainly not JSON: a browser's `text/html`, a script's `application/pdf`.
fn prefers_the_file(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("*/*");
    let best = accept.split([',', ';']).next().unwrap_or_default().trim();
    !(best.is_empty() || best == "*/*" || best == "application/*" || best.ends_with("json"))
}

/// The file behind a signed link of the folder store, whole or from a byte on.
#[utoipa::path(get, path = paths::OBJECT, tag = "conversions",
    params(("key" = String, Path), ("name" = String, Query), ("media" = String, Query), ("exp" = i64, Query),
        ("sig" = String, Query), ("Range" = Option<String>, Header, description = "One range: `bytes=N-`, `bytes=N-M` or `bytes=-N`.")),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 206, content_type = "application/octet-stream", body = Vec<u8>), (status = 304),
        (status = 403, body = wire::Problem), (status = 404, body = wire::Problem),
        (status = 416, body = wire::Problem)))]
pub(crate) async fn object(
    State(state): State<App>,
    ApiPath(key): ApiPath<String>,
    link: Result<ApiQuery<SignedLink>, ApiError>,
    headers: HeaderMap,
) -> Outcome<Response> {
    let terms = link
        .ok()
        .filter(|_| key.starts_with(RESULTS))
        .and_then(|ApiQuery(link)| state.objects.open_link(&key, &link, state.clock.now()))
        .ok_or_else(|| {
            ApiError::new(Code::InvalidLink, "the link has expired, or is not as it was made")
                .hint("ask for a new link to the result")
        })?;

    // An attempt writes to a key of its own, once: the key names the bytes.
    let tag = key.replace('/', "-");
    let content = Content { key: &key, tag: &tag, name: &terms.name, media_type: &terms.media_type };
    deliver(&state.objects, &headers, content).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_what_everybody_gets_who_does_not_prefer_something_else() {
        let prefers = |accept: &'static str| {
            prefers_the_file(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]))
        };

        assert!(!prefers_the_file(&HeaderMap::new()));
        assert!(!prefers("*/*") && !prefers("application/json") && !prefers("application/problem+json, */*"));
        assert!(prefers("text/html,application/xhtml+xml,*/*;q=0.8") && prefers("application/pdf"));
    }
}
