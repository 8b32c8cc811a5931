//! Uploads and downloads: refusals that come early, bodies that stream, results that are checked.

use std::{io::Write, sync::Arc, sync::atomic::AtomicU64, sync::atomic::Ordering};

use axum::{Json, Router, body::Body, routing::get, routing::post};
use futures_util::StreamExt;
use mshub_client::{Error, Upload, UploadBody};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use wire::{Code, Problem, Timestamp, conversions::NewConversion, conversions::ResultLink, paths};

use crate::double::{job, serve, soon, with_token};

fn to_pdf(bytes: UploadBody) -> Upload {
    Upload { query: NewConversion { to: "pdf".into(), name: "a.docx".into(), ..Default::default() }, bytes }
}

/// Reads the head and a little of the body, refuses, and hangs up with most of the body still on its way.
async fn refuse_early(mut stream: TcpStream) {
    let mut some = [0; 4096];
    let _ = stream.read(&mut some).await.unwrap();
    let problem = serde_json::to_string(&Problem::new(Code::TooLarge, "more than 1 MiB")).unwrap();
    let answer = format!(
        "HTTP/1.1 413 Content Too Large\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{problem}",
        Problem::MEDIA_TYPE,
        problem.len()
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn a_refusal_that_comes_while_the_body_is_sent_is_that_refusal() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(refuse_early(stream));
        }
    });
    let hub = with_token(&server, "t");

    for round in 0..40 {
        let body = UploadBody::Bytes(vec![7; 8 << 20].into());
        let error = soon(hub.convert(to_pdf(body), |_, _| {})).await.unwrap_err();
        assert_eq!(error.problem().map(|p| p.code.as_str()), Some("MSH-4130"), "round {round}: {error}");
    }
}

#[tokio::test]
async fn a_file_is_streamed_with_its_length_and_its_progress_ends_at_its_size() {
    let router = Router::new().route(
        paths::CONVERSIONS,
        post(|request: axum::extract::Request| async move {
            assert_eq!(request.headers()["content-length"], "3000000");
            assert_eq!(request.headers()["authorization"], "Bearer t");
            assert!(request.uri().query().unwrap().contains("to=pdf"));
            let bytes =
                request.into_body().into_data_stream().map(|chunk| chunk.unwrap().len()).collect::<Vec<_>>();
            assert_eq!(bytes.await.iter().sum::<usize>(), 3_000_000);
            Json(job("queued", 1))
        }),
    );
    let hub = with_token(&serve(router).await, "t");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![1; 3_000_000]).unwrap();
    let told = Arc::new(AtomicU64::new(0));
    let tell = told.clone();

    let upload = to_pdf(UploadBody::File(file.path().to_owned()));
    let job = soon(hub.convert(upload, move |sent, total| {
        assert_eq!(total, Some(3_000_000));
        tell.store(sent, Ordering::SeqCst);
    }));
    let job = job.await.unwrap();

    assert_eq!(job.seq, 1);
    assert_eq!(told.load(Ordering::SeqCst), 3_000_000);
}

#[tokio::test]
async fn a_stream_without_a_length_arrives_whole() {
    let router = Router::new().route(
        paths::CONVERSIONS,
        post(|body: axum::body::Bytes| async move {
            assert_eq!(body.len(), 500_000);
            Json(job("queued", 1))
        }),
    );
    let hub = with_token(&serve(router).await, "t");

    let body = UploadBody::reader(std::io::Cursor::new(vec![1; 500_000]), None);
    soon(hub.convert(to_pdf(body), |_, _| {})).await.unwrap();
}

#[tokio::test]
async fn a_missing_file_is_an_error_of_this_machine() {
    let hub = with_token(&"http://127.0.0.1:9".parse().unwrap(), "t");

    let error =
        soon(hub.convert(to_pdf(UploadBody::File("/nowhere/a.docx".into())), |_, _| {})).await.unwrap_err();

    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert!(error.to_string().contains("/nowhere/a.docx"));
}

fn link(sha256: &str) -> ResultLink {
    ResultLink {
        url: "/objects/r?sig=1".into(),
        expires_at: Timestamp::from_micros(0),
        name: "a.pdf".into(),
        bytes: 5,
        sha256: sha256.into(),
        media_type: "application/pdf".into(),
    }
}

#[tokio::test]
async fn a_result_is_checked_against_its_hash() {
    let router = Router::new().route(
        "/objects/{*key}",
        get(|request: axum::extract::Request| async move {
            assert!(!request.headers().contains_key("authorization"), "the token left the API");
            Body::from("hello")
        }),
    );
    let hub = with_token(&serve(router).await, "t");
    let good = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    let mut sink = Vec::new();
    let fetched = soon(hub.download(&link(good), &mut sink, |_| {})).await.unwrap();
    assert_eq!((sink.as_slice(), fetched.bytes, fetched.sha256.as_str()), (&b"hello"[..], 5, good));

    let damaged = soon(hub.download(&link(&"0".repeat(64)), &mut Vec::new(), |_| {})).await;
    assert!(matches!(damaged, Err(Error::Integrity { .. })), "{damaged:?}");
}
