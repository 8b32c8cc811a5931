//! One batch.

use axum::extract::State;
use platform::service::{ApiJson, ApiPath, Outcome, internal::OnBehalfOf};
use wire::{BatchId, batches::Batch};

use crate::state::App;

pub(crate) async fn show(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiPath(id): ApiPath<BatchId>,
) -> Outcome<ApiJson<Batch>> {
    let row = super::of(&app, user, id).await?;
    Ok(ApiJson(super::now(&app, &row).await?))
}
