//! Webhooks: told at the end, signed, again until somebody takes it, and never to ourselves.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use aws_lc_rs::hmac;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::any,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use tokio::net::TcpListener;
use wire::{
    Code,
    conversions::{ConversionReport, Job, JobState, WebhookDelivery, WebhookSecret},
    paths::{fill, internal},
};

use crate::worker::{Worker, answer, eventually, problem, script};

/// Whoever is told: it answers as it was told to, and then well.
#[derive(Clone, Default)]
struct Receiver {
    answers: Arc<Mutex<VecDeque<u16>>>,
    heard: Arc<Mutex<Vec<(HeaderMap, String)>>>,
}

impl Receiver {
    async fn start(answers: &[u16]) -> (Self, String) {
        let receiver =
            Self { answers: Arc::new(Mutex::new(answers.iter().copied().collect())), ..Self::default() };
        let app = Router::new().route("/hook", any(hear)).with_state(receiver.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (receiver, url)
    }

    fn heard(&self) -> Vec<(HeaderMap, String)> {
        self.heard.lock().unwrap().clone()
    }
}

async fn hear(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> impl IntoResponse {
    receiver.heard.lock().unwrap().push((headers, body));
    let answer = receiver.answers.lock().unwrap().pop_front().unwrap_or(204);
    (StatusCode::from_u16(answer).unwrap(), [(header::LOCATION, "/hook")])
}

async fn worker() -> Worker {
    Worker::with(|config| config.webhooks_to_private = true).await
}

/// Uploads a note whose end is told there.
async fn note(worker: &Worker, url: &str) -> Job {
    worker.uploaded(&format!("to=html&name=note.md&webhook={url}"), "# A note").await
}

async fn delivery(worker: &Worker, job: &Job, state: &str) -> WebhookDelivery {
    let path = fill(internal::JOB_REPORT, job.id);
    eventually(async || {
        let report: ConversionReport = answer(worker.request(Method::GET, &path), StatusCode::OK).await;
        report.webhook.filter(|webhook| webhook.state == state)
    })
    .await
}

#[tokio::test]
async fn the_end_is_told_and_the_signature_is_the_owners() {
    let (worker, (receiver, url)) = (worker().await, Receiver::start(&[]).await);

    let job = note(&worker, &url).await;
    assert_eq!(delivery(&worker, &job, "delivered").await.tries, 1);

    let heard = receiver.heard();
    let (headers, body) = &heard[0];
    let told: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        (&told["type"], &told["data"]["id"]),
        (&"conversion.completed".into(), &job.id.to_string().into())
    );
    assert_eq!(told["data"]["state"], "completed");
    let secret =
        answer::<WebhookSecret>(worker.request(Method::GET, internal::WEBHOOK_SECRET), StatusCode::OK);
    let secret = secret.await.secret;
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let header = |name: &str| headers[name].to_str().unwrap();
    let text = format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp"));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{}", BASE64_STANDARD.encode(signature)));

    // The earlier result is told like one that was made.
    let again = note(&worker, &url).await;
    assert_eq!((again.state, again.cached_from), (JobState::Completed, Some(job.id)));
    delivery(&worker, &again, "delivered").await;
    assert_eq!(receiver.heard().len(), 2);
}

#[tokio::test]
async fn whoever_does_not_take_it_is_told_again_under_the_same_id() {
    let (worker, (receiver, url)) = (worker().await, Receiver::start(&[500, 302, 503]).await);

    let job = note(&worker, &url).await;

    let told = delivery(&worker, &job, "delivered").await;
    assert_eq!((told.tries, told.detail), (4, None));
    let heard = receiver.heard();
    // The redirect was not followed: it could have led anywhere.
    assert_eq!(heard.len(), 4);
    assert!(
        heard.iter().all(|(headers, body)| {
            headers["webhook-id"] == heard[0].0["webhook-id"] && *body == heard[0].1
        })
    );
}

#[tokio::test]
async fn what_was_not_told_survives_its_worker() {
    let worker = worker().await;
    // Nobody listens there: port 9 is never given out.
    let job = note(&worker, "http://127.0.0.1:9/hook").await;
    let waiting = delivery(&worker, &job, "waiting").await;
    let home = worker.kill().await;

    let (_, there) = Receiver::start(&[]).await;
    let worker = Worker::over(home, |config| config.webhooks_to_private = true).await;
    crate::sql::lead_webhooks_to(&worker.db, &there).await;

    assert!(delivery(&worker, &job, "delivered").await.tries > waiting.tries);
}

#[tokio::test]
async fn failures_are_told_and_gone_is_gone() {
    let (receiver, url) = Receiver::start(&[410]).await;
    let worker = Worker::with(|config| {
        config.webhooks_to_private = true;
        config.child = script("exit 9");
    })
    .await;

    let job = note(&worker, &url).await;

    let given_up = delivery(&worker, &job, "failed").await;
    assert!(given_up.tries == 1 && given_up.detail.unwrap().contains("410"));
    assert!(receiver.heard()[0].1.contains("conversion.failed"));
}

#[tokio::test]
async fn nothing_is_told_to_a_private_address() {
    let worker = Worker::start().await;
    for url in ["http://127.0.0.1:9/x", "http://localhost/x", "file:///etc/passwd", "nonsense"] {
        let query = format!("to=html&name=note.md&webhook={url}");
        let refused = problem(worker.upload(&query, "# A note")).await;
        assert_eq!(refused.code, Code::InvalidField.name(), "{url}: {refused}");
    }
    assert!(worker.is_clean().await);

    // A name passes, and then leads nowhere.
    let job = note(&worker, "http://ip6-localhost/x").await;
    let waiting = eventually(async || {
        Some(delivery(&worker, &job, "waiting").await).filter(|delivery| delivery.detail.is_some())
    })
    .await;
    assert!(!waiting.detail.unwrap().contains("ip6-localhost"));
}
