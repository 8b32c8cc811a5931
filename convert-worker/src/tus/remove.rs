//! Giving an upload up: its bytes go. The conversion that it became stays.

use axum::{extract::State, http::StatusCode};
use platform::service::{ApiPath, Outcome, internal::OnBehalfOf};
use wire::UploadId;

use super::{sql, sweep};
use crate::state::App;

pub(crate) async fn remove(
    State(app): State<App>,
    OnBehalfOf(owner): OnBehalfOf,
    ApiPath(id): ApiPath<UploadId>,
) -> Outcome<StatusCode> {
    let row = super::of(&app, owner, id).await?;
    sql::close(&app.db, &row, app.clock.now()).await?;
    sweep::clear(&app, id).await?;
    sql::forget(&app.db, Some(id), sweep::forgotten(&app)).await?;
    Ok(StatusCode::NO_CONTENT)
}
