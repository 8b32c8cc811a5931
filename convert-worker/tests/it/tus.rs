//! Uploads that come in pieces: what was acknowledged stays, whatever breaks, and the last piece makes one job.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use reqwest::{Body, Method, RequestBuilder, StatusCode};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use wire::{
    Code, UploadId, UserId,
    conversions::{JobState, NewConversion},
    document_password::DOCUMENT_PASSWORD,
    paths::{fill, internal},
    uploads::{NewUpload, UPLOAD_CHECKSUM, Upload},
};

use crate::{
    refusals::{encrypted_office_file, picture},
    sql,
    worker::{Home, Worker, answer, eventually, problem},
};

const MIB: usize = 1024 * 1024;
const TEXT: &str = "# A note\n\nwith many words that come one after the other";

/// Begins the upload of a file of this name and size.
fn begin(worker: &Worker, name: &str, to: &str, length: usize) -> RequestBuilder {
    let wish = NewConversion { to: to.into(), name: name.into(), ..NewConversion::default() };
    let new = NewUpload { length: length as u64, metadata: Some("to cGRm".into()), wish };
    worker.request(Method::POST, internal::UPLOADS).json(&new)
}

async fn begun(worker: &Worker, name: &str, length: usize) -> Upload {
    answer(begin(worker, name, "html", length), StatusCode::CREATED).await
}

fn append(worker: &Worker, id: UploadId, at: usize, body: impl Into<Body>) -> RequestBuilder {
    worker.request(Method::PATCH, &format!("{}?at={at}", fill(internal::UPLOAD, id))).body(body)
}

async fn appended(worker: &Worker, id: UploadId, at: usize, body: impl Into<Body>) -> Upload {
    answer(append(worker, id, at, body), StatusCode::OK).await
}

async fn shown(worker: &Worker, id: UploadId) -> Upload {
    answer(worker.request(Method::GET, &fill(internal::UPLOAD, id)), StatusCode::OK).await
}

/// Sends a request that announces so many bytes, and hangs up after these.
async fn cut_off(request: RequestBuilder, length: usize, bytes: &[u8]) {
    let request = request.build().unwrap();
    let url = request.url();
    let mut head = format!("PATCH {}?{} HTTP/1.1\r\nHost: worker\r\n", url.path(), url.query().unwrap());
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    head += &format!("Content-Length: {length}\r\n\r\n");
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(bytes).await.unwrap();
    connection.shutdown().await.unwrap();
}

fn code(code: Code) -> String {
    code.name().to_owned()
}

#[tokio::test]
async fn pieces_become_one_job_that_every_answer_names() {
    let worker = Worker::start().await;
    let upload = begun(&worker, "note.md", TEXT.len()).await;
    let id = upload.id;
    assert_eq!((upload.offset, upload.job, upload.metadata.as_deref()), (0, None, Some("to cGRm")));

    assert_eq!(appended(&worker, id, 0, &TEXT[..10]).await.offset, 10);
    for at in [0, 9, 11, TEXT.len()] {
        assert_eq!(problem(append(&worker, id, at, "x")).await.code, code(Code::OffsetMismatch), "{at}");
    }
    let whole = appended(&worker, id, 10, &TEXT[10..]).await;

    let job = worker.ended(whole.job.unwrap()).await;
    assert_eq!((job.state, job.bytes_in), (JobState::Completed, TEXT.len() as u64));
    assert_eq!((job.name.as_str(), job.to.as_str()), ("note.md", "html"));
    assert_eq!(shown(&worker, id).await, whole);
    assert_eq!(appended(&worker, id, TEXT.len(), "").await, whole, "the answer was lost");
    assert_eq!((sql::jobs(&worker.db).await, sql::parts(&worker.db).await), (1, 0));
    assert!(worker.objects().await.iter().all(|key| !key.starts_with("up/")));

    // Giving it up takes nothing from the job.
    let remove = worker.request(Method::DELETE, &fill(internal::UPLOAD, id)).send().await.unwrap();
    assert_eq!(remove.status(), StatusCode::NO_CONTENT);
    assert_eq!(worker.job(job.id).await.state, JobState::Completed);
}

