//! Files to convert that come in pieces, by tus 1.0 (<https://tus.io/protocols/resumable-upload>): the protocol is spoken
//! here, the convert-worker keeps the bytes.

mod append;
mod begin;
mod metadata;
mod offer;
mod remove;
mod show;
mod version;

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::map_response,
};
use platform::service::{ApiError, Outcome};
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{
    Code,
    uploads::{UPLOAD_EXPIRES, UPLOAD_JOB, UPLOAD_OFFSET, Upload},
};

use crate::state::App;

/// Every route; each answer says the version.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(offer::offer, begin::begin))
        .routes(routes!(show::show, append::append, append::instead, remove::remove))
        .layer(map_response(version::said))
}

/// How far an upload is, as headers.
fn told(upload: &Upload) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut tell = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    tell(UPLOAD_OFFSET, upload.offset.to_string());
    if let Some(job) = upload.job {
        tell(UPLOAD_JOB, job.to_string());
    } else if let Ok(date) =
        jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&upload.expires_at.to_jiff())
    {
        tell(UPLOAD_EXPIRES, date);
    }
    headers
}

/// A header that holds a number of bytes.
fn number(headers: &HeaderMap, name: &str) -> Outcome<Option<u64>> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.parse().ok());
    number
        .map(Some)
        .ok_or_else(|| ApiError::new(Code::BadRequest, format!("the header {name} holds no number of bytes")))
}
