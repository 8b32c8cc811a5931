//! `mshub admin`: for whoever runs the hub.

use clap::Subcommand;

use crate::{error::CliError, global::Global, text::moment};

/// What an admin can look at.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Accounts
    #[command(subcommand)]
    Users(UsersCommand),
    /// Figures of the hub
    Overview,
    /// Mail that a hub without SMTP has kept; readable on its own machine
    #[command(subcommand)]
    Mail(MailCommand),
}

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// List all accounts, newest first
    #[command(alias = "ls")]
    List,
}

/// What can be done with kept mail.
#[derive(Debug, Subcommand)]
pub enum MailCommand {
    /// List kept mail, newest first
    #[command(alias = "ls")]
    List {
        /// Only mail to this address
        #[arg(long, value_name = "EMAIL")]
        to: Option<String>,
    },
}

/// Does it.
pub async fn run(command: AdminCommand, global: &Global) -> Result<(), CliError> {
    match command {
        AdminCommand::Users(UsersCommand::List) => users(global).await,
        AdminCommand::Overview => overview(global).await,
        AdminCommand::Mail(MailCommand::List { to }) => mail(global, to).await,
    }
}

async fn users(global: &Global) -> Result<(), CliError> {
    let users = global.hub()?.admin_users().await?;
    global.out.list(
        &users,
        &["EMAIL", "NAME", "ROLE", "VERIFIED", "SINCE"],
        |user| user.id.to_string(),
        |user| {
            let role = format!("{:?}", user.role).to_lowercase();
            let verified = if user.verified { "yes" } else { "no" };
            vec![user.email.clone(), user.name.clone(), role, verified.to_owned(), moment(user.created_at)]
        },
    )
}

async fn overview(global: &Global) -> Result<(), CliError> {
    let figures = global.hub()?.overview().await?;
    global.out.result(&figures, &figures.version, || {
        format!(
            "version   {}\naccounts  {}\nrooms     {}\nsockets   {}\nlog head  {}",
            figures.version, figures.users, figures.rooms, figures.sockets, figures.log_head
        )
    })
}

async fn mail(global: &Global, to: Option<String>) -> Result<(), CliError> {
    let mails = global.hub()?.kept_mail(to.as_deref().unwrap_or_default()).await?;
    let action =
        |mail: &wire::accounts::KeptMail| mail.link.clone().or(mail.code.clone()).unwrap_or_default();
    global.out.list(&mails, &["WHEN", "TO", "SUBJECT", "LINK"], action, |mail| {
        vec![moment(mail.at), mail.to.clone(), mail.subject.clone(), action(mail)]
    })
}
