//! The reaper: jobs whose workers fell silent go back into the line, and what is old goes away.

use std::time::{Duration, Instant};

use platform::db::Db;

use super::sql;
use crate::{
    batches,
    jobs::remove,
    notify,
    row::{JobRow, result_key, upload_key},
    scratch::Leftover,
    state::App,
    tus,
};

/// The pause between two rounds.
pub(super) const ROUND: Duration = Duration::from_secs(2);
/// The pause between two sweeps of the work folder.
const SWEEP: Duration = Duration::from_secs(3600);
/// How many jobs are erased in one round.
const ERASED: i64 = 100;
/// For how many seconds one that cannot be erased makes way for the others.
const PUT_OFF: i64 = 600;

/// Before anything runs: what the run before held goes back into the line at once.
pub(super) async fn take_over(app: &App) -> sqlx::Result<()> {
    // A SQLite file has one worker, so every lease in it is our predecessor's. With a server there may be others
    // alive: there, leases have to expire.
    if let Db::Sqlite { .. } = app.db {
        sql::expire_all(&app.db).await?;
    }
    take_back(app).await
}

pub(super) async fn reap(app: App) {
    let mut swept: Option<Instant> = None;
    let mut uploads = tus::Rounds::default();
    loop {
        if let Err(error) = take_back(&app).await {
            tracing::warn!(%error, "conversions of silent workers could not be taken back");
        }
        if let Err(error) = measure(&app).await {
            tracing::debug!(%error, "the line was not measured");
        }
        if let Err(error) = erase_old(&app).await {
            tracing::warn!(error = format!("{error:#}"), "old conversions could not be erased");
        }
        if let Err(error) = uploads.sweep(&app).await {
            tracing::warn!(error = format!("{error:#}"), "old uploads could not be erased");
        }
        if swept.is_none_or(|at| at.elapsed() > SWEEP) {
            swept = Some(Instant::now());
            if let Err(error) = sweep(&app).await {
                tracing::warn!(error = format!("{error:#}"), "the work folder could not be swept");
            }
        }
        tokio::select! {
            () = app.tasks.stopping() => return,
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

/// Tells the length of the line, of all workers together, and how busy this one is.
async fn measure(app: &App) -> sqlx::Result<()> {
    let now = app.clock.now();
    let line = sql::line(&app.db, now).await?;
    let seconds = line.since.map_or(0.0, |since| (now.micros() - since.micros()) as f64 / 1e6);
    metrics::gauge!("mshub_queue_jobs").set(line.jobs as f64);
    metrics::gauge!("mshub_queue_age_seconds").set(seconds);
    metrics::gauge!("mshub_runners").set(app.config.runners as f64);
    metrics::gauge!("mshub_runners_busy").set(app.running.count() as f64);
    Ok(())
}

async fn take_back(app: &App) -> sqlx::Result<()> {
    let losses = i64::from(app.config.max_losses);
    while let Some(row) = sql::give_up(&app.db, losses, app.clock.now()).await? {
        tell(app, &row).await;
    }
    while let Some(row) = sql::take_back(&app.db, app.clock.now()).await? {
        tell(app, &row).await;
        app.wake.notify_one();
    }
    Ok(())
}

async fn tell(app: &App, row: &JobRow) {
    tracing::info!(job = %row.id(), state = row.state().name(), "a conversion was taken from a silent worker");
    notify::tell(app, row.job()).await;
}

async fn erase_old(app: &App) -> anyhow::Result<()> {
    let now = app.clock.now();
    let seconds = i64::try_from(app.config.retention.as_secs()).unwrap_or(i64::MAX);
    sql::hide_old(&app.db, now.plus_seconds(seconds.saturating_neg()), now).await?;
    for row in sql::hidden(&app.db, ERASED, now).await? {
        if let Err(error) = remove::erase(app, &row).await {
            tracing::warn!(job = %row.id(), %error, "the files of an old conversion cannot be removed yet");
            sql::put_off(&app.db, row.id(), now.plus_seconds(PUT_OFF)).await?;
        }
    }
    batches::remove::sweep(app, now.plus_seconds(seconds.saturating_neg())).await
}

/// An upload that was cut off by the death of its worker may have left its object, or the copy of an earlier result.
/// Its folder goes after them: it names them to the next sweep.
async fn sweep(app: &App) -> anyhow::Result<()> {
    for left in app.scratch.leftovers().await? {
        if let Err(error) = clear(app, left).await {
            tracing::warn!(error = format!("{error:#}"), "what a dead worker left cannot be removed yet");
        }
    }
    Ok(())
}

async fn clear(app: &App, left: Leftover) -> anyhow::Result<()> {
    if let Some(job) = left.unfinished
        && !sql::exists(&app.db, job).await?
    {
        app.objects.delete(&upload_key(job)).await?;
        app.objects.delete(&result_key(job, 1)).await?;
    }
    Ok(left.remove().await?)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use platform::{objects::Body, testing::TestEngines};
    use wire::JobId;

    use super::*;

    /// A folder of an upload whose worker died long ago, after it had stored it.
    async fn left(app: &App, job: JobId) -> PathBuf {
        let body: Body = Box::pin(futures_util::stream::empty());
        app.objects.put(&upload_key(job), body, 0).await.unwrap();
        let folder = app.scratch.upload(job).unwrap().keep();
        let long_ago = std::fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
        std::fs::File::open(&folder).unwrap().set_times(long_ago).unwrap();
        folder
    }

    #[test]
    fn a_job_begins_again_within_20_seconds_of_the_death_of_its_worker() {
        let config = crate::Config::new(vec![0; 32], PathBuf::from("work"));

        // It died right after it was heard of; the reaper has just been here, and so has whoever looks for work.
        let latest = config.lease + ROUND + super::super::LOOK;

        assert!(latest <= Duration::from_secs(20), "{latest:?}");
        assert!(config.heartbeat * 2 < config.lease, "one that is late is no death");
    }

    #[tokio::test]
    async fn what_cannot_be_removed_keeps_its_folder_and_holds_up_no_other() {
        let engines = TestEngines::open().await.unwrap();
        let app = App::idle(&engines).await.unwrap();
        let (stuck, others) = (JobId::new(), [JobId::new(), JobId::new()]);
        let folder = left(&app, stuck).await;
        for job in others {
            left(&app, job).await;
        }
        let file = engines.folder.path().join("objects").join(upload_key(stuck));
        if !file.is_file() {
            println!("objects are no files here: one that cannot be removed was not tested");
            return;
        }
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();

        sweep(&app).await.unwrap();

        assert!(folder.exists());
        assert!(app.objects.keys().await.unwrap().is_empty(), "the others are gone");
        assert_eq!(app.scratch.leftovers().await.unwrap().len(), 1);
        std::fs::remove_dir(&file).unwrap();
        sweep(&app).await.unwrap();
        assert!(!folder.exists());
    }
}
