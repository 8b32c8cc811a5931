//! One client in a process of its own: it talks, listens, and writes down what it sees.

mod errand;
mod person;
mod raw;

use std::{io::BufRead as _, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use client::{Hub, Options, Url};
use tokio::sync::mpsc;
use wire::{
    RoomId, UserId,
    messages::{Act, Op},
};

use super::{
    journal::{Journal, Observed, hash},
    people::sessions,
};

const AGAIN: Duration = Duration::from_millis(300);
/// How often a client says how it is.
const STATUS: Duration = Duration::from_millis(100);

/// What people put on messages.
const SIGNS: [&str; 2] = ["👍", "🎉"];

/// What a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Speaks through the client core, as the CLI and the TUI do.
    Core,
    /// Reads the bare wire, without any repair.
    Raw,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Raw => "raw",
        }
    }
}

#[derive(Args)]
pub(crate) struct ClientArgs {
    #[arg(long)]
    name: String,
    #[arg(long)]
    role: Role,
    #[arg(long)]
    server: Url,
    /// Where the server's name leads.
    #[arg(long)]
    at: Option<SocketAddr>,
    #[arg(long)]
    folder: PathBuf,
    #[arg(long)]
    journal: PathBuf,
    #[arg(long, value_delimiter = ',')]
    rooms: Vec<RoomId>,
    /// Messages a second.
    #[arg(long)]
    rate: f64,
    #[arg(long)]
    seed: u64,
    /// Leaves a room now and then, and joins it again.
    #[arg(long)]
    roams: bool,
}

pub(crate) async fn run(args: ClientArgs) -> anyhow::Result<()> {
    let mut orders = Orders::read();
    let user_agent = format!("mshub-torture/{}", args.name);
    let options = Options { user_agent, at: args.at, ..Options::default() };
    let hub = if args.folder.join("session").exists() {
        Hub::new(args.server.clone(), sessions(&args.folder), options)?
    } else {
        let token = orders.token().await?;
        Hub::with_token(args.server.clone(), token, options)?
    };
    let mut journal = Journal::open(&args.journal, &args.name)?;
    let me = user(&hub).await?;
    journal.note(Observed::Hello { user: me })?;
    match args.role {
        Role::Core => person::Person::new(me, hub, journal, args).await?.run(orders).await,
        Role::Raw => raw::Raw::new(hub, journal, args).run(orders).await,
    }
}

/// Who this client is. The hub may be away at the moment, if it has to be asked.
async fn user(hub: &Hub) -> anyhow::Result<UserId> {
    if let Some(user) = hub.signed_in().await.and_then(|who| who.user) {
        return Ok(user.id);
    }
    loop {
        match hub.me().await {
            Ok(me) => return Ok(me.id),
            Err(error) if error.is_transient() => tokio::time::sleep(AGAIN).await,
            Err(error) => return Err(error.into()),
        }
    }
}

/// What is about to be done to a message, as its event will tell it.
fn acted(room: RoomId, act: &Act) -> Observed {
    let (kind, body) = match &act.op {
        Op::Edit { body } => ("edited", &**body),
        Op::Redact => ("redacted", ""),
        Op::React { body } => ("reacted", &**body),
        Op::Unreact { body } => ("unreacted", &**body),
        Op::Pin => ("pinned", ""),
        Op::Unpin => ("unpinned", ""),
    };
    Observed::Act { room, cid: act.cid, kind: kind.to_owned(), tgt: act.tgt, hash: hash(body) }
}

/// What the conductor wants, a line each on stdin.
struct Orders(mpsc::UnboundedReceiver<String>);

enum Order {
    Go,
    Pause,
    End,
}

impl Orders {
    /// Reads in a thread of its own, which ends with the process.
    fn read() -> Self {
        let (tell, orders) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self(orders)
    }

    async fn token(&mut self) -> anyhow::Result<String> {
        let line = self.0.recv().await.context("no token was given")?;
        Ok(line.strip_prefix("token ").context("the first order must be a token")?.to_owned())
    }

    /// The next one. A conductor that is gone wants the end.
    async fn next(&mut self) -> Order {
        match self.0.recv().await.as_deref() {
            Some("go") => Order::Go,
            Some("pause") => Order::Pause,
            _ => Order::End,
        }
    }
}
