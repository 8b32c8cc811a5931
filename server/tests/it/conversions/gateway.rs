//! A gateway in a temporary folder, somebody who is signed in, and a worker that is a stub.

use std::time::{Duration, Instant};

use mshub_server::{Config, Engines, Listeners, MIGRATIONS, Patience, Secret, run};
use platform::{
    db::Db,
    objects::{LinkKey, LinkTerms, Objects},
    service::{http_client, install_tls},
    testing::TestEngines,
};
use reqwest::{Client, Method, RequestBuilder};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use wire::{
    Problem, Timestamp, UserId,
    accounts::{KeptMails, Tokens},
    paths,
};

use super::stub::Stub;

/// The largest upload.
pub(crate) const LIMIT: u64 = 1_000_000;
/// What is behind every link.
pub(crate) const RESULT: &[u8] = b"%PDF-1.7 is what this would be";

const EMAIL: &str = "ann@example.org";
const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct Gateway {
    pub(crate) user: UserId,
    pub(crate) worker: Stub,
    engines: TestEngines,
    address: String,
    token: String,
    http: Client,
    _stop: DropGuard,
}

impl Gateway {
    /// With results in a folder, whose links the gateway serves itself.
    pub(crate) async fn start() -> Self {
        let mut engines = TestEngines::open().await.unwrap();
        engines.objects = objects(&format!("file:{}", engines.folder.path().join("results").display())).await;
        Self::on(engines).await
    }

    /// With results in another store.
    pub(crate) async fn storing_in(url: &str) -> Self {
        let mut engines = TestEngines::open().await.unwrap();
        engines.objects = objects(url).await;
        Self::on(engines).await
    }

    async fn on(engines: TestEngines) -> Self {
        install_tls();
        let (worker, stop) = (Stub::start().await, CancellationToken::new());
        for key in ["out/job/1", "in/job"] {
            let body = futures_util::stream::iter([Ok(bytes::Bytes::from_static(RESULT))]);
            engines.objects.put(key, Box::pin(body), u64::MAX).await.unwrap();
        }
        let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", api.local_addr().unwrap());
        let config = Config {
            public_url: address.parse().unwrap(),
            issuer: None,
            trusted_proxies: Vec::new(),
            // Nobody is there.
            chat_workers: vec!["http://127.0.0.1:9".parse().unwrap()],
            // The first is away: whatever goes to it has to go on to the second.
            convert_workers: vec!["http://127.0.0.1:9".parse().unwrap(), worker.address.parse().unwrap()],
            secret: Secret(engines.secret.clone()),
            admin_email: None,
            max_upload_bytes: LIMIT,
            max_user_files_bytes: LIMIT,
            sends_per_second: 20.try_into().unwrap(),
            patience: Patience::default(),
        };
        let parts = Engines {
            db: Db::open(&engines.database_url(), "server", MIGRATIONS).await.unwrap(),
            bus: engines.bus.clone(),
            fanout: engines.fanout.clone(),
            objects: engines.objects.clone(),
            mail: engines.mail.clone(),
            clock: engines.clock.clone(),
        };
        let (told, ready) = tokio::sync::oneshot::channel();
        let listeners = Listeners { api, web: None };
        tokio::spawn(run(config, parts, listeners, Box::new(|_| told.send(()).unwrap()), stop.clone()));
        ready.await.expect("the gateway starts");
        let http = http_client();
        let (user, token) = sign_in(&http, &address).await;
        Self { user, worker, engines, address, token, http, _stop: stop.drop_guard() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.address))
    }

    pub(crate) fn signed(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(&self.token)
    }

    pub(crate) async fn link(&self, key: &str) -> String {
        self.link_until(key, self.engines.clock.now().plus_seconds(600)).await
    }

    pub(crate) async fn expired_link(&self, key: &str) -> String {
        self.link_until(key, self.engines.clock.now().plus_seconds(-1)).await
    }

    async fn link_until(&self, key: &str, expires_at: Timestamp) -> String {
        let terms = LinkTerms { name: "a.pdf".into(), media_type: "application/pdf".into(), expires_at };
        self.engines.objects.signed_link(key, &terms).await.unwrap()
    }
}

async fn objects(url: &str) -> Objects {
    Objects::open(url, LinkKey::derive(b"a secret for tests, 32 bytes long")).await.unwrap()
}

async fn sign_in(http: &Client, address: &str) -> (UserId, String) {
    let post = async |path: &str, body: serde_json::Value| {
        let response = http.post(format!("{address}{path}")).json(&body).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.text().await.unwrap());
        response
    };
    post(paths::SIGNUP, serde_json::json!({ "email": EMAIL, "name": "Ann", "password": PASSWORD })).await;
    let code = eventually(async || {
        let mails = http.get(format!("{address}{}?to={EMAIL}", paths::MAIL)).send().await.unwrap();
        mails.json::<KeptMails>().await.unwrap().items.into_iter().find_map(|mail| mail.code)
    })
    .await;
    post(paths::VERIFY, serde_json::json!({ "token": code })).await;
    let tokens = post(paths::LOGIN, serde_json::json!({ "email": EMAIL, "password": PASSWORD })).await;
    let tokens: Tokens = tokens.json().await.unwrap();
    (tokens.user.id, tokens.access_token)
}

/// The problem that answers a request.
pub(crate) async fn problem(request: RequestBuilder) -> Problem {
    let response = request.send().await.unwrap();
    let status = response.status();
    let problem: Problem = response.json().await.unwrap();
    assert_eq!(problem.status, status.as_u16(), "{problem}");
    problem
}

/// Asks until there is something, for as long as anybody would wait.
pub(crate) async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(asked.elapsed() < Duration::from_secs(60), "what was waited for did not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
