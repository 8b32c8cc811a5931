//! Beginning an upload, with its first bytes or without.

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use platform::service::{
    ApiError, ApiJson, Outcome,
    upload::{REQUEST_KEY, drain, linger},
};
use wire::{
    Code,
    document_password::DOCUMENT_PASSWORD,
    paths::{self, internal},
    uploads::{NewUpload, UPLOAD_LENGTH, Upload},
};

use super::{append, metadata, number, version::Tus};
use crate::{
    accounts::Caller,
    conversions::upload::consented,
    state::{App, State as Hub},
    upstream::{self, Call},
};

/// What is passed on.
const PASSED: [HeaderName; 2] =
    [HeaderName::from_static(REQUEST_KEY), HeaderName::from_static(DOCUMENT_PASSWORD)];

/// Begins the upload of a file that is to be converted. `Location` is where its bytes go, all at once or piece by piece;
/// with the last one the conversion starts.
///
/// With the header `Idempotency-Key`, beginning the same upload again names the one that is there. A body of the type
/// `application/offset+octet-stream` is its first bytes.
#[utoipa::path(post, path = paths::UPLOADS, tag = "conversions", security(("bearer" = [])),
    params(
        ("Tus-Resumable" = String, Header, description = "`1.0.0`."),
        ("Upload-Length" = u64, Header, description = "The size of the file in bytes."),
        ("Upload-Metadata" = Option<String>, Header,
            description = "`to`, `filename`, and everything else that an upload takes; the query may say it, too."),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha256` or `sha1`, and the digest of the body in base64."),
        ("Idempotency-Key" = Option<String>, Header, description = "Made fresh for each upload."),
        ("Document-Password" = Option<String>, Header, description = "Password of an encrypted document, percent-encoded."),
    ),
    responses((status = 201, body = Upload), (status = 400, body = wire::Problem), (status = 401, body = wire::Problem),
        (status = 412, body = wire::Problem), (status = 413, body = wire::Problem), (status = 415, body = wire::Problem),
        (status = 422, body = wire::Problem), (status = 429, body = wire::Problem), (status = 460, body = wire::Problem)))]
pub(crate) async fn begin(
    State(state): State<App>,
    tus: Result<Tus, ApiError>,
    caller: Result<Caller, ApiError>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Response> {
    let begun = begun(&state, tus, caller, query.as_deref(), &headers).await;
    let (caller, mut upload) = match begun {
        Ok(begun) => begun,
        Err(refused) => {
            linger(&state.tasks, drain(body.into_data_stream()));
            return Err(refused);
        }
    };
    if !append::is_bytes(&headers) || upload.offset > 0 || upload.job.is_some() {
        linger(&state.tasks, drain(body.into_data_stream()));
    } else {
        match append::appended(&state, &caller, upload.id, 0, &headers, body).await {
            Ok(further) => upload = further,
            // It has begun, and its owner learns where: what is missing can still be sent.
            Err(error) if error.problem().code == Code::UpstreamDown.name() => {
                tracing::debug!("an upload began, and its first bytes did not arrive");
            }
            Err(refused) => return Err(refused),
        }
    }
    let mut told = super::told(&upload);
    let location = paths::fill(paths::UPLOAD, upload.id);
    told.extend(location.try_into().ok().map(|location| (header::LOCATION, location)));
    Ok((StatusCode::CREATED, told, ApiJson(upload)).into_response())
}

async fn begun(
    state: &Hub,
    tus: Result<Tus, ApiError>,
    caller: Result<Caller, ApiError>,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Outcome<(Caller, Upload)> {
    let (caller, Tus) = (caller?, tus?);
    let Some(length) = number(headers, UPLOAD_LENGTH)? else {
        return Err(ApiError::new(Code::BadRequest, "the header Upload-Length is missing")
            .hint("say how many bytes the file has"));
    };
    let (metadata, wish) = metadata::read(headers, query)?;
    let new = NewUpload { length, metadata, wish };
    let call = state.upstream.convert(Method::POST, internal::UPLOADS, caller.user).json(&new);
    let call = consented(passed(call, headers, &PASSED), caller.allows_third_party);
    let upload = upstream::call(call).await?;
    Ok((caller, upload))
}

/// The call with some headers of the request.
pub(super) fn passed(call: Call, headers: &HeaderMap, names: &[HeaderName]) -> Call {
    names.iter().fold(call, |call, name| match headers.get(name) {
        Some(value) => call.with(|request| request.header(name, value)),
        None => call,
    })
}
