//! Conversions that do not go well: failed, tried again, cancelled, retried.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use wire::{
    Code, UserId,
    conversions::{DeadLetter, DeadLetters, Job, JobState, Jobs},
    paths::{fill, internal},
};

use crate::{
    sql,
    worker::{Worker, answer, eventually, problem, script, slow},
};

#[tokio::test]
async fn a_damaged_document_fails_at_once_and_says_why() {
    let worker = Worker::start().await;

    let job = worker.uploaded("to=txt&name=a.pdf", "%PDF-1.7\nno objects here\nstartxref\n0\n%%EOF").await;
    let failed = worker.ended(job.id).await;

    assert_eq!((failed.state, failed.attempt), (JobState::Failed, 1), "{failed:?}");
    let error = failed.error.unwrap();
    assert_eq!(error.kind, "corrupt", "{error:?}");
    assert!(!error.detail.is_empty());
    let path = fill(internal::JOB_RESULT, job.id);
    let none = problem(worker.request(Method::GET, &path)).await;
    assert_eq!(none.code, Code::WrongState.name());
    assert!(none.detail.contains(&error.detail) && none.hint.is_none(), "{none:?}");
}

#[tokio::test]
async fn a_crash_is_tried_again_three_times_in_all() {
    let worker = Worker::with(|config| config.child = script("echo no luck >&2; exit 9")).await;

    let failed = worker.ended(worker.note().await.id).await;

    assert_eq!((failed.state, failed.attempt), (JobState::Failed, 3));
    let error = failed.error.unwrap();
    assert_eq!(error.kind, "crashed");
    assert!(error.detail.contains("no luck"), "{error:?}");
    let numbers: Vec<i64> =
        sql::events(&worker.db, failed.id).await.into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(numbers, (1..=7).collect::<Vec<_>>());
    assert_eq!(failed.seq, 7);
}

#[tokio::test]
async fn a_crash_that_does_not_happen_twice_is_forgotten() {
    let marks = tempfile::tempdir().unwrap();
    let mark = marks.path().join("mark");
    let child =
        format!("if [ -e '{0}' ]; then exec \"$0\" job-child; else : > '{0}'; exit 9; fi", mark.display());
    let worker = Worker::with(|config| config.child = script(&child)).await;

    let done = worker.ended(worker.note().await.id).await;

    assert_eq!((done.state, done.attempt, done.error), (JobState::Completed, 2, None));
}

#[tokio::test]
async fn a_document_that_takes_too_long_is_stopped() {
    let worker = Worker::with(|config| {
        config.child = slow();
        config.deadline = Duration::from_millis(100);
        config.max_attempts = 1;
    })
    .await;

    let failed = worker.ended(worker.note().await.id).await;

    assert_eq!(failed.error.unwrap().kind, "timeout");
}

#[tokio::test]
async fn what_waits_can_be_cancelled_and_started_again() {
    let worker = Worker::with(|config| {
        config.child = slow();
        config.runners = 1;
    })
    .await;
    let first = worker.note().await;
    worker.job_in(first.id, JobState::InProgress).await;
    let second = worker.note().await;
    assert_eq!((second.state, second.position), (JobState::Queued, Some(0)));
    let post = |path: &str| worker.request(Method::POST, &fill(path, second.id));

    let cancelled: Job = answer(post(internal::JOB_CANCEL), StatusCode::OK).await;
    let twice: Job = answer(post(internal::JOB_CANCEL), StatusCode::OK).await;
    let queued: Job = answer(post(internal::JOB_RETRY), StatusCode::OK).await;
    let again = problem(post(internal::JOB_RETRY)).await;

    assert_eq!((cancelled.state, cancelled.seq), (JobState::Cancelled, 2));
    assert_eq!(twice, cancelled);
    assert_eq!((queued.state, queued.seq, queued.position), (JobState::Queued, 3, Some(0)));
    assert_eq!(again.code, Code::WrongState.name());
}

