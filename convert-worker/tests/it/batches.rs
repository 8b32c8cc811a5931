//! Batches: several conversions that are one thing, whatever dies, fails or goes away in between.

use std::io::{Cursor, Read as _};

use platform::db::Db;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::json;
use wire::{
    BatchId, Code, JobId, UserId,
    batches::{Batch, Batches},
    conversions::{Job, JobState, StoredResult},
    paths::{fill, internal},
};

use crate::{
    sql,
    worker::{Worker, answer, eventually, problem, script, slow},
};

fn wanted(worker: &Worker, jobs: &[JobId], steps: &[&str], on_failure: &str) -> RequestBuilder {
    let wish = json!({"jobs": jobs, "steps": steps, "name": "all", "on_failure": on_failure});
    worker.request(Method::POST, internal::BATCHES).json(&wish)
}

async fn batch_of(worker: &Worker, jobs: &[JobId], steps: &[&str], on_failure: &str) -> Batch {
    answer(wanted(worker, jobs, steps, on_failure), StatusCode::ACCEPTED).await
}

fn at(worker: &Worker, method: Method, id: BatchId) -> RequestBuilder {
    worker.request(method, &fill(internal::BATCH, id))
}

async fn ended(worker: &Worker, id: BatchId) -> Batch {
    eventually(async || {
        let batch: Batch = answer(at(worker, Method::GET, id), StatusCode::OK).await;
        batch.state.is_final().then_some(batch)
    })
    .await
}

/// A result, and what it is called.
async fn result(worker: &Worker, job: JobId) -> (String, Vec<u8>) {
    let path = fill(internal::JOB_RESULT, job);
    let found: StoredResult = answer(worker.request(Method::GET, &path), StatusCode::OK).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("result");
    worker.engines.objects.fetch_to(&found.key, &file).await.unwrap();
    (found.name, std::fs::read(file).unwrap())
}

