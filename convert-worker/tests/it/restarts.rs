//! Workers that stop or die in the middle: the conversion goes on, and has exactly one result.

use std::{path::Path, time::Duration};

use wire::conversions::JobState;

use crate::{
    sql,
    worker::{Worker, eventually, real_child, script, slow},
};

/// How many results there are in the store.
fn results(worker: &Worker) -> usize {
    worker.objects().iter().filter(|key| Path::new(key).starts_with("out")).count()
}

#[tokio::test]
async fn what_a_killed_worker_had_begun_goes_on_at_once_and_has_one_result() {
    let worker = Worker::with(|config| config.child = slow()).await;
    let (running, also, waiting) = (worker.note().await, worker.note().await, worker.note().await);
    worker.job_in(running.id, JobState::InProgress).await;

    let (engines, user) = worker.kill().await;
    let worker = Worker::over(engines, user, |config| {
        config.child = real_child();
        // Nobody waits for it: a lease of this length would be a test that hangs.
        config.lease = Duration::from_secs(3600);
    })
    .await;

    for job in [&running, &also, &waiting] {
        assert_eq!(worker.ended(job.id).await.state, JobState::Completed);
    }
    assert_eq!(worker.job(running.id).await.attempt, 2);
    assert_eq!(results(&worker), 3);
    let numbers: Vec<i64> =
        sql::events(&worker.db, running.id).await.into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(numbers, (1..=5).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_worker_that_dies_again_and_again_is_no_fault_of_the_document() {
    let mut worker = Worker::with(|config| config.child = slow()).await;
    let job = worker.note().await;
    for _ in 0..5 {
        worker.job_in(job.id, JobState::InProgress).await;
        let (engines, user) = worker.kill().await;
        worker = Worker::over(engines, user, |config| config.child = slow()).await;
    }

    let (engines, user) = worker.kill().await;
    let worker = Worker::over(engines, user, |_| ()).await;

    assert_eq!(worker.ended(job.id).await.state, JobState::Completed);
    assert_eq!(results(&worker), 1);
}

#[tokio::test]
async fn a_document_that_kills_every_worker_is_given_up() {
    let mut worker = Worker::with(|config| config.child = slow()).await;
    let job = worker.note().await;
    for _ in 0..=10 {
        worker.job_in(job.id, JobState::InProgress).await;
        let (engines, user) = worker.kill().await;
        worker = Worker::over(engines, user, |config| config.child = slow()).await;
    }

    let failed = worker.ended(job.id).await;

    assert_eq!(failed.error.unwrap().kind, "crashed");
}

#[tokio::test]
async fn a_worker_that_stops_finishes_what_is_nearly_done() {
    let folder = tempfile::tempdir().unwrap();
    let begun = folder.path().join("begun");
    let child = format!(": > '{}'; sleep 0.3; exec \"$0\" job-child", begun.display());
    let worker = Worker::with(|config| config.child = script(&child)).await;
    let job = worker.note().await;
    eventually(async || begun.exists().then_some(())).await;

    let (engines, user) = worker.stop().await;

    let worker = Worker::over(engines, user, |config| config.runners = 0).await;
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

    let (engines, user) = worker.stop().await;

    let states: Vec<String> = sql::events(&db, job.id).await.into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["queued", "in_progress", "queued"]);
    let worker = Worker::over(engines, user, |_| ()).await;
    assert_eq!(worker.ended(job.id).await.state, JobState::Completed);
}
