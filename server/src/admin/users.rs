//! Every account, for admins.

use axum::extract::State;
use platform::service::{ApiJson, Outcome};
use wire::{accounts::AdminUsers, paths};

use crate::{
    accounts::{self, AdminCaller},
    state::App,
};

/// Lists accounts and sign-ups that wait for verification, newest first; the newest 10,000.
#[utoipa::path(get, path = paths::ADMIN_USERS, tag = "admin", security(("bearer" = [])),
    responses((status = 200, body = AdminUsers), (status = 401, body = wire::Problem), (status = 403, body = wire::Problem)))]
pub(crate) async fn list(State(state): State<App>, _: AdminCaller) -> Outcome<ApiJson<AdminUsers>> {
    Ok(ApiJson(AdminUsers { items: accounts::everybody(&state.db).await? }))
}
