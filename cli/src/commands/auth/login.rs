//! `mshub auth login`, `logout`, `status` and `token`.

use clap::Args;
use client::{Hub, Storage};
use serde::Serialize;
use serde_json::json;
use wire::{
    Timestamp,
    accounts::{Login, Me},
};

use crate::{
    error::CliError,
    global::{Global, address},
    text,
};

/// Sign in, and keep the session in the system's keyring or in a file that only you can read
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub auth login
  mshub auth login --email ann@example.org --password-file - < secret.txt

In a script that gets a token from elsewhere, set MSHUB_TOKEN instead.")]
pub struct LoginArgs {
    /// Your address
    #[arg(long)]
    pub email: Option<String>,
    /// A file with the password in its first line, - for standard input
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<String>,
    /// What this session is called in `mshub auth sessions`
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
}

/// Signs in.
pub(super) async fn run(args: LoginArgs, global: &Global) -> Result<(), CliError> {
    if global.has_given_token() {
        return Err(CliError::usage("MSHUB_TOKEN is set and would be used instead of the new session")
            .hint("unset MSHUB_TOKEN first"));
    }
    let hub = global.hub()?;
    let email = global.prompt.text(args.email, "E-mail:", "--email").await?;
    let password = global.prompt.secret(args.password_file.as_deref(), "Password", "--password-file").await?;
    sign_in(global, &hub, &Login { email, password, device: Some(args.device.unwrap_or_else(device)) }).await
}

/// Signs in, and says where the session is.
pub(super) async fn sign_in(global: &Global, hub: &Hub, login: &Login) -> Result<(), CliError> {
    let me = hub.login(login).await?;
    if let Some(warning) = hub.take_warning() {
        global.out.warn(warning)?;
    }
    let kept = hub.signed_in().await.map(|session| place(&session.storage)).unwrap_or_default();
    global.out.result(&me, me.id, || {
        format!("signed in as {} <{}> on {} ({kept})", me.name, me.email, address(hub.server()))
    })
}

/// What this machine calls its sessions.
pub(in crate::commands) fn device() -> String {
    let machine = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    match machine.trim() {
        "" => "mshub".to_owned(),
        machine => format!("mshub on {machine}"),
    }
}

/// Signs out. Nobody being signed in is no failure.
pub(super) async fn logout(global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    let was_signed_in = hub.signed_in().await.is_some();
    let told = hub.logout().await;
    let answer = json!({"server": address(hub.server()), "signed_out": was_signed_in});
    match told {
        Ok(()) if was_signed_in => global.out.result(&answer, "", || "signed out".to_owned()),
        Ok(()) => global.out.result(&answer, "", || "nobody was signed in".to_owned()),
        Err(error) => Err(CliError::from(error).hint(
            "the session is forgotten here, but the hub could not be told: end it with `mshub auth sessions` later",
        )),
    }
}

#[derive(Serialize)]
struct Status {
    server: String,
    signed_in: bool,
    user: Me,
    storage: Storage,
    expires_at: Option<Timestamp>,
}

/// Shows the session, after asking the hub whether it is still good.
pub(super) async fn status(global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    let user = hub.me().await?;
    let session = hub.signed_in().await.ok_or(client::Error::SignedOut)?;
    let server = address(hub.server()).to_owned();
    let status =
        Status { server, signed_in: true, user, storage: session.storage, expires_at: session.expires_at };
    global.out.result(&status, status.user.id, || {
        let expires = match status.expires_at {
            Some(at) => format!("renewed by itself, next before {}", text::moment(at)),
            None => "as it was handed in".to_owned(),
        };
        format!(
            "signed in as {} <{}> on {}\nsession  {}\ntoken    {expires}",
            status.user.name,
            status.user.email,
            status.server,
            place(&status.storage)
        )
    })
}

/// Prints an access token.
pub(super) async fn token(global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    let token = hub.access_token().await?;
    let expires_at = hub.signed_in().await.and_then(|session| session.expires_at);
    global.out.result(&json!({"token": token, "expires_at": expires_at}), &token, || token.clone())
}

fn place(storage: &Storage) -> String {
    match storage {
        Storage::Memory => "kept in this process only".to_owned(),
        Storage::Keyring => "kept in the system's keyring".to_owned(),
        Storage::File(path) => format!("kept in {}", path.display()),
        Storage::Given => "the token is from MSHUB_TOKEN".to_owned(),
    }
}
