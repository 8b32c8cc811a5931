//! How far an upload is.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
};
use platform::service::{ApiPath, Outcome};
use wire::{
    UploadId,
    paths::{self, internal},
    uploads::{UPLOAD_LENGTH, UPLOAD_METADATA, Upload},
};

use super::version::Tus;
use crate::{accounts::Caller, conversions::upload::consented, state::App, upstream::call};

/// How many bytes of an upload the hub has: `Upload-Offset`. Once it has all, `Mshub-Job` is the conversion.
#[utoipa::path(head, path = paths::UPLOAD, tag = "conversions", security(("bearer" = [])),
    params(("id" = UploadId, Path), ("Tus-Resumable" = String, Header, description = "`1.0.0`.")),
    responses((status = 200, description = "Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires and Mshub-Job."),
        (status = 401), (status = 404), (status = 410), (status = 412)))]
pub(crate) async fn show(
    State(state): State<App>,
    caller: Caller,
    _: Tus,
    ApiPath(id): ApiPath<UploadId>,
) -> Outcome<(StatusCode, HeaderMap)> {
    let request = state.upstream.convert(Method::GET, &paths::fill(internal::UPLOAD, id), caller.user);
    let upload: Upload = call(consented(request, caller.allows_third_party)).await?;
    let mut told = super::told(&upload);
    told.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    told.insert(HeaderName::from_static(UPLOAD_LENGTH), HeaderValue::from(upload.length));
    let metadata = upload.metadata.and_then(|said| HeaderValue::try_from(said).ok());
    told.extend(metadata.map(|said| (HeaderName::from_static(UPLOAD_METADATA), said)));
    Ok((StatusCode::OK, told))
}
