//! Parts of a hub in this process, each of which can be stopped alone, on the engines of one folder.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use client::{Hub as Client, Options, SessionStore};
use platform::{
    Clock,
    db::{Db, Transaction},
    engines::{Opener, Urls},
    service::internal::InternalKey,
};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use wire::{
    Timestamp,
    accounts::{Login, SignUp},
};

use crate::hub::password;

const SECRET: &[u8] = b"a secret for tests, 32 bytes long";
/// Long enough for every machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// What outlives the parts of a hub: its folder, its time, its engines.
pub(crate) struct Site {
    folder: TempDir,
    pub(crate) clock: Clock,
    pub(crate) engines: Opener,
    door: Door,
}

/// A part of the hub.
pub(crate) struct Part {
    url: String,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

/// The one address that a gateway has of the chat-worker, whoever is behind it.
struct Door {
    url: String,
    to: watch::Sender<Option<SocketAddr>>,
}

impl Door {
    async fn make() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (to, through) = watch::channel(None);
        tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                let there: Option<SocketAddr> = *through.borrow();
                let Some(there) = there else { continue };
                tokio::spawn(async move {
                    let Ok(mut there) = TcpStream::connect(there).await else { return };
                    // However it ends, the gateway asks again.
                    let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
                });
            }
        });
        Self { url, to }
    }
}

impl Site {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::held(Clock::System.now());
        let urls = Urls::default().or_embedded_in(folder.path());
        let engines = Opener::new(urls, SECRET, clock.clone());
        Self { folder, clock, engines, door: Door::make().await }
    }

    pub(crate) async fn gateway(&self) -> Part {
        let engines = server::Engines::open(&self.engines).await.unwrap();
        let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", api.local_addr().unwrap());
        let config = server::Config {
            public_url: url.parse().unwrap(),
            issuer: None,
            trusted_proxies: Vec::new(),
            chat_workers: vec![self.door.url.parse().unwrap()],
            // Nobody listens there.
            convert_workers: vec!["http://127.0.0.1:9".parse().unwrap()],
            secret: server::Secret(SECRET.to_vec()),
            admin_email: None,
            max_upload_bytes: 1024,
            max_user_files_bytes: 1024,
            sends_per_second: NonZeroU32::new(1_000_000).unwrap(),
            patience: server::Patience::default(),
        };
        let (stop, (tell, ready)) = (CancellationToken::new(), oneshot::channel());
        let listeners = server::Listeners { api, web: None };
        let told = Box::new(|_| tell.send(()).expect("the test waits for it"));
        let task = tokio::spawn(server::run(config, engines, listeners, told, stop.clone()));
        ready.await.expect("the gateway did not start");
        Part { url, stop, task }
    }

    /// A chat-worker, which the gateway finds from now on.
    pub(crate) async fn worker(&self) -> Part {
        let engines = chat_worker::Engines::open(&self.engines).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = chat_worker::Config { key: InternalKey::derive(SECRET) };
        let (stop, (tell, ready)) = (CancellationToken::new(), oneshot::channel());
        let told = Box::new(|_| tell.send(()).expect("the test waits for it"));
        let task = tokio::spawn(chat_worker::run(config, engines, listener, told, stop.clone()));
        ready.await.expect("the worker did not start");
        self.door.to.send_replace(Some(address));
        Part { url: address.to_string(), stop, task }
    }

    /// Nobody answers any more where the chat-worker was.
    pub(crate) fn shut_the_door(&self) {
        self.door.to.send_replace(None);
    }

    /// Keeps everybody else from writing the history, until it is dropped.
    pub(crate) async fn hold_history(&self) -> (Db, Transaction) {
        let url = format!("sqlite:{}", self.folder.path().join("db").display());
        let db = Db::open(&url, "chat", chat_worker::MIGRATIONS).await.unwrap();
        let held = db.begin().await.unwrap();
        (db, held)
    }
}

impl Part {
    /// Stops it as SIGTERM does.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.expect("it does not stop").unwrap().unwrap();
    }

    /// A new account, signed in.
    pub(crate) async fn person(&self, name: &str) -> Client {
        let hub = self.client();
        let email = format!("{name}@example.org");
        let sign_up = SignUp { email: email.clone(), name: name.to_owned(), password: password(name) };
        hub.sign_up(&sign_up).await.unwrap();
        let mail = hub.wait_for_kept_mail(&email, Timestamp::from_micros(0), PATIENCE).await.unwrap();
        hub.verify(&mail.link.unwrap()).await.unwrap();
        self.signed_in(name).await
    }

    /// The same account again.
    pub(crate) async fn signed_in(&self, name: &str) -> Client {
        let hub = self.client();
        let email = format!("{name}@example.org");
        hub.login(&Login { email, password: password(name), device: None }).await.unwrap();
        hub
    }

    fn client(&self) -> Client {
        Client::new(self.url.parse().unwrap(), SessionStore::Memory, Options::default()).unwrap()
    }
}