#[tokio::test]
async fn last_pieces_that_race_make_one_job() {
    let home = Home::new().await;
    let another = match home.is_shared() {
        true => Some(Worker::over(home.clone(), |config| config.runners = 0).await),
        false => None,
    };
    let worker = Worker::over(home, |config| config.runners = 0).await;
    let id = begun(&worker, "note.md", TEXT.len()).await.id;
    appended(&worker, id, 0, &TEXT[..10]).await;

    let last = |worker| append(worker, id, 10, &TEXT[10..]).send();
    let another = another.as_ref().unwrap_or(&worker);
    let (one, other, third) = tokio::join!(last(&worker), last(another), last(&worker));

    let statuses = [one, other, third].map(|answer| answer.unwrap().status());
    let known = [StatusCode::OK, StatusCode::CONFLICT];
    assert!(statuses.iter().all(|status| known.contains(status)), "{statuses:?}");
    // Whoever was refused asks how far it is, as clients do, and learns of the job.
    let rest = shown(&worker, id).await.offset as usize;
    let job = appended(&worker, id, rest, &TEXT[rest..]).await.job.unwrap();
    assert_eq!(shown(&worker, id).await.job, Some(job));
    // deploy/README.md: one conversion
    assert_eq!((sql::jobs(&worker.db).await, sql::parts(&worker.db).await), (1, 0));
    assert_eq!(worker.objects().await, [format!("in/{job}")]);
}

#[tokio::test]
async fn what_arrived_before_a_cut_stays_and_another_worker_goes_on() {
    let text = Bytes::from("All work and no play makes Jack a dull boy.....\n".repeat(6 * MIB / 48));
    let (length, cut) = (text.len(), 5 * MIB);
    let worker = Worker::doomed(|config| config.runners = 0).await;
    let id = answer::<Upload>(begin(&worker, "long.txt", "pdf", length), StatusCode::CREATED).await.id;

    cut_off(append(&worker, id, 0, ""), length, &text[..cut]).await;
    let upload =
        eventually(async || Some(shown(&worker, id).await).filter(|upload| upload.offset == cut as u64))
            .await;
    let home = worker.kill().await;

    let worker = Worker::over(home, |config| config.runners = 0).await;
    // deploy/README.md: the upload goes on with another one, from the last bytes that were acknowledged
    assert_eq!(shown(&worker, id).await.offset, upload.offset);
    let job = appended(&worker, id, cut, text.slice(cut..)).await.job.unwrap();

    let object = worker.engines.objects.get(&format!("in/{job}"), 0).await.unwrap();
    assert_eq!(object.bytes, length as u64);
    let kept: Vec<u8> = object.body.map(|chunk| chunk.unwrap().to_vec()).concat().await;
    // deploy/README.md: every byte that was acknowledged is there
    assert!(kept == text, "the file is another one");
}

#[tokio::test]
async fn with_a_checksum_all_of_a_piece_counts_or_nothing() {
    let worker = Worker::with(|config| config.runners = 0).await;
    let id = begun(&worker, "note.md", TEXT.len()).await.id;
    let checksum = format!("sha256 {}", BASE64_STANDARD.encode(digest(&SHA256, TEXT.as_bytes())));
    let send = |body: String| append(&worker, id, 0, body).header(UPLOAD_CHECKSUM, &checksum);

    assert_eq!(problem(send(TEXT.replace("many", "more"))).await.code, code(Code::ChecksumMismatch));
    assert_eq!(shown(&worker, id).await.offset, 0);
    assert_eq!((worker.objects().await.len(), sql::parts(&worker.db).await), (0, 0));
    let odd = append(&worker, id, 0, TEXT).header(UPLOAD_CHECKSUM, "crc32 AAAA");
    assert_eq!(problem(odd).await.code, code(Code::BadRequest));

    let whole: Upload = answer(send(TEXT.into()), StatusCode::OK).await;
    assert!(whole.job.is_some());
}

#[tokio::test]
async fn what_expires_or_is_given_up_goes_with_its_bytes() {
    let worker = Worker::start().await;
    let (first, second) = (begun(&worker, "a.md", 100).await.id, begun(&worker, "b.md", 100).await.id);
    for id in [first, second] {
        appended(&worker, id, 0, "# Begun").await;
    }

    let removed = worker.request(Method::DELETE, &fill(internal::UPLOAD, second)).send().await.unwrap();
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    assert_eq!(worker.objects().await.len(), 1);
    assert_eq!(problem(append(&worker, second, 7, "x")).await.code, code(Code::NotFound));

    sql::expire_uploads(&worker.db).await;
    assert_eq!(problem(append(&worker, first, 7, "x")).await.code, code(Code::UploadGone));
    eventually(async || worker.is_clean().await.then_some(())).await;
    assert_eq!(
        problem(worker.request(Method::GET, &fill(internal::UPLOAD, first))).await.code,
        code(Code::UploadGone)
    );
}

