//! Accounts: signing up, proving an address, signing in and out, profiles.
//!
//! Answers never say whether an address has an account: sign-up and resend answer the same for every address, and
//! sign-in answers the same for an unknown address and a wrong password, after the same work.

mod access;
mod caller;
pub(crate) mod info;
pub(crate) mod keys;
mod letters;
pub(crate) mod login;
pub(crate) mod mail;
mod origin;
mod passwords;
pub(crate) mod photo;
pub(crate) mod profile;
mod rules;
pub(crate) mod sessions;
pub(crate) mod signup;
mod sql;
mod throttle;
mod tokens;
pub(crate) mod verify;

use platform::{db::Db, service::Outcome};
use wire::{Timestamp, UserId, accounts::AdminUser};

pub(crate) use caller::{AdminCaller, Caller, authenticate};
pub(crate) use keys::Keys;
pub use mail::shows_kept_mail;
pub use origin::TrustedProxy;

use crate::state::State;

/// A sign-up that nobody verified is forgotten after this.
const SIGNUP_SECONDS: i64 = 7 * 24 * 3600;

/// What stands between strangers and expensive work. In memory: a restart forgets who was too fast.
pub(crate) struct Guards {
    hasher: passwords::Hasher,
    logins: throttle::Failures,
    guesses: throttle::Failures,
    letters: throttle::Quota,
    strangers: throttle::Quota,
    inquiries: throttle::Quota,
}

impl Guards {
    /// Fresh guards for one gateway.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            hasher: passwords::Hasher::new()?,
            logins: throttle::Failures::allowing(5),
            guesses: throttle::Failures::allowing(10),
            letters: throttle::Quota::new(5, std::time::Duration::from_secs(12 * 60)),
            strangers: throttle::Quota::new(30, std::time::Duration::from_secs(60)),
            inquiries: throttle::Quota::new(20, std::time::Duration::from_secs(3 * 60)),
        })
    }
}

/// What an account is called.
pub(crate) async fn name_of(db: &Db, user: UserId) -> sqlx::Result<Option<String>> {
    Ok(sql::account(db, user).await?.map(|account| account.name))
}

/// Whether somebody's files may go to services of somebody else. Of whom nobody knows, no.
pub(crate) async fn allows_third_party(db: &Db, user: UserId) -> sqlx::Result<bool> {
    Ok(sql::account(db, user).await?.is_some_and(|account| account.allow_third_party))
}

/// The account of an address, and what it is called.
pub(crate) async fn find_by_email(db: &Db, email: &str) -> sqlx::Result<Option<(UserId, String)>> {
    let found = sql::account_of(db, &rules::normal_email(email)).await?;
    Ok(found.map(|account| (UserId(account.id), account.name)))
}

/// Counts a question of somebody signed in whose answer shows whether a stranger has an account: a handful is writing
/// to colleagues, a list of addresses is not.
pub(crate) fn asks_after_a_stranger(state: &State, user: UserId) -> Outcome<()> {
    state.guards.inquiries.take(&user.to_string())
}

/// Writes another verification mail, if there is anything to verify.
pub(crate) async fn resend(state: &State, email: &str) -> sqlx::Result<()> {
    verify::send_again(state, email).await
}

/// Every account and every sign-up that waits, newest first; at most ten thousand.
pub(crate) async fn everybody(db: &Db) -> sqlx::Result<Vec<AdminUser>> {
    sql::everybody(db, 10_000).await
}

/// How many of both there are.
pub(crate) async fn count(db: &Db) -> sqlx::Result<u64> {
    sql::count(db).await
}

/// Removes what nobody will ask for again.
pub(crate) async fn sweep(state: &State, now: Timestamp) -> sqlx::Result<()> {
    sql::sweep_signups(&state.db, now.plus_seconds(-SIGNUP_SECONDS)).await?;
    sessions::sweep(state, now).await
}
