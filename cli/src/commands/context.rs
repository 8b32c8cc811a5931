//! `mshub context`: hubs under names.

use clap::Subcommand;
use serde::Serialize;

use crate::{
    config::Context,
    error::{CliError, Kind},
    global::{Global, address, parse_server},
};

/// What can be done with contexts.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  mshub context add work --server https://hub.example.org
  mshub context use work
  mshub --context work room list")]
pub enum ContextCommand {
    /// Save a hub under a name, and use it from now on if it is the first
    Add {
        /// The name
        name: String,
        /// Use it from now on
        #[arg(long = "use")]
        make_current: bool,
    },
    /// Use a saved hub from now on
    Use {
        /// The name
        name: String,
    },
    /// List the saved hubs
    #[command(alias = "ls")]
    List,
    /// Forget a saved hub
    Rm {
        /// The name
        name: String,
    },
    /// Show which hub is meant
    Show,
}

#[derive(Serialize)]
struct Row {
    name: Option<String>,
    server: String,
    current: bool,
}

/// Does it.
pub fn run(command: ContextCommand, global: &Global) -> Result<(), CliError> {
    match command {
        ContextCommand::Add { name, make_current } => add(global, name, make_current),
        ContextCommand::Use { name } => make_the_current(global, &name),
        ContextCommand::List => list(global),
        ContextCommand::Rm { name } => remove(global, &name),
        ContextCommand::Show => show(global),
    }
}

fn add(global: &Global, name: String, make_current: bool) -> Result<(), CliError> {
    let server = global
        .given_server()
        .ok_or_else(|| CliError::usage("--server is required: the address of the hub"))?;
    let server = address(&parse_server(server)?).to_owned();
    let file = global.config_file()?;
    let mut config = global.config()?;
    if config.contexts.is_empty() || make_current {
        config.current = Some(name.clone());
    }
    let before = config.contexts.insert(name.clone(), Context { server: server.clone() });
    let before = before.filter(|before| before.server != server);
    config.write(&file)?;
    let current = config.current.as_ref() == Some(&name);
    let row = Row { name: Some(name.clone()), server, current };
    global.out.result(&row, &name, || {
        let used = if current { ", used from now on" } else { "" };
        let instead = before.map(|before| format!(" instead of {}", before.server)).unwrap_or_default();
        format!("saved {name} = {}{instead}{used}", row.server)
    })
}

fn make_the_current(global: &Global, name: &str) -> Result<(), CliError> {
    let mut config = global.config()?;
    let context = config.contexts.get(name).cloned().ok_or_else(|| unknown(name))?;
    config.current = Some(name.to_owned());
    config.write(&global.config_file()?)?;
    let row = Row { name: Some(name.to_owned()), server: context.server, current: true };
    global.out.result(&row, name, || format!("{name} = {} is used from now on", row.server))
}

fn list(global: &Global) -> Result<(), CliError> {
    let config = global.config()?;
    let current = config.current.clone();
    let rows: Vec<Row> = config
        .contexts
        .into_iter()
        .map(|(name, context)| Row {
            current: Some(&name) == current.as_ref(),
            name: Some(name),
            server: context.server,
        })
        .collect();
    global.out.list(
        &rows,
        &["", "NAME", "SERVER"],
        |row| row.name.clone().unwrap_or_default(),
        |row| {
            let mark = if row.current { "*" } else { "" };
            vec![mark.to_owned(), row.name.clone().unwrap_or_default(), row.server.clone()]
        },
    )
}

fn remove(global: &Global, name: &str) -> Result<(), CliError> {
    let mut config = global.config()?;
    let context = config.contexts.remove(name).ok_or_else(|| unknown(name))?;
    if config.current.as_deref() == Some(name) {
        config.current = None;
    }
    config.write(&global.config_file()?)?;
    let row = Row { name: Some(name.to_owned()), server: context.server, current: false };
    global.out.result(&row, name, || format!("forgot {name}"))
}

fn show(global: &Global) -> Result<(), CliError> {
    let target = global.target()?;
    let row =
        Row { current: target.context.is_some(), server: target.address().to_owned(), name: target.context };
    global.out.result(&row, &row.server, || match &row.name {
        Some(name) => format!("{name} = {}", row.server),
        None => row.server.clone(),
    })
}

fn unknown(name: &str) -> CliError {
    CliError::new(Kind::NotFound, format!("there is no context `{name}`"))
        .hint("`mshub context list` shows all")
}
