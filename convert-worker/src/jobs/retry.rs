//! Starting a failed or cancelled job again.

use axum::extract::State;
use platform::service::{ApiJson, ApiPath, Outcome, internal::OnBehalfOf};
use wire::{JobId, conversions::Job};

use super::sql;
use crate::{notify, state::App};

pub(crate) async fn retry(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiPath(id): ApiPath<JobId>,
) -> Outcome<ApiJson<Job>> {
    let row = super::of(&app, user, id).await?;
    let limit = app.config.waiting_per_user;
    if sql::waiting(&app.db, user).await? >= i64::from(limit) {
        return Err(super::too_many(limit));
    }
    let Some(row) = sql::retry(&app.db, user, id, app.clock.now()).await? else {
        return Err(super::wrong_state(&row, "started again"));
    };
    let job = super::now(&app, &row).await?;
    notify::tell(&app, job.clone()).await;
    app.wake.notify_one();
    Ok(ApiJson(job))
}
