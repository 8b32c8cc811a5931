//! The same file once more: answered from the earlier result, and never from one that is not as good as new.

use reqwest::{Method, StatusCode};
use wire::{
    UserId,
    conversions::{ConversionReport, Job, JobState, StoredResult},
    paths::{fill, internal},
};

use crate::worker::{Worker, answer, eventually, script};

const NOTE: &str = "# A note\n\nwith words";
const QUERY: &str = "to=html&name=note.md";

async fn completed(worker: &Worker, query: &str, body: &'static str) -> Job {
    let job = worker.ended(worker.uploaded(query, body).await.id).await;
    assert_eq!(job.state, JobState::Completed, "{job:?}");
    job
}

async fn stored(worker: &Worker, job: &Job) -> (StoredResult, String) {
    let path = fill(internal::JOB_RESULT, job.id);
    let stored: StoredResult = answer(worker.request(Method::GET, &path), StatusCode::OK).await;
    let copy = worker.engines.folder.path().join("copy");
    worker.engines.objects.fetch_to(&stored.key, &copy).await.unwrap();
    (stored, std::fs::read_to_string(copy).unwrap())
}

async fn report(worker: &Worker, job: &Job) -> ConversionReport {
    answer(worker.request(Method::GET, &fill(internal::JOB_REPORT, job.id)), StatusCode::OK).await
}

async fn remove(worker: &Worker, job: &Job) {
    let removed = worker.request(Method::DELETE, &fill(internal::JOB, job.id)).send().await.unwrap();
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn the_same_file_is_answered_at_once_and_its_result_is_its_own() {
    let worker = Worker::start().await;
    let first = completed(&worker, QUERY, NOTE).await;
    let runs = worker.job(first.id).await.attempt;

    let again = worker.uploaded("to=html&name=copy.md", NOTE).await;

    assert_eq!((again.state, again.seq, again.attempt), (JobState::Completed, 1, 0));
    assert_eq!((again.cached_from, again.name.as_str(), runs), (Some(first.id), "copy.md", 1));
    assert_eq!((&again.sha256, &again.engine, again.seconds), (&first.sha256, &first.engine, None));
    let (told, made) = (report(&worker, &again).await, report(&worker, &first).await);
    assert_eq!((told.cached, told.cached_from), (true, Some(first.id)));
    assert_eq!((told.recall, told.words_in, told.attempts), (made.recall, made.words_in, made.attempts));
    assert!(!made.cached);

    remove(&worker, &first).await;
    let third = worker.uploaded(QUERY, NOTE).await;
    let (result, text) = stored(&worker, &third).await;

    assert_eq!(third.cached_from, Some(first.id), "whose work it is, however often it was copied");
    assert!(text.contains("with words") && result.key.contains(&third.id.to_string()), "{result:?}");
    remove(&worker, &again).await;
    remove(&worker, &third).await;
    eventually(async || worker.is_clean().await.then_some(())).await;
}

#[tokio::test]
async fn other_wishes_other_bytes_and_other_people_have_their_own_results() {
    let worker = Worker::start().await;
    completed(&worker, QUERY, NOTE).await;

    for (query, body) in [
        ("to=txt&name=note.md", NOTE),
        ("to=html&name=note.md&paper=letter", NOTE),
        ("to=html&name=note.md&fresh=true", NOTE),
        (QUERY, "# A note\n\nwith other words"),
    ] {
        assert_eq!(completed(&worker, query, body).await.cached_from, None, "{query}");
    }
    let path = format!("{}?{QUERY}", internal::JOBS);
    let theirs = worker.request_of(UserId::new(), Method::POST, &path).body(NOTE);
    let theirs: Job = answer(theirs, StatusCode::ACCEPTED).await;
    assert_eq!((theirs.state, theirs.cached_from), (JobState::Queued, None));
}

#[tokio::test]
async fn a_result_that_lacks_something_is_not_given_twice() {
    let line = r#"{"done":{"engine":"builtin","pages":null,"words_in":2,"words_out":1,"recall":0.5,"degraded":true,"lost":["a word"],"warnings":[],"millis":1,"bytes_out":1}}"#;
    let child = format!(
        r#"read -r job; out=$(printf '%s' "$job" | sed 's/.*"output":"\([^"]*\)".*/\1/'); echo x > "$out"; echo '{line}'"#
    );
    let worker = Worker::with(|config| config.child = script(&child)).await;
    assert!(completed(&worker, QUERY, NOTE).await.degraded);

    assert_eq!(completed(&worker, QUERY, NOTE).await.cached_from, None);
}

#[tokio::test]
async fn a_result_that_is_gone_or_damaged_is_made_again() {
    let worker = Worker::start().await;
    let first = completed(&worker, QUERY, NOTE).await;
    let (kept, _) = stored(&worker, &first).await;
    let body = futures_util::stream::iter([Ok(bytes::Bytes::from_static(b"something else"))]);
    worker.engines.objects.put(&kept.key, Box::pin(body), 100).await.unwrap();

    let second = completed(&worker, QUERY, NOTE).await;
    worker.engines.objects.delete(&kept.key).await.unwrap();
    let (kept, text) = stored(&worker, &second).await;
    worker.engines.objects.delete(&kept.key).await.unwrap();
    let third = completed(&worker, QUERY, NOTE).await;

    assert!(text.contains("with words"));
    assert_eq!((second.cached_from, third.cached_from), (None, None));
}

#[tokio::test]
async fn a_key_names_one_upload_whoever_made_its_result() {
    let worker = Worker::start().await;
    completed(&worker, QUERY, NOTE).await;
    let send = || worker.upload(QUERY, NOTE).header("idempotency-key", "k1");

    let first: Job = answer(send(), StatusCode::ACCEPTED).await;
    let again: Job = answer(send(), StatusCode::ACCEPTED).await;

    assert!(first.cached_from.is_some());
    assert_eq!(again, first);
}
