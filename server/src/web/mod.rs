//! The web page and the few pages of our own: what a browser sees that is not the API.

mod errors;
pub(crate) mod html;
mod page;

use std::any::Any;

use axum::response::{IntoResponse as _, Response};
use platform::service::ApiError;
use wire::Code;

pub(crate) use errors::errors;
pub(crate) use page::{home, page};

/// The answer for a request that met a bug of ours.
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let message = message.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(panic = message, "a handler panicked");
    ApiError::new(Code::Internal, "the hub met a bug while it answered; its log says which").into_response()
}
