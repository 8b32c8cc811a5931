//! Fan-out over Redis pub/sub: one connection that tells, one that listens; both come back by themselves.
//!
//! A Redis that is away stops nobody: not the start of a hub, not a publisher, not a listener. What is published
//! meanwhile waits as long as the queue has room (the newest few thousand), and whoever listens hears again when it is
//! back. One that does not let us in is one that is away, and said to be that.
//!
//! The URL may name any node of a Redis Cluster: a channel is not a key, so it has no node of its own, and what is told to
//! one node is heard at all of them (`PUBLISH`, not `SPUBLISH`). Nothing here is a transaction or a script, which would
//! have to stay on one node. A hub follows one name: while that node is away it is without hints, unless the name leads to
//! another one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures_util::StreamExt;
use rand::Rng as _;
use redis::{
    AsyncConnectionConfig, Client, RedisResult, Value,
    aio::{MultiplexedConnection, PubSub, PubSubSink},
};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    watch,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    OpenError,
    embedded::{Hint, Listener, Local},
};

/// How long one answer of Redis may take before the connection counts as lost.
const PATIENCE: Duration = Duration::from_secs(2);
/// A connection that listens and hears nothing is asked this often whether it is still one.
const PING: Duration = Duration::from_secs(10);
/// Hints that go out together.
const BATCH: usize = 256;
/// The longest pause between two attempts to reach Redis, before jitter.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Subjects by name.
type Subjects = BTreeSet<&'static str>;

/// Both directions. The last clone that is dropped ends them.
#[derive(Clone)]
pub struct Remote {
    out: Local,
    heard: Local,
    wanted: watch::Sender<Subjects>,
    confirmed: watch::Receiver<Subjects>,
    _end: Arc<DropGuard>,
}

impl Remote {
    /// Opens the fan-out without waiting for Redis. `?prefix=` keeps hubs apart that share one.
    pub(super) fn open(url: &str) -> Result<Self, OpenError> {
        let failed = |why: String| OpenError::Failed { url: crate::redacted(url), why };
        let mut parsed = url::Url::parse(url).map_err(|error| failed(error.to_string()))?;
        let prefix =
            parsed.query_pairs().find(|(name, _)| name == "prefix").map(|(_, value)| value.into_owned());
        parsed.set_query(None);
        // TLS takes the process' default, which a test or a tool may not have chosen.
        crate::service::install_tls();
        let client = Client::open(parsed).map_err(|error| failed(error.to_string()))?;
        Ok(Self::over(client, format!("{}mshub:", prefix.unwrap_or_default())))
    }

    fn over(client: Client, prefix: String) -> Self {
        let (out, heard) = (Local::new(), Local::new());
        let (wanted, wishes) = watch::channel(Subjects::new());
        let (confirm, confirmed) = watch::channel(Subjects::new());
        let stop = CancellationToken::new();
        let telling = tell(client.clone(), prefix.clone(), out.everything());
        let hearing = hear(client, prefix, Wishes { wanted: wishes, confirmed: confirm }, heard.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(telling));
        tokio::spawn(stop.clone().run_until_cancelled_owned(hearing));
        Self { out, heard, wanted, confirmed, _end: Arc::new(stop.drop_guard()) }
    }

    pub(super) fn publish(&self, subject: &'static str, payload: String) {
        self.out.publish(subject, payload);
    }

    /// Listens once Redis has confirmed it; when it does not within two seconds, the listener begins to hear as soon
    /// as Redis is there.
    pub(super) async fn subscribe(&self, subject: &'static str) -> Listener {
        let listener = self.heard.subscribe(subject);
        self.wanted.send_if_modified(|wanted| wanted.insert(subject));
        let mut confirmed = self.confirmed.clone();
        let is_confirmed = confirmed.wait_for(|subjects| subjects.contains(subject));
        if tokio::time::timeout(PATIENCE, is_confirmed).await.is_err() {
            tracing::warn!(subject, "Redis is away: this subject is heard once it is back");
        }
        listener
    }
}

/// Sends what is published, in order, as long as anybody could still publish.
async fn tell(client: Client, prefix: String, mut out: Receiver<Hint>) {
    let mut connection: Option<MultiplexedConnection> = None;
    while let Some(batch) = next_batch(&mut out).await {
        let mut hints = redis::pipe();
        for (subject, payload) in &batch {
            hints.publish(format!("{prefix}{subject}"), &**payload).ignore();
        }
        let open = match &mut connection {
            Some(open) => open,
            none => none.insert(connected("publishing", || telling(&client)).await),
        };
        if let Err(error) = hints.query_async::<()>(open).await {
            tracing::debug!(%error, "the connection that publishes hints broke");
            forgotten(batch.len() as u64);
            connection = None;
        }
    }
}

/// A connection that tells, to a Redis that answers it: one that wants a password takes connections, too.
async fn telling(client: &Client) -> RedisResult<MultiplexedConnection> {
    let bounds = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let mut connection = client.get_multiplexed_async_connection_with_config(&bounds).await?;
    redis::cmd("PING").query_async::<()>(&mut connection).await?;
    Ok(connection)
}

