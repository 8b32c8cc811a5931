//! Uploads that are refused: the right reason, at once, and nothing is left of them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use reqwest::{Body, Method, StatusCode};
use wire::{
    Code, JobId,
    paths::{LIVEZ, READYZ, fill, internal},
};

use crate::worker::{Worker, eventually, problem};

/// A picture of one pixel, and the smallest one that is whole: a Windows bitmap.
pub(crate) fn picture() -> Vec<u8> {
    picture_of(1)
}

/// The same, which says that it is so many pixels wide and high.
fn picture_of(side: u32) -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    // Size of the file, reserved, where the pixels begin; then size of the header, width, height.
    bytes.extend([58, 0, 54, 40, side, side].into_iter().flat_map(u32::to_le_bytes));
    // One plane of 24 bits.
    bytes.extend([1, 24].into_iter().flat_map(u16::to_le_bytes));
    // No compression, size of the pixels, pixels per metre, no palette; then the pixel, filled up to four bytes.
    bytes.extend([0, 4, 0, 0, 0, 0, 0x00ff_ffff].into_iter().flat_map(u32::to_le_bytes));
    bytes
}

/// What the encrypted kind of Office files begins with ([MS-CFB]), as far as anybody has to look.
pub(crate) fn encrypted_office_file() -> Vec<u8> {
    let mut bytes = vec![0; 512 + 128];
    bytes[..8].copy_from_slice(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);
    let name: Vec<u8> = "EncryptedPackage\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes[512..512 + name.len()].copy_from_slice(&name);
    bytes[512 + 64] = u8::try_from(name.len()).unwrap();
    bytes[512 + 66] = 2;
    bytes
}

#[tokio::test]
async fn each_refusal_has_its_reason_and_leaves_nothing() {
    let worker = Worker::with(|config| config.max_upload_bytes = 10_000).await;
    let large = vec![b'x'; 10_001];
    let refused: [(&str, Vec<u8>, Code); 13] = [
        ("to=docx&name=a.bmp", picture(), Code::UnsupportedPair),
        ("to=docx&name=unknown", picture(), Code::UnsupportedPair),
        ("to=exe&name=a.md", b"# Hello".into(), Code::UnsupportedPair),
        ("to=pdf&name=a.md&from=exe", b"# Hello".into(), Code::UnsupportedPair),
        ("to=pdf&name=a.md", Vec::new(), Code::EmptyFile),
        ("to=pdf&name=a.md", picture(), Code::Mislabelled),
        ("to=pdf&name=a.docx", encrypted_office_file(), Code::EncryptedFile),
        ("to=txt&name=a.pdf", b"%PDF-1.7 and then nothing".into(), Code::CorruptFile),
        ("to=jpg&name=a.bmp", picture_of(30_000), Code::BombFile),
        ("to=pdf&name=a.md", large, Code::TooLarge),
        ("to=jpg&name=a.bmp&quality=0", picture(), Code::InvalidField),
        ("name=a.md", b"# Hello".into(), Code::BadRequest),
        ("to=pdf&name=a.docx&password=x", encrypted_office_file(), Code::InvalidField),
    ];

    for (query, body, code) in refused {
        let problem = problem(worker.upload(query, body)).await;

        assert_eq!(problem.code, code.name(), "{query}: {problem}");
        assert!(worker.is_clean().await, "{query} left {:?} {:?}", worker.objects().await, worker.work());
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_stopped_at_the_limit() {
    let worker = Worker::with(|config| config.max_upload_bytes = 100_000).await;
    let endless = stream::repeat(Bytes::from(vec![b'x'; 8192])).map(Ok::<_, std::io::Error>);

    let problem = problem(worker.upload("to=pdf&name=a.md", Body::wrap_stream(endless))).await;

    assert_eq!(problem.code, Code::TooLarge.name());
    assert!(worker.is_clean().await);
}

#[tokio::test]
async fn a_refusal_does_not_wait_for_the_body() {
    let worker = Worker::start().await;
    let slow =
        stream::once(async { Ok::<_, std::io::Error>(Bytes::from("# Hello")) }).chain(stream::pending());

    let asked = problem(worker.upload("to=exe&name=a.md", Body::wrap_stream(slow)));

    let problem =
        tokio::time::timeout(Duration::from_secs(60), asked).await.expect("an answer before the body ends");
    assert_eq!(problem.code, Code::UnsupportedPair.name());
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing() {
    let worker = Worker::start().await;
    let (told, begun) = tokio::sync::oneshot::channel();
    let broken = stream::once(async { Ok(Bytes::from("# Hello")) }).chain(stream::once(async {
        begun.await.unwrap();
        Err(std::io::Error::other("the sender's disk is gone"))
    }));

    let sent = tokio::spawn(worker.upload("to=pdf&name=a.md", Body::wrap_stream(broken)).send());
    eventually(async || (worker.work().len() == 1).then_some(())).await;
    told.send(()).unwrap();

    assert!(sent.await.unwrap().is_err());
    eventually(async || worker.is_clean().await.then_some(())).await;
}

#[tokio::test]
async fn what_an_upload_would_be_told_of_its_name_is_told_before_it() {
    let worker = Worker::start().await;
    let ask = |query: &str| worker.request(Method::GET, &format!("{}?{query}", internal::UPLOAD_CHECK));

    for taken in ["to=pdf&name=a.md", "to=jpeg&name=a.png", "to=pdf&name=unknown"] {
        assert_eq!(ask(taken).send().await.unwrap().status(), StatusCode::NO_CONTENT, "{taken}");
    }
    for (refused, code) in [("to=mp3&name=a.md", Code::UnsupportedPair), ("name=a.md", Code::BadRequest)] {
        assert_eq!(problem(ask(refused)).await.known(), Some(code), "{refused}");
    }
}

#[tokio::test]
async fn only_the_gateway_is_let_in() {
    let worker = Worker::start().await;
    let job = fill(internal::JOB, JobId::new());
    let routes = [
        (Method::GET, internal::JOBS.to_owned()),
        (Method::POST, format!("{}?to=pdf&name=a.md", internal::JOBS)),
        (Method::GET, job.clone()),
        (Method::DELETE, job.clone()),
        (Method::POST, format!("{job}/cancel")),
        (Method::POST, format!("{job}/retry")),
        (Method::GET, format!("{job}/result")),
        (Method::GET, internal::FORMATS.to_owned()),
        (Method::GET, internal::UPLOAD_CHECK.to_owned()),
    ];

    for (method, path) in routes {
        let nobody = problem(worker.unsigned(method.clone(), &path)).await;
        let liar = worker
            .unsigned(method, &path)
            .bearer_auth("guess")
            .header(internal::USER_HEADER, worker.user.to_string());
        let liar = problem(liar).await;
        assert_eq!((nobody.status, liar.status), (401, 401), "{path}");
    }
    assert!(worker.is_clean().await);
}

#[tokio::test]
async fn health_is_told_part_by_part() {
    let worker = Worker::start().await;

    let alive = worker.unsigned(Method::GET, LIVEZ).send().await.unwrap();
    let ready = problem(worker.unsigned(Method::GET, READYZ)).await;
    let parts = worker.health.answers().await;

    assert_eq!(alive.status(), StatusCode::OK);
    assert_eq!(ready.status, 404, "readiness is for the admin listener");
    let well = ["database", "objects", "sandbox", "work folder"].map(|part| (part, "ok".to_owned()));
    assert_eq!(parts.into_iter().collect::<Vec<_>>(), well);
    assert_eq!(worker.health.notes()["sandbox"], convert::sandbox_level().code());
}
