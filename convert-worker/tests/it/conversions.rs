//! Conversions that go well.

use reqwest::{Method, StatusCode};
use sha2::{Digest, Sha256};
use wire::{
    UserId,
    conversions::{Formats, Job, JobState, Jobs, StoredResult},
    paths::{fill, internal},
};

use crate::{
    sql,
    worker::{Worker, answer, eventually, hint, problem, script},
};

#[tokio::test]
async fn markdown_becomes_pdf_and_everybody_who_watches_sees_each_step() {
    let marks = tempfile::tempdir().unwrap();
    let mark = marks.path().join("mark");
    // The rest of what the child says waits until its first step was told: it may be done before anybody looks.
    let child = format!(
        "\"$0\" job-child | {{ read -r first; printf '%s\\n' \"$first\"; until [ -e '{}' ]; do sleep 0.02; done; cat; }}",
        mark.display()
    );
    let worker = Worker::with(|config| config.child = script(&child)).await;
    let mut hints = worker.hints().await;

    let queued = worker.uploaded("to=pdf&name=Notes.md", "# Hello\n\nthe quick brown fox").await;
    let mut told = Vec::new();
    while told.last().is_none_or(|job: &Job| job.progress.is_none()) {
        told.push(hint(&mut hints, queued.id).await);
    }
    std::fs::write(&mark, "").unwrap();
    let done = worker.ended(queued.id).await;

    assert_eq!((queued.state, queued.seq, queued.bytes_in), (JobState::Queued, 1, 28));
    assert_eq!(done.state, JobState::Completed, "{done:?}");
    assert_eq!((done.from.as_str(), done.to.as_str(), done.attempt), ("md", "pdf", 1));
    assert!(done.engine.is_some() && done.seconds.is_some_and(|seconds| seconds > 0.0), "{done:?}");

    let steps =
        [(1, "queued"), (2, "in_progress"), (3, "completed")].map(|(seq, state)| (seq, state.to_owned()));
    assert_eq!(sql::events(&worker.db, done.id).await, steps);
    // Whoever changes a job tells it: hints may overtake each other, and the numbers put them right.
    while !(1..=3).all(|seq| told.iter().any(|job: &Job| job.seq == seq)) {
        told.push(hint(&mut hints, done.id).await);
    }
    told.sort_by_key(|job| job.seq);
    let mut changes: Vec<_> = told.iter().map(|job| (job.seq, job.state)).collect();
    changes.dedup();
    assert_eq!(changes, [(1, JobState::Queued), (2, JobState::InProgress), (3, JobState::Completed)]);

    let result: StoredResult =
        answer(worker.request(Method::GET, &fill(internal::JOB_RESULT, done.id)), StatusCode::OK).await;
    let copy = worker.engines.folder.path().join("copy");
    worker.engines.objects.fetch_to(&result.key, &copy).await.unwrap();
    let bytes = std::fs::read(copy).unwrap();
    assert!(bytes.starts_with(b"%PDF-"));
    assert_eq!((result.name.as_str(), result.media_type.as_str()), ("Notes.pdf", "application/pdf"));
    assert_eq!(result.bytes, bytes.len() as u64);
    assert_eq!(result.sha256, hex::encode(Sha256::digest(&bytes)));
    assert_eq!(done.sha256, Some(result.sha256));
    // The attempt's folder goes at the moment of the last hint, not before it.
    eventually(async || worker.work().is_empty().then_some(())).await;
}

#[tokio::test]
async fn progress_is_told_and_shown_under_the_number_of_the_newest_change() {
    let line = r#"{"progress":{"stage":"converting","done":3,"total":12,"unit":"rows","percent":25}}"#;
    let worker =
        Worker::with(|config| config.child = script(&format!("echo '{line}'; exec sleep 600"))).await;
    let mut hints = worker.hints().await;

    let job = worker.note().await;
    let told =
        eventually(async || Some(hint(&mut hints, job.id).await).filter(|job| job.progress.is_some())).await;
    let shown = worker.job(job.id).await;

    assert_eq!((told.seq, told.state), (2, JobState::InProgress));
    assert_eq!(told.progress.as_ref().and_then(|progress| progress.percent), Some(25));
    assert_eq!(shown.progress, told.progress);
}

