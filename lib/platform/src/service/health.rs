//! Health: `/livez`, `/readyz` part by part, and Prometheus metrics. The last two answer this machine only.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{Extension, Json, Router, http::StatusCode, response::IntoResponse, routing::get};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use wire::{Code, paths};

use super::{ApiError, Peer};

/// How long one part may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

type Answer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type Check = Arc<dyn Fn() -> Answer + Send + Sync>;

/// What has to answer for a service to be ready.
#[derive(Clone, Default)]
pub struct Health(BTreeMap<&'static str, Check>);

impl Health {
    /// Adds a part and how to ask it.
    pub fn check<F, E>(mut self, part: &'static str, ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display,
    {
        let check = move || -> Answer {
            let asked = ask();
            Box::pin(async move { asked.await.map_err(|error| error.to_string()) })
        };
        self.0.insert(part, Arc::new(check));
        self
    }

    /// The three routes.
    pub fn routes<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let metrics = metrics_handle();
        Router::new()
            .route(paths::LIVEZ, get(async || "alive\n"))
            .route(
                paths::READYZ,
                get(move |peer: Option<Extension<Peer>>| {
                    let health = self.clone();
                    async move {
                        local(peer)?;
                        Ok::<_, ApiError>(health.answer().await)
                    }
                }),
            )
            .route(
                paths::METRICS,
                get(async move |peer: Option<Extension<Peer>>| local(peer).map(|()| metrics.render())),
            )
    }

    async fn answer(&self) -> impl IntoResponse + use<> {
        let mut parts = BTreeMap::new();
        for (part, check) in &self.0 {
            let answer = tokio::time::timeout(PATIENCE, check()).await;
            let state = match answer {
                Ok(Ok(())) => "ok".to_owned(),
                Ok(Err(why)) => why,
                Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
            };
            parts.insert(*part, state);
        }
        let ready = parts.values().all(|state| state == "ok");
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, Json(serde_json::json!({ "ready": ready, "parts": parts })))
    }
}

fn local(peer: Option<Extension<Peer>>) -> Result<(), ApiError> {
    match peer {
        Some(Extension(peer)) if peer.is_local() => Ok(()),
        _ => Err(ApiError::new(Code::NotFound, "there is nothing at this path")),
    }
}

/// One recorder a process, however many services run in it.
fn metrics_handle() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            // Another recorder is there only when a test installed one first; then ours stays empty.
            let _ = metrics::set_global_recorder(recorder);
            handle
        })
        .clone()
}
