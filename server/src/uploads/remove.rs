//! Giving an upload up.

use axum::{
    extract::State,
    http::{Method, StatusCode},
};
use platform::service::{ApiPath, Outcome};
use wire::{
    UploadId,
    paths::{self, internal},
};

use super::version::Tus;
use crate::{accounts::Caller, state::App, upstream::send};

/// Gives an upload up: its bytes go. A conversion that it became stays.
#[utoipa::path(delete, path = paths::UPLOAD, tag = "conversions", security(("bearer" = [])),
    params(("id" = UploadId, Path), ("Tus-Resumable" = String, Header, description = "`1.0.0`.")),
    responses((status = 204), (status = 401, body = wire::Problem), (status = 404, body = wire::Problem),
        (status = 410, body = wire::Problem), (status = 412, body = wire::Problem)))]
pub(crate) async fn remove(
    State(state): State<App>,
    caller: Caller,
    _: Tus,
    ApiPath(id): ApiPath<UploadId>,
) -> Outcome<StatusCode> {
    send(state.upstream.convert(Method::DELETE, &paths::fill(internal::UPLOAD, id), caller.user)).await?;
    Ok(StatusCode::NO_CONTENT)
}
