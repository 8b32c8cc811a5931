//! The gateway: accounts, rooms, live sockets, uploads, admin and the API's documentation.
//!
//! [`run`] starts it on a listener and stops everything it started.

mod accounts;
mod admin;
mod config;
mod conversions;
mod endless;
mod files;
mod live;
mod picture;
mod rooms;
mod routes;
mod state;
mod tasks;
mod turns;
mod uploads;
mod upstream;
mod web;

use std::{sync::Arc, time::Duration};

use platform::{
    Clock,
    bus::Bus,
    db::{Db, Migrations},
    engines::{OpenError, Opener},
    fanout::Fanout,
    mail::Mailer,
    objects::Objects,
    service::{Ready, Running, Waits, serve},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use accounts::{TrustedProxy, shows_kept_mail};
pub use config::{Config, Flags, MAX_USER_FILES, Secret};
pub use live::Patience;
pub use routes::openapi;
use state::State;

/// What spans call it.
const SERVICE: &str = "mshub-server";
/// How long sockets and background tasks may take to end.
const DRAIN: Duration = Duration::from_secs(8);

/// The schema of the gateway's database.
pub const MIGRATIONS: Migrations = platform::migrations!(
    "migrations",
    ["0001_accounts", "0002_rooms", "0003_tasks", "0010_rooms", "0012_bans", "0020_files", "0030_consent"]
);

/// The engines that the gateway needs, already open.
pub struct Engines {
    /// Its own database, migrated with [`MIGRATIONS`].
    pub db: Db,
    /// The chat log.
    pub bus: Bus,
    /// Hints between gateways and workers.
    pub fanout: Fanout,
    /// Photos, and the results it signs links for.
    pub objects: Objects,
    /// Verification mail.
    pub mail: Mailer,
    /// The time.
    pub clock: Clock,
}

impl Engines {
    /// Those of this process that the gateway needs.
    pub async fn open(engines: &Opener) -> Result<Self, OpenError> {
        let (db, bus, fanout, objects, mail) = tokio::try_join!(
            engines.database("server", MIGRATIONS),
            engines.bus(),
            engines.fanout(),
            engines.objects(),
            engines.mail(),
        )?;
        Ok(Self { db, bus, fanout, objects, mail, clock: engines.clock() })
    }
}

/// Listeners of the gateway: the same application behind both, the page only behind the second.
pub struct Listeners {
    /// The API, :8000.
    pub api: TcpListener,
    /// The API and the web page, :8080.
    pub web: Option<TcpListener>,
}

/// Runs the gateway until `stop`. It answers requests when `ready` is told how to ask after its health; it fails only
/// while it starts.
pub fn run(
    config: Config,
    engines: Engines,
    listeners: Listeners,
    ready: Ready,
    stop: CancellationToken,
) -> Running {
    Box::pin(async move {
        let state = Arc::new(State::open(config, engines)?);
        tasks::start(&state);
        live::start(&state).await?;

        let page = listeners.web.as_ref().and_then(|listener| listener.local_addr().ok()).map(|at| at.port());
        let web = listeners.web.map(|listener| {
            tokio::spawn(serve(listener, routes::web(&state), Waits::default(), stop.clone()))
        });
        let api =
            tokio::spawn(serve(listeners.api, routes::api(&state, page), Waits::default(), stop.clone()));
        ready(routes::health(&state));

        stop.cancelled().await;
        live::drain(&state).await;
        // Open requests first: who said something hears from the tail that the log has it.
        state.leaving.cancel();
        api.await?;
        if let Some(web) = web {
            web.await?;
        }
        let ended = state.tasks.finish(DRAIN).await;
        if !ended {
            tracing::warn!("some sockets or tasks did not end in time");
        }
        Ok(())
    })
}
