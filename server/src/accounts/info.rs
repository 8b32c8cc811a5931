//! What a client needs to know before it signs in.

use axum::extract::State;
use platform::service::ApiJson;
use wire::{accounts::HubInfo, frames, paths};

use crate::state::App;

/// What this is, and what it speaks.
#[utoipa::path(get, path = paths::HUB_INFO, tag = "hub", responses((status = 200, body = HubInfo)))]
pub(crate) async fn show(State(state): State<App>) -> ApiJson<HubInfo> {
    ApiJson(HubInfo {
        product: "mshub".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        protocol: frames::PROTOCOL,
        mail: state.mail.route(),
        max_upload_bytes: state.config.max_upload_bytes,
        durability: Some(state.bus.durability().name().into()),
        log: state.live.is_read_only().then_some(frames::LogState::Ro),
    })
}
