//! Sessions: begun by signing in, kept up by refresh tokens that work once, ended by their owner or by misuse.
//!
//! A refresh token that is used a second time means that two have it (RFC 9700 §4.14.2): the session ends. For five
//! minutes, and while its successor is unused, a second use is taken for a client whose answer was lost: it gets the
//! same successor again.

mod sql;

use axum::{extract::State, http::StatusCode};
use platform::service::{ApiError, ApiJson, ApiPath, Outcome};
use uuid::Uuid;
use wire::{
    Code, Timestamp, UserId,
    accounts::{Refresh, Sessions, Tokens},
    events::Hint,
    paths,
};

pub(super) use sql::session_account;

use super::{
    Caller, access,
    tokens::{self, Purpose},
};
use crate::state::{App, State as Hub};

/// A session that was not refreshed for this long has ended.
const IDLE_SECONDS: i64 = 14 * 24 * 3600;
/// A session that is this old has ended, however much it is used.
const LIFE_SECONDS: i64 = 90 * 24 * 3600;
/// How long a lost answer can be asked for again: a client waits half a minute for it, and a laptop may sleep meanwhile.
const GRACE_SECONDS: i64 = 5 * 60;

/// Begins a session of an account.
pub(super) async fn begin(state: &Hub, user: UserId, device: &str) -> Outcome<Tokens> {
    let now = state.clock.now();
    let session = Uuid::now_v7();
    let refresh_token = tokens::refresh_token();
    let mut tx = state.db.begin().await?;
    sql::insert(&mut tx, session, user, device, now).await?;
    sql::insert_token(&mut tx, &state.keys.print(Purpose::Refresh, &refresh_token), session, now).await?;
    tx.commit().await?;
    answer(state, user, session, refresh_token, now).await
}

/// New tokens for a refresh token, which works once.
#[utoipa::path(post, path = paths::REFRESH, tag = "accounts", request_body = Refresh,
    responses((status = 200, body = Tokens), (status = 401, body = wire::Problem)))]
pub(crate) async fn refresh(
    State(state): State<App>,
    ApiJson(Refresh { refresh_token }): ApiJson<Refresh>,
) -> Outcome<ApiJson<Tokens>> {
    let now = state.clock.now();
    let print = state.keys.print(Purpose::Refresh, &refresh_token);
    let successor = state.keys.successor(&refresh_token);
    let successor_print = state.keys.print(Purpose::Refresh, &successor);

    let mut tx = state.db.begin().await?;
    let session = if let Some(session) = sql::spend(&mut tx, &print, now).await? {
        sql::insert_token(&mut tx, &successor_print, session, now).await?;
        session
    } else {
        let (session, spent_at) = sql::token(&mut tx, &print).await?.ok_or_else(over)?;
        let is_fresh =
            spent_at.is_some_and(|at| now < Timestamp::from_micros(at).plus_seconds(GRACE_SECONDS));
        let is_unused = matches!(sql::token(&mut tx, &successor_print).await?, Some((_, None)));
        if !(is_fresh && is_unused) {
            drop(tx);
            tracing::warn!(%session, "a refresh token was used twice: the session is ended");
            end(&state, session).await?;
            return Err(over());
        }
        session
    };
    let (idle_since, made_since) = bounds(now);
    let user = sql::touch(&mut tx, session, idle_since, made_since, now).await?.ok_or_else(over)?;
    tx.commit().await?;
    answer(&state, user, session, successor, now).await.map(ApiJson)
}

/// Ends the session that asks.
#[utoipa::path(post, path = paths::LOGOUT, tag = "accounts", security(("bearer" = [])),
    responses((status = 204), (status = 401, body = wire::Problem)))]
pub(crate) async fn logout(State(state): State<App>, caller: Caller) -> Outcome<StatusCode> {
    end(&state, caller.session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists one's own sessions, newest first.
#[utoipa::path(get, path = paths::SESSIONS, tag = "accounts", security(("bearer" = [])),
    responses((status = 200, body = Sessions), (status = 401, body = wire::Problem)))]
pub(crate) async fn list(State(state): State<App>, caller: Caller) -> Outcome<ApiJson<Sessions>> {
    let (idle_since, made_since) = bounds(state.clock.now());
    let items = sql::list(&state.db, caller.user, caller.session, idle_since, made_since).await?;
    Ok(ApiJson(Sessions { items }))
}

/// Ends one of one's own sessions: its tokens stop working and its sockets close.
#[utoipa::path(delete, path = paths::SESSION, tag = "accounts", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 204), (status = 401, body = wire::Problem), (status = 404, body = wire::Problem)))]
pub(crate) async fn revoke(
    State(state): State<App>,
    caller: Caller,
    ApiPath(session): ApiPath<Uuid>,
) -> Outcome<StatusCode> {
    if !sql::is_of(&state.db, session, caller.user).await? {
        return Err(ApiError::not_found("session"));
    }
    end(&state, session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes sessions and tokens that nobody can use any more.
pub(super) async fn sweep(state: &Hub, now: Timestamp) -> sqlx::Result<()> {
    sql::sweep(&state.db, now.plus_seconds(-IDLE_SECONDS)).await
}

/// Requests are refused from the commit on; the hint only makes open sockets close at once.
async fn end(state: &Hub, session: Uuid) -> sqlx::Result<()> {
    if sql::end(&state.db, session, state.clock.now()).await? {
        let hint = serde_json::to_string(&Hint::SessionEnded { session }).expect("a hint is plain data");
        state.fanout.publish(paths::SUBJECT_HINTS, hint).await;
    }
    Ok(())
}

fn bounds(now: Timestamp) -> (Timestamp, Timestamp) {
    (now.plus_seconds(-IDLE_SECONDS), now.plus_seconds(-LIFE_SECONDS))
}

async fn answer(
    state: &Hub,
    user: UserId,
    session: Uuid,
    refresh_token: String,
    now: Timestamp,
) -> Outcome<Tokens> {
    let account = super::sql::account(&state.db, user).await?.ok_or_else(over)?;
    let access_token = state.keys.issue(user, session, &account.name, account.role(), now)?;
    Ok(Tokens {
        access_token,
        token_type: "Bearer".into(),
        expires_in: access::LIFE.unsigned_abs(),
        refresh_token,
        user: account.me(),
    })
}

fn over() -> ApiError {
    ApiError::new(Code::InvalidRefresh, "the session has ended").hint("sign in again with `mshub auth login`")
}
