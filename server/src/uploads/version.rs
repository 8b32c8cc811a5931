//! The version of tus: asked of every request, and said with every answer.

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, request::Parts},
    response::Response,
};
use platform::service::ApiError;
use wire::{
    Code,
    uploads::{TUS_RESUMABLE, TUS_VERSION},
};

/// A request that speaks our version.
pub(super) struct Tus;

impl<S: Sync> FromRequestParts<S> for Tus {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match parts.headers.get(TUS_RESUMABLE) {
            Some(version) if version == TUS_VERSION => Ok(Self),
            _ => Err(ApiError::new(Code::TusVersion, "the request does not say that it speaks tus 1.0.0")
                .hint("send the header Tus-Resumable: 1.0.0")),
        }
    }
}

/// The answer with our version, and with all that there are for whoever speaks another one.
pub(super) async fn said(mut answer: Response) -> Response {
    let is_refused = answer.status() == StatusCode::PRECONDITION_FAILED;
    let headers = answer.headers_mut();
    headers.insert(TUS_RESUMABLE, HeaderValue::from_static(TUS_VERSION));
    if is_refused {
        headers.insert("tus-version", HeaderValue::from_static(TUS_VERSION));
    }
    answer
}
