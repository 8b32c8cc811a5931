//! Encrypted documents: the password travels in a header, lies sealed while the job needs it, and is gone afterwards.

use reqwest::{Method, StatusCode};
use wire::{
    Code, JobId,
    conversions::{Job, JobState},
    document_password::{DOCUMENT_PASSWORD, to_header},
    paths::{fill, internal},
};

use crate::{
    refusals::encrypted_office_file,
    sql,
    worker::{Worker, answer, problem},
};

/// A letter in the encryption of today's Office, and one in that of 2007 as LibreOffice writes it, with [`PASSWORD`].
const LETTER: &[u8] = include_bytes!("samples/encrypted.docx");
const OLDER: &[u8] = include_bytes!("samples/older_encryption.docx");
const PASSWORD: &str = "žlutý kůň 100%";

async fn uploaded(worker: &Worker, body: Vec<u8>, password: &str) -> Job {
    let upload = worker.upload("to=txt&name=a.docx", body).header(DOCUMENT_PASSWORD, to_header(password));
    answer(upload, StatusCode::ACCEPTED).await
}

/// Whether `text` has [`PASSWORD`], or a word of it, as it is or as it travels. Digits alone are no sign: a time has them too.
fn tells(text: &str) -> bool {
    let travelling = to_header(PASSWORD);
    PASSWORD.split(' ').chain(travelling.split("%20")).any(|word| text.contains(word))
}

async fn failed_with(worker: &Worker, job: JobId) -> Option<String> {
    let job = worker.job_in(job, JobState::Failed).await;
    job.error.map(|error| error.kind)
}

#[tokio::test]
async fn the_right_password_opens_the_document_and_is_forgotten() {
    let worker = Worker::start().await;

    let job = uploaded(&worker, LETTER.to_vec(), PASSWORD).await;
    let done = worker.ended(job.id).await;

    assert_eq!((done.state, done.degraded), (JobState::Completed, false), "{done:?}");
    assert!(sql::password(&worker.db, job.id).await.is_none());
}

#[tokio::test]
async fn an_older_kind_of_encryption_is_said_to_be_one() {
    let worker = Worker::start().await;

    let job = uploaded(&worker, OLDER.to_vec(), PASSWORD).await;

    assert_eq!(failed_with(&worker, job.id).await.as_deref(), Some("unsupported"));
}

#[tokio::test]
async fn while_the_job_waits_nobody_can_read_it() {
    let worker = Worker::with(|config| config.runners = 0).await;

    let job = uploaded(&worker, encrypted_office_file(), PASSWORD).await;

    let sealed = sql::password(&worker.db, job.id).await.expect("the job will need it");
    assert!(!tells(&String::from_utf8_lossy(&sealed)));
    let shown = worker.request(Method::GET, &fill(internal::JOB, job.id));
    let shown: serde_json::Value = answer(shown, StatusCode::OK).await;
    for text in [shown.to_string(), sql::options(&worker.db, job.id).await] {
        assert!(!tells(&text) && !text.contains("password"), "{text}");
    }

    answer::<Job>(worker.request(Method::POST, &fill(internal::JOB_CANCEL, job.id)), StatusCode::OK).await;
    assert!(sql::password(&worker.db, job.id).await.is_none());
}

#[tokio::test]
async fn a_wrong_password_fails_and_starting_again_takes_the_right_one() {
    let worker = Worker::start().await;
    let job = uploaded(&worker, LETTER.to_vec(), "a guess").await.id;
    assert_eq!(failed_with(&worker, job).await.as_deref(), Some("wrong_password"));
    assert!(sql::password(&worker.db, job).await.is_none());
    let again = || worker.request(Method::POST, &fill(internal::JOB_RETRY, job));

    assert_eq!(problem(again()).await.code, Code::EncryptedFile.name());
    assert_eq!(problem(again().header(DOCUMENT_PASSWORD, "%")).await.code, Code::BadRequest.name());
    let again = again().header(DOCUMENT_PASSWORD, to_header(PASSWORD));
    answer::<Job>(again, StatusCode::OK).await;

    assert_eq!(worker.ended(job).await.state, JobState::Completed);
}
