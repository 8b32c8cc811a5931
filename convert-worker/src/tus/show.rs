//! How far an upload is.

use axum::{extract::State, http::HeaderMap};
use platform::{
    service::{ApiJson, ApiPath, Outcome, internal::OnBehalfOf},
    traces,
};
use wire::{UploadId, uploads::Upload};

use super::finish;
use crate::{consent, state::App};

/// One that is whole and has no job yet, because its worker died or its job could not be made, gets it now. Why it has
/// none is for whoever appends to hear.
pub(crate) async fn show(
    State(app): State<App>,
    OnBehalfOf(owner): OnBehalfOf,
    ApiPath(id): ApiPath<UploadId>,
    headers: HeaderMap,
) -> Outcome<ApiJson<Upload>> {
    let row = super::of(&app, owner, id).await?;
    if !row.is_whole() || row.is_settled() {
        return Ok(ApiJson(row.told()));
    }
    let (worker, consent) = (app.clone(), consent::of_request(&headers));
    let finish = async move { finish::finished(&worker, owner, id, consent).await };
    let finished = tokio::spawn(traces::carried(finish)).await.map_err(anyhow::Error::from)?;
    Ok(ApiJson(finished.unwrap_or(row).told()))
}