/// A connection that listens, to a Redis that answers it.
async fn listening(client: &Client) -> RedisResult<PubSub> {
    let mut connection = client.get_async_pubsub().await?;
    // As it is: a refusal that is taken for another type has lost its reason.
    connection.ping::<Value>().await?.extract_error()?;
    Ok(connection)
}

/// At least one hint, and what else is in line; `None` when nobody can publish any more.
async fn next_batch(out: &mut Receiver<Hint>) -> Option<Vec<Hint>> {
    let mut batch = Vec::new();
    loop {
        match out.recv().await {
            Ok(hint) => batch.push(hint),
            Err(RecvError::Lagged(count)) => {
                forgotten(count);
                continue;
            }
            Err(RecvError::Closed) => return None,
        }
        while batch.len() < BATCH
            && let Ok(hint) = out.try_recv()
        {
            batch.push(hint);
        }
        return Some(batch);
    }
}

fn forgotten(count: u64) {
    metrics::counter!("mshub_fanout_forgotten_total").increment(count);
}

/// What is listened to: as it is wished, and as Redis has confirmed it.
struct Wishes {
    wanted: watch::Receiver<Subjects>,
    confirmed: watch::Sender<Subjects>,
}

/// Listens to every subject that is wanted, on one connection after the other.
async fn hear(client: Client, prefix: String, mut wishes: Wishes, heard: Local) {
    loop {
        let connection = connected("listening", || listening(&client)).await;
        if let Err(error) = follow(connection, &prefix, &mut wishes, &heard).await {
            tracing::warn!(%error, "the connection to Redis is lost: hints of others are missed until it is back");
        }
        wishes.confirmed.send_modify(Subjects::clear);
        tokio::time::sleep(pause(0)).await;
    }
}

/// Passes on what one connection hears, until it breaks.
async fn follow(connection: PubSub, prefix: &str, wishes: &mut Wishes, heard: &Local) -> RedisResult<()> {
    let (mut sink, mut messages) = connection.split();
    let mut channels: BTreeMap<String, &'static str> = BTreeMap::new();
    let mut ping = tokio::time::interval(PING);
    wishes.wanted.mark_changed();
    loop {
        tokio::select! {
            message = messages.next() => {
                let Some(message) = message else { return Err(gone()) };
                let Some(subject) = channels.get(message.get_channel_name()) else { continue };
                if let Ok(payload) = message.get_payload::<String>() {
                    heard.publish(subject, payload);
                }
            }
            changed = wishes.wanted.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let wanted = wishes.wanted.borrow_and_update().clone();
                follow_also(&mut sink, prefix, &wanted, &mut channels).await?;
                wishes.confirmed.send_replace(wanted);
            }
            _ = ping.tick() => answered(sink.ping::<()>()).await?,
        }
    }
}

async fn follow_also(
    sink: &mut PubSubSink,
    prefix: &str,
    wanted: &Subjects,
    channels: &mut BTreeMap<String, &'static str>,
) -> RedisResult<()> {
    for subject in wanted {
        let channel = format!("{prefix}{subject}");
        if channels.insert(channel.clone(), subject).is_none() {
            answered(sink.subscribe(channel)).await?;
        }
    }
    Ok(())
}

/// An answer of Redis, if it comes in time.
async fn answered<T>(answer: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(gone()))
}

fn gone() -> redis::RedisError {
    std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "Redis does not answer any more").into()
}

/// Connects, however long it takes; says once that it fails, and once that it is over.
async fn connected<T, F: Future<Output = RedisResult<T>>>(purpose: &str, connect: impl Fn() -> F) -> T {
    let mut attempt = 0;
    loop {
        match answered(connect()).await {
            Ok(connection) => {
                if attempt > 0 {
                    tracing::info!(purpose, "Redis is back");
                }
                return connection;
            }
            Err(error) if attempt == 0 && is_refusal(&error) => {
                tracing::warn!(
                    purpose,
                    %error,
                    "Redis lets nobody in with this user and password; it is tried until it does"
                );
            }
            Err(error) if attempt == 0 => {
                tracing::warn!(purpose, %error, "Redis cannot be reached; it is tried until it is there");
            }
            Err(_) => {}
        }
        tokio::time::sleep(pause(attempt)).await;
        attempt += 1;
    }
}

/// Whether a Redis is there and does not let us in, or not do that.
fn is_refusal(error: &redis::RedisError) -> bool {
    error.kind() == redis::ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
}

/// 50 ms, doubled with each attempt up to the longest, each half to one and a half times as long: gateways that lost the
/// same Redis do not come back in one instant.
fn pause(attempt: u32) -> Duration {
    let longest = (Duration::from_millis(50) * 2_u32.pow(attempt.min(10))).min(LONGEST_PAUSE);
    longest.mul_f64(rand::rng().random_range(0.5..1.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_longest_one_and_are_never_the_same() {
        assert!(pause(0) <= Duration::from_millis(75));
        assert!((LONGEST_PAUSE / 2..=LONGEST_PAUSE * 2).contains(&pause(1_000)));
        assert_ne!(pause(1_000), pause(1_000));
    }
}
