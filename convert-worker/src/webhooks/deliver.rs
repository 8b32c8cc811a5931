//! The deliveries on their way: one try after the other, further and further apart, until somebody takes them.

use std::{sync::Arc, time::Duration};

use platform::service::telemetry::REQUEST_ID;
use reqwest::{Client, StatusCode, header, redirect::Policy};
use tokio::sync::Semaphore;
use wire::Timestamp;

use super::sql::{self, Delivery};
use crate::{Config, address::PublicOnly, state::App};

/// How many are sent at once.
const AT_ONCE: usize = 8;
/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// After this a delivery whose worker died is sent by another.
const LEASE: i64 = 30;
/// How often one is tried: with the usual pauses for some three hours.
const TRIES: i64 = 9;
/// The first pause in units of the configured back-off; each further one is four times as long.
const FIRST: u32 = 5;
/// And never longer than this.
const LONGEST: Duration = Duration::from_secs(3600);
/// Between two looks at the line when nobody tells of a new one.
const LOOK: Duration = Duration::from_secs(1);

/// The way out.
pub(crate) struct Post(Client);

impl Post {
    pub(crate) fn open(config: &Config) -> anyhow::Result<Self> {
        let client = Client::builder()
            .timeout(PATIENCE)
            .connect_timeout(Duration::from_secs(5))
            .redirect(Policy::none())
            .no_proxy()
            .user_agent(concat!("mshub/", env!("CARGO_PKG_VERSION")));
        let client = if config.webhooks_to_private { client } else { client.dns_resolver(PublicOnly) };
        Ok(Self(client.build()?))
    }
}

/// Sends what is due until the worker stops.
pub(crate) fn start(app: &App) {
    let worker = app.clone();
    app.tasks.spawn("webhooks", async move { dispatch(worker).await });
}

async fn dispatch(app: App) {
    let free = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let turn = tokio::select! {
            () = app.tasks.stopping() => return,
            turn = free.clone().acquire_owned() => turn.expect("the semaphore is never closed"),
        };
        let Some(delivery) = next(&app).await else { return };
        let worker = app.clone();
        app.tasks.spawn("webhook", async move {
            one(&worker, &delivery).await;
            drop(turn);
        });
    }
}

/// Waits for one that is due; `None` when the worker stops.
async fn next(app: &App) -> Option<Delivery> {
    while !app.tasks.stop_signal().is_cancelled() {
        let now = app.clock.now();
        match sql::claim(&app.db, now, now.plus_seconds(LEASE)).await {
            Ok(Some(delivery)) => return Some(delivery),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the line of webhooks cannot be read; trying again"),
        }
        tokio::select! {
            () = app.tasks.stopping() => {}
            () = app.ended.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    None
}

async fn one(app: &App, delivery: &Delivery) {
    let sent = tokio::select! {
        sent = send(app, delivery) => sent,
        // Its lease ends by itself.
        () = app.tasks.stopping() => return,
    };
    let now = app.clock.now();
    let settled = match sent {
        Ok(()) => sql::delivered(&app.db, delivery, now).await,
        Err(Refusal { why, is_final }) if is_final || delivery.tries >= TRIES => {
            tracing::info!(job = %delivery.job, why, "a webhook is given up");
            sql::give_up(&app.db, delivery, &why, now).await
        }
        Err(Refusal { why, .. }) => {
            sql::again(&app.db, delivery, &why, later(app, delivery.tries), now).await
        }
    };
    if let Err(error) = settled {
        tracing::warn!(%error, "what became of a webhook could not be written: it is sent again");
    }
}

/// Why somebody did not take a delivery.
struct Refusal {
    why: String,
    /// Whether it never will.
    is_final: bool,
}

async fn send(app: &App, delivery: &Delivery) -> Result<(), Refusal> {
    // Checked once more: what is allowed may have changed since.
    if super::check(&delivery.url, app.config.webhooks_to_private).is_err() {
        return Err(Refusal { why: "nothing is sent to this address".to_owned(), is_final: true });
    }
    let (id, seconds) = (delivery.id.to_string(), app.clock.now().micros() / 1_000_000);
    let request = app
        .post
        .0
        .post(&delivery.url)
        .header(header::CONTENT_TYPE, "application/json")
        .header(REQUEST_ID, &id)
        .header("webhook-id", &id)
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", app.signer.sign(delivery.owner(), &id, seconds, &delivery.body))
        .body(delivery.body.clone());
    match request.send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(Refusal {
            why: format!("the receiver answers {}", answer.status()),
            is_final: answer.status() == StatusCode::GONE,
        }),
        // Without the URL: it may hold a token of the receiver.
        Err(error) => Err(Refusal { why: told(&error.without_url()), is_final: false }),
    }
}

/// The whole chain: the outermost sentence alone says nothing.
fn told(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        said = format!("{said}: {error}");
        source = error.source();
    }
    said
}

/// When the next try may begin, after so many.
fn later(app: &App, tries: i64) -> Timestamp {
    let steps = u32::try_from(tries.saturating_sub(1)).unwrap_or(0).min(12);
    let pause = app.config.backoff.saturating_mul(FIRST.saturating_mul(4_u32.saturating_pow(steps)));
    let jittered = pause.min(LONGEST).mul_f64(rand::random_range(0.5..1.5));
    let micros = i64::try_from(jittered.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(app.clock.now().micros().saturating_add(micros))
}
