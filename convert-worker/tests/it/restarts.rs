//! Workers that stop or die in the middle: the conversion goes on, and has exactly one result.

use std::{path::Path, time::Duration};

use mshub_convert_worker::Config;
use wire::{JobId, conversions::JobState};

use crate::{
    sql,
    worker::{Worker, eventually, script, slow},
};

/// How many results there are in the store.
async fn results(worker: &Worker) -> usize {
    worker.objects().await.iter().filter(|key| Path::new(key).starts_with("out")).count()
}

/// Waits until this worker has begun the job's attempt of that number or a later one, for a machine that stands still takes
/// a lease away as well; or until there is none any more.
async fn begun(worker: &Worker, job: JobId, attempt: u32) {
    eventually(async || {
        let job = worker.job(job).await;
        let is_there = job.state == JobState::InProgress && job.attempt >= attempt;
        (is_there || job.state.is_final()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_killed_worker_had_begun_goes_on_at_once_and_has_one_result() {
    let worker = Worker::doomed(|config| config.child = slow()).await;
    let (running, also, waiting) = (worker.note().await, worker.note().await, worker.note().await);
    worker.job_in(running.id, JobState::InProgress).await;

    let home = worker.kill().await;
    let worker = Worker::over(home, |_| ()).await;

    for job in [&running, &also, &waiting] {
        assert_eq!(worker.ended(job.id).await.state, JobState::Completed);
    }
    assert_eq!(worker.job(running.id).await.attempt, 2);
    assert_eq!(results(&worker).await, 3);
    let numbers: Vec<i64> =
        sql::events(&worker.db, running.id).await.into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(numbers, (1..=5).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_worker_that_dies_again_and_again_is_no_fault_of_the_document() {
    let mut worker = Worker::doomed(|config| config.child = slow()).await;
    let job = worker.note().await;
    for attempt in 1..=5 {
        begun(&worker, job.id, attempt).await;
        let home = worker.kill().await;
        worker = Worker::doomed_over(home, |config| config.child = slow()).await;
    }

    let home = worker.kill().await;
    let worker = Worker::over(home, |_| ()).await;

    assert_eq!(worker.ended(job.id).await.state, JobState::Completed);
    assert_eq!(results(&worker).await, 1);
}

#[tokio::test]
async fn a_document_that_kills_every_worker_is_given_up() {
    let deadly = |config: &mut Config| {
        config.child = slow();
        config.max_losses = 2;
    };
    let mut worker = Worker::doomed(deadly).await;
    let job = worker.note().await;
    for attempt in 1..=3 {
        begun(&worker, job.id, attempt).await;
        let home = worker.kill().await;
        worker = Worker::doomed_over(home, deadly).await;
    }

    let failed = worker.ended(job.id).await;

    assert_eq!(failed.error.unwrap().kind, "crashed");
}

#[tokio::test]
async fn a_worker_that_stops_finishes_what_is_nearly_done() {
    let folder = tempfile::tempdir().unwrap();
    let begun = folder.path().join("begun");
    let child = format!(": > '{}'; sleep 0.3; exec \"$0\" job-child", begun.display());
    let worker = Worker::with(|config| {
        config.child = script(&child);
        config.drain = Duration::from_secs(60);
    })
    .await;
    let job = worker.note().await;
    eventually(async || begun.exists().then_some(())).await;

    let home = worker.stop().await;

    let worker = Worker::over(home, |config| config.runners = 0).await;
    let job = worker.job(job.id).await;
    assert_eq!((job.state, job.attempt), (JobState::Completed, 1));
}

#[tokio::test]
async fn a_worker_that_stops_gives_back_what_takes_too_long() {
    let worker = Worker::with(|config| {
        config.child = slow();
        config.drain = Duration::from_millis(50);
    })
    .await;
    let job = worker.note().await;
    worker.job_in(job.id, JobState::InProgress).await;
    let db = worker.db.clone();

    let home = worker.stop().await;

    let states: Vec<String> = sql::events(&db, job.id).await.into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["queued", "in_progress", "queued"]);
    let worker = Worker::over(home, |_| ()).await;
    assert_eq!(worker.ended(job.id).await.state, JobState::Completed);
}
