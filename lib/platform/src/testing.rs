//! Engines in a temporary folder, for the tests of every service.

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
}

impl TestEngines {
    /// Opens everything anew.
    pub async fn open() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name).display().to_string();
        let clock = Clock::System;
        let secret = b"a secret for tests, 32 bytes long".to_vec();
        Ok(Self {
            bus: Bus::open(&format!("embedded:{}", at("log")), clock.clone()).await?,
            fanout: Fanout::open("embedded:").await?,
            objects: Objects::open(&format!("file:{}", at("objects")), LinkKey::derive(&secret)).await?,
            mail: Mailer::open(&format!("kept:{}", at("mail")), clock.clone()).await?,
            clock,
            secret,
            folder,
        })
    }

    /// The URL of a database in the folder.
    pub fn database_url(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("db").display())
    }
}
