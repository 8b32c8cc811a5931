//! The engines of one process, opened by URL: each when it is first asked for, and then shared.

use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::sync::OnceCell;

use crate::{
    Clock, UnknownEngine,
    bus::{self, Bus, Durability},
    db::{self, Db, Migrations},
    fanout::{self, Fanout},
    mail::Mailer,
    objects::{LinkKey, Objects},
    redacted,
};

/// How long an engine may take to be opened. A database is not among them: it has a limit for the connection, and its
/// migrations take as long as they take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Schemes that this build may lack: port, how the scheme begins, the Cargo feature, and whether it is here.
const FEATURES: &[(&str, &str, &str, bool)] = &[
    ("bus", "kafka", "kafka", cfg!(feature = "kafka")),
    ("fanout", "redis", "redis", cfg!(feature = "redis")),
    ("objects", "s3", "s3", cfg!(feature = "s3")),
    ("mail", "smtp", "smtp", cfg!(feature = "smtp")),
];

/// Schemes that lie on this machine: when one fails, it is a folder that fails.
const LOCAL: &[&str] = &["sqlite", "embedded", "file", "kept"];

/// The URL of an engine. It may hold a password, and shows itself only without.
#[derive(Clone, PartialEq, Eq)]
pub struct EngineUrl(String);

impl From<&str> for EngineUrl {
    fn from(text: &str) -> Self {
        Self(text.trim().to_owned())
    }
}

impl EngineUrl {
    /// Whether there is nothing in it.
    pub fn is_blank(&self) -> bool {
        self.0.is_empty()
    }

    fn scheme(&self) -> &str {
        crate::split_scheme(&self.0).0
    }

    /// A message about this URL without its password, should an engine have put it in.
    fn scrub(&self, message: &str) -> String {
        let message = message.replace(&self.0, &redacted(&self.0));
        match crate::userinfo(&self.0).and_then(|(_, password)| password) {
            Some(password) if !password.is_empty() => message.replace(password, "***"),
            _ => message,
        }
    }
}

impl fmt::Display for EngineUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&redacted(&self.0))
    }
}

impl fmt::Debug for EngineUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "EngineUrl({self})")
    }
}

/// Where the engines are. A program needs those that it opens.
#[derive(Clone, Debug, Default)]
pub struct Urls {
    /// Databases: one URL, a file or schema for each service.
    pub database: Option<EngineUrl>,
    /// The chat log.
    pub bus: Option<EngineUrl>,
    /// Hints between the parts.
    pub fanout: Option<EngineUrl>,
    /// Photos, uploads and results.
    pub objects: Option<EngineUrl>,
    /// Mail.
    pub mail: Option<EngineUrl>,
    /// When the chat log acknowledges, if it is an embedded one.
    pub durability: Durability,
}

impl Urls {
    /// The same, with an embedded engine in `folder` for each port that has no URL.
    pub fn or_embedded_in(self, folder: &Path) -> Self {
        let at =
            |scheme: &str, name: &str| Some(EngineUrl(format!("{scheme}:{}", folder.join(name).display())));
        Self {
            database: self.database.or_else(|| at("sqlite", "db")),
            bus: self.bus.or_else(|| at("embedded", "log")),
            fanout: self.fanout.or_else(|| Some(EngineUrl("embedded:".to_owned()))),
            objects: self.objects.or_else(|| at("file", "objects")),
            mail: self.mail.or_else(|| at("kept", "mail")),
            durability: self.durability,
        }
    }

    /// Port and URL without password, of each port that has one: for people.
    pub fn shown(&self) -> BTreeMap<&'static str, String> {
        let Self { database, bus, fanout, objects, mail, durability: _ } = self;
        [("database", database), ("bus", bus), ("fanout", fanout), ("objects", objects), ("mail", mail)]
            .into_iter()
            .filter_map(|(port, url)| Some((port, url.as_ref()?.to_string())))
            .collect()
    }
}

/// Why an engine was not opened; each says which, without its password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No URL, one that nobody understands, or an engine that this build does not have.
    #[error("{0}")]
    NotUnderstood(String),
    /// The engine is not there, or refuses.
    #[error("{0}")]
    Away(String),
    /// A file or folder of this machine cannot be used.
    #[error("{0}")]
    Folder(String),
    /// It has other things in it than what was made of it before: an older copy was put back, or that of another hub.
    #[error("{0}")]
    Replaced(String),
}

impl OpenError {
    /// As programs end: 2 for what has to be written differently, 5 for what contradicts, 7 for who does not answer, 13
    /// for this machine.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotUnderstood(_) => 2,
            Self::Away(_) => 7,
            Self::Folder(_) => 13,
            Self::Replaced(_) => 5,
        }
    }
}

