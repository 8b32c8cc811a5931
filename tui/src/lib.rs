//! The full-screen client: rooms and conversions of a hub in a terminal.
//!
//! [`State`](app::State) changes in [`update`](update::update) only, which is pure; `view` paints it; `effects` is
//! the only part that talks to the hub, `term` the only one that touches the terminal's modes. The loop between
//! them, [`event_loop`], takes terminal and input as arguments, so that tests drive the real one.

pub mod app;
pub mod attachments;
pub mod commands;
pub mod composer;
pub mod conversions;
pub mod counted;
mod effects;
pub mod entry;
pub mod event_loop;
pub mod form;
pub mod here;
pub mod keys;
pub mod layout;
pub mod manual;
pub mod msg;
mod paths;
pub mod room;
pub mod screens;
pub mod term;
pub mod text;
pub mod theme;
pub mod unsaid;
pub mod update;
pub mod view;
pub mod widgets;

use std::{path::PathBuf, sync::Arc};

use anyhow::Context;
use futures_util::future::LocalBoxFuture;
use jiff::tz::TimeZone;
use ratatui::{Terminal, backend::CrosstermBackend};
use wire::Timestamp;

pub use event_loop::{App, Input, Pause, run_with};
pub use theme::Theme;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What the client is told at its start.
#[derive(Clone)]
pub struct Options {
    /// What the hub is called on the screen, such as the name of the context: `local`.
    pub server_label: String,
    /// The hub's address, for the screen.
    pub server: String,
    /// The room to open first, by name (with or without `#`) or id.
    pub room: Option<String>,
    /// Colours or none.
    pub theme: Theme,
    /// Where relative paths begin and results are saved, usually the working folder.
    pub folder: PathBuf,
    /// What `~` stands for in paths.
    pub home: Option<PathBuf>,
    /// Where outboxes are kept, one for each account, shared with the other programs of the person. Without a place,
    /// messages that were not sent end with the client.
    pub outboxes: Option<PathBuf>,
    /// Where is kept what was verified of rooms, shared with the other programs of the person.
    pub verified: Option<PathBuf>,
    /// What this session is called in the account's list of sessions.
    pub device: Option<String>,
    /// For days and times of day.
    pub zone: TimeZone,
    /// The time.
    pub clock: Clock,
}

impl Options {
    /// The machine's zone and clock, its colours, no room, the folder the program runs in. A hub of this machine is
    /// called `local`, another one by its host.
    pub fn new(hub: &client::Hub) -> Self {
        let server = hub.server();
        let label = match (server.host_str(), server.port()) {
            (Some("127.0.0.1" | "[::1]" | "localhost"), _) => "local".to_owned(),
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => server.to_string(),
        };
        Self {
            server_label: label,
            server: server.to_string(),
            room: None,
            theme: Theme::Ansi,
            folder: PathBuf::new(),
            home: None,
            outboxes: None,
            verified: None,
            device: None,
            zone: TimeZone::system(),
            clock: Arc::new(|| jiff::Timestamp::now().into()),
        }
    }
}

/// A signal ended the client; the terminal is restored. The program should exit with `128 + signal`.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct Killed {
    /// Its number.
    pub signal: i32,
}

impl Killed {
    fn sentence(self) -> String {
        match self.signal {
            1 => "the terminal was closed (SIGHUP); what was not sent yet is in the outbox".to_owned(),
            2 => "interrupted (SIGINT)".to_owned(),
            3 => "ended by SIGQUIT".to_owned(),
            6 => "ended by SIGABRT".to_owned(),
            15 => "ended by SIGTERM".to_owned(),
            other => format!("ended by signal {other}"),
        }
    }
}

/// Takes the terminal over until the person quits, and gives it back whatever happens.
///
/// Errors: standard input or output is no terminal; the terminal fails; [`Killed`] (downcast it) after SIGTERM,
/// SIGHUP, SIGINT, SIGQUIT or SIGABRT.
pub fn run(hub: client::Hub, options: Options) -> LocalBoxFuture<'static, anyhow::Result<()>> {
    Box::pin(async move {
        let guard = term::Guard::enter().context("cannot take over the terminal")?;
        term::colours(options.theme);
        let mut terminal = Terminal::new(CrosstermBackend::new(std::io::stdout()))?;
        let mut input = std::pin::pin!(term::input().context("cannot listen to the terminal")?);
        let mut app = App::new(hub, options);
        let end = loop {
            match app.drive(&mut terminal, &mut input).await? {
                Pause::Quit => break Ok(()),
                Pause::Killed(signal) => break Err(Killed { signal }.into()),
                Pause::Suspended => {
                    if let Err(why) = guard.suspend() {
                        app.tell(format!("cannot go to the background: {why}"));
                    }
                    event_loop::wipe(&mut terminal)?;
                }
                Pause::Resumed => {
                    guard.renew()?;
                    event_loop::wipe(&mut terminal)?;
                }
            }
        };
        // The terminal is the person's again, whatever the network does.
        drop(guard);
        app.close().await;
        end
    })
}
