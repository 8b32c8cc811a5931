//! What of tus the hub offers.

use axum::{
    extract::State,
    http::{HeaderName, StatusCode},
};
use wire::{paths, uploads::TUS_VERSION};

use crate::state::App;

type Offer = [(HeaderName, String); 4];

/// Which version and extensions of tus there are, and how large a file may be.
#[utoipa::path(options, path = paths::UPLOADS, tag = "conversions",
    responses((status = 204, description = "Tus-Version, Tus-Extension, Tus-Max-Size and Tus-Checksum-Algorithm.")))]
pub(crate) async fn offer(State(state): State<App>) -> (StatusCode, Offer) {
    let said = |name: &'static str, value: &str| (HeaderName::from_static(name), value.to_owned());
    let offer = [
        said("tus-version", TUS_VERSION),
        said("tus-extension", "creation,creation-with-upload,checksum,expiration,termination"),
        said("tus-max-size", &state.config.max_upload_bytes.to_string()),
        said("tus-checksum-algorithm", "sha256,sha1"),
    ];
    (StatusCode::NO_CONTENT, offer)
}
