//! The end of an attempt, written by whoever still holds the job: completed, failed, later again, or given back.

use std::time::Duration;

use convert::Error;
use wire::{Timestamp, conversions::JobState};

use super::{
    Setback,
    attempt::{Done, Effort, Outcome},
    sql::{self, Ending},
};
use crate::{notify, row::JobRow, state::App};

/// How often, and how far apart, the end is tried to be written before the lease is left to expire.
const WRITES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// The longest pause of a job that the store fails: how late the line goes on when the store is back.
const STALL: Duration = Duration::from_secs(30);

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
        Some(ended) => {
            announce(app, &ended).await;
            tidy(app, &ended).await;
        }
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
        Err(Setback::Failed(Error::Cancelled)) => Ending::GivenBack,
        Err(Setback::Store(error)) if age(app, row) < app.config.store_patience => {
            tracing::warn!(job = %row.id(), %error, "the store fails a conversion, which waits for it");
            let since = row.stalled_since().unwrap_or_else(|| app.clock.now());
            Ending::Stalled { ready_at: after(app, stall(app, row)), since }
        }
        Err(setback) => failed(app, row, setback.into_error(), effort),
    }
}

fn failed(app: &App, row: &JobRow, error: Error, effort: Effort) -> Ending {
    if !error.is_input() && row.failures + 1 < i64::from(app.config.max_attempts) {
        tracing::info!(job = %row.id(), %error, "a conversion failed and will be tried again");
        return Ending::Again { ready_at: later(app, row.failures), effort };
    }
    Ending::Failed { error, effort }
}

