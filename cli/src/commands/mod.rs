//! One file for each noun, or one folder; each says what it takes and does it.

pub mod admin;
pub mod api;
pub mod auth;
pub mod card;
pub mod chat;
pub mod completions;
pub mod context;
pub mod convert;
pub mod doctor;
pub mod explain;
pub mod formats;
pub mod job;
pub mod man;
pub mod profile;
pub mod room;
pub mod status;
pub mod tui;
#[cfg(feature = "up")]
pub mod up;
pub mod version;

use clap::Subcommand;

use crate::{error::CliError, global::Global};

/// Every command. Those without a sentence here have it at their arguments.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[cfg(feature = "up")]
    Up(Box<up::UpArgs>),
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
    /// Look after conversions
    #[command(subcommand)]
    Job(job::JobCommand),
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
            Self::Convert(_) | Self::Job(_) => true,
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

/// Does it.
pub async fn dispatch(command: Command, global: &Global) -> Result<(), CliError> {
    match command {
        #[cfg(feature = "up")]
        Command::Up(args) => up::run(*args, global).await,
        Command::Tui(args) => tui::run(args, global).await,
        Command::Auth(command) => auth::run(command, global).await,
        Command::Profile(command) => profile::run(command, global).await,
        Command::Room(command) => room::run(command, global).await,
        Command::Chat(command) => chat::run(command, global).await,
        Command::Convert(args) => convert::run(*args, global).await,
        Command::Job(command) => job::run(command, global).await,
        Command::Formats(args) => formats::run(args, global).await,
        Command::Api(args) => api::run(args, global).await,
        Command::Context(command) => context::run(command, global),
        Command::Admin(command) => admin::run(command, global).await,
        Command::Status => status::run(global).await,
        Command::Doctor => doctor::run(global).await,
        Command::Explain(args) => explain::run(args, global),
        Command::Completions(args) => completions::run(args, global),
        Command::Man(args) => man::run(args, global),
        Command::Version => version::run(global),
    }
}
