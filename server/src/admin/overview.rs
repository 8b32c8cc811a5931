//! The hub in a few figures, for admins.

use axum::extract::State;
use platform::service::{ApiJson, Outcome};
use wire::{
    accounts::Overview,
    paths::{self, TOPIC_CHAT},
};

use crate::{
    accounts::{self, AdminCaller},
    rooms,
    state::App,
};

/// Counts what there is.
#[utoipa::path(get, path = paths::ADMIN_OVERVIEW, tag = "admin", security(("bearer" = [])),
    responses((status = 200, body = Overview), (status = 401, body = wire::Problem), (status = 403, body = wire::Problem)))]
pub(crate) async fn show(State(state): State<App>, _: AdminCaller) -> Outcome<ApiJson<Overview>> {
    let heads = state.bus.heads(TOPIC_CHAT).await.map_err(anyhow::Error::from)?;
    Ok(ApiJson(Overview {
        version: env!("CARGO_PKG_VERSION").into(),
        users: accounts::count(&state.db).await?,
        rooms: rooms::count(&state).await?,
        sockets: state.live.sockets() as u64,
        log_head: heads.values().copied().max().unwrap_or(0),
    }))
}
