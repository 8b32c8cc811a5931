//! Signing up: a row that waits for its own link or code, and the mail with both, in one transaction.
//!
//! There is no account before an address is proven. Every sign-up waits for itself: whose link is used, that one's
//! name and password become the account's, and the others of that address are dropped. So nobody can change what a
//! stranger's link will open, and an address that has an account gets a letter that opens nothing.

use axum::{extract::State, http::StatusCode};
use platform::{
    db::Transaction,
    mail::Mail,
    service::{ApiJson, Outcome},
};
use wire::{
    Timestamp, UserId,
    accounts::{NewUser, SignUp, SignedUp},
    paths,
};

use super::{
    letters,
    origin::Origin,
    rules::{self, Broken},
    sql::{self, Prints, SignUpRow},
    tokens::{self, Purpose},
};
use crate::{
    state::{App, State as Hub},
    tasks::{self, Task},
};

const LINK_SECONDS: i64 = 24 * 3600;
const CODE_SECONDS: i64 = 30 * 60;

/// Asks for an account. The answer is the same whether or not the address has one; the mail is not.
#[utoipa::path(post, path = paths::SIGNUP, tag = "accounts", request_body = SignUp,
    responses((status = 202, body = SignedUp), (status = 422, body = wire::Problem), (status = 429, body = wire::Problem)))]
pub(crate) async fn sign_up(
    State(state): State<App>,
    origin: Origin,
    ApiJson(asked): ApiJson<SignUp>,
) -> Outcome<(StatusCode, ApiJson<SignedUp>)> {
    let mut broken = Broken::default();
    let email = broken.note("/email", rules::email(&asked.email));
    let name = broken.note("/name", rules::name(&asked.name));
    broken.note("/password", rules::password(&asked.password));
    broken.refuse()?;
    admit(&state, &origin, &email)?;

    // Hashed for an address that has an account, too: the time must not tell.
    let password = state.guards.hasher.hash(asked.password, vec![email.clone(), name.clone()]).await?;
    let row = SignUpRow { id: UserId::new().0, email, name, password };
    write(&state, &row).await?;
    let SignUpRow { id, email, name, .. } = row;
    let user = NewUser { id: UserId(id), email, name };
    Ok((StatusCode::ACCEPTED, ApiJson(SignedUp { user, mail: state.mail.route() })))
}

/// Counts a mail to an address, and a stranger's request. The hub's own machine is not counted as a stranger: behind
/// a proxy everybody would be the same one, and the proxy knows who is who.
pub(super) fn admit(state: &Hub, origin: &Origin, email: &str) -> Outcome<()> {
    if !origin.is_local {
        state.guards.strangers.take(&origin.place)?;
    }
    state.guards.letters.take(email)
}

async fn write(state: &Hub, row: &SignUpRow) -> sqlx::Result<()> {
    let now = state.clock.now();
    let has_account = sql::account_of(&state.db, &row.email).await?.is_some();
    let has_rival = sql::count_signups(&state.db, &row.email).await? > 0;

    let mut tx = state.db.begin().await?;
    let mail = if has_account {
        letters::already_there(&state.keys.links, &row.email)
    } else {
        let (prints, mail) = invitation(state, row, has_rival, now);
        sql::insert_signup(&mut tx, row, &prints, now).await?;
        mail
    };
    post(state, tx, mail, now).await
}

/// A fresh link and code for a sign-up: what is kept of them, and the mail that carries them.
pub(super) fn invitation(state: &Hub, row: &SignUpRow, has_rival: bool, now: Timestamp) -> (Prints, Mail) {
    let (token, code) = (tokens::link_token(), tokens::code());
    let prints = Prints {
        link: state.keys.print(Purpose::Link, &token),
        link_until: now.plus_seconds(LINK_SECONDS),
        code: state.keys.print(Purpose::Code, &code),
        code_until: now.plus_seconds(CODE_SECONDS),
    };
    let mail = letters::verification(&state.keys.links, &row.email, &row.name, &token, &code, has_rival);
    (prints, mail)
}

/// Commits a change together with the mail that it causes.
pub(super) async fn post(state: &Hub, mut tx: Transaction, mail: Mail, now: Timestamp) -> sqlx::Result<()> {
    tasks::enqueue(&mut tx, &Task::SendMail { mail }, now).await?;
    tx.commit().await?;
    tasks::wake(state);
    Ok(())
}
