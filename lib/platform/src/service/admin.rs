//! The admin listener: readiness of every service in this process, part by part, and the metrics of the process.
//!
//! It stands apart from the services' own listeners, because behind a proxy on the same machine everybody is local.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use axum::{Json, Router, http::StatusCode, response::IntoResponse, routing::get};
use futures_util::future::join_all;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wire::paths;

use super::{
    catalogue,
    health::{self, Health},
    problem::{no_method, no_route},
    serve::{Waits, serve},
};

/// How often measured times are gathered, so that nobody has to fetch them for memory to be bounded.
const GATHER: Duration = Duration::from_secs(5);

/// What whoever watches this process may ask. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    services: Arc<Mutex<BTreeMap<&'static str, Option<Health>>>>,
    stopping: CancellationToken,
    metrics: PrometheusHandle,
}

impl Admin {
    /// Of a process that runs these services until `stop`. None is ready before it says so, or after `stop`.
    pub fn of(services: &[&'static str], stop: CancellationToken) -> Self {
        let services = services.iter().map(|service| (*service, None)).collect();
        Self { services: Arc::new(Mutex::new(services)), stopping: stop, metrics: metrics_handle() }
    }

    /// A service is ready, and this is how to ask it from now on.
    pub fn ready(&self, service: &'static str, health: Health) {
        self.services.lock().unwrap_or_else(PoisonError::into_inner).insert(service, Some(health));
    }

    /// Serves `/livez`, `/readyz` and `/metrics` until `end`. That comes after the services have stopped: while they
    /// drain, somebody wants to hear that they do.
    pub async fn serve(self, listener: TcpListener, end: CancellationToken) {
        let gather = async {
            let mut ticks = tokio::time::interval(GATHER);
            loop {
                ticks.tick().await;
                self.metrics.run_upkeep();
            }
        };
        tokio::select! {
            () = serve(listener, self.routes(), Waits::default(), end) => {}
            () = gather => {}
        }
    }

    fn routes(&self) -> Router {
        let (admin, metrics) = (self.clone(), self.metrics.clone());
        Router::new()
            .merge(health::livez())
            .route(
                paths::READYZ,
                get(move || {
                    let admin = admin.clone();
                    async move { admin.answer().await }
                }),
            )
            .route(paths::METRICS, get(async move || metrics.render()))
            .fallback(no_route)
            .method_not_allowed_fallback(no_method)
    }

    async fn answer(&self) -> impl IntoResponse + use<> {
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let notes: BTreeMap<_, _> = services
            .iter()
            .filter_map(|(service, health)| Some((*service, health.as_ref()?.notes().clone())))
            .filter(|(_, notes)| !notes.is_empty())
            .collect();
        let asked = services.into_iter().map(|(service, health)| async move {
            let parts = match health {
                Some(health) => health.answers().await,
                None => BTreeMap::from([("start", "not ready yet".to_owned())]),
            };
            (service, parts)
        });
        let parts: BTreeMap<_, _> = join_all(asked).await.into_iter().collect();
        let stopping = self.stopping.is_cancelled();
        let ready = !stopping && parts.values().flat_map(BTreeMap::values).all(|state| state == "ok");
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (
            status,
            Json(serde_json::json!({ "ready": ready, "stopping": stopping, "parts": parts, "notes": notes })),
        )
    }
}

/// One recorder a process, however many services run in it.
fn metrics_handle() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let builder = PrometheusBuilder::new().set_buckets(&catalogue::BUCKETS);
            let recorder = builder.expect("there is a bucket").build_recorder();
            let handle = recorder.handle();
            // Another recorder is there only when a test installed one first; then ours stays empty.
            let _ = metrics::set_global_recorder(recorder);
            catalogue::describe();
            handle
        })
        .clone()
}
