//! Removing a job with its upload and its result.

use axum::{extract::State, http::StatusCode};
use platform::service::{ApiPath, Outcome, internal::OnBehalfOf};
use wire::{JobId, UserId};

use super::{cancel, sql};
use crate::{row::JobRow, state::App};

pub(crate) async fn remove(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiPath(id): ApiPath<JobId>,
) -> Outcome<StatusCode> {
    take_away(&app, user, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stops the job, hides it from everybody, and deletes all that there is of it.
pub(crate) async fn take_away(app: &App, user: UserId, id: JobId) -> Outcome<()> {
    cancel::stop(app, user, id).await?;
    let Some(row) = sql::hide(&app.db, user, id, app.clock.now()).await? else {
        // Somebody started it again just now, or there is none.
        let row = super::of(app, user, id).await?;
        return Err(super::wrong_state(&row, "removed"));
    };
    if let Err(error) = erase(app, &row).await {
        tracing::warn!(job = %id, %error, "the files of a removed conversion stay until the next round");
    }
    Ok(())
}

/// Deletes the objects of a hidden job, then the job: what fails is tried again in the next round.
pub(crate) async fn erase(app: &App, row: &JobRow) -> anyhow::Result<()> {
    app.objects.delete(&row.upload_key()).await?;
    for key in row.result_keys() {
        app.objects.delete(&key).await?;
    }
    Ok(sql::erase(&app.db, row.id()).await?)
}
