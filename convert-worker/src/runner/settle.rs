//! The end of an attempt, written by whoever still holds the job: completed, failed, later again, or given back.

use std::time::Duration;

use convert::Error;
use wire::Timestamp;

use super::{
    attempt::{Done, Outcome},
    sql::{self, Ending},
};
use crate::{notify, row::JobRow, state::App};

/// How often, and how far apart, the end is tried to be written before the lease is left to expire.
const WRITES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

pub(super) async fn settle(app: &App, row: &JobRow, outcome: Outcome) -> anyhow::Result<()> {
    let ending = ending(app, row, outcome);
    let mut written = write(app, row, &ending).await;
    for _ in 1..WRITES {
        if written.is_ok() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        written = write(app, row, &ending).await;
    }
    match written? {
        Some(ended) => announce(app, &ended).await,
        None => forget(app, row, &ending).await?,
    }
    Ok(())
}

async fn write(app: &App, row: &JobRow, ending: &Ending) -> sqlx::Result<Option<JobRow>> {
    sql::end(&app.db, row, ending, app.clock.now()).await
}

/// What follows from how the attempt went.
fn ending(app: &App, row: &JobRow, outcome: Outcome) -> Ending {
    let Outcome { result, effort } = outcome;
    match result {
        Ok(Done { key, stored, report }) => Ending::Completed { key, stored, report, effort },
        // Stopped by its owner or taken by somebody else, this changes nothing; stopped because we stop, it goes back.
        Err(Error::Cancelled) => Ending::GivenBack,
        Err(error) if !error.is_input() && row.failures + 1 < i64::from(app.config.max_attempts) => {
            tracing::info!(job = %row.id(), %error, "a conversion failed and will be tried again");
            Ending::Again { ready_at: later(app, row.failures), effort }
        }
        Err(error) => Ending::Failed { error, effort },
    }
}

/// When the next attempt may begin, after so many earlier failures.
fn later(app: &App, failures: i64) -> Timestamp {
    let steps = u32::try_from(failures).unwrap_or(0).min(8);
    let pause = app.config.backoff.saturating_mul(4_u32.saturating_pow(steps));
    let jittered = pause.mul_f64(rand::random_range(0.5..1.5));
    let micros = i64::try_from(jittered.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(app.clock.now().micros().saturating_add(micros))
}

async fn announce(app: &App, row: &JobRow) {
    let job = row.job();
    metrics::counter!("mshub_conversions_total", "state" => job.state.name(), "from" => job.from.clone(), "to" => job.to.clone())
        .increment(1);
    if let Some(seconds) = job.seconds {
        metrics::histogram!("mshub_conversion_seconds").record(seconds);
    }
    notify::tell(app, job).await;
}

/// The job went on without us: what we made belongs to nobody.
async fn forget(app: &App, row: &JobRow, ending: &Ending) -> anyhow::Result<()> {
    tracing::debug!(job = %row.id(), fence = row.fence, "an attempt ended after its job had been taken away");
    if let Ending::Completed { key, .. } = ending {
        app.objects.delete(key).await?;
    }
    Ok(())
}
