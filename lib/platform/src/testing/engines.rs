//! Real engines for tests: the server that a variable names, or one that is started for this test binary.
//!
//! Each is started once, by the first test that asks; each test gets a place of its own in it. An engine that is not there
//! is said once and passed over, unless `MSHUB_REQUIRE` names it.

use std::{io::Write as _, path::Path};

use anyhow::bail;
use tokio::sync::OnceCell;
use url::Url;

use super::{
    aiosmtpd::Aiosmtpd,
    config::Engine,
    kafka::{Door, Kafka},
    postgres::Postgres,
    redis::Redis,
    sql,
    weed::Weed,
};

/// Where a server is. It lives as long as the test binary.
struct Running<T> {
    url: String,
    server: Option<T>,
}

static POSTGRES: OnceCell<Option<Running<Postgres>>> = OnceCell::const_new();
static REDIS: OnceCell<Option<Running<Redis>>> = OnceCell::const_new();
static KAFKA: OnceCell<Option<Running<Kafka>>> = OnceCell::const_new();
static S3: OnceCell<Option<Running<Weed>>> = OnceCell::const_new();
static SMTP: OnceCell<Option<Running<Aiosmtpd>>> = OnceCell::const_new();

/// The URLs of an empty database of each engine there is: SQLite in the folder, and PostgreSQL.
pub async fn databases(folder: &Path) -> anyhow::Result<Vec<String>> {
    let sqlite = format!("sqlite:{}", folder.join("db").display());
    Ok(std::iter::once(sqlite).chain(database().await?).collect())
}

/// The URL of an empty database of a PostgreSQL server.
pub async fn database() -> anyhow::Result<Option<String>> {
    let running = POSTGRES.get_or_try_init(|| {
        find(Engine::Postgres, async || {
            Ok(Postgres::start().await?.map(|server| (server.url(), server.about(), server)))
        })
    });
    let Some(running) = running.await? else { return Ok(None) };
    sql::fresh_database(&running.url).await.map(Some)
}

/// The URL of a Redis, with a prefix that nobody else uses.
pub async fn fanout() -> anyhow::Result<Option<String>> {
    let running = REDIS.get_or_try_init(|| {
        find(Engine::Redis, async || {
            Ok(Redis::start().await?.map(|server| (server.url(), server.about(), server)))
        })
    });
    running.await?.as_ref().map(|running| with_prefix(&running.url)).transpose()
}

/// The URL of an Apache Kafka, with a prefix that nobody else uses.
pub async fn bus() -> anyhow::Result<Option<String>> {
    bus_of(3).await
}

/// The same for a log of so many partitions: with one, everything that a test does has one order.
pub async fn bus_of(partitions: u32) -> anyhow::Result<Option<String>> {
    let running = KAFKA.get_or_try_init(|| {
        find(Engine::Kafka, async || {
            Ok(Kafka::start().await?.map(|server| (server.url(), server.about(), server)))
        })
    });
    let Some(running) = running.await? else { return Ok(None) };
    let mut url: Url = running.url.parse()?;
    let said = url.query_pairs().any(|(name, _)| name == "partitions");
    if !said {
        url.query_pairs_mut().append_pair("partitions", &partitions.to_string());
    }
    with_prefix(url.as_str()).map(Some)
}

/// Ways to the broker of [`bus`] that a test can stand in; none of one that somebody else has started.
pub fn doors() -> Option<[Door; 2]> {
    Some(KAFKA.get()?.as_ref()?.server.as_ref()?.doors())
}

/// The URL of a bucket of an S3 store, with a folder in it that nobody else uses.
pub async fn objects() -> anyhow::Result<Option<String>> {
    let running = S3.get_or_try_init(|| {
        find(Engine::S3, async || {
            Ok(Weed::start().await?.map(|server| (server.url(), server.about(), server)))
        })
    });
    let Some(running) = running.await? else { return Ok(None) };
    let mut url: Url = running.url.parse()?;
    url.set_path(&fresh_name());
    Ok(Some(url.into()))
}

/// The URL of a mail server. What has to fail as it is told is a [`Sink`](super::smtp::Sink) of the test's own.
pub async fn mail() -> anyhow::Result<Option<String>> {
    let running = SMTP.get_or_try_init(|| {
        find(Engine::Smtp, async || {
            Ok(Aiosmtpd::start().await?.map(|server| (server.url(), server.about(), server)))
        })
    });
    Ok(running.await?.as_ref().map(|running| running.url.clone()))
}

/// What the server of [`mail`] took for an address, headers and text as they came; nobody knows of one that somebody else
/// has started.
pub fn mail_to(address: &str) -> anyhow::Result<Option<Vec<String>>> {
    let server = SMTP.get().and_then(|running| running.as_ref()?.server.as_ref());
    server.map(|server| server.taken(address)).transpose()
}

/// The server that the environment names, or one that `start` finds; says which.
async fn find<T>(
    engine: Engine,
    start: impl AsyncFnOnce() -> anyhow::Result<Option<(String, String, T)>>,
) -> anyhow::Result<Option<Running<T>>> {
    let name = engine.name();
    if let Some(url) = engine.url() {
        let about = match engine {
            Engine::Postgres => sql::version(&url).await?,
            _ => "as it is".to_owned(),
        };
        say(&format!("{name} {about} ({}: {})", engine.variable(), crate::redacted(&url)));
        return Ok(Some(Running { url, server: None }));
    }
    if let Some((url, about, server)) = start().await? {
        say(&format!("{name} {about} {}", crate::redacted(&url)));
        return Ok(Some(Running { url, server: Some(server) }));
    }
    let remedy = format!("{}, or set {}", engine.hint(), engine.variable());
    passed_over(name, &remedy, engine.is_required())?;
    Ok(None)
}

/// A server that a test has started for itself, if there is one: what is required and not there fails, and all else is
/// said.
pub fn of_its_own<T>(engine: Engine, started: Option<T>) -> anyhow::Result<Option<T>> {
    if started.is_none() {
        let what = format!("{} of the test's own", engine.name());
        passed_over(&what, engine.hint(), engine.is_required())?;
    }
    Ok(started)
}

/// What is not there fails the tests where it has to be, and is said otherwise.
pub(super) fn passed_over(what: &str, remedy: &str, is_required: bool) -> anyhow::Result<()> {
    if is_required {
        bail!("MSHUB_REQUIRE asks for {what}, and there is none: {remedy}");
    }
    say(&format!("{what} is not there and passed over: {remedy}"));
    Ok(())
}

/// To the log of the tests; the harness keeps what tests print to itself, but not this.
fn say(line: &str) {
    // A closed log is no reason to fail.
    let _ = writeln!(std::io::stderr().lock(), "engine: {line}");
}

fn with_prefix(url: &str) -> anyhow::Result<String> {
    let mut url: Url = url.parse()?;
    url.query_pairs_mut().append_pair("prefix", &format!("{}-", fresh_name()));
    Ok(url.into())
}

fn fresh_name() -> String {
    format!("t{}", uuid::Uuid::new_v4().simple())
}