#[tokio::test]
async fn an_upload_that_is_sent_again_with_its_key_makes_no_second_job() {
    let worker = Worker::start().await;
    let send = |query: &str| worker.upload(query, "# Hello").header("idempotency-key", "k1");

    let first: Job = answer(send("to=pdf&name=a.md"), StatusCode::ACCEPTED).await;
    let again: Job = answer(send("to=pdf&name=a.md"), StatusCode::ACCEPTED).await;
    let other = problem(send("to=html&name=a.md")).await;
    let letter = problem(send("to=pdf&name=a.md&paper=letter")).await;
    let strict = problem(send("to=pdf&name=a.md&strict=true")).await;
    let longer = worker.upload("to=pdf&name=a.md", "# Hello, and more").header("idempotency-key", "k1");
    let longer = problem(longer).await;

    assert_eq!(first.id, again.id);
    let refused = [other, letter, strict, longer].map(|problem| problem.code);
    assert_eq!(refused, [wire::Code::Conflict.name(); 4]);
    assert_eq!(sql::jobs(&worker.db).await, 1);
}

#[tokio::test]
async fn jobs_are_listed_newest_first_page_by_page() {
    let worker = Worker::with(|config| config.runners = 0).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(worker.note().await.id);
    }
    made.reverse();

    let list = |query: String| worker.request(Method::GET, &format!("{}?{query}", internal::JOBS));
    let first: Jobs = answer(list("limit=3".into()), StatusCode::OK).await;
    let cursor = first.next.clone().unwrap();
    let second: Jobs = answer(list(format!("limit=3&state=queued&cursor={cursor}")), StatusCode::OK).await;
    let none: Jobs = answer(list("state=failed".into()), StatusCode::OK).await;

    let ids: Vec<_> = first.items.iter().chain(&second.items).map(|job| job.id).collect();
    assert_eq!(ids, made);
    assert_eq!((second.next, none.items.len()), (None, 0));
    let places: Vec<_> = first.items.iter().map(|job| job.position).collect();
    assert_eq!(places, [Some(4), Some(3), Some(2)]);
}

#[tokio::test]
async fn a_job_of_somebody_else_is_missing_exactly_like_one_that_never_was() {
    let worker = Worker::start().await;
    let job = worker.note().await;
    worker.ended(job.id).await;
    let stranger = UserId::new();

    for (method, path) in [
        (Method::GET, internal::JOB),
        (Method::DELETE, internal::JOB),
        (Method::POST, internal::JOB_CANCEL),
        (Method::POST, internal::JOB_RETRY),
        (Method::GET, internal::JOB_RESULT),
    ] {
        let theirs = problem(worker.request_of(stranger, method.clone(), &fill(path, job.id))).await;
        let missing = problem(worker.request_of(stranger, method, &fill(path, wire::JobId::new()))).await;
        assert_eq!((theirs.status, &theirs), (404, &missing), "{path}");
    }
    let list: Jobs = answer(worker.request_of(stranger, Method::GET, internal::JOBS), StatusCode::OK).await;
    assert!(list.items.is_empty());
    assert_eq!(worker.job(job.id).await.state, JobState::Completed);
}

#[tokio::test]
async fn a_removed_job_leaves_nothing() {
    let worker = Worker::start().await;
    let job = worker.note().await;
    worker.ended(job.id).await;
    assert_eq!(worker.objects().await.len(), 2);

    let path = fill(internal::JOB, job.id);
    let removed = worker.request(Method::DELETE, &path).send().await.unwrap();
    let again = problem(worker.request(Method::DELETE, &path)).await;

    assert_eq!((removed.status(), again.status), (StatusCode::NO_CONTENT, 404));
    eventually(async || worker.is_clean().await.then_some(())).await;
}

#[tokio::test]
async fn what_is_older_than_the_retention_goes_by_itself() {
    let worker = Worker::with(|config| config.retention = std::time::Duration::ZERO).await;

    worker.note().await;

    eventually(async || worker.is_clean().await.then_some(())).await;
}

#[tokio::test]
async fn the_matrix_is_that_of_the_engines() {
    let worker = Worker::start().await;

    let formats: Formats = answer(worker.request(Method::GET, internal::FORMATS), StatusCode::OK).await;

    assert_eq!(formats.items.len(), convert::formats().len());
    assert!(formats.items.iter().any(|pair| (pair.from.as_str(), pair.to.as_str()) == ("docx", "pdf")));
    assert!(
        formats.items.iter().all(|pair| ["exact", "high", "flow", "data"].contains(&pair.fidelity.as_str()))
    );
}
