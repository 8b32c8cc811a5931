//! Uploads: the body streams on to the convert-worker as it comes, and is never held here.

use std::{sync::LazyLock, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use platform::service::{
    ApiError, ApiJson, ApiQuery, Outcome,
    upload::{REQUEST_KEY, announced, drain, linger},
};
use reqwest::Client;
use wire::{
    UserId,
    conversions::{Job, NewConversion},
    document_password::DOCUMENT_PASSWORD,
    paths::{self, internal},
};

use super::wait;
use crate::{
    accounts::Caller,
    state::{App, State as Hub},
    upstream::{Call, stream},
};

/// How long one upload may take; the worker gives up a little earlier, and says so.
pub(crate) const UPLOAD: Duration = Duration::from_secs(3700);
/// What is passed on with the body.
const PASSED: [HeaderName; 4] = [
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    HeaderName::from_static(REQUEST_KEY),
    HeaderName::from_static(DOCUMENT_PASSWORD),
];

/// Without the silence limit of other calls, because the answer comes when the whole body is there; and without kept
/// connections, because a body that streams cannot be sent again when one turns out to be closed.
pub(crate) static UPLOADS: LazyLock<Client> = LazyLock::new(|| {
    Client::builder()
        .connect_timeout(Duration::from_secs(3))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(0)
        .build()
        .expect("the TLS backend of this build is compiled in")
});

/// Uploads a file and starts its conversion. The body is the file itself.
///
/// With the header `Idempotency-Key`, sending the same upload again makes no second conversion. The body may also be a
/// form (`multipart/form-data`) whose part `file` is the file, and whose other parts are what the query would say; there,
/// `password` is allowed.
#[utoipa::path(post, path = paths::CONVERSIONS, tag = "conversions", security(("bearer" = [])),
    params(
        ("to" = Option<String>, Query, description = "The wanted format, such as `pdf`. Only a form may say it elsewhere."),
        ("name" = Option<String>, Query, description = "The file's name; its ending says what it should be."),
        ("from" = Option<String>, Query, description = "The format of the upload, where the name does not tell."),
        ("strict" = Option<bool>, Query, description = "Whether losing words makes it fail."),
        ("quality" = Option<u8>, Query, description = "JPEG quality, 1 to 100."),
        ("width" = Option<u32>, Query, description = "Picture width in pixels."),
        ("height" = Option<u32>, Query, description = "Picture height in pixels."),
        ("sheet" = Option<String>, Query, description = "The sheet of a workbook to take."),
        ("engine" = Option<String>, Query, description = "The only engine that may do it; `auto` asks one after the other."),
        ("prefer" = Option<String>, Query, description = "Which engine is asked first: `speed` or `fidelity`."),
        ("paper" = Option<String>, Query, description = "Pages of a document that has none of its own: `a4` or `letter`."),
        ("page" = Option<u32>, Query, description = "The only page of a PDF to paint, from 1; without it a picture shows the first, and `zip` has them all."),
        ("dpi" = Option<u32>, Query, description = "Pixels per inch, 10 to 600, of a page or a drawing that becomes a picture, or of a picture on a page."),
        ("pages" = Option<String>, Query, description = "The pages of a PDF that become a PDF of their own, such as `1-3,7,12-`; for `pdf` to `pdf`."),
        ("rotate" = Option<String>, Query, description = "How pages of a PDF are turned, such as `90` or `270:1,3-5`; for `pdf` to `pdf`."),
        ("as_is" = Option<bool>, Query, description = "Takes a file that has the wanted format already as it is, for a batch."),
        ("fresh" = Option<bool>, Query, description = "Converts even if the same file was converted in the same way before; otherwise that result is the answer, at once."),
        ("webhook" = Option<String>, Query, description = "A public URL to which the end of the conversion is posted, signed by Standard Webhooks 1.0."),
        ("url" = Option<String>, Query, description = "Where the hub fetches the file, if whoever runs it allows that; the body is empty then."),
        ("wait" = Option<u32>, Query, description = "Seconds, at most 60, that the answer waits for the end: 200 then, and 202 before it."),
        ("redirect" = Option<String>, Query, description = "`1` for a redirect that leads to the result as soon as it is there."),
        ("Idempotency-Key" = Option<String>, Header, description = "Made fresh for each upload."),
        ("Document-Password" = Option<String>, Header,
            description = "Password of an encrypted document, percent-encoded. It is kept sealed, until the conversion ends."),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Job), (status = 202, body = Job),
        (status = 303, description = "To the result."), (status = 401, body = wire::Problem), (status = 413, body = wire::Problem),
        (status = 415, body = wire::Problem), (status = 422, body = wire::Problem),
        (status = 429, body = wire::Problem)))]
