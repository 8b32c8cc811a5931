//! The convert-worker: takes forwarded uploads, queues and converts them, and tells how far each is.
//!
//! [`run`] starts it on a listener and stops everything it started.

mod address;
mod batches;
mod config;
mod consent;
mod formats;
mod health;
mod intake;
mod jobs;
mod notify;
mod passwords;
mod refusal;
mod report;
mod result;
mod routes;
mod row;
mod runner;
mod scratch;
mod services;
mod sql;
mod state;
mod tus;
mod uploads;
mod webhooks;

use std::time::Duration;

use platform::{
    Clock,
    db::{Db, Migrations},
    engines::{OpenError, Opener},
    fanout::Fanout,
    objects::Objects,
    service::{Ready, Running, Waits, serve},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use config::{Config, EngineFlags, FetchUrls, Flags, Secret};
pub use convert::job_child_main;
pub use services::Service;
use state::App;

/// What spans call it.
const SERVICE: &str = "mshub-convert-worker";
/// How long giving back what does not end in time may take.
const RELEASE: Duration = Duration::from_secs(2);

/// The schema of the convert-worker's database.
pub const MIGRATIONS: Migrations = platform::migrations!(
    "migrations",
    [
        "0001_jobs",
        "0002_reports",
        "0003_passwords",
        "0004_earlier_results",
        "0005_webhooks",
        "0006_sent_to",
        "0007_pairs",
        "0008_traces",
        "0009_uploads",
        "0010_batches",
        "0011_stalls",
        "0012_wishes"
    ]
);

/// The engines that the convert-worker needs, already open.
pub struct Engines {
    /// Its own database, migrated with [`MIGRATIONS`].
    pub db: Db,
    /// Hints to the gateways.
    pub fanout: Fanout,
    /// Uploads and results.
    pub objects: Objects,
    /// The time.
    pub clock: Clock,
}

impl Engines {
    /// Those of this process that the convert-worker needs.
    pub async fn open(engines: &Opener) -> Result<Self, OpenError> {
        let (db, fanout, objects) =
            tokio::try_join!(engines.database("convert", MIGRATIONS), engines.fanout(), engines.objects())?;
        Ok(Self { db, fanout, objects, clock: engines.clock() })
    }
}

/// Runs the convert-worker until `stop`. It answers requests when `ready` is told how to ask after its health; it fails
/// only while it starts.
pub fn run(
    config: Config,
    engines: Engines,
    listener: TcpListener,
    ready: Ready,
    stop: CancellationToken,
) -> Running {
    Box::pin(async move {
        let app = App::open(config, engines, &stop).await?;
        app.converters.attend();
        runner::start(&app).await?;
        webhooks::start(&app);
        let server = tokio::spawn(serve(listener, routes::routes(&app), Waits::default(), stop.clone()));
        ready(health::parts(&app));

        stop.cancelled().await;
        if !app.tasks.finish(app.config.drain).await {
            tracing::info!("giving back the conversions that take longer");
            app.running.stop_all();
            if !app.tasks.finish(RELEASE).await {
                tracing::warn!(
                    "some conversions could not be given back; they go on when their leases expire"
                );
            }
        }
        server.await?;
        Ok(())
    })
}
