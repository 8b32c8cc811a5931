//! A gateway on free ports and a folder of its own, with a clock that the test holds.

use std::{num::NonZeroU32, path::Path, sync::Arc, time::Duration};

use mshub_server::{Config, Engines, Listeners, MIGRATIONS, Patience, Secret, run};
use platform::{
    Clock,
    bus::Bus,
    db::Db,
    fanout::Fanout,
    mail::Mailer,
    objects::{LinkKey, Objects},
    service::http_client,
    testing::Urls,
};
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub(crate) const PASSWORD: &str = "tangerine-orbit-42-velvet";
const DEADLINE: Duration = Duration::from_secs(60);
const SECRET: &[u8] = b"a secret for tests, 32 bytes long";

/// A running gateway.
pub(crate) struct Server {
    pub(crate) folder: Arc<TempDir>,
    pub(crate) clock: Clock,
    pub(crate) db: Db,
    pub(crate) bus: Bus,
    pub(crate) fanout: Fanout,
    pub(crate) objects: Objects,
    pub(crate) web: String,
    /// In public, and of the chat-workers.
    names: (reqwest::Url, Vec<reqwest::Url>),
    urls: Urls,
    mail: String,
    api: String,
    http: reqwest::Client,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The code of a problem; empty when it is none.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of an answer that must be a success.
    #[track_caller]
    pub(crate) fn good(self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        self.json()
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let clock = Clock::held(Clock::System.now());
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let urls = Urls::of(&folder).await.unwrap();
        let mail = format!("kept:{}", folder.path().join("mail").display());
        Self::open(folder, urls, mail, clock, change).await
    }

    /// A gateway on embedded engines, always: the time of its log is the test's, and its files are there to be taken away.
    pub(crate) async fn embedded_with(change: impl FnOnce(&mut Config)) -> Self {
        let clock = Clock::held(Clock::System.now());
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let urls = Urls::embedded(&folder);
        let mail = format!("kept:{}", folder.path().join("mail").display());
        Self::open(folder, urls, mail, clock, change).await
    }

    /// A gateway that hands its mail to somebody.
    pub(crate) async fn mailing_to(mail: String) -> Self {
        let clock = Clock::held(Clock::System.now());
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let urls = Urls::of(&folder).await.unwrap();
        Self::open(folder, urls, mail, clock, |_| {}).await
    }

    /// Stops the gateway and starts another on the same folder.
    pub(crate) async fn restart(self) -> Self {
        self.restart_after(|| ()).await
    }

    /// The same, and something happens in between.
    pub(crate) async fn restart_after(self, happens: impl FnOnce()) -> Self {
        let (folder, clock) = (self.folder.clone(), self.clock.clone());
        let (urls, mail, same) = (self.urls.clone(), self.mail.clone(), self.same_names());
        self.end().await;
        happens();
        Self::open(folder, urls, mail, clock, same).await
    }

    /// Stops the gateway and starts another on the same engines, but on a log that is another one.
    pub(crate) async fn restart_on_another_log(self) -> Self {
        let (folder, clock) = (self.folder.clone(), self.clock.clone());
        let (mut urls, mail, same) = (self.urls.clone(), self.mail.clone(), self.same_names());
        self.end().await;
        // It goes with the folder that it is in.
        let place = tempfile::tempdir_in(folder.path()).unwrap();
        urls.bus = Urls::of(&place).await.unwrap().bus;
        let _ = place.keep();
        Self::open(folder, urls, mail, clock, same).await
    }

    /// Stops the gateway and starts another on the same folder that hands its mail to somebody.
    pub(crate) async fn restart_mailing_to(self, mail: String, change: impl FnOnce(&mut Config)) -> Self {
        let (folder, clock, urls, same) =
            (self.folder.clone(), self.clock.clone(), self.urls.clone(), self.same_names());
        self.end().await;
        let both = |config: &mut Config| {
            same(config);
            change(config);
        };
        Self::open(folder, urls, mail, clock, both).await
    }

