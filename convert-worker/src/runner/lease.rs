//! The lease of a job: its terms, and the heartbeat that keeps it.

use platform::Clock;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::Timestamp;

use super::sql;
use crate::{row::JobRow, state::App};

/// What a runner takes a job on.
pub(super) struct Terms {
    pub(super) owner: Uuid,
    pub(super) now: Timestamp,
    pub(super) until: Timestamp,
    /// How many jobs of one person may run.
    pub(super) each: u32,
}

/// The terms of a lease that begins now.
pub(super) fn terms(app: &App) -> Terms {
    let now = app.clock.now();
    Terms {
        owner: app.run,
        now,
        until: until(&app.clock, app.config.lease.as_micros()),
        each: app.config.running_per_user,
    }
}

fn until(clock: &Clock, micros: u128) -> Timestamp {
    Timestamp::from_micros(clock.now().micros().saturating_add(i64::try_from(micros).unwrap_or(i64::MAX)))
}

/// Keeps the lease until it is lost, and stops the attempt then. Never ends by itself.
pub(super) async fn keep(app: &App, row: &JobRow, stop: &CancellationToken) {
    // The first look is at once: a cancellation may have come between the lease and the moment we could be stopped.
    let mut held = sql::holds(&app.db, row).await;
    loop {
        match held {
            Ok(true) => {}
            Ok(false) => {
                tracing::debug!(job = %row.id(), "a conversion was taken from its runner");
                stop.cancel();
                return std::future::pending().await;
            }
            Err(error) => tracing::warn!(job = %row.id(), %error, "a heartbeat could not be written"),
        }
        tokio::time::sleep(app.config.heartbeat).await;
        held = sql::beat(&app.db, row, &terms(app)).await;
    }
}
