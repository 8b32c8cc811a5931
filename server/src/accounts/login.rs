//! Signing in: throttled before any hashing, and the same work and words for an unknown address and a wrong password.

use axum::extract::State;
use platform::service::{ApiError, ApiJson, Outcome};
use wire::{
    Code, UserId,
    accounts::{Login, Tokens},
    paths,
};

use super::{origin::Origin, rules, sessions, sql};
use crate::state::{App, State as Hub};

/// Nobody has a longer password: what is longer is not even hashed, which tells only what the caller knows.
const LONGEST_PASSWORD: usize = 1024;

/// Begins a session.
#[utoipa::path(post, path = paths::LOGIN, tag = "accounts", request_body = Login,
    responses((status = 200, body = Tokens), (status = 401, body = wire::Problem), (status = 403, body = wire::Problem),
        (status = 429, body = wire::Problem)))]
pub(crate) async fn login(
    State(state): State<App>,
    origin: Origin,
    ApiJson(Login { email, password, device }): ApiJson<Login>,
) -> Outcome<ApiJson<Tokens>> {
    let email = rules::normal_email(&email);
    if email.len() > LONGEST_PASSWORD || password.len() > LONGEST_PASSWORD {
        return Err(wrong());
    }
    let attempt = state.guards.logins.admit(format!("{email} {}", origin.place), state.clock.now())?;
    match check(&state, &email, password).await {
        Ok(Checked::Right(user)) => {
            attempt.succeeded();
            sessions::begin(&state, user, &rules::device(device.as_deref())).await.map(ApiJson)
        }
        Ok(Checked::Unverified) => {
            attempt.succeeded();
            Err(ApiError::new(Code::Unverified, "the e-mail address is not verified yet").hint(format!(
                "follow the link in the mail, or ask for a new one with `mshub auth resend {email}`"
            )))
        }
        Ok(Checked::Wrong) => Err(wrong()),
        Err(failure) => {
            attempt.void();
            Err(failure)
        }
    }
}

enum Checked {
    Right(UserId),
    Unverified,
    Wrong,
}

/// One hash in every case: the account's, else that of the newest sign-up that waits, else one of nobody.
async fn check(state: &Hub, email: &str, password: String) -> Outcome<Checked> {
    let account = sql::account_of(&state.db, email).await?;
    let waiting = sql::newest_signup(&state.db, email).await?;
    let (found, hash) = match (account, waiting) {
        (Some(account), _) => (Checked::Right(UserId(account.id)), Some(account.password)),
        (None, Some(waiting)) => (Checked::Unverified, Some(waiting.password)),
        (None, None) => (Checked::Wrong, None),
    };
    let is_right = state.guards.hasher.matches(password, hash).await?;
    Ok(if is_right { found } else { Checked::Wrong })
}

fn wrong() -> ApiError {
    ApiError::new(Code::WrongCredentials, "the e-mail address or the password is wrong")
}
