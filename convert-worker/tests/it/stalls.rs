//! A store of objects that fails while accepted conversions are under way: they wait for it, and none is lost or given up.

use std::{net::Ipv4Addr, path::Path};

use platform::testing::{Link, Proxy, engines};
use reqwest::{Method, StatusCode, Url};
use wire::{
    JobId,
    conversions::{Job, JobState},
    paths::{fill, internal},
};

use crate::{
    sql,
    worker::{Home, Worker, answer, eventually, script},
};

/// Conversions that do not begin before a file is there.
fn held_back_by(mark: &Path) -> impl FnOnce(&mut mshub_convert_worker::Config) {
    let child =
        script(&format!("until [ -e '{}' ]; do sleep 0.02; done; exec \"$0\" job-child", mark.display()));
    move |config| {
        config.child = child;
        config.runners = 4;
        // One failure that counts would be the last word.
        config.max_attempts = 1;
    }
}

/// So many jobs, as many of which run as may.
async fn under_way(worker: &Worker, count: usize) -> Vec<JobId> {
    let mut jobs = Vec::new();
    for _ in 0..count {
        jobs.push(worker.note().await.id);
    }
    eventually(async || (running(worker, &jobs).await == 4).then_some(())).await;
    jobs
}

async fn running(worker: &Worker, jobs: &[JobId]) -> usize {
    let mut running = 0;
    for job in jobs {
        running += usize::from(worker.job(*job).await.state == JobState::InProgress);
    }
    running
}

/// Waits until each was tried at least so often.
async fn were_tried(worker: &Worker, jobs: &[JobId], attempts: u32) {
    for job in jobs {
        eventually(async || {
            let job = worker.job(*job).await;
            assert!(!job.state.is_final(), "{job:?}");
            (job.attempt >= attempts).then_some(())
        })
        .await;
    }
}

/// Each is completed, once, and has one result.
async fn all_completed(worker: &Worker, jobs: &[JobId]) {
    for job in jobs {
        assert_eq!(worker.ended(*job).await.state, JobState::Completed);
        let ends = sql::events(&worker.db, *job).await.into_iter().filter(|(_, state)| state == "completed");
        assert_eq!(ends.count(), 1);
        let results = format!("out/{job}/");
        let one = async || {
            let keys = worker.objects().await;
            (keys.iter().filter(|key| key.starts_with(&results)).count() == 1).then_some(())
        };
        eventually(one).await;
    }
}

#[tokio::test]
async fn a_folder_that_goes_away_and_comes_back_costs_no_conversion() {
    let place = tempfile::tempdir().unwrap();
    let [folder, away, mark] = ["objects", "away", "mark"].map(|name| place.path().join(name));
    let home = Home::storing_at(&format!("file:{}", folder.display())).await;
    let worker = Worker::over(home, held_back_by(&mark)).await;
    let jobs = under_way(&worker, 10).await;

    // As a disk that is not mounted any more. Some have their result by then, the others not even their document.
    std::fs::rename(&folder, &away).unwrap();
    std::fs::write(&mark, "").unwrap();
    were_tried(&worker, &jobs, 3).await;
    std::fs::rename(&away, &folder).unwrap();

    all_completed(&worker, &jobs).await;
}

#[tokio::test]
async fn a_bucket_that_cannot_be_reached_for_a_while_costs_no_conversion() {
    let Some(url) = engines::objects().await.unwrap() else { return };
    let (line, url) = over_a_line(&url).await;
    let place = tempfile::tempdir().unwrap();
    let mark = place.path().join("mark");
    let worker = Worker::over(Home::storing_at(&url).await, held_back_by(&mark)).await;
    let jobs = under_way(&worker, 20).await;

    line.set(Link::Cut);
    std::fs::write(&mark, "").unwrap();
    were_tried(&worker, &jobs, 2).await;
    line.set(Link::Open);

    all_completed(&worker, &jobs).await;
}

#[tokio::test]
async fn a_store_that_never_comes_back_is_said_and_the_conversion_can_be_started_again() {
    let place = tempfile::tempdir().unwrap();
    let [folder, away, mark] = ["objects", "away", "mark"].map(|name| place.path().join(name));
    let home = Home::storing_at(&format!("file:{}", folder.display())).await;
    let worker = Worker::over(home, |config| {
        held_back_by(&mark)(config);
        config.store_patience = std::time::Duration::ZERO;
    })
    .await;
    let job = worker.note().await;
    worker.job_in(job.id, JobState::InProgress).await;

    std::fs::rename(&folder, &away).unwrap();
    std::fs::write(&mark, "").unwrap();
    let failed = worker.ended(job.id).await;
    std::fs::rename(&away, &folder).unwrap();

    assert_eq!(failed.error.unwrap().kind, "io");
    let _: Job =
        answer(worker.request(Method::POST, &fill(internal::JOB_RETRY, job.id)), StatusCode::OK).await;
    all_completed(&worker, &[job.id]).await;
}

/// A line to the store of a URL that can be cut, and the URL over it.
async fn over_a_line(url: &str) -> (Proxy, String) {
    let parsed: Url = url.parse().unwrap();
    let (_, endpoint) = parsed.query_pairs().find(|(name, _)| name == "endpoint").expect("it is no Amazon");
    let there = endpoint.parse::<Url>().unwrap().port().expect("the harness names ports");
    let line = Proxy::to((Ipv4Addr::LOCALHOST, there).into()).await.unwrap();
    let here = line.address.port();
    let url = url.replace(&format!(":{there}"), &format!(":{here}"));
    (line, url.replace(&format!("%3A{there}"), &format!("%3A{here}")))
}
