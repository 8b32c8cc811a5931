//! Removing a batch with all its jobs, their uploads and their results.

use axum::{extract::State, http::StatusCode};
use platform::service::{ApiError, ApiPath, Outcome, internal::OnBehalfOf};
use wire::{BatchId, Timestamp, UserId};

use super::sql;
use crate::{jobs, state::App};

/// How many batches are taken away in one round.
const REMOVED: i64 = 100;

pub(crate) async fn remove(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiPath(id): ApiPath<BatchId>,
) -> Outcome<StatusCode> {
    // Hidden first: from here on it goes, whatever happens to us.
    if !sql::hide(&app.db, user, id, app.clock.now()).await? {
        return Err(ApiError::not_found("batch"));
    }
    if let Err(error) = take_away(&app, user, id).await {
        tracing::warn!(batch = %id, problem = %error.problem(), "a removed batch stays until the next round");
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Removes what there is of a hidden batch, its steps first.
async fn take_away(app: &App, user: UserId, id: BatchId) -> Outcome<()> {
    for member in sql::members(&app.db, id).await?.iter().rev() {
        if member.row.is_some() {
            jobs::remove::take_away(app, user, member.id).await?;
        }
    }
    Ok(sql::erase(&app.db, id).await?)
}

/// Goes on with what was begun, and forgets the batches of before a moment of whose jobs nothing is left.
pub(crate) async fn sweep(app: &App, before: Timestamp) -> anyhow::Result<()> {
    for row in sql::hidden(&app.db, REMOVED).await? {
        if let Err(error) = take_away(app, row.owner(), row.id()).await {
            tracing::warn!(batch = %row.id(), problem = %error.problem(), "a removed batch cannot be taken away yet");
        }
    }
    Ok(sql::forget_empty(&app.db, before).await?)
}