#[tokio::test]
async fn what_runs_is_stopped_when_it_is_cancelled_and_its_runner_is_free_again() {
    let marks = tempfile::tempdir().unwrap();
    let mark = marks.path().join("mark");
    let child = format!(
        "if [ -e '{0}' ]; then exec \"$0\" job-child; else : > '{0}'; exec sleep 600; fi",
        mark.display()
    );
    let worker = Worker::with(|config| {
        config.child = script(&child);
        config.runners = 1;
    })
    .await;
    let job = worker.note().await;
    eventually(async || mark.exists().then_some(())).await;
    assert_eq!(worker.job(job.id).await.state, JobState::InProgress);

    let cancelled: Job =
        answer(worker.request(Method::POST, &fill(internal::JOB_CANCEL, job.id)), StatusCode::OK).await;
    let next = worker.ended(worker.note().await.id).await;
    let completed = problem(worker.request(Method::POST, &fill(internal::JOB_CANCEL, next.id))).await;

    assert_eq!(cancelled.state, JobState::Cancelled);
    assert_eq!(next.state, JobState::Completed);
    assert_eq!(completed.code, Code::WrongState.name());
    assert_eq!(worker.job(job.id).await, cancelled, "nothing happens to it afterwards");

    answer::<Job>(worker.request(Method::POST, &fill(internal::JOB_RETRY, job.id)), StatusCode::OK).await;
    assert_eq!(worker.ended(job.id).await.state, JobState::Completed);
}

#[tokio::test]
async fn what_runs_can_be_removed() {
    let worker = Worker::with(|config| config.child = slow()).await;
    let job = worker.note().await;
    worker.job_in(job.id, JobState::InProgress).await;

    let removed = worker.request(Method::DELETE, &fill(internal::JOB, job.id)).send().await.unwrap();

    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    eventually(async || worker.is_clean().await.then_some(())).await;
}

#[tokio::test]
async fn what_is_given_up_through_no_documents_fault_is_a_dead_letter_until_it_is_started_again() {
    let marks = tempfile::tempdir().unwrap();
    let mark = marks.path().join("mended");
    let child = format!("if [ -e '{0}' ]; then exec \"$0\" job-child; else exit 9; fi", mark.display());
    let worker = Worker::with(|config| config.child = script(&child)).await;
    let letters = async || -> DeadLetters {
        let path = format!("{}?limit=1", internal::DEAD_LETTERS);
        answer(worker.request_of(UserId::new(), Method::GET, &path), StatusCode::OK).await
    };
    let mine = async || -> Jobs {
        answer(worker.request(Method::GET, &format!("{}?dead=true", internal::JOBS)), StatusCode::OK).await
    };

    let (first, second) = (worker.note().await.id, worker.note().await.id);
    for id in [first, second] {
        assert_eq!(worker.ended(id).await.state, JobState::Failed);
    }
    let page = letters().await;
    assert!(page.next.is_some());
    assert_eq!((page.items[0].owner, page.items[0].attempts), (worker.user, 3));
    assert_eq!(page.items[0].error.kind, "crashed");
    std::fs::write(&mark, "").unwrap();
    // What is a document's own fault is none.
    let broken = worker.uploaded("to=txt&name=a.pdf", "%PDF-1.7\nno objects here\nstartxref\n0\n%%EOF").await;
    assert_eq!(worker.ended(broken.id).await.state, JobState::Failed);
    assert_eq!(mine().await.items.iter().map(|job| job.id).collect::<Vec<_>>(), [second, first]);
    for id in [first, second] {
        let path = fill(internal::DEAD_LETTER, id);
        let letter: DeadLetter =
            answer(worker.request_of(UserId::new(), Method::GET, &path), StatusCode::OK).await;
        assert_eq!(letter.id, id);
        let _: Job =
            answer(worker.request(Method::POST, &fill(internal::JOB_RETRY, id)), StatusCode::OK).await;
        assert_eq!(worker.ended(id).await.state, JobState::Completed);
        assert_eq!(problem(worker.request(Method::GET, &path)).await.code, Code::NotFound.name());
    }
    assert_eq!((mine().await.items.len(), letters().await.items.len()), (0, 0));
}
