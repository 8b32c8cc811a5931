//! Documents by URL: off unless it is allowed, judged on every hop, and then like any upload.

use axum::{
    Router,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use mshub_convert_worker::FetchUrls;
use tokio::net::TcpListener;
use wire::{Code, conversions::JobState};

use crate::worker::{Worker, answer, eventually, problem};

/// A server with a document at `/note.md`, and ways that lead elsewhere.
async fn library() -> String {
    let to =
        |place: &'static str| get(move || async move { (StatusCode::FOUND, [(header::LOCATION, place)]) });
    let app = Router::new()
        .route("/note.md", get(async || "# A note\n\nwith words"))
        .route("/large.md", get(async || "x".repeat(2000)))
        .route(
            "/stream.md",
            get(async || {
                let pieces = (0..20).map(|_| Ok::<_, std::io::Error>("x".repeat(100)));
                axum::body::Body::from_stream(futures_util::stream::iter(pieces)).into_response()
            }),
        )
        .route("/there", to("/note.md"))
        .route("/round", to("/round"))
        .route("/file", to("file:///etc/passwd"))
        .route("/secret", to("http://me:secret@127.0.0.1:9/note.md"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

async fn worker(allowed: FetchUrls) -> Worker {
    Worker::with(|config| {
        config.fetch_urls = allowed;
        config.max_upload_bytes = 1000;
    })
    .await
}

#[tokio::test]
async fn a_document_is_fetched_by_way_of_redirects_and_its_limits_hold() {
    let (worker, library) = (worker(FetchUrls::Private).await, library().await);
    let from = |place: &str| worker.upload(&format!("to=html&url={library}{place}"), "");

    let job: wire::conversions::Job = answer(from("/note.md"), StatusCode::ACCEPTED).await;
    assert_eq!((job.name.as_str(), job.from.as_str(), job.bytes_in), ("note.md", "md", 20));
    assert_eq!(worker.ended(job.id).await.state, JobState::Completed);
    // A name of one's own; and the same document was converted in this way just now.
    let job: wire::conversions::Job = answer(from("/there&name=a.md"), StatusCode::ACCEPTED).await;
    assert_eq!((job.name.as_str(), job.state), ("a.md", JobState::Completed));

    for (place, code) in [
        ("/large.md", Code::TooLarge),
        ("/stream.md", Code::TooLarge),
        ("/nothing.md", Code::UrlFailed),
        ("/round&name=a.md", Code::UrlFailed),
        ("/file&name=a.md", Code::UrlRefused),
        ("/secret&name=a.md", Code::UrlRefused),
    ] {
        let refused = problem(from(place)).await;
        assert_eq!(refused.code, code.name(), "{place}: {refused}");
        assert!(!refused.detail.contains("secret"), "{refused}");
    }
    // Port 9 is never given out.
    let nobody = problem(worker.upload("to=html&url=http://127.0.0.1:9/a.md", "")).await;
    assert_eq!(nobody.code, Code::UrlFailed.name());
    eventually(async || worker.work().is_empty().then_some(())).await;
}

#[tokio::test]
async fn nothing_is_fetched_unless_it_is_allowed_and_nothing_private_by_the_public_way() {
    let library = library().await;
    for (allowed, code) in [(FetchUrls::Off, Code::FetchingOff), (FetchUrls::Public, Code::UrlRefused)] {
        let worker = worker(allowed).await;
        let refused = problem(worker.upload(&format!("to=html&url={library}/note.md"), "")).await;
        assert_eq!(refused.code, code.name());
        assert!(worker.is_clean().await);
        if allowed == FetchUrls::Public {
            // It passes by its words, and is judged again when it is looked up.
            let refused = problem(worker.upload("to=html&url=http://ip6-localhost/note.md", "")).await;
            assert!(
                [Code::UrlRefused, Code::UrlFailed].map(Code::name).contains(&refused.code.as_str()),
                "{refused}"
            );
        }
    }
}
