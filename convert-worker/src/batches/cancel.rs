//! Stopping a batch: its steps first, so that none of them fails for what is stopped after it.

use axum::extract::State;
use platform::service::{ApiError, ApiJson, ApiPath, Outcome, internal::OnBehalfOf};
use wire::{BatchId, Code, batches::Batch, conversions::JobState};

use super::sql;
use crate::{jobs, state::App};

pub(crate) async fn cancel(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiPath(id): ApiPath<BatchId>,
) -> Outcome<ApiJson<Batch>> {
    let row = super::of(&app, user, id).await?;
    let mut stopped = false;
    for member in sql::members(&app.db, id).await?.iter().rev() {
        stopped |= jobs::cancel::stop(&app, user, member.id).await?.is_some();
    }
    let batch = super::now(&app, &row).await?;
    // Sent twice is as good as once.
    if stopped || batch.state == JobState::Cancelled {
        return Ok(ApiJson(batch));
    }
    let detail = format!("the batch {id} is {}: it cannot be cancelled", batch.state.name());
    Err(ApiError::new(Code::WrongState, detail))
}
