//! `mshub auth`: accounts and sessions.

mod login;
mod sessions;
mod signup;
mod verify;

use clap::Subcommand;

use crate::{error::CliError, global::Global};

pub use login::LoginArgs;
pub(super) use login::device;
pub use sessions::SessionsCommand;
pub use signup::SignupArgs;
pub use verify::{ResendArgs, VerifyArgs};

/// What can be done with accounts and sessions. Commands without a sentence here have it at their arguments.
#[derive(Debug, Subcommand)]
pub enum AuthCommand {
    Signup(SignupArgs),
    Verify(VerifyArgs),
    Resend(ResendArgs),
    Login(LoginArgs),
    /// Sign out, here and on the hub
    Logout,
    /// Show who is signed in, and where the session is kept
    Status,
    /// Print an access token for the HTTP API; it lives for minutes
    #[command(after_help = "Example:
  curl -H \"Authorization: Bearer $(mshub auth token)\" http://127.0.0.1:8000/api/v1/me")]
    Token,
    /// List or end the sessions of your account
    Sessions {
        /// What to do with them; they are listed when nothing is said
        #[command(subcommand)]
        command: Option<SessionsCommand>,
    },
}

/// Does it.
pub async fn run(command: AuthCommand, global: &Global) -> Result<(), CliError> {
    match command {
        AuthCommand::Signup(args) => signup::run(args, global).await,
        AuthCommand::Verify(args) => verify::run(args, global).await,
        AuthCommand::Resend(args) => verify::resend(args, global).await,
        AuthCommand::Login(args) => login::run(args, global).await,
        AuthCommand::Logout => login::logout(global).await,
        AuthCommand::Status => login::status(global).await,
        AuthCommand::Token => login::token(global).await,
        AuthCommand::Sessions { command } => sessions::run(command, global).await,
    }
}
