//! An OpenTelemetry collector of a test's own: it takes OTLP over HTTP in JSON, and keeps what it is told.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// A collector. It ends when it is dropped.
pub struct Collector {
    url: String,
    kept: Arc<Kept>,
    _server: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Kept {
    refuses: AtomicBool,
    spans: Mutex<Vec<Told>>,
}

/// A span as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// `service.name`.
    pub service: String,
    /// What was done.
    pub name: String,
    /// OTLP's number of it.
    pub kind: u64,
    /// 32 hex digits.
    pub trace: String,
    /// 16 hex digits.
    pub id: String,
    /// The same of the span before it; empty where there is none.
    pub parent: String,
    /// What is said about it.
    pub notes: BTreeMap<String, String>,
    /// Why it came to nothing.
    pub failed: Option<String>,
    /// Nanoseconds from its beginning to its end.
    pub nanos: i128,
}

impl Collector {
    /// Starts one; `refuses` says whether it takes nothing at first.
    pub async fn start(refuses: bool) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let kept = Arc::new(Kept { refuses: refuses.into(), spans: Mutex::default() });
        let app = Router::new().route("/v1/traces", post(take)).with_state(kept.clone());
        let server = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { url, kept, _server: AbortOnDropHandle::new(server) })
    }

    /// What a hub is told.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on it takes what comes.
    pub fn accept(&self) {
        self.kept.refuses.store(false, Ordering::Release);
    }

    /// The spans of a trace, in the order in which they were told.
    pub fn trace(&self, trace: &str) -> Vec<Told> {
        self.spans().into_iter().filter(|span| span.trace == trace).collect()
    }

    /// All of them.
    pub fn spans(&self) -> Vec<Told> {
        self.kept.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn take(State(kept): State<Arc<Kept>>, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    if kept.refuses.load(Ordering::Acquire) {
        return (StatusCode::BAD_REQUEST, Json(Value::Null));
    }
    let mut spans = kept.spans.lock().unwrap_or_else(PoisonError::into_inner);
    for resource in list(&body["resourceSpans"]) {
        let who = notes(&resource["resource"]["attributes"]);
        let service = who.get("service.name").cloned().unwrap_or_default();
        for scope in list(&resource["scopeSpans"]) {
            spans.extend(list(&scope["spans"]).map(|span| told(service.clone(), span)));
        }
    }
    (StatusCode::OK, Json(serde_json::json!({})))
}

fn told(service: String, span: &Value) -> Told {
    let nanos = |moment: &Value| text(moment).parse::<i128>().unwrap_or_default();
    Told {
        service,
        name: text(&span["name"]),
        kind: span["kind"].as_u64().unwrap_or_default(),
        trace: text(&span["traceId"]),
        id: text(&span["spanId"]),
        parent: text(&span["parentSpanId"]),
        notes: notes(&span["attributes"]),
        failed: span["status"]["message"].as_str().map(str::to_owned),
        nanos: nanos(&span["endTimeUnixNano"]) - nanos(&span["startTimeUnixNano"]),
    }
}

fn notes(attributes: &Value) -> BTreeMap<String, String> {
    let value = |value: &Value| match value["stringValue"].as_str() {
        Some(text) => text.to_owned(),
        None => text(&value["intValue"]),
    };
    list(attributes).map(|note| (text(&note["key"]), value(&note["value"]))).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
