//! Engines for the tests of every service: embedded ones in a temporary folder, and real servers.

mod aiosmtpd;
pub mod certificates;
pub mod collector;
mod config;
pub mod engines;
pub mod kafka;
mod port;
pub mod postgres;
pub mod proxy;
pub mod redis;
mod server;
pub mod smtp;
mod sql;
pub mod weed;

pub use self::{
    aiosmtpd::Aiosmtpd,
    collector::Collector,
    kafka::Kafka,
    port::Port,
    postgres::Postgres,
    proxy::{Link, Proxy},
    redis::Redis,
    server::Server,
    weed::Weed,
};
pub use config::{Engine, is_real};
use tempfile::TempDir;

use crate::{Clock, bus::Bus, fanout::Fanout, mail::Mailer, objects::LinkKey, objects::Objects};

/// A folder with one of each engine; gone when dropped.
pub struct TestEngines {
    /// The folder, for engines that a test opens itself.
    pub folder: TempDir,
    /// The log.
    pub bus: Bus,
    /// The fan-out.
    pub fanout: Fanout,
    /// The objects.
    pub objects: Objects,
    /// The mail.
    pub mail: Mailer,
    /// The system's clock, unless a test holds it.
    pub clock: Clock,
    /// The hub's secret.
    pub secret: Vec<u8>,
    database: String,
}

impl TestEngines {
    /// Opens everything anew: embedded, or with `MSHUB_TEST_ENGINES=real` on the real engines that are there. Mail is kept,
    /// so that tests can read it.
    pub async fn open() -> anyhow::Result<Self> {
        Self::opened().await.map_err(|error| match is_real() {
            true => error.context(format!("the engines cannot be used; they say\n{}", server::last_words())),
            false => error,
        })
    }

    async fn opened() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name).display().to_string();
        let clock = Clock::System;
        let secret = b"a secret for tests, 32 bytes long".to_vec();
        let urls = Urls::of(&folder).await?;
        Ok(Self {
            bus: Bus::open(&urls.bus, clock.clone()).await?,
            fanout: Fanout::open(&urls.fanout).await?,
            objects: Objects::open(&urls.objects, LinkKey::derive(&secret)).await?,
            mail: Mailer::open(&format!("kept:{}", at("mail")), clock.clone()).await?,
            clock,
            secret,
            database: urls.database,
            folder,
        })
    }

    /// The URL of a database that was empty at the start.
    pub fn database_url(&self) -> String {
        self.database.clone()
    }
}

/// Where the engines of one test are.
#[derive(Clone, Debug)]
pub struct Urls {
    /// The database.
    pub database: String,
    /// The log, with one partition: what a test does has one order on every engine.
    pub bus: String,
    /// The fan-out.
    pub fanout: String,
    /// The objects.
    pub objects: String,
}

impl Urls {
    /// In a folder, or with `MSHUB_TEST_ENGINES=real` a fresh place in each real engine that is there.
    pub async fn of(folder: &TempDir) -> anyhow::Result<Self> {
        let mut urls = Self::embedded(folder);
        if is_real() {
            urls.database = engines::database().await?.unwrap_or(urls.database);
            urls.bus = engines::bus_of(1).await?.unwrap_or(urls.bus);
            urls.fanout = engines::fanout().await?.unwrap_or(urls.fanout);
            urls.objects = engines::objects().await?.unwrap_or(urls.objects);
        }
        Ok(urls)
    }

    /// Embedded ones in a folder, always.
    pub fn embedded(folder: &TempDir) -> Self {
        let at = |name: &str| folder.path().join(name).display().to_string();
        Self {
            database: format!("sqlite:{}", at("db")),
            bus: format!("embedded:{}", at("log")),
            fanout: "embedded:".to_owned(),
            objects: format!("file:{}", at("objects")),
        }
    }
}