/// For how long the store has failed it.
fn age(app: &App, row: &JobRow) -> Duration {
    let micros =
        row.stalled_since().map_or(0, |since| app.clock.now().micros().saturating_sub(since.micros()));
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

/// How long it leaves the store alone: half as long as that has failed it, within bounds.
fn stall(app: &App, row: &JobRow) -> Duration {
    (age(app, row) / 2).clamp(app.config.backoff, STALL.max(app.config.backoff))
}

/// When the next attempt may begin, after so many earlier failures.
fn later(app: &App, failures: i64) -> Timestamp {
    let steps = u32::try_from(failures).unwrap_or(0).min(8);
    after(app, app.config.backoff.saturating_mul(4_u32.saturating_pow(steps)))
}

/// After about this pause, so that what failed together does not come back together.
fn after(app: &App, pause: Duration) -> Timestamp {
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

/// Removes what earlier attempts of a completed job left that died between their result and its publication.
async fn tidy(app: &App, row: &JobRow) {
    let job = row.job();
    if job.state != JobState::Completed || job.attempt < 2 {
        return;
    }
    for key in row.result_keys().filter(|key| row.result_key.as_ref() != Some(key)) {
        if let Err(error) = app.objects.delete(&key).await {
            // It goes with the job, at the latest.
            tracing::debug!(job = %row.id(), %error, "what an earlier attempt left stays for now");
            return;
        }
    }
}

/// The job went on without us: what we made belongs to nobody.
async fn forget(app: &App, row: &JobRow, ending: &Ending) -> anyhow::Result<()> {
    tracing::debug!(job = %row.id(), fence = row.fence, "an attempt ended after its job had been taken away");
    if let Ending::Completed { key, .. } = ending {
        app.objects.delete(key).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use convert::Report;
    use platform::{
        objects::{self, Body, Stored},
        testing::TestEngines,
    };
    use wire::{JobId, UserId};

    use super::*;
    use crate::{
        intake::sql::{Admitted, NewJob, admit},
        jobs,
        row::result_key,
        runner::lease,
    };

    async fn queued(app: &App) -> JobId {
        let now = app.clock.now();
        let new = NewJob {
            id: JobId::new(),
            owner: UserId::new(),
            request_key: None,
            wish: None,
            name: "a.md".into(),
            source: "md",
            target: "pdf",
            options: "{}".into(),
            password: None,
            recipe: None,
            webhook: None,
            trace: None,
            strict: false,
            bytes_in: 7,
            created_at: now,
            now,
        };
        let Admitted::New(row) = admit(&app.db, &new, 20).await.unwrap() else { panic!("not admitted") };
        row.id()
    }

    async fn claimed(app: &App) -> JobRow {
        sql::claim(&app.db, &lease::terms(app)).await.unwrap().expect("a job waits")
    }

    /// An attempt that came to its end: its result is in the store, and not published yet.
    async fn done(app: &App, row: &JobRow) -> Outcome {
        let key = result_key(row.id(), row.fence);
        let body: Body = Box::pin(futures_util::stream::empty());
        let stored: Stored = app.objects.put(&key, body, 0).await.unwrap();
        Outcome { result: Ok(Done { key, stored, report: Report::default() }), effort: Effort::default() }
    }

    fn away() -> Outcome {
        let source = std::io::Error::other("the store is away");
        let error = objects::Error::Store { key: "in/a".into(), source };
        Outcome { result: Err(Setback::Store(error)), effort: Effort::default() }
    }

    async fn expire(app: &App) {
        sql::expire_all(&app.db).await.unwrap();
        sql::take_back(&app.db, app.clock.now()).await.unwrap().expect("its lease is over");
    }

    #[tokio::test]
    async fn the_result_of_whoever_lost_the_job_is_removed_and_the_heirs_stays() {
        let engines = TestEngines::open().await.unwrap();
        let app = App::idle(&engines).await.unwrap();
        let id = queued(&app).await;
        let zombie = claimed(&app).await;
        let late = done(&app, &zombie).await;
        expire(&app).await;
        let heir = claimed(&app).await;

        // It comes back before the heir has anything, and after that.
        settle(&app, &zombie, late).await.unwrap();
        assert!(app.objects.keys().await.unwrap().is_empty());
        let result = done(&app, &heir).await;
        settle(&app, &heir, result).await.unwrap();
        let later = done(&app, &zombie).await;
        settle(&app, &zombie, later).await.unwrap();

        assert_eq!(app.objects.keys().await.unwrap(), [result_key(id, heir.fence)]);
    }

    #[tokio::test]
    async fn what_a_worker_left_that_died_before_it_published_goes_with_the_completion() {
        let engines = TestEngines::open().await.unwrap();
        let app = App::idle(&engines).await.unwrap();
        let id = queued(&app).await;
        let dead = claimed(&app).await;
        done(&app, &dead).await;
        expire(&app).await;
        let heir = claimed(&app).await;

        let result = done(&app, &heir).await;
        settle(&app, &heir, result).await.unwrap();

        assert_eq!(app.objects.keys().await.unwrap(), [result_key(id, heir.fence)]);
    }

    #[tokio::test]
    async fn a_store_that_is_away_is_waited_for() {
        let engines = TestEngines::open().await.unwrap();
        let app = App::idle(&engines).await.unwrap();
        let id = queued(&app).await;
        let held = claimed(&app).await;
        let now = app.clock.now();

        settle(&app, &held, away()).await.unwrap();

        let row = jobs::sql::find(&app.db, held.owner(), id).await.unwrap().unwrap();
        assert_eq!((row.state(), row.failures), (JobState::Queued, 0));
        assert!(row.stalled_since().is_some_and(|since| since >= now), "{row:?}");
    }

    #[tokio::test]
    async fn a_store_that_is_away_for_very_long_counts_as_any_failure() {
        let engines = TestEngines::open().await.unwrap();
        let app = App::idle(&engines).await.unwrap();
        let id = queued(&app).await;
        let held = claimed(&app).await;
        let now = app.clock.now();
        let patience = i64::try_from(app.config.store_patience.as_secs()).unwrap();
        let of_long = Ending::Stalled { ready_at: now, since: now.plus_seconds(-patience) };
        sql::end(&app.db, &held, &of_long, now).await.unwrap().unwrap();
        let held = claimed(&app).await;

        settle(&app, &held, away()).await.unwrap();

        let row = jobs::sql::find(&app.db, held.owner(), id).await.unwrap().unwrap();
        assert_eq!((row.state(), row.failures), (JobState::Queued, 1));
    }
}