fn files_of(zip: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    (0..zip.len())
        .map(|at| {
            let mut file = zip.by_index(at).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

async fn upload(worker: &Worker, name: &str, text: &str) -> Job {
    worker.uploaded(&format!("to=pdf&name={name}"), text.to_owned()).await
}

async fn batches(db: &Db) -> i64 {
    platform::each!(db.reader(), pool => {
        sqlx::query_scalar("SELECT count(*) FROM batches").fetch_one(pool).await
    })
    .unwrap()
}

#[tokio::test]
async fn several_uploads_become_one_pdf_and_one_zip_in_order() {
    let worker = Worker::start().await;
    let (first, second) =
        (upload(&worker, "b.md", "# Harbour").await, upload(&worker, "b.txt", "Boats").await);
    // What is a PDF already is taken as it is.
    worker.ended(first.id).await;
    let (_, pdf) = result(&worker, first.id).await;
    let third: Job = worker.uploaded("to=pdf&name=c.pdf&as_is=true", pdf.clone()).await;
    let jobs = [second.id, first.id, third.id];

    let begun = batch_of(&worker, &jobs, &["merge", "zip"], "fail").await;
    let batch = ended(&worker, begun.id).await;

    assert_eq!(batch.state, JobState::Completed, "{batch:?}");
    assert_eq!(batch.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), jobs);
    let progress = &batch.progress;
    assert_eq!(
        (progress.done, progress.total, &*progress.unit, progress.percent),
        (5, Some(5), "jobs", Some(100))
    );
    let [merged, zipped] = &batch.made[..] else { panic!("{:?}", batch.made) };
    assert_eq!((merged.batch, merged.held, batch.result), (Some(batch.id), false, Some(zipped.id)));
    let (name, bytes) = result(&worker, merged.id).await;
    assert_eq!(name, "all.pdf");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.pdf");
    std::fs::write(&file, &bytes).unwrap();
    assert_eq!(convert::sniff(&file, "all.pdf", None), Ok(convert::Format::Pdf));
    let report: wire::conversions::ConversionReport =
        answer(worker.request(Method::GET, &fill(internal::JOB_REPORT, merged.id)), StatusCode::OK).await;
    assert_eq!((report.pages, report.recall, report.words_in), (Some(3), Some(1.0), Some(3)));
    let (name, bytes) = result(&worker, zipped.id).await;
    let files = files_of(bytes);
    let names: Vec<&str> = files.iter().map(|(name, _)| &**name).collect();
    assert_eq!((&*name, names), ("all.zip", vec!["b.pdf", "b (2).pdf", "c.pdf", "all.pdf"]));
    assert_eq!(files[2].1, pdf);
    // Each state of a step is an event like that of every job.
    let states: Vec<String> =
        sql::events(&worker.db, merged.id).await.into_iter().map(|(_, state)| state).collect();
    assert_eq!(states[..3], ["queued", "queued", "in_progress"]);
    // What is said to be too much for one PDF is not even fetched.
    sql::swell(&worker.db, third.id).await;
    let too_much = ended(&worker, batch_of(&worker, &jobs, &["merge"], "fail").await.id).await;
    let error = too_much.made[0].error.as_ref().unwrap();
    assert!(error.kind == "limit_exceeded" && error.detail.contains("allowed are 128"), "{error:?}");
}

#[tokio::test]
async fn a_step_waits_in_no_line_and_goes_on_when_its_worker_was_killed() {
    let worker = Worker::doomed(|config| {
        config.child = slow();
        config.waiting_per_user = 3;
    })
    .await;
    let (first, second) = (worker.note().await, upload(&worker, "b.md", "# Other").await);
    let batch = batch_of(&worker, &[first.id, second.id], &["merge", "zip"], "fail").await;
    assert!(batch.made.iter().all(|step| step.held && step.position.is_none()), "{batch:?}");
    assert!(!batch.state.is_final() && batch.result.is_none());
    // They count among the batches that wait, not among the uploads.
    upload(&worker, "c.md", "# One more").await;
    let refused = problem(wanted(&worker, &[first.id], &["merge", "zip"], "fail")).await;
    assert_eq!(refused.code, Code::RateLimited.name());
    worker.job_in(first.id, JobState::InProgress).await;

    // The second one is killed while it merges, or before.
    let home = worker.kill().await;
    let gate = tempfile::tempdir().unwrap();
    let merging = gate.path().join("merging");
    let worker = Worker::doomed_over(home, |config| {
        // Only a merge has inputs that are numbered.
        let child = format!(
            "for input in '{}'/attempt-*/input-0; do [ -e \"$input\" ] && : > '{}' && exec sleep 600; done; exec \"$0\" job-child",
            config.work_dir.display(),
            merging.display()
        );
        config.child = script(&child);
    })
    .await;
    eventually(async || merging.exists().then_some(())).await;
    let home = worker.kill().await;
    let worker = Worker::over(home, |_| ()).await;

    let batch = ended(&worker, batch.id).await;
    assert_eq!(batch.state, JobState::Completed, "{batch:?}");
    assert!(batch.made[0].attempt >= 2, "{:?}", batch.made[0]);
    let keys = worker.objects().await;
    let results = |job: JobId| {
        keys.iter().filter(|key| key.contains(&job.to_string()) && key.starts_with("out")).count()
    };
    assert!(batch.made.iter().all(|step| results(step.id) == 1), "{keys:?}");
}

#[tokio::test]
async fn a_conversion_that_fails_fails_the_step_or_is_left_out_and_said() {
    let worker = Worker::start().await;
    let good = upload(&worker, "good.md", "# Good").await;
    let bad: Job =
        worker.uploaded("to=pdf&name=bad.pdf&as_is=true", "%PDF-1.5\nno objects\nstartxref\n5\n%%EOF").await;
    let jobs = [good.id, bad.id];

    let strict = batch_of(&worker, &jobs, &["merge", "zip"], "fail").await;
    let lenient = batch_of(&worker, &jobs, &["zip"], "skip").await;
    let (strict, lenient) = (ended(&worker, strict.id).await, ended(&worker, lenient.id).await);

    assert_eq!(strict.state, JobState::Failed);
    for step in &strict.made {
        let error = step.error.as_ref().unwrap();
        assert!(
            error.kind == "input_missing" && error.detail.contains("bad.pdf could not be converted"),
            "{error:?}"
        );
    }
    assert_eq!((lenient.state, lenient.result), (JobState::Completed, Some(lenient.made[0].id)));
    let zipped = &lenient.made[0];
    assert!(zipped.degraded && zipped.lost[0].starts_with("not in it: bad.pdf"), "{:?}", zipped.lost);
    let names: Vec<String> =
        files_of(result(&worker, zipped.id).await.1).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["good.pdf"]);
    // A step is started again like every job, and fails again as long as what it needs is not there.
    let retry = worker.request(Method::POST, &fill(internal::JOB_RETRY, strict.made[0].id));
    answer::<Job>(retry, StatusCode::OK).await;
    let again = worker.ended(strict.made[0].id).await;
    assert_eq!(again.error.unwrap().kind, "input_missing");
    // What was removed is missing as well.
    let path = fill(internal::JOB, good.id);
    assert_eq!(worker.request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let gone = problem(wanted(&worker, &jobs, &["zip"], "skip")).await;
    assert_eq!(gone.code, Code::NotFound.name());
    let retry = worker.request(Method::POST, &fill(internal::JOB_RETRY, strict.made[1].id));
    answer::<Job>(retry, StatusCode::OK).await;
    let error = worker.ended(strict.made[1].id).await.error.unwrap();
    assert!(error.detail.contains("file 1 of the batch was removed"), "{error:?}");
}

#[tokio::test]
async fn a_batch_is_its_owners_and_cancelled_and_removed_with_all_that_belongs_to_it() {
    let worker = Worker::with(|config| config.child = slow()).await;
    let (first, second) = (worker.note().await, upload(&worker, "b.md", "# Other").await);
    let batch = batch_of(&worker, &[first.id, second.id], &["merge"], "skip").await;
    let other = UserId::new();
    for (method, path) in [
        (Method::GET, fill(internal::BATCH, batch.id)),
        (Method::DELETE, fill(internal::BATCH, batch.id)),
        (Method::POST, fill(internal::BATCH_CANCEL, batch.id)),
    ] {
        let refused = problem(worker.request_of(other, method, &path)).await;
        assert_eq!(refused.code, Code::NotFound.name());
    }
    let theirs = json!({"jobs": [first.id]});
    let stolen = problem(worker.request_of(other, Method::POST, internal::BATCHES).json(&theirs)).await;
    assert_eq!(stolen.code, Code::NotFound.name());
    let listed: Batches =
        answer(worker.request_of(other, Method::GET, internal::BATCHES), StatusCode::OK).await;
    assert!(listed.items.is_empty());

    let path = fill(internal::BATCH_CANCEL, batch.id);
    let cancelled: Batch = answer(worker.request(Method::POST, &path), StatusCode::OK).await;

    assert_eq!(cancelled.state, JobState::Cancelled);
    let all = cancelled.jobs.iter().chain(&cancelled.made);
    assert!(all.clone().all(|job| job.state == JobState::Cancelled), "{cancelled:?}");
    let twice: Batch = answer(worker.request(Method::POST, &path), StatusCode::OK).await;
    assert_eq!(twice.state, JobState::Cancelled);

    let gone = at(&worker, Method::DELETE, batch.id).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(problem(at(&worker, Method::GET, batch.id)).await.code, Code::NotFound.name());
    eventually(async || worker.is_clean().await.then_some(())).await;
    assert_eq!(batches(&worker.db).await, 0);
}

#[tokio::test]
async fn the_same_wish_makes_one_batch_and_a_wrong_one_none() {
    let worker = Worker::start().await;
    let (first, text) = (worker.note().await, worker.uploaded("to=txt&name=a.md", "# A").await);
    let keyed = |steps: &[&str], key: &str| {
        wanted(&worker, &[first.id], steps, "fail").header("idempotency-key", key.to_owned())
    };

    let one: Batch = answer(keyed(&["zip"], "k"), StatusCode::ACCEPTED).await;
    let again: Batch = answer(keyed(&["zip"], "k"), StatusCode::ACCEPTED).await;

    assert_eq!((one.id, batches(&worker.db).await), (again.id, 1));
    assert_eq!(problem(keyed(&["merge"], "k")).await.code, Code::Conflict.name());
    let refused =
        async |jobs: &[JobId], steps: &[&str]| problem(wanted(&worker, jobs, steps, "fail")).await.code;
    assert_eq!(refused(&[], &["zip"]).await, Code::InvalidField.name());
    assert_eq!(refused(&[first.id, first.id], &["zip"]).await, Code::InvalidField.name());
    assert_eq!(refused(&[first.id], &["zip", "merge"]).await, Code::InvalidField.name());
    assert_eq!(refused(&[first.id, text.id], &["merge"]).await, Code::UnsupportedPair.name());
    assert_eq!(refused(&[JobId::new()], &[]).await, Code::NotFound.name());
    assert_eq!(batches(&worker.db).await, 1);

    // Without a step it is the conversions together; the newest is first.
    let plain = batch_of(&worker, &[first.id, text.id], &[], "fail").await;
    let plain = ended(&worker, plain.id).await;
    assert_eq!((plain.state, plain.made.len(), plain.result), (JobState::Completed, 0, None));
    let path = format!("{}?limit=1", internal::BATCHES);
    let page: Batches = answer(worker.request(Method::GET, &path), StatusCode::OK).await;
    assert_eq!((page.items[0].id, page.items.len()), (plain.id, 1));
    let path = format!("{path}&cursor={}", page.next.unwrap());
    let page: Batches = answer(worker.request(Method::GET, &path), StatusCode::OK).await;
    assert_eq!((page.items[0].id, page.next), (one.id, None));
}

#[tokio::test]
async fn a_batch_that_is_older_than_the_retention_goes_with_its_jobs() {
    let worker = Worker::with(|config| {
        config.child = slow();
        config.retention = std::time::Duration::ZERO;
    })
    .await;
    let note = worker.note().await;
    // Nothing of it can end by itself, so nothing of it can be old yet.
    let batch = batch_of(&worker, &[note.id], &["merge", "zip"], "skip").await;

    let cancelled =
        worker.request(Method::POST, &fill(internal::BATCH_CANCEL, batch.id)).send().await.unwrap();

    assert_eq!(cancelled.status(), StatusCode::OK);
    eventually(async || (worker.is_clean().await && batches(&worker.db).await == 0).then_some(())).await;
}
