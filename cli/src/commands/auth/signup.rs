//! `mshub auth signup`.

use std::time::Duration;

use clap::Args;
use client::Hub;
use serde::Serialize;
use wire::{
    Timestamp,
    accounts::{KeptMail, Login, MailRoute, NewUser, SignUp},
};

use super::login::{device, sign_in};
use crate::{error::CliError, global::Global, text};

/// A hub that keeps its mail keeps it within this time.
const MAIL_PATIENCE: Duration = Duration::from_secs(10);

/// Make an account
#[derive(Debug, Args)]
#[command(
    after_help = "The hub sends a mail to verify the address. A hub without SMTP keeps it, and on its own machine
this command finds it there.

Examples:
  mshub auth signup --email ann@example.org
  mshub auth signup --email ann@example.org --name Ann --password-file secret.txt --json"
)]
pub struct SignupArgs {
    /// Where the mail goes; also the name to sign in with
    #[arg(long)]
    pub email: Option<String>,
    /// What others see
    #[arg(long)]
    pub name: Option<String>,
    /// A file with the password in its first line, - for standard input
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<String>,
}

#[derive(Serialize)]
struct SignedUp<'a> {
    user: &'a NewUser,
    /// Absent where the mail went out over SMTP, or is not for us to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<Option<Verification>>,
}

#[derive(Serialize)]
struct Verification {
    link: Option<String>,
    code: Option<String>,
}

/// Signs up, and verifies at once where a person at the terminal wants that and the mail is here.
pub(super) async fn run(args: SignupArgs, global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    let email = global.prompt.text(args.email, "E-mail:", "--email").await?;
    let name = global.prompt.text(args.name, "Name:", "--name").await?;
    let password = global
        .prompt
        .new_secret(args.password_file.as_deref(), "Password (10 characters or more)", "--password-file")
        .await?;

    let since = text::now();
    let signed_up = hub.sign_up(&SignUp { email, name, password: password.clone() }).await?;
    let user = &signed_up.user;
    let mail = match signed_up.mail {
        MailRoute::Sent => None,
        MailRoute::Kept => kept_mail(&hub, &user.email, since).await?,
    };
    let verification = mail.as_ref().map(|mail| mail.as_ref().and_then(verification));
    let answer = SignedUp { user, verification };
    if global.out.is_json() {
        return global.out.json(&answer);
    }

    global.out.result(&answer, user.id, || {
        format!("{} has an account that waits for verification, unless there was one already", user.email)
    })?;
    match answer.verification.as_ref() {
        None if signed_up.mail == MailRoute::Kept => global.out.note(
            "the hub keeps its mail and does not show it to you: whoever runs it finds the link with your address",
        ),
        None => global.out.note(format!("a mail with a link is on its way to {}", user.email)),
        Some(None) => global.out.note("the hub kept a mail about this: mshub admin mail list"),
        Some(Some(found)) => offer(global, &hub, found, &signed_up.user.email, password).await,
    }
}

/// The mail about this sign-up: absent where it is not for us to read, `Some(None)` where none came.
async fn kept_mail(hub: &Hub, email: &str, since: Timestamp) -> Result<Option<Option<KeptMail>>, CliError> {
    match hub.wait_for_kept_mail(email, since, MAIL_PATIENCE).await {
        Ok(mail) => Ok(Some(Some(mail))),
        Err(client::Error::Pending { .. }) => Ok(Some(None)),
        // The hub is on another machine, or was told not to show mail.
        Err(client::Error::Problem(problem)) if matches!(problem.status, 401 | 403 | 404) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What verifies the address; a mail to somebody who has an account already holds nothing of that kind.
fn verification(mail: &KeptMail) -> Option<Verification> {
    let Verification { link, code } = Verification { link: mail.link.clone(), code: mail.code.clone() };
    (link.is_some() || code.is_some()).then_some(Verification { link, code })
}

async fn offer(
    global: &Global,
    hub: &Hub,
    found: &Verification,
    email: &str,
    password: String,
) -> Result<(), CliError> {
    let Some(token) = found.code.as_ref().or(found.link.as_ref()) else { return Ok(()) };
    global.out.note("this hub has no SMTP and kept the verification mail")?;
    if !global.prompt.is_possible() {
        return global.out.note(format!("verify with: mshub auth verify '{token}'"));
    }
    if !global.prompt.agree("Verify now?").await? {
        return global.out.note(format!("later: mshub auth verify '{token}'"));
    }
    let link = found.link.as_ref().unwrap_or(token);
    hub.verify(link).await?;
    sign_in(global, hub, &Login { email: email.to_owned(), password, device: Some(device()) }).await
}