/// An engine on its way; boxed for the reason that [`Running`](crate::service::Running) gives.
pub type Opening<'a, Engine> = BoxFuture<'a, Result<Engine, OpenError>>;

/// Opens engines, each once: who asks again gets the same one.
pub struct Opener {
    urls: Urls,
    links: LinkKey,
    clock: Clock,
    databases: Mutex<Vec<Db>>,
    bus: OnceCell<Bus>,
    fanout: OnceCell<Fanout>,
    objects: OnceCell<Objects>,
    mail: OnceCell<Mailer>,
}

impl Opener {
    /// Of engines at these URLs, for a hub with this secret. Nothing is opened yet.
    pub fn new(urls: Urls, secret: &[u8], clock: Clock) -> Self {
        let (bus, fanout, objects, mail) = Default::default();
        let (links, databases) = (LinkKey::derive(secret), Mutex::default());
        Self { urls, links, clock, databases, bus, fanout, objects, mail }
    }

    /// Where the engines are.
    pub fn urls(&self) -> &Urls {
        &self.urls
    }

    /// The time, as the engines have it.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// The database of one service, migrated.
    pub fn database(&self, service: &'static str, migrations: Migrations) -> Opening<'_, Db> {
        let open = async move {
            let url = given("database", self.urls.database.as_ref())?;
            let db = Db::open(&url.0, service, migrations)
                .await
                .map_err(|error| failed("database", url, error.into()))?;
            self.databases.lock().unwrap_or_else(PoisonError::into_inner).push(db.clone());
            Ok(db)
        };
        open.boxed()
    }

    /// The chat log.
    pub fn bus(&self) -> Opening<'_, Bus> {
        let open = move |url| Bus::open_as(url, self.clock.clone(), self.urls.durability);
        once("bus", &self.bus, self.urls.bus.as_ref(), open).boxed()
    }

    /// The fan-out.
    pub fn fanout(&self) -> Opening<'_, Fanout> {
        once("fanout", &self.fanout, self.urls.fanout.as_ref(), Fanout::open).boxed()
    }

    /// The objects.
    pub fn objects(&self) -> Opening<'_, Objects> {
        let open = move |url| Objects::open(url, self.links.clone());
        once("objects", &self.objects, self.urls.objects.as_ref(), open).boxed()
    }

    /// The mailer.
    pub fn mail(&self) -> Opening<'_, Mailer> {
        let open = move |url| Mailer::open(url, self.clock.clone());
        once("mail", &self.mail, self.urls.mail.as_ref(), open).boxed()
    }

    /// Closes what was opened. The log first: it is what others lean on, and nobody writes to it any more.
    pub async fn close(&self) {
        if let Some(bus) = self.bus.get() {
            bus.close().await;
        }
        let databases = std::mem::take(&mut *self.databases.lock().unwrap_or_else(PoisonError::into_inner));
        for db in databases {
            db.close().await;
        }
    }
}

async fn once<'a, Engine, Why, Opened>(
    port: &'static str,
    cell: &OnceCell<Engine>,
    url: Option<&'a EngineUrl>,
    open: impl FnOnce(&'a str) -> Opened,
) -> Result<Engine, OpenError>
where
    Engine: Clone,
    Why: Into<anyhow::Error>,
    Opened: Future<Output = Result<Engine, Why>>,
{
    let opening = async {
        let url = given(port, url)?;
        match tokio::time::timeout(PATIENCE, open(&url.0)).await {
            Ok(opened) => opened.map_err(|error| failed(port, url, error.into())),
            Err(_) => Err(OpenError::Away(format!(
                "the {port} {url} does not answer within {} s",
                PATIENCE.as_secs()
            ))),
        }
    };
    cell.get_or_try_init(|| opening).await.cloned()
}

/// The URL, where there is one and this build has its engine.
fn given<'a>(port: &str, url: Option<&'a EngineUrl>) -> Result<&'a EngineUrl, OpenError> {
    let Some(url) = url else {
        let variable = format!("MSHUB_{}_URL", port.to_uppercase());
        let message = format!("no URL for the {port}: give --{port}-url, {variable} or {variable}_FILE");
        return Err(OpenError::NotUnderstood(message));
    };
    match lacking(port, url.scheme(), FEATURES) {
        Some(feature) => Err(OpenError::NotUnderstood(format!(
            "the {port} {url} needs a program that was built with the Cargo feature `{feature}`, and this one was not"
        ))),
        None => Ok(url),
    }
}

