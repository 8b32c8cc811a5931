//! Stopping a job that waits or runs.

use axum::extract::State;
use platform::service::{ApiJson, ApiPath, Outcome, internal::OnBehalfOf};
use wire::{
    JobId,
    conversions::{Job, JobState},
};

use super::sql;
use crate::{notify, row::JobRow, state::App};

pub(crate) async fn cancel(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiPath(id): ApiPath<JobId>,
) -> Outcome<ApiJson<Job>> {
    if let Some(row) = stop(&app, user, id).await? {
        return Ok(ApiJson(row.job()));
    }
    let row = super::of(&app, user, id).await?;
    match row.state() {
        // Sent twice is as good as once.
        JobState::Cancelled => Ok(ApiJson(row.job())),
        _ => Err(super::wrong_state(&row, "cancelled")),
    }
}

/// Cancels the job if it waits or runs. Its runner here is stopped at once; one elsewhere notices by its heartbeat,
/// and whatever it writes before that is not heard.
pub(crate) async fn stop(app: &App, user: wire::UserId, id: JobId) -> Outcome<Option<JobRow>> {
    let Some(row) = sql::cancel(&app.db, user, id, app.clock.now()).await? else { return Ok(None) };
    app.running.stop(id);
    notify::tell(app, row.job()).await;
    Ok(Some(row))
}
