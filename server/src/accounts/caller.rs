//! Who calls: a live session behind a good access token, looked up at every request.
//!
//! The look-up is one indexed read (tens of microseconds on SQLite), so ending a session needs no cache to be told.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use platform::service::{ApiError, Outcome};
use uuid::Uuid;
use wire::{Code, Timestamp, UserId, accounts::Role};

use super::sessions;
use crate::state::{App, State};

/// The signed-in person who makes a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The account.
    pub(crate) user: UserId,
    /// The session that the access token is of.
    pub(crate) session: Uuid,
    /// What others see, as it is now.
    pub(crate) name: String,
    /// User or admin, as it is now.
    pub(crate) role: Role,
    /// Whether their files may go to services of somebody else, as it is now.
    pub(crate) allows_third_party: bool,
    /// When the access token expires.
    pub(crate) expires_at: Timestamp,
}

/// A caller who is an admin.
#[derive(Clone, Debug)]
pub(crate) struct AdminCaller(pub(crate) Caller);

/// Who an access token is of. Refused when it is not ours, has expired, or its session has ended.
pub(crate) async fn authenticate(state: &State, token: &str) -> Outcome<Caller> {
    let claims = state.keys.check(token, state.clock.now())?;
    let Some(account) = sessions::session_account(&state.db, claims.sid).await? else {
        return Err(ApiError::new(Code::Unauthenticated, "the session has ended")
            .hint("sign in again with `mshub auth login`"));
    };
    // Name and role are those of the account: what the token says of them may be ten minutes old.
    Ok(Caller {
        user: account.id,
        session: claims.sid,
        name: account.name,
        role: account.role,
        allows_third_party: account.allows_third_party,
        expires_at: claims.expires_at(),
    })
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &App) -> Outcome<Self> {
        let token = bearer(&parts.headers).ok_or_else(|| {
            ApiError::new(Code::Unauthenticated, "the request carries no access token")
                .hint("sign in with `mshub auth login` and send `Authorization: Bearer TOKEN`")
        })?;
        authenticate(state, token).await
    }
}

impl FromRequestParts<App> for AdminCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &App) -> Outcome<Self> {
        let caller = Caller::from_request_parts(parts, state).await?;
        match caller.role {
            Role::Admin => Ok(Self(caller)),
            Role::User => Err(ApiError::new(Code::Forbidden, "only admins of this hub may do this")),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_has_no_case_and_other_schemes_are_no_token() {
        let headers = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            headers
        };

        assert_eq!(bearer(&headers("Bearer abc")), Some("abc"));
        assert_eq!(bearer(&headers("bearer  abc")), Some("abc"));
        assert_eq!(bearer(&headers("Basic abc")), None);
        assert_eq!(bearer(&headers("abc")), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
