//! What happened to a job, in order, for whoever was not there.

use axum::extract::State;
use platform::service::{ApiJson, ApiPath, ApiQuery, Outcome, internal::OnBehalfOf};
use serde::Deserialize;
use wire::{JobId, conversions::JobEvents};

use super::sql;
use crate::state::App;

/// Where to begin.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    #[serde(default)]
    after: u64,
}

pub(crate) async fn list(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiPath(id): ApiPath<JobId>,
    ApiQuery(Part { after }): ApiQuery<Part>,
) -> Outcome<ApiJson<JobEvents>> {
    // The state first: what ends it in between is among the events, and the next look finds the end.
    let ended = super::of(&app, user, id).await?.state().is_final();
    let items = sql::events(&app.db, id, after).await?;
    Ok(ApiJson(JobEvents { items, ended }))
}
