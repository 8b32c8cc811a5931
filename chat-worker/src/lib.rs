//! The chat-worker: consumes topic `chat_service`, keeps the history, and serves it.
//!
//! [`run`] starts it on a listener and stops everything it started.

mod ahead;
mod batch;
mod config;
mod consume;
pub mod dead_letters;
mod history;
mod messages;
mod moved;
mod rebuild;
pub mod report;
mod routes;
mod search;
mod sql;
mod state;

use std::{sync::Arc, time::Duration};

use platform::{
    Clock,
    bus::Bus,
    db::{Db, Migrations},
    engines::{OpenError, Opener},
    fanout::Fanout,
    service::{Ready, Running, Tasks, Waits, Wedge, internal::InternalKey, serve},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use config::{Flags, Letters, Task};
pub use moved::{catch_up, go_on};
pub use rebuild::{Rebuilt, rebuild};
use state::State;

/// What spans call it.
const SERVICE: &str = "mshub-chat-worker";
/// How long the batch in hand may take to be written.
const DRAIN: Duration = Duration::from_secs(8);

/// The schema of the chat-worker's database, all of which is made of the log.
pub const MIGRATIONS: Migrations =
    platform::migrations!("migrations", ["0001_history", "0010_messages", "0020_indexed"]).repeatable();

/// The engines that the chat-worker needs, already open.
pub struct Engines {
    /// Its own database, migrated with [`MIGRATIONS`].
    pub db: Db,
    /// The chat log.
    pub bus: Bus,
    /// Where it tells how far it is.
    pub fanout: Fanout,
    /// The time.
    pub clock: Clock,
}

impl Engines {
    /// Those of this process that the chat-worker needs.
    pub async fn open(engines: &Opener) -> Result<Self, OpenError> {
        let (db, bus, fanout) =
            tokio::try_join!(engines.database("chat", MIGRATIONS), engines.bus(), engines.fanout())?;
        Ok(Self { db, bus, fanout, clock: engines.clock() })
    }
}

/// Settings of the chat-worker.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the gateway shows when it asks.
    pub key: InternalKey,
}

/// Runs the chat-worker until `stop`. It answers requests when `ready` is told how to ask after its health; it fails
/// only while it starts.
pub fn run(
    config: Config,
    engines: Engines,
    listener: TcpListener,
    ready: Ready,
    stop: CancellationToken,
) -> Running {
    Box::pin(async move {
        let Engines { db, bus, fanout, clock: _ } = engines;
        let state = Arc::new(State {
            key: config.key,
            db,
            bus,
            fanout,
            tasks: Tasks::under(&stop),
            wedge: Wedge::after(consume::WEDGED),
        });
        consume::start(&state).await?;
        let served = tokio::spawn(serve(listener, routes::all(&state), Waits::default(), stop.clone()));
        ready(routes::health(&state));

        stop.cancelled().await;
        if !state.tasks.finish(DRAIN).await {
            tracing::warn!("the batch in hand was left; it will be taken in again");
        }
        served.await?;
        Ok(())
    })
}