pub(crate) async fn create(
    State(state): State<App>,
    caller: Result<Caller, ApiError>,
    query: Result<ApiQuery<NewConversion>, ApiError>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Response> {
    // Refusals wait until the body is in our hands: see `linger`.
    let (call, after) = match call(&state, caller, query, &headers) {
        Ok(call) => call,
        Err(refused) => {
            linger(&state.tasks, drain(body.into_data_stream()));
            return Err(refused);
        }
    };
    // A refusal of the worker comes back while the rest of the body still flows, and goes on to the caller at once.
    let job: Job = stream(call, body, UPLOAD).await?;
    after.answer(&state, job).await
}

/// The same for `curl -T`, which always puts.
#[utoipa::path(put, path = paths::CONVERSIONS, tag = "conversions", security(("bearer" = [])),
    params(("to" = String, Query, description = "The wanted format; and everything else that `POST` takes.")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Job), (status = 202, body = Job),
        (status = 303, description = "To the result."), (status = 401, body = wire::Problem)))]
pub(crate) async fn put(
    state: State<App>,
    caller: Result<Caller, ApiError>,
    query: Result<ApiQuery<NewConversion>, ApiError>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Response> {
    create(state, caller, query, headers, body).await
}

/// What the caller wants to hear once the upload is taken.
struct After {
    wait: Duration,
    redirect: bool,
}

impl After {
    /// Takes it out of the query: the worker need not know.
    fn of(query: &mut NewConversion) -> Outcome<Self> {
        let redirect = matches!(query.redirect.take().as_deref(), Some("1" | "true"));
        Ok(Self { wait: wait::wanted(query.wait.take())?, redirect })
    }

    async fn answer(self, state: &App, job: Job) -> Outcome<Response> {
        if self.redirect {
            let location = super::download::waiting(job.id);
            return Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)], ApiJson(job)).into_response());
        }
        let job = if self.wait.is_zero() { job } else { wait::ended(state, job, self.wait).await? };
        let has_ended = job.state.is_final() && !self.wait.is_zero();
        let status = if has_ended { StatusCode::OK } else { StatusCode::ACCEPTED };
        Ok((status, ApiJson(job)).into_response())
    }
}

/// The call to the worker, still without its body.
fn call(
    state: &Hub,
    caller: Result<Caller, ApiError>,
    query: Result<ApiQuery<NewConversion>, ApiError>,
    headers: &HeaderMap,
) -> Outcome<(Call, After)> {
    let (caller, ApiQuery(mut query)) = (caller?, query?);
    announced(headers, state.config.max_upload_bytes)?;
    let after = After::of(&mut query)?;
    let call = passed_on(state, caller.user, &query, caller.allows_third_party);
    let call = PASSED.into_iter().fold(call, |call, name| match headers.get(&name) {
        Some(value) => call.with(|request| request.header(name, value)),
        None => call,
    });
    Ok((call, after))
}

/// An upload of somebody, still without its body and without a key. `third_party` is the consent of whoever's file it is.
pub(super) fn passed_on(state: &Hub, user: UserId, query: &NewConversion, third_party: bool) -> Call {
    let call = state.upstream.convert(Method::POST, internal::JOBS, user).query(query).over(&UPLOADS);
    consented(call, third_party)
}

/// The call, with the consent to ask services of somebody else, if it was given.
pub(crate) fn consented(call: Call, given: bool) -> Call {
    call.with(|request| if given { request.header(internal::CONSENT_HEADER, "yes") } else { request })
}
