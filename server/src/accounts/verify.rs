//! Proving an address: the link's token or the short code makes the account. Looking at the link's page does not:
//! mail scanners open links before people do.

use axum::{
    extract::{Form, FromRequest as _, Query, Request, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse},
};
use platform::service::{ApiError, ApiJson, Outcome, in_time};
use serde::Deserialize;
use wire::{
    Code, Timestamp, UserId,
    accounts::{Me, Resend, Role, Verify},
    paths,
};

use super::{
    letters,
    origin::Origin,
    rules, signup,
    sql::{self, SignUpRow},
    tokens::{self, Purpose},
};
use crate::{
    state::{App, State as Hub},
    tasks::{self, Task},
    web::html,
};

/// Makes the account of a sign-up: with the token of its link, or the short code of the same mail.
#[utoipa::path(post, path = paths::VERIFY, tag = "accounts", request_body = Verify,
    responses((status = 200, body = Me), (status = 422, body = wire::Problem), (status = 429, body = wire::Problem)))]
pub(crate) async fn verify(
    State(state): State<App>,
    origin: Origin,
    ApiJson(Verify { token }): ApiJson<Verify>,
) -> Outcome<ApiJson<Me>> {
    redeem(&state, &origin, &token).await.map(ApiJson)
}

/// Asks for another mail with a fresh link and code. The answer is the same for every address.
#[utoipa::path(post, path = paths::RESEND, tag = "accounts", request_body = Resend,
    responses((status = 202), (status = 422, body = wire::Problem), (status = 429, body = wire::Problem)))]
pub(crate) async fn resend(
    State(state): State<App>,
    origin: Origin,
    ApiJson(Resend { email }): ApiJson<Resend>,
) -> Outcome<StatusCode> {
    let mut broken = rules::Broken::default();
    let email = broken.note("/email", rules::email(&email));
    broken.refuse()?;
    signup::admit(&state, &origin, &email)?;

    // Looked up later and by the runner: here the time would tell which addresses are known.
    let mut tx = state.db.begin().await?;
    tasks::enqueue(&mut tx, &Task::Resend { email }, state.clock.now()).await?;
    tx.commit().await?;
    tasks::wake(&state);
    Ok(StatusCode::ACCEPTED)
}

/// Writes another mail to an address: a fresh link and code for its newest sign-up, or that it has an account.
pub(super) async fn send_again(state: &Hub, email: &str) -> sqlx::Result<()> {
    let now = state.clock.now();
    if sql::account_of(&state.db, email).await?.is_some() {
        let tx = state.db.begin().await?;
        return signup::post(state, tx, letters::already_there(&state.keys.links, email), now).await;
    }
    let Some(row) = sql::newest_signup(&state.db, email).await? else { return Ok(()) };
    let has_rival = sql::count_signups(&state.db, email).await? > 1;
    let (prints, mail) = signup::invitation(state, &row, has_rival, now);
    let mut tx = state.db.begin().await?;
    sql::renew_signup(&mut tx, row.id, &prints).await?;
    signup::post(state, tx, mail, now).await
}

async fn redeem(state: &Hub, origin: &Origin, token: &str) -> Outcome<Me> {
    let now = state.clock.now();
    let code = tokens::normal_code(token);
    // Only a code can be guessed. A link is never held back, so that nobody who guesses keeps others out for good.
    let attempt = code.as_ref().map(|_| state.guards.guesses.admit(origin.place.clone(), now)).transpose()?;
    let made = make(state, code.as_deref(), token, now).await;
    match (attempt, &made) {
        (Some(attempt), Ok(_)) => attempt.succeeded(),
        (Some(attempt), Err(failure)) if failure.problem().known() != Some(Code::InvalidVerification) => {
            attempt.void();
        }
        // A wrong guess: dropped, it counts.
        _ => {}
    }
    let user = made?;
    tracing::info!(%user, "an account was made");
    let account = sql::account(&state.db, user).await?.ok_or_else(|| ApiError::not_found("account"))?;
    Ok(account.me())
}

/// Makes the account of a code, or else of a link's token.
async fn make(state: &Hub, code: Option<&str>, token: &str, now: Timestamp) -> Outcome<UserId> {
    let mut tx = state.db.begin().await?;
    let taken = match code {
        Some(code) => sql::take_by_code(&mut tx, &state.keys.print(Purpose::Code, code), now).await?,
        None => sql::take_by_link(&mut tx, &state.keys.print(Purpose::Link, token.trim()), now).await?,
    };
    let row = taken.ok_or_else(does_not_work)?;

    let is_first = sql::reach_milestone(&mut tx, "first account", now).await?;
    if !sql::insert_user(&mut tx, &row, role(state, &row, is_first), now).await? {
        // Another sign-up of the same address was verified at this very moment.
        return Err(does_not_work());
    }
    sql::drop_signups(&mut tx, &row.email).await?;
    tx.commit().await?;
    Ok(UserId(row.id))
}

fn role(state: &Hub, row: &SignUpRow, is_first: bool) -> Role {
    let is_admin = match &state.config.admin_email {
        Some(email) => rules::normal_email(email) == row.email,
        None => is_first,
    };
    if is_admin { Role::Admin } else { Role::User }
}

fn does_not_work() -> ApiError {
    ApiError::new(Code::InvalidVerification, "the link or code is unknown, used, or has expired")
        .hint("ask for a new mail with `mshub auth resend EMAIL`, then use the newest one")
}

/// What a mailed link and the page's form carry.
#[derive(Deserialize)]
pub(crate) struct Token {
    #[serde(default)]
    token: String,
}

/// The page that a mailed link opens: a button, and nothing happens before it is pressed.
pub(crate) async fn page(Query(Token { token }): Query<Token>) -> impl IntoResponse {
    let action = paths::VERIFY_PAGE;
    let body = format!(
        "<h1>Confirm your e-mail address</h1>\
         <p>Press the button if you signed up here yourself.</p>\
         <form method=\"post\" action=\"{action}\">\
         <input type=\"hidden\" name=\"token\" value=\"{}\">\
         <button type=\"submit\">Confirm</button></form>",
        html::escaped(&token)
    );
    private(StatusCode::OK, html::page("Confirm your e-mail address", &body))
}

/// What the button does.
pub(crate) async fn submit(State(state): State<App>, origin: Origin, request: Request) -> impl IntoResponse {
    let outcome = match in_time(Form::from_request(request, &())).await {
        Ok(Ok(Form(Token { token }))) => redeem(&state, &origin, &token).await,
        Ok(Err(_)) => Err(does_not_work()),
        Err(late) => Err(late),
    };
    match outcome {
        Ok(me) => {
            let body = format!(
                "<h1>Welcome, {}</h1><p>Your address is confirmed. Sign in with your e-mail address and password.</p>\
                 <p><a href=\"/\">Go to the hub</a></p>",
                html::escaped(&me.name)
            );
            private(StatusCode::OK, html::page("Welcome", &body))
        }
        Err(error) => {
            let problem = error.problem();
            let body = format!(
                "<h1>That did not work</h1><p>{}</p>\
                 <p><a href=\"/\">Open the hub</a> and sign in there: it offers a new mail, and takes its code. On a \
                 terminal, {}.</p>",
                html::escaped(&problem.detail),
                html::escaped(problem.hint.as_deref().unwrap_or("see `mshub auth --help`"))
            );
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            private(status, html::page("That did not work", &body))
        }
    }
}

/// The address of this page holds the token: it is not stored, and not told to where its links lead.
fn private(status: StatusCode, page: String) -> impl IntoResponse {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, html::policy()),
    ];
    (status, headers, Html(page))
}
