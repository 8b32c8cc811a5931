//! One job.

use axum::extract::State;
use platform::service::{ApiJson, ApiPath, Outcome, internal::OnBehalfOf};
use wire::{JobId, conversions::Job};

use crate::state::App;

pub(crate) async fn show(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiPath(id): ApiPath<JobId>,
) -> Outcome<ApiJson<Job>> {
    let row = super::of(&app, user, id).await?;
    Ok(ApiJson(super::now(&app, &row).await?))
}
