//! Profiles: one's own, whole; those of others, as far as everybody may see.

use axum::extract::State;
use platform::service::{ApiError, ApiJson, ApiPath, Outcome};
use wire::{
    Code, UserId,
    accounts::{EditProfile, Me, Profile},
    paths,
};

use super::{
    Caller,
    rules::{self, Broken},
    sql,
};
use crate::state::App;

/// One's own account.
#[utoipa::path(get, path = paths::ME, tag = "accounts", security(("bearer" = [])),
    responses((status = 200, body = Me), (status = 401, body = wire::Problem)))]
pub(crate) async fn me(State(state): State<App>, caller: Caller) -> Outcome<ApiJson<Me>> {
    let account = sql::account(&state.db, caller.user).await?;
    account.map(|account| ApiJson(account.me())).ok_or_else(|| ApiError::not_found("account"))
}

/// Changes what is given of one's own account.
#[utoipa::path(patch, path = paths::ME, tag = "accounts", request_body = EditProfile, security(("bearer" = [])),
    responses((status = 200, body = Me), (status = 401, body = wire::Problem), (status = 422, body = wire::Problem)))]
pub(crate) async fn edit(
    State(state): State<App>,
    caller: Caller,
    ApiJson(asked): ApiJson<EditProfile>,
) -> Outcome<ApiJson<Me>> {
    let EditProfile { name, bio, tz, allow_third_party } = asked;
    if name.is_none() && bio.is_none() && tz.is_none() && allow_third_party.is_none() {
        return Err(ApiError::new(Code::BadRequest, "nothing to change was given")
            .hint("give `name`, `bio`, `tz` or `allow_third_party`"));
    }
    let mut broken = Broken::default();
    let name = name.map(|name| broken.note("/name", rules::name(&name)));
    let bio = bio.map(|bio| broken.note("/bio", rules::bio(&bio)));
    let tz = tz.map(|tz| broken.note("/tz", rules::time_zone(&tz)));
    broken.refuse()?;
    let changes = EditProfile { name, bio, tz, allow_third_party };
    sql::edit(&state.db, caller.user, &changes).await?;
    me(State(state), caller).await
}

/// What everybody who is signed in may see of an account.
#[utoipa::path(get, path = paths::USER, tag = "accounts", params(("id" = UserId, Path)), security(("bearer" = [])),
    responses((status = 200, body = Profile), (status = 401, body = wire::Problem), (status = 404, body = wire::Problem)))]
pub(crate) async fn user(
    State(state): State<App>,
    _: Caller,
    ApiPath(user): ApiPath<UserId>,
) -> Outcome<ApiJson<Profile>> {
    let account = sql::account(&state.db, user).await?;
    account.map(|account| ApiJson(account.profile())).ok_or_else(|| ApiError::not_found("account"))
}