#[tokio::test]
async fn an_upload_is_refused_as_early_as_it_can_be_and_nobody_elses_is_seen() {
    let worker = Worker::with(|config| {
        config.max_upload_bytes = 1000;
        config.waiting_per_user = 3;
        config.runners = 0;
    })
    .await;
    for (name, to, length, refusal) in [
        ("a.md", "html", 1001, Code::TooLarge),
        ("a.md", "html", 0, Code::EmptyFile),
        ("a.bmp", "docx", 100, Code::UnsupportedPair),
        ("a.md", "", 100, Code::BadRequest),
    ] {
        assert_eq!(problem(begin(&worker, name, to, length)).await.code, code(refusal), "{name} {to}");
    }

    let id = begun(&worker, "a.md", 10).await.id;
    let stranger = worker.request_of(UserId::new(), Method::GET, &fill(internal::UPLOAD, id));
    assert_eq!(problem(stranger).await.code, code(Code::NotFound));
    assert_eq!(problem(append(&worker, id, 0, "eleven byte")).await.code, code(Code::TooLarge));
    let stream = stream::iter(["eleven", " byte"].map(|text| Ok::<_, std::io::Error>(Bytes::from(text))));
    assert_eq!(problem(append(&worker, id, 0, Body::wrap_stream(stream))).await.code, code(Code::TooLarge));
    assert_eq!((shown(&worker, id).await.offset, worker.objects().await.len()), (0, 0));

    // What it is shows at its end; then it is refused for good, and its bytes go.
    let id = begun(&worker, "b.md", picture().len()).await.id;
    for _ in 0..2 {
        let at = shown(&worker, id).await.offset as usize;
        let refused = problem(append(&worker, id, at, picture()[at..].to_vec())).await;
        assert_eq!(refused.code, code(Code::Mislabelled));
    }
    assert_eq!(worker.objects().await.len(), 0);

    // One is open and two more may be.
    let two = [begun(&worker, "c.md", 10).await.id, begun(&worker, "d.md", 10).await.id];
    assert_eq!(problem(begin(&worker, "e.md", "html", 10)).await.code, code(Code::RateLimited));
    for id in two {
        assert!(appended(&worker, id, 0, "# Ten byte").await.job.is_some());
    }
    assert_eq!(problem(begin(&worker, "e.md", "html", 10)).await.code, code(Code::RateLimited));
}

#[tokio::test]
async fn a_key_names_one_upload_and_a_password_waits_sealed_for_its_job() {
    let worker = Worker::with(|config| config.runners = 0).await;
    let document = encrypted_office_file();
    let begin = |name: &str, length: usize| {
        let begin = begin(&worker, name, "pdf", length).header("idempotency-key", "once");
        begin.header(DOCUMENT_PASSWORD, "correct%20horse")
    };
    let first: Upload = answer(begin("a.docx", document.len()), StatusCode::CREATED).await;
    appended(&worker, first.id, 0, document[..9].to_vec()).await;

    let again: Upload = answer(begin("a.docx", document.len()), StatusCode::CREATED).await;
    assert_eq!((again.id, again.offset), (first.id, 9));
    assert_eq!(problem(begin("a.docx", 7)).await.code, code(Code::Conflict));
    assert_eq!(problem(begin("b.docx", document.len())).await.code, code(Code::Conflict));

    let job = appended(&worker, first.id, 9, document[9..].to_vec()).await.job.unwrap();
    let sealed = sql::password(&worker.db, job).await.unwrap();
    assert!(!sealed.windows(7).any(|part| part == b"correct"));
}

#[tokio::test]
async fn what_is_whole_and_has_no_job_yet_gets_it_when_somebody_asks() {
    let worker = Worker::with(|config| {
        config.waiting_per_user = 1;
        config.runners = 0;
    })
    .await;
    let id = begun(&worker, "note.md", TEXT.len()).await.id;
    let waiting = worker.note().await;

    assert_eq!(problem(append(&worker, id, 0, TEXT)).await.code, code(Code::RateLimited));
    let upload = shown(&worker, id).await;
    assert_eq!((upload.offset, upload.job), (TEXT.len() as u64, None));
    let cancel = worker.request(Method::POST, &fill(internal::JOB_CANCEL, waiting.id));
    assert_eq!(cancel.send().await.unwrap().status(), StatusCode::OK);

    let job = shown(&worker, id).await.job.unwrap();
    assert_eq!(worker.job(job).await.bytes_in, TEXT.len() as u64);
    assert_eq!((sql::jobs(&worker.db).await, sql::parts(&worker.db).await), (2, 0));
}
