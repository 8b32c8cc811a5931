//! One file for each noun, or one folder; each says what it takes and does it.

pub mod admin;
pub mod api;
pub mod auth;
pub mod batch;
pub mod card;
pub mod chat;
pub mod completions;
pub mod context;
pub mod convert;
pub mod doctor;
pub mod explain;
pub mod file;
pub mod formats;
pub mod job;
pub mod man;
#[cfg(feature = "up")]
pub mod migrate;
pub mod pdf;
pub mod profile;
pub mod room;
pub mod status;
pub mod tui;
#[cfg(feature = "up")]
pub mod up;
pub mod version;

use std::future::ready;

use clap::Subcommand;
use futures_util::future::LocalBoxFuture;

use crate::{error::CliError, global::Global};

/// Every command. Those without a sentence here have it at their arguments.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[cfg(feature = "up")]
    Up(Box<up::UpArgs>),
    #[cfg(feature = "up")]
    Migrate(Box<migrate::MigrateArgs>),
    Tui(tui::TuiArgs),
    /// Sign up, sign in, and look after sessions
    #[command(subcommand)]
    Auth(auth::AuthCommand),
    /// Show and change your profile and photo
    #[command(subcommand)]
    Profile(profile::ProfileCommand),
    /// Make, find, join and leave rooms
    #[command(subcommand)]
    Room(room::RoomCommand),
    /// Say something, read history, follow a room
    #[command(subcommand)]
    Chat(chat::ChatCommand),
    Convert(Box<convert::ConvertArgs>),
    /// Merge, split and turn PDFs
    #[command(subcommand)]
    Pdf(pdf::PdfCommand),
    /// Look after conversions
    #[command(subcommand)]
    Job(job::JobCommand),
    /// Look after conversions that are one thing
    #[command(subcommand)]
    Batch(batch::BatchCommand),
    /// Fetch files of rooms
    #[command(subcommand)]
    File(file::FileCommand),
    Formats(formats::FormatsArgs),
    Api(api::ApiArgs),
    /// Save the addresses of hubs under names
    #[command(subcommand)]
    Context(context::ContextCommand),
    /// For whoever runs the hub
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Show the hub, and who is signed in
    Status,
    /// Look for what is wrong, and say what to do about it
    Doctor,
    Explain(explain::ExplainArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    /// Print the version
    Version,
}

impl Command {
    /// Whether the command keeps the time limit by itself, because it has more to say about what is not done.
    pub fn minds_the_time(&self) -> bool {
        match self {
            Self::Convert(_) | Self::Pdf(_) | Self::Job(_) | Self::Batch(_) => true,
            // Half of it is no use to anybody.
            #[cfg(feature = "up")]
            Self::Migrate(_) => true,
            Self::Chat(command) => command.minds_the_time(),
            _ => false,
        }
    }

    /// Whether the person stays inside until they leave by themselves.
    pub fn is_a_place_to_stay(&self) -> bool {
        match self {
            #[cfg(feature = "up")]
            Self::Up(_) => true,
            Self::Tui(_) => true,
            _ => false,
        }
    }
}

/// Does it. Each command is a future of its own on the heap: as parts of one another they would be compiled for minutes.
pub fn dispatch(command: Command, global: &Global) -> LocalBoxFuture<'_, Result<(), CliError>> {
    match command {
        #[cfg(feature = "up")]
        Command::Up(args) => Box::pin(up::run(*args, global)),
        #[cfg(feature = "up")]
        Command::Migrate(args) => Box::pin(migrate::run(*args, global)),
        Command::Tui(args) => Box::pin(tui::run(args, global)),
        Command::Auth(command) => Box::pin(auth::run(command, global)),
        Command::Profile(command) => Box::pin(profile::run(command, global)),
        Command::Room(command) => Box::pin(room::run(command, global)),
        Command::Chat(command) => Box::pin(chat::run(command, global)),
        Command::Convert(args) => Box::pin(convert::run(*args, global)),
        Command::Pdf(command) => Box::pin(pdf::run(command, global)),
        Command::Job(command) => Box::pin(job::run(command, global)),
        Command::Batch(command) => Box::pin(batch::run(command, global)),
        Command::File(command) => Box::pin(file::run(command, global)),
        Command::Formats(args) => Box::pin(formats::run(args, global)),
        Command::Api(args) => Box::pin(api::run(args, global)),
        Command::Context(command) => Box::pin(ready(context::run(command, global))),
        Command::Admin(command) => Box::pin(admin::run(command, global)),
        Command::Status => Box::pin(status::run(global)),
        Command::Doctor => Box::pin(doctor::run(global)),
        Command::Explain(args) => Box::pin(ready(explain::run(args, global))),
        Command::Completions(args) => Box::pin(ready(completions::run(args, global))),
        Command::Man(args) => Box::pin(ready(man::run(args, global))),
        Command::Version => Box::pin(ready(version::run(global))),
    }
}
