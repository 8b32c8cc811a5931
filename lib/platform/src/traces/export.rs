//! Spans on their way to the collector: a line that never waits, batches out of it, and what nobody takes is dropped
//! and counted.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use reqwest::{Client, StatusCode, header};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Ended, otlp};
use crate::service::http_client;

/// Spans that may wait; past this they are dropped.
const LINE: usize = 8_192;
/// Spans of one request.
const BATCH: usize = 512;
/// How long a batch may grow.
const GATHER: Duration = Duration::from_millis(500);
/// How often a batch is sent that the collector does not take, and how far apart.
const TRIES: u32 = 4;
const AGAIN: Duration = Duration::from_secs(1);
/// For one request, and for all that wait when the process ends.
const PATIENCE: Duration = Duration::from_secs(5);

static EXPORT: OnceLock<Export> = OnceLock::new();

struct Export {
    share: f64,
    line: mpsc::Sender<Ended>,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Tells a collector of the spans of this process from now on; `share` of the traces that begin here, from 0 to 1. What
/// is at the URL takes OTLP over HTTP at `/v1/traces`. The first call of a process counts.
pub fn start(collector: &Url, share: f64) {
    EXPORT.get_or_init(|| {
        let (line, spans) = mpsc::channel(LINE);
        let stop = CancellationToken::new();
        let road = Road::to(collector);
        tracing::info!(to = %crate::redacted(road.at.as_str()), share, "traces are told");
        let task = Mutex::new(Some(tokio::spawn(run(spans, road, stop.clone()))));
        Export { share, line, stop, task }
    });
}

/// Tells what waits, as long as that can take. Spans that end later are dropped.
pub async fn finish() {
    let Some(Export { stop, task, .. }) = EXPORT.get() else { return };
    stop.cancel();
    let task = task.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(task) = task
        && timeout(PATIENCE, task).await.is_err()
    {
        tracing::warn!("the collector did not take the last traces in time");
    }
}

/// Which share of traces is told; none when all of this is off.
pub(super) fn share() -> Option<f64> {
    EXPORT.get().map(|export| export.share)
}

/// Puts a span in line, if there is room.
pub(super) fn tell(span: Ended) {
    if let Some(Export { line, .. }) = EXPORT.get()
        && line.try_send(span).is_err()
    {
        dropped(1);
    }
}

fn dropped(spans: usize) {
    metrics::counter!("mshub_spans_dropped_total").increment(spans as u64);
}

async fn run(mut spans: mpsc::Receiver<Ended>, mut road: Road, stop: CancellationToken) {
    let mut batch = Vec::new();
    while let Some(1..) = stop.run_until_cancelled(spans.recv_many(&mut batch, BATCH)).await {
        let grow = async {
            while batch.len() < BATCH {
                let room = BATCH - batch.len();
                if spans.recv_many(&mut batch, room).await == 0 {
                    break;
                }
            }
        };
        // Whatever ends it, the batch is as it is then.
        let _ = timeout(GATHER, stop.run_until_cancelled(grow)).await;
        road.deliver(std::mem::take(&mut batch), &stop).await;
    }
    spans.close();
    while spans.recv_many(&mut batch, BATCH).await > 0 {
        road.deliver(std::mem::take(&mut batch), &stop).await;
    }
}

/// The way to the collector.
struct Road {
    at: Url,
    http: Client,
    /// Names this process among others of its kind.
    process: String,
    /// Whether the last batch was dropped: it is said once.
    lost: bool,
}

/// Why a batch was not taken.
enum Failure {
    /// It never will be.
    Refused(String),
    /// It may be later.
    Away(String),
}

impl Road {
    fn to(collector: &Url) -> Self {
        let mut at = collector.clone();
        at.set_path(&format!("{}/v1/traces", collector.path().trim_end_matches('/')));
        let process = uuid::Uuid::now_v7().to_string();
        Self { at, http: http_client(), process, lost: false }
    }

    /// Sends a batch until it is taken; one that is not is dropped. At the end of the process it is sent once.
    async fn deliver(&mut self, batch: Vec<Ended>, stop: &CancellationToken) {
        let body = otlp::body(&batch, &self.process).to_string();
        let mut failure = String::new();
        for _ in 0..TRIES {
            match self.post(body.clone()).await {
                Ok(()) => {
                    if std::mem::take(&mut self.lost) {
                        tracing::info!("the collector takes traces again");
                    }
                    return;
                }
                Err(Failure::Refused(why)) => {
                    failure = why;
                    break;
                }
                Err(Failure::Away(why)) => failure = why,
            }
            if stop.run_until_cancelled(tokio::time::sleep(AGAIN)).await.is_none() {
                break;
            }
        }
        dropped(batch.len());
        if !std::mem::replace(&mut self.lost, true) {
            let at = crate::redacted(self.at.as_str());
            tracing::warn!(
                at,
                why = failure,
                "traces are dropped: is this a collector that takes OTLP over HTTP?"
            );
        }
    }

    async fn post(&self, body: String) -> Result<(), Failure> {
        let request = self.http.post(self.at.clone()).timeout(PATIENCE).body(body);
        let answer = request.header(header::CONTENT_TYPE, "application/json").send().await;
        let status = answer.map_err(|error| Failure::Away(error.without_url().to_string()))?.status();
        match status {
            _ if status.is_success() => Ok(()),
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(Failure::Away(status.to_string())),
            _ => Err(Failure::Refused(status.to_string())),
        }
    }
}
