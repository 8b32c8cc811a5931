//! A stub of the convert-worker: it counts what it receives, refuses `exe` at once, and knows one result.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::StreamExt;
use tokio::net::TcpListener;
use wire::{
    Code, JobId, Problem, Timestamp,
    conversions::{Job, JobState, NewConversion, StoredResult},
    paths::internal,
};

use super::gateway::{RESULT, eventually};

#[derive(Clone, Default)]
struct Seen {
    bytes: Arc<AtomicU64>,
    headers: Arc<Mutex<HeaderMap>>,
}

pub(crate) struct Stub {
    pub(crate) address: String,
    seen: Seen,
}

impl Stub {
    pub(crate) async fn start() -> Self {
        let seen = Seen::default();
        let app = Router::new()
            .route(internal::JOBS, post(create))
            .route(internal::JOB_RESULT, get(result))
            .fallback(async || refuse(Code::NotFound))
            .with_state(seen.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, seen }
    }

    /// Waits until so many bytes of a body have come.
    pub(crate) async fn received(&self, bytes: u64) {
        eventually(async || (self.seen.bytes.load(Ordering::SeqCst) == bytes).then_some(())).await;
    }

    /// The headers of the last upload.
    pub(crate) fn headers(&self) -> HeaderMap {
        self.seen.headers.lock().unwrap().clone()
    }
}

async fn create(
    State(seen): State<Seen>,
    Query(wanted): Query<NewConversion>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let owner = headers[internal::USER_HEADER].to_str().unwrap().parse().unwrap();
    *seen.headers.lock().unwrap() = headers;
    let mut body = body.into_data_stream();
    if wanted.to == "exe" {
        // As the real one does: the answer goes out, and the rest of the body is read on.
        tokio::spawn(async move { while let Some(Ok(_)) = body.next().await {} });
        return refuse(Code::UnsupportedPair);
    }
    while let Some(chunk) = body.next().await {
        seen.bytes.fetch_add(chunk.unwrap().len() as u64, Ordering::SeqCst);
    }
    let moment = Timestamp::from_micros(1_700_000_000_000_000);
    let job = Job {
        id: JobId::new(),
        owner,
        name: wanted.name,
        from: "md".into(),
        to: wanted.to,
        state: JobState::Queued,
        seq: 1,
        progress: None,
        position: Some(0),
        eta: None,
        attempt: 0,
        bytes_in: seen.bytes.load(Ordering::SeqCst),
        bytes_out: None,
        sha256: None,
        engine: None,
        degraded: false,
        lost: Vec::new(),
        error: None,
        seconds: None,
        cached_from: None,
        work: None,
        batch: None,
        held: false,
        created_at: moment,
        updated_at: moment,
    };
    (StatusCode::ACCEPTED, Json(job)).into_response()
}

async fn result() -> Json<StoredResult> {
    Json(StoredResult {
        key: "out/job/1".into(),
        name: "Grüße.pdf".into(),
        bytes: RESULT.len() as u64,
        sha256: "00".repeat(32),
        media_type: "application/pdf".into(),
    })
}

fn refuse(code: Code) -> Response {
    let problem = Problem::new(code, "the stub refuses this");
    (StatusCode::from_u16(problem.status).unwrap(), Json(problem)).into_response()
}