/// The feature that a scheme needs and that is not built in.
fn lacking<'a>(port: &str, scheme: &str, features: &[(&str, &str, &'a str, bool)]) -> Option<&'a str> {
    let (.., feature, is_here) =
        features.iter().find(|(of, begins, ..)| *of == port && scheme.starts_with(begins))?;
    (!is_here).then_some(*feature)
}

fn failed(port: &str, url: &EngineUrl, error: anyhow::Error) -> OpenError {
    let not_understood = is_not_understood(&error);
    let message = url.scrub(&format!("{error:#}")).split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = url.to_string();
    let message = match message.contains(&shown) {
        true => message,
        false => format!("the {port} {shown} cannot be used: {message}"),
    };
    if not_understood {
        OpenError::NotUnderstood(message)
    } else if LOCAL.contains(&url.scheme()) {
        OpenError::Folder(message)
    } else {
        OpenError::Away(message)
    }
}

fn is_not_understood(error: &anyhow::Error) -> bool {
    let of_bus = || matches!(error.downcast_ref(), Some(bus::OpenError::Unknown(_)));
    let of_fanout = || matches!(error.downcast_ref(), Some(fanout::OpenError::Unknown(_)));
    let of_db = || match error.downcast_ref() {
        Some(db::OpenError::Unknown(_)) => true,
        Some(db::OpenError::Connect { source, .. }) => matches!(source, sqlx::Error::Configuration(_)),
        _ => false,
    };
    error.chain().any(|cause| cause.is::<UnknownEngine>()) || of_bus() || of_fanout() || of_db()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> EngineUrl {
        text.into()
    }

    #[test]
    fn a_url_never_shows_its_password() {
        let kafka = url("kafka://me:hunter2@a:9092,b:9092/x");

        assert_eq!(format!("{kafka} {kafka:?}").matches("hunter2").count(), 0);
        assert_eq!(kafka.scrub("login me:hunter2 was refused"), "login me:*** was refused");
        let urls = Urls { bus: Some(kafka), ..Urls::default() };
        assert_eq!(urls.shown()["bus"], "kafka://me:***@a:9092,b:9092/x");
        assert!(!format!("{urls:?}").contains("hunter2"));
    }

    #[test]
    fn an_engine_that_was_not_built_in_names_its_feature() {
        let features = [("bus", "kafka", "kafka", false), ("mail", "smtp", "smtp", true)];

        assert_eq!(lacking("bus", "kafka", &features), Some("kafka"));
        assert_eq!(lacking("mail", "smtps", &features), None);
        assert_eq!(lacking("bus", "embedded", &features), None);
    }

    #[tokio::test]
    async fn a_port_without_a_url_says_how_to_give_one() {
        let opener = Opener::new(Urls::default(), b"secret", Clock::System);

        let missing = opener.bus().await.err().unwrap();

        assert_eq!(missing.exit_code(), 2);
        assert!(missing.to_string().contains("--bus-url, MSHUB_BUS_URL or MSHUB_BUS_URL_FILE"), "{missing}");
    }

    #[tokio::test]
    async fn what_fails_is_told_apart() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let urls = Urls {
            database: Some(url("postgres://me:hunter2@[::1]:1/x")),
            bus: Some(url("log:/x")),
            objects: Some(url(&format!("file:{}/objects", file.path().display()))),
            ..Urls::default()
        };
        let migrations = Migrations { sqlite: &[], postgres: &[], repeatable: false };
        let opener = Opener::new(urls, b"secret", Clock::System);

        let codes = [
            opener.database("test", migrations).await.unwrap_err(),
            opener.bus().await.err().unwrap(),
            opener.objects().await.err().unwrap(),
        ]
        .map(|error| (error.exit_code(), error.to_string()));

        assert_eq!(codes.clone().map(|(code, _)| code), [7, 2, 13], "{codes:?}");
        assert!(codes.iter().all(|(_, message)| !message.contains("hunter2") && !message.contains('\n')));
        assert!(codes[1].1.contains("log:/x"), "{codes:?}");
    }

    #[tokio::test]
    async fn who_asks_again_gets_the_same_engine() {
        let folder = tempfile::tempdir().unwrap();
        let opener = Opener::new(Urls::default().or_embedded_in(folder.path()), b"secret", Clock::System);

        let (one, two) = (opener.fanout().await.unwrap(), opener.fanout().await.unwrap());
        let mut heard = two.subscribe("test").await;
        one.publish("test", "hello".to_owned()).await;

        assert_eq!(heard.next().await.as_deref(), Some("hello"));
        assert_eq!(opener.urls().shown().len(), 5);
    }
}
