//! The next bytes of an upload: they stream on to the convert-worker as they come.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use platform::service::{
    ApiError, ApiPath, Outcome,
    problem::no_method,
    upload::{drain, linger},
};
use wire::{
    Code, UploadId,
    paths::{self, internal},
    uploads::{Append, OFFSET_OCTETS, UPLOAD_CHECKSUM, UPLOAD_OFFSET, Upload},
};

use super::{begin::passed, number, remove, version::Tus};
use crate::{
    accounts::Caller,
    conversions::upload::{UPLOAD, UPLOADS, consented},
    state::{App, State as Hub},
    upstream::stream,
};

/// What is passed on with the body.
const PASSED: [HeaderName; 2] = [header::CONTENT_LENGTH, HeaderName::from_static(UPLOAD_CHECKSUM)];

/// Appends bytes to an upload. What has come is kept when the request breaks off, unless it has a checksum. The answer to
/// the last bytes names the conversion in `Mshub-Job`; sent again, without bytes, it is the same answer.
#[utoipa::path(patch, path = paths::UPLOAD, tag = "conversions", security(("bearer" = [])),
    params(
        ("id" = UploadId, Path),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`."),
        ("Upload-Offset" = u64, Header, description = "How many bytes the hub has already."),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha256` or `sha1`, and the digest of the body in base64."),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses((status = 204, description = "Upload-Offset says how many bytes the hub has now."),
        (status = 400, body = wire::Problem), (status = 401, body = wire::Problem), (status = 404, body = wire::Problem),
        (status = 409, body = wire::Problem), (status = 410, body = wire::Problem), (status = 412, body = wire::Problem),
        (status = 413, body = wire::Problem), (status = 415, body = wire::Problem), (status = 422, body = wire::Problem),
        (status = 429, body = wire::Problem), (status = 460, body = wire::Problem)))]
pub(crate) async fn append(
    State(state): State<App>,
    tus: Result<Tus, ApiError>,
    caller: Result<Caller, ApiError>,
    id: Result<ApiPath<UploadId>, ApiError>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Response> {
    let (caller, id, at) = match wanted(tus, caller, id, &headers) {
        Ok(wanted) => wanted,
        Err(refused) => {
            linger(&state.tasks, drain(body.into_data_stream()));
            return Err(refused);
        }
    };
    let upload = appended(&state, &caller, id, at, &headers, body).await?;
    Ok((StatusCode::NO_CONTENT, super::told(&upload)).into_response())
}

/// The same, or giving the upload up, for clients behind something that lets only some methods through.
#[utoipa::path(post, path = paths::UPLOAD, tag = "conversions", security(("bearer" = [])),
    params(
        ("id" = UploadId, Path),
        ("X-HTTP-Method-Override" = String, Header, description = "`PATCH` or `DELETE`, with all that they take."),
    ),
    responses((status = 204), (status = 401, body = wire::Problem), (status = 404, body = wire::Problem),
        (status = 405, body = wire::Problem)))]
pub(crate) async fn instead(
    state: State<App>,
    tus: Result<Tus, ApiError>,
    caller: Result<Caller, ApiError>,
    id: Result<ApiPath<UploadId>, ApiError>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Response> {
    let caller = match caller {
        Ok(caller) => caller,
        Err(refused) => {
            linger(&state.tasks, drain(body.into_data_stream()));
            return Err(refused);
        }
    };
    match headers.get("x-http-method-override").and_then(|method| method.to_str().ok()) {
        Some("PATCH") => append(state, tus, Ok(caller), id, headers, body).await,
        Some("DELETE") => remove::remove(state, caller, tus?, id?).await.map(IntoResponse::into_response),
        _ => {
            linger(&state.tasks, drain(body.into_data_stream()));
            Err(no_method().await)
        }
    }
}

fn wanted(
    tus: Result<Tus, ApiError>,
    caller: Result<Caller, ApiError>,
    id: Result<ApiPath<UploadId>, ApiError>,
    headers: &HeaderMap,
) -> Outcome<(Caller, UploadId, u64)> {
    let (caller, Tus, ApiPath(id)) = (caller?, tus?, id?);
    if !is_bytes(headers) {
        return Err(ApiError::new(
            Code::WrongBody,
            format!("what is appended is not of the type {OFFSET_OCTETS}"),
        )
        .hint(format!("send the header Content-Type: {OFFSET_OCTETS}")));
    }
    let at = number(headers, UPLOAD_OFFSET)?;
    let at = at.ok_or_else(|| ApiError::new(Code::BadRequest, "the header Upload-Offset is missing"))?;
    Ok((caller, id, at))
}

/// Whether the body is bytes of the file.
pub(super) fn is_bytes(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == OFFSET_OCTETS)
}

/// Has the worker append a body.
pub(super) async fn appended(
    state: &Hub,
    caller: &Caller,
    id: UploadId,
    at: u64,
    headers: &HeaderMap,
    body: Body,
) -> Outcome<Upload> {
    let path = paths::fill(internal::UPLOAD, id);
    let call = state.upstream.convert(Method::PATCH, &path, caller.user).query(&Append { at }).over(&UPLOADS);
    let call = consented(passed(call, headers, &PASSED), caller.allows_third_party);
    stream(call, body, UPLOAD).await
}