    /// A second gateway on the same engines. It ends with [`Server::leave`]; the engines are the first one's to close.
    pub(crate) async fn beside(&self) -> Self {
        self.beside_with(|_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn beside_with(&self, change: impl FnOnce(&mut Config)) -> Self {
        let engines = Engines {
            db: self.db.clone(),
            bus: self.bus.clone(),
            fanout: self.fanout.clone(),
            objects: self.objects.clone(),
            mail: Mailer::open(&self.mail, self.clock.clone()).await.unwrap(),
            clock: self.clock.clone(),
        };
        let (urls, mail, same) = (self.urls.clone(), self.mail.clone(), self.same_names());
        let both = |config: &mut Config| {
            same(config);
            change(config);
        };
        Self::on(self.folder.clone(), urls, mail, engines, both).await
    }

    /// Gateways of one hub have one address in public, which their tokens name, and the same worker.
    fn same_names(&self) -> impl FnOnce(&mut Config) + use<> {
        let (public_url, chat_workers) = self.names.clone();
        move |config| (config.public_url, config.chat_workers) = (public_url, chat_workers)
    }

    /// Stops the gateway, as SIGTERM does, and leaves the engines open.
    pub(crate) async fn leave(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
        self.bus.close().await;
        self.db.close().await;
    }

    async fn open(
        folder: Arc<TempDir>,
        urls: Urls,
        mail: String,
        clock: Clock,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let engines = Engines {
            db: Db::open(&urls.database, "server", MIGRATIONS).await.unwrap(),
            bus: Bus::open(&urls.bus, clock.clone()).await.unwrap(),
            fanout: Fanout::open(&urls.fanout).await.unwrap(),
            objects: Objects::open(&urls.objects, LinkKey::derive(SECRET)).await.unwrap(),
            mail: Mailer::open(&mail, clock.clone()).await.unwrap(),
            clock,
        };
        Self::on(folder, urls, mail, engines, change).await
    }

    async fn on(
        folder: Arc<TempDir>,
        urls: Urls,
        mail: String,
        engines: Engines,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let (db, bus, clock) = (engines.db.clone(), engines.bus.clone(), engines.clock.clone());
        let (fanout, objects) = (engines.fanout.clone(), engines.objects.clone());
        let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let (api_url, web_url) = (url(&api), url(&web));
        let mut config = Config {
            public_url: api_url.parse().unwrap(),
            issuer: None,
            trusted_proxies: Vec::new(),
            // Nobody listens there.
            chat_workers: vec!["http://127.0.0.1:9".parse().unwrap()],
            convert_workers: vec!["http://127.0.0.1:9".parse().unwrap()],
            secret: Secret(SECRET.to_vec()),
            admin_email: None,
            max_upload_bytes: 1024 * 1024,
            max_user_files_bytes: 2 * 1024 * 1024,
            sends_per_second: NonZeroU32::new(1000).unwrap(),
            patience: Patience::default(),
        };
        change(&mut config);
        let names = (config.public_url.clone(), config.chat_workers.clone());
        let stop = CancellationToken::new();
        let (tell, ready) = oneshot::channel();
        let listeners = Listeners { api, web: Some(web) };
        let told = Box::new(|_| tell.send(()).expect("the test waits for it"));
        let running = tokio::spawn(run(config, engines, listeners, told, stop.clone()));
        ready.await.unwrap();
        Self {
            folder,
            clock,
            db,
            bus,
            fanout,
            objects,
            web: web_url,
            names,
            urls,
            mail,
            api: api_url,
            http: http_client(),
            stop,
            running,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.api)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.url(path))
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(self.request(Method::GET, path).bearer_auth(token)).await
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Answer {
        self.send(self.request(Method::DELETE, path).bearer_auth(token)).await
    }

    /// A request that needs nobody to be signed in.
    pub(crate) async fn ask(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).bearer_auth(token).json(&body)).await
    }

    pub(crate) async fn sign_up(&self, email: &str, name: &str) -> Answer {
        self.ask("/api/v1/auth/signup", json!({ "email": email, "name": name, "password": PASSWORD })).await
    }

    pub(crate) async fn verify(&self, token: &str) -> Answer {
        self.ask("/api/v1/auth/verify", json!({ "token": token })).await
    }

    pub(crate) async fn login(&self, email: &str, password: &str) -> Answer {
        self.ask("/api/v1/auth/login", json!({ "email": email, "password": password, "device": "test" }))
            .await
    }

    /// Waits until so many mails to an address are there; newest first.
    pub(crate) async fn mails(&self, to: &str, count: usize) -> Vec<Value> {
        eventually("the mail arrives", async || {
            let listed =
                self.send(self.request(Method::GET, "/api/v1/mail").query(&[("to", to)])).await.good();
            let mails = listed["items"].as_array().unwrap().clone();
            (mails.len() >= count).then_some(mails)
        })
        .await
    }

    /// An account that is verified, and the tokens of its first session.
    pub(crate) async fn account(&self, email: &str, name: &str) -> Value {
        self.sign_up(email, name).await.good();
        let mails = self.mails(email, 1).await;
        self.verify(&link_token(&mails[0])).await.good();
        self.login(email, PASSWORD).await.good()
    }

    /// Whether a text is anywhere in the database's files, as far as they are ours.
    pub(crate) fn database_holds(&self, text: &str) -> bool {
        let Ok(files) = std::fs::read_dir(self.path("db")) else { return false };
        files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).any(|bytes| holds(&bytes, text))
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        Path::new(self.folder.path()).join(name)
    }
}

pub(crate) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The token of a mail's link.
pub(crate) fn link_token(mail: &Value) -> String {
    mail["link"].as_str().unwrap().split_once("token=").unwrap().1.to_owned()
}

pub(crate) fn access(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

/// Asks again until there is an answer; fails the test when there is none in time.
pub(crate) async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, asked).await.unwrap_or_else(|_| panic!("{what}: not in time"))
}
