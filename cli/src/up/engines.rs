//! Engines: embedded ones in the data directory, unless a URL says otherwise.

use platform::{
    Clock,
    bus::Bus,
    db::Db,
    fanout::Fanout,
    mail::Mailer,
    objects::{LinkKey, Objects},
};

use super::DataDir;

/// Where engines are; each unset one is embedded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Urls {
    pub(crate) database: Option<String>,
    pub(crate) bus: Option<String>,
    pub(crate) fanout: Option<String>,
    pub(crate) objects: Option<String>,
    pub(crate) mail: Option<String>,
}

/// Every engine of a hub, open.
pub(super) struct Opened {
    server_db: Db,
    chat_db: Db,
    convert_db: Db,
    bus: Bus,
    fanout: Fanout,
    objects: Objects,
    pub(super) mail: Mailer,
    clock: Clock,
}

impl Opened {
    pub(super) async fn open(urls: &Urls, data_dir: &DataDir, secret: &[u8]) -> anyhow::Result<Self> {
        let clock = Clock::System;
        let or = |url: &Option<String>, scheme: &str, folder: &str| {
            url.clone().unwrap_or_else(|| format!("{scheme}:{}", data_dir.path().join(folder).display()))
        };
        let (database, bus) = (or(&urls.database, "sqlite", "db"), or(&urls.bus, "embedded", "log"));
        let (objects, mail) = (or(&urls.objects, "file", "objects"), or(&urls.mail, "kept", "mail"));
        let fanout = urls.fanout.clone().unwrap_or_else(|| "embedded:".to_owned());

        let databases = async {
            tokio::try_join!(
                Db::open(&database, "server", server::MIGRATIONS),
                Db::open(&database, "chat", chat_worker::MIGRATIONS),
                Db::open(&database, "convert", convert_worker::MIGRATIONS),
            )
            .map_err(anyhow::Error::from)
        };
        let log = async { Bus::open(&bus, clock.clone()).await.map_err(anyhow::Error::from) };
        let ((server_db, chat_db, convert_db), bus, objects, mail) = tokio::try_join!(
            databases,
            log,
            Objects::open(&objects, LinkKey::derive(secret)),
            Mailer::open(&mail, clock.clone()),
        )?;
        let fanout = Fanout::open(&fanout).await?;
        Ok(Self { server_db, chat_db, convert_db, bus, fanout, objects, mail, clock })
    }

    pub(super) fn server(&self) -> server::Engines {
        server::Engines {
            db: self.server_db.clone(),
            bus: self.bus.clone(),
            fanout: self.fanout.clone(),
            objects: self.objects.clone(),
            mail: self.mail.clone(),
            clock: self.clock.clone(),
        }
    }

    pub(super) fn chat(&self) -> chat_worker::Engines {
        chat_worker::Engines {
            db: self.chat_db.clone(),
            bus: self.bus.clone(),
            fanout: self.fanout.clone(),
            clock: self.clock.clone(),
        }
    }

    pub(super) fn convert(&self) -> convert_worker::Engines {
        convert_worker::Engines {
            db: self.convert_db.clone(),
            fanout: self.fanout.clone(),
            objects: self.objects.clone(),
            clock: self.clock.clone(),
        }
    }

    /// The log first: it is what others lean on, and nobody writes to it any more.
    pub(super) async fn close(self) {
        self.bus.close().await;
        for db in [self.server_db, self.chat_db, self.convert_db] {
            db.close().await;
        }
    }
}
