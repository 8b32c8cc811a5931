//! Which rooms there are: one's own, or the public ones.

use axum::extract::State;
use platform::service::{ApiJson, ApiQuery, Outcome};
use serde::Deserialize;
use utoipa::IntoParams;
use wire::rooms::Rooms;

use super::{sql, unread};
use crate::{accounts::Caller, state::App};

/// Which rooms to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// All public rooms instead of those the caller is in.
    #[serde(default)]
    public: bool,
}

/// Lists rooms by name: those the caller is in, or all public ones, with what is unread in them.
#[utoipa::path(get, path = "/api/v1/rooms", tag = "rooms", params(Which), security(("bearer" = [])),
    responses((status = 200, body = Rooms), (status = 401, body = wire::Problem)))]
pub(crate) async fn list(
    State(state): State<App>,
    caller: Caller,
    ApiQuery(which): ApiQuery<Which>,
) -> Outcome<ApiJson<Rooms>> {
    let mut items = match which.public {
        true => sql::public(&state.db, caller.user).await?,
        false => sql::of_user(&state.db, caller.user).await?,
    };
    unread::fill(&state, caller.user, &mut items).await;
    Ok(ApiJson(Rooms { items }))
}
