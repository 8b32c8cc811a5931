//! The line: how many may wait, and that nobody waits behind somebody else's hundred files.

use std::path::Path;

use reqwest::{Method, StatusCode};
use wire::{
    Code, UserId,
    conversions::{Job, JobState, Jobs},
    events::Hint,
    paths::{fill, internal},
};

use crate::worker::{Worker, answer, eventually, problem, script};

/// A worker of one runner, whose conversions begin when there is a file at `gate`.
async fn held_until(gate: &Path) -> Worker {
    let child = format!("until [ -e '{}' ]; do sleep 0.02; done; exec \"$0\" job-child", gate.display());
    Worker::with(|config| {
        config.child = script(&child);
        config.runners = 1;
    })
    .await
}

#[tokio::test]
async fn the_twenty_first_waiting_file_of_a_person_is_refused() {
    let worker = Worker::with(|config| config.runners = 0).await;
    for place in 0..20 {
        assert_eq!(worker.note().await.position, Some(place));
    }

    let response = worker.upload("to=pdf&name=a.md", "# Hello").send().await.unwrap();

    assert!(response.headers().contains_key("retry-after"));
    let problem: wire::Problem = response.json().await.unwrap();
    assert_eq!(problem.code, Code::RateLimited.name());
    assert!(problem.hint.is_some());
    assert_eq!(worker.objects().await.len(), 20);
    let path = format!("{}?to=pdf&name=a.md", internal::JOBS);
    let other = worker.request_of(UserId::new(), Method::POST, &path).body("# Hello");
    let other: Job = answer(other, StatusCode::ACCEPTED).await;
    assert_eq!(other.position, Some(1), "in turn with the first person's second file");
}

#[tokio::test]
async fn who_keeps_as_many_bytes_as_they_may_is_refused_until_something_goes() {
    let worker = Worker::with(|config| {
        config.runners = 0;
        config.max_user_bytes = 20;
    })
    .await;
    let first = worker.uploaded("to=pdf&name=a.md", "# Hello, world").await;

    let larger = problem(worker.upload("to=pdf&name=b.md", "# Too much")).await;
    let smaller: Job = worker.uploaded("to=pdf&name=c.md", "# Fits").await;
    let full = problem(worker.upload("to=pdf&name=d.md", "#")).await;

    assert_eq!([larger.code, full.code], [Code::TooLarge.name(); 2]);
    assert!(larger.detail.contains("14 bytes") && larger.hint.is_some(), "{}", larger.detail);
    for job in [first, smaller] {
        let path = fill(internal::JOB, job.id);
        assert_eq!(
            worker.request(Method::DELETE, &path).send().await.unwrap().status(),
            StatusCode::NO_CONTENT
        );
    }
    worker.uploaded("to=pdf&name=b.md", "# Too much").await;
    let objects = worker.objects().await;
    assert_eq!(objects.len(), 1, "nothing is left of what was refused: {objects:?}");
}

#[tokio::test]
async fn no_more_of_one_person_runs_than_may() {
    let worker = Worker::with(|config| {
        config.child = crate::worker::slow();
        config.runners = 3;
        config.running_per_user = 1;
    })
    .await;
    let (first, second) = (worker.note().await, worker.note().await);
    let path = format!("{}?to=pdf&name=a.md", internal::JOBS);
    let stranger = UserId::new();
    let theirs: Job =
        answer(worker.request_of(stranger, Method::POST, &path).body("# Hello"), StatusCode::ACCEPTED).await;

    worker.job_in(first.id, JobState::InProgress).await;
    eventually(async || {
        let path = fill(internal::JOB, theirs.id);
        let job: Job = answer(worker.request_of(stranger, Method::GET, &path), StatusCode::OK).await;
        (job.state == JobState::InProgress).then_some(())
    })
    .await;

    // Whoever came later runs: the second of the first person was passed over.
    assert_eq!(worker.job(second.id).await.state, JobState::Queued);
    let _: Job =
        answer(worker.request(Method::POST, &fill(internal::JOB_CANCEL, first.id)), StatusCode::OK).await;
    worker.job_in(second.id, JobState::InProgress).await;
}

