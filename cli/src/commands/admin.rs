//! `mshub admin`: for whoever runs the hub.

use clap::Subcommand;
use wire::{JobId, conversions::DeadLetter};

use crate::{error::CliError, global::Global, text::moment};

/// What an admin can look at.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Accounts
    #[command(subcommand)]
    Users(UsersCommand),
    /// Figures of the hub
    Overview,
    /// Conversions that failed after every attempt although no document is at fault
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
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

/// What can be done with conversions that failed after every attempt.
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// List those of everybody, newest first, without the names of their files
    #[command(alias = "ls")]
    List,
    /// Start them again, for their owners
    Replay {
        /// Their ids
        #[arg(required_unless_present = "all", value_name = "ID")]
        ids: Vec<JobId>,
        /// Every one of them, the oldest first
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
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
        AdminCommand::DeadLetters(DeadLettersCommand::List) => dead_letters(global).await,
        AdminCommand::DeadLetters(DeadLettersCommand::Replay { ids, .. }) => replay(global, ids).await,
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

async fn dead(global: &Global) -> Result<Vec<DeadLetter>, CliError> {
    let hub = global.hub()?;
    let mut page = hub.dead_letters(None).await?;
    let mut letters = page.items;
    while page.next.is_some() {
        page = hub.dead_letters(page.next).await?;
        letters.append(&mut page.items);
    }
    Ok(letters)
}

async fn dead_letters(global: &Global) -> Result<(), CliError> {
    global.out.list(
        &dead(global).await?,
        &["FROM", "TO", "SINCE", "TRIES", "ERROR", "ID"],
        |letter| letter.id.to_string(),
        |letter| {
            let DeadLetter { id, from, to, attempts, error, at, .. } = letter;
            vec![
                from.clone(),
                to.clone(),
                moment(*at),
                attempts.to_string(),
                error.detail.clone(),
                id.to_string(),
            ]
        },
    )
}

/// Starts these again, or all when none is named. One that cannot be is said, and the others are started.
async fn replay(global: &Global, mut ids: Vec<JobId>) -> Result<(), CliError> {
    let hub = global.hub()?;
    if ids.is_empty() {
        ids = dead(global).await?.iter().rev().map(|letter| letter.id).collect();
    }
    let mut refused = None;
    for id in ids {
        match hub.replay_dead_letter(id).await {
            Ok(letter) => global.out.result(&letter, id, || format!("{id} is started again"))?,
            Err(error) => {
                global.out.warn(format!("{id} is not started again: {error}"))?;
                refused = Some(error);
            }
        }
    }
    refused.map_or(Ok(()), |error| Err(error.into()))
}

async fn mail(global: &Global, to: Option<String>) -> Result<(), CliError> {
    let mails = global.hub()?.kept_mail(to.as_deref().unwrap_or_default()).await?;
    let action =
        |mail: &wire::accounts::KeptMail| mail.link.clone().or(mail.code.clone()).unwrap_or_default();
    global.out.list(&mails, &["WHEN", "TO", "SUBJECT", "LINK"], action, |mail| {
        vec![moment(mail.at), mail.to.clone(), mail.subject.clone(), action(mail)]
    })
}