#[tokio::test]
async fn uploads_on_their_way_count_as_well() {
    let worker = Worker::with(|config| {
        config.runners = 0;
        config.waiting_per_user = 1;
    })
    .await;
    let endless = futures_util::stream::pending::<std::io::Result<bytes::Bytes>>();
    let sending = tokio::spawn(worker.upload("to=pdf&name=a.md", reqwest::Body::wrap_stream(endless)).send());
    eventually(async || (worker.work().len() == 1).then_some(())).await;

    let problem = problem(worker.upload("to=pdf&name=a.md", "# Hello")).await;

    assert_eq!(problem.code, Code::RateLimited.name());
    sending.abort();
}

#[tokio::test]
async fn a_person_with_many_files_does_not_hold_up_another() {
    let held = tempfile::tempdir().unwrap();
    let gate = held.path().join("gate");
    let worker = held_until(&gate).await;
    let path = format!("{}?to=pdf&name=a.md", internal::JOBS);
    let first = worker.note().await;
    worker.job_in(first.id, JobState::InProgress).await;
    let mut mine = Vec::new();
    for _ in 0..4 {
        mine.push(worker.note().await);
    }
    let other = UserId::new();
    let theirs: Job =
        answer(worker.request_of(other, Method::POST, &path).body("# Hello"), StatusCode::ACCEPTED).await;
    assert_eq!(theirs.position, Some(0), "the first person has one running already");
    let mut hints = worker.hints().await;

    std::fs::write(&gate, "").unwrap();

    let mut started = None;
    while started.is_none() {
        let hint: Hint = serde_json::from_str(&hints.next().await.unwrap()).unwrap();
        if let Hint::Job { job, .. } = hint
            && job.state == JobState::InProgress
            && job.id != first.id
        {
            started = Some(job.id);
        }
    }
    assert_eq!(started, Some(theirs.id), "it does not matter that four were there before");
    for job in &mine {
        assert_eq!(worker.ended(job.id).await.state, JobState::Completed);
    }
}

#[tokio::test]
async fn who_waits_hears_about_how_long_where_that_is_known() {
    let held = tempfile::tempdir().unwrap();
    let gate = held.path().join("gate");
    let worker = held_until(&gate).await;
    let fresh = "to=pdf&name=a.md&fresh=true";
    let first = worker.uploaded(fresh, "# Hello").await;
    assert_eq!(worker.job_in(first.id, JobState::InProgress).await.eta, None);
    let unknown = worker.uploaded(fresh, "# Hello").await;
    assert_eq!((unknown.position, unknown.eta), (Some(0), None));
    std::fs::write(&gate, "").unwrap();
    for id in [first.id, unknown.id] {
        assert_eq!(worker.ended(id).await.state, JobState::Completed);
    }
    std::fs::remove_file(&gate).unwrap();

    let running = worker.uploaded(fresh, "# Hello").await;
    worker.job_in(running.id, JobState::InProgress).await;
    let (next, after) = (worker.uploaded(fresh, "# Hello").await, worker.uploaded(fresh, "# Hello").await);
    let other = worker.uploaded("to=txt&name=a.md", "# Hello").await;

    let (soon, later) = (next.eta.unwrap(), after.eta.unwrap());
    assert_eq!((next.position, after.position, other.position), (Some(0), Some(1), Some(2)));
    assert!(soon.seconds > 0.0 && (later.seconds - 2.0 * soon.seconds).abs() < 1e-9, "{soon:?} {later:?}");
    assert!(later.basis.starts_with("the median of the last 2 from md to pdf"), "{later:?}");
    assert_eq!(other.eta, None);
    let jobs: Jobs = answer(worker.request(Method::GET, internal::JOBS), StatusCode::OK).await;
    let listed = jobs.items.iter().find(|job| job.id == after.id).unwrap();
    assert_eq!(listed.eta.as_ref(), Some(&later));
}
