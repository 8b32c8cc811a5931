//! A worker in a temporary folder, in a runtime of its own, so that a test can kill it at any moment.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::sql::Database;
use mshub_convert_worker::{Config, Engines, run};
use platform::{
    db::Db,
    fanout::Subscription,
    objects::{LinkKey, Objects},
    service::{Health, http_client, install_tls, internal::InternalKey},
    testing::TestEngines,
};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use tokio::{net::TcpListener, runtime::Runtime, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use wire::{
    JobId, Problem, UserId,
    conversions::{Job, JobState},
    events::Hint,
    paths::{SUBJECT_HINTS, fill, internal},
};

const PATIENCE: Duration = Duration::from_secs(90);
/// The lease of a worker that will be killed, where leases have to expire. It may be held up for less.
const BRIEF: Duration = Duration::from_secs(4);

/// What outlives a worker.
#[derive(Clone)]
pub(crate) struct Home {
    engines: Arc<TestEngines>,
    database: Database,
    user: UserId,
}

impl Home {
    /// With nothing in it.
    pub(crate) async fn new() -> Self {
        install_tls();
        let engines = Arc::new(TestEngines::open().await.unwrap());
        Self { database: Database::of(&engines), engines, user: UserId::new() }
    }

    /// With nothing in it, and its objects at this URL.
    pub(crate) async fn storing_at(url: &str) -> Self {
        install_tls();
        let mut engines = TestEngines::open().await.unwrap();
        engines.objects = Objects::open(url, LinkKey::derive(&engines.secret)).await.unwrap();
        let engines = Arc::new(engines);
        Self { database: Database::of(&engines), engines, user: UserId::new() }
    }

    /// Whether several workers may use it at once.
    pub(crate) fn is_shared(&self) -> bool {
        self.database.is_a_server()
    }
}

pub(crate) struct Worker {
    pub(crate) engines: Arc<TestEngines>,
    /// The worker's database, opened beside it.
    pub(crate) db: Db,
    pub(crate) user: UserId,
    database: Database,
    address: String,
    pub(crate) health: Health,
    http: Client,
    runtime: Option<Runtime>,
    running: JoinHandle<anyhow::Result<()>>,
    stop: CancellationToken,
}

impl Worker {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// With other settings than the defaults.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::over(Home::new().await, change).await
    }

    /// Over nothing, and killed before its time.
    pub(crate) async fn doomed(change: impl FnOnce(&mut Config)) -> Self {
        let home = Home::new().await;
        Self::doomed_over(home, change).await
    }

    /// Over what an earlier worker left, and killed as well.
    pub(crate) async fn doomed_over(home: Home, change: impl FnOnce(&mut Config)) -> Self {
        let is_a_server = home.database.is_a_server();
        Self::over(home, |config| {
            config.heartbeat = BRIEF / 10;
            // Nobody waits for the lease where there is only one worker; if somebody did, no test would ever end.
            config.lease = if is_a_server { BRIEF } else { Duration::from_secs(3600) };
            change(config);
        })
        .await
    }

    /// Over what an earlier worker left.
    pub(crate) async fn over(home: Home, change: impl FnOnce(&mut Config)) -> Self {
        let Home { engines, database, user } = home;
        let mut config = Config::new(engines.secret.clone(), engines.folder.path().join("work"));
        config.child = real_child();
        config.backoff = Duration::from_millis(20);
        change(&mut config);

        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (stop, (told, ready)) = (CancellationToken::new(), tokio::sync::oneshot::channel());
        let (ours, kept, stopped) = (engines.clone(), database.clone(), stop.clone());
        let running = runtime.spawn(async move {
            let engines = Engines {
                db: kept.open().await,
                fanout: ours.fanout.clone(),
                objects: ours.objects.clone(),
                clock: ours.clock.clone(),
            };
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let told = Box::new(move |health| told.send((address, health)).ok().unwrap());
            run(config, engines, listener, told, stopped).await
        });
        let (address, health) = ready.await.expect("the worker starts");
        let address = format!("http://{address}");
        let db = database.open().await;
        Self {
            engines,
            db,
            user,
            database,
            address,
            health,
            http: http_client(),
            runtime: Some(runtime),
            running,
            stop,
        }
    }

    /// Ends it as a power cut would, and gives back what is left.
    pub(crate) async fn kill(mut self) -> Home {
        let runtime = self.runtime.take().unwrap();
        // Nothing of it goes on beside the next one.
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(PATIENCE)).await.unwrap();
        Home { engines: self.engines.clone(), database: self.database.clone(), user: self.user }
    }

    /// Ends it as SIGTERM would.
    pub(crate) async fn stop(mut self) -> Home {
        self.stop.cancel();
        (&mut self.running).await.unwrap().unwrap();
        self.kill().await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_of(self.user, method, path)
    }

    pub(crate) fn request_of(&self, user: UserId, method: Method, path: &str) -> RequestBuilder {
        InternalKey::derive(&self.engines.secret).sign(self.unsigned(method, path), user)
    }

    pub(crate) fn unsigned(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.address))
    }

    /// An upload with a query such as `to=pdf&name=a.md`.
    pub(crate) fn upload(&self, query: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request(Method::POST, &format!("{}?{query}", internal::JOBS)).body(body)
    }

    pub(crate) async fn uploaded(&self, query: &str, body: impl Into<reqwest::Body>) -> Job {
        answer(self.upload(query, body), StatusCode::ACCEPTED).await
    }

    /// Something small that takes until it is stopped, if the child is a slow one.
    pub(crate) async fn note(&self) -> Job {
        self.uploaded("to=pdf&name=note.md", "# A note\n\nwith words").await
    }

    pub(crate) async fn job(&self, id: JobId) -> Job {
        answer(self.request(Method::GET, &fill(internal::JOB, id)), StatusCode::OK).await
    }

    pub(crate) async fn job_in(&self, id: JobId, state: JobState) -> Job {
        eventually(async || Some(self.job(id).await).filter(|job| job.state == state)).await
    }

    pub(crate) async fn ended(&self, id: JobId) -> Job {
        eventually(async || Some(self.job(id).await).filter(|job| job.state.is_final())).await
    }

    pub(crate) async fn hints(&self) -> Subscription {
        self.engines.fanout.subscribe(SUBJECT_HINTS).await
    }

    /// The objects that are kept, such as `in/…`.
    pub(crate) async fn objects(&self) -> Vec<String> {
        self.engines.objects.keys().await.unwrap()
    }

    /// The files that are being worked on.
    pub(crate) fn work(&self) -> Vec<String> {
        files(&self.engines.folder.path().join("work"))
    }

    /// Nothing is left of anything.
    pub(crate) async fn is_clean(&self) -> bool {
        self.objects().await.is_empty() && self.work().is_empty() && crate::sql::jobs(&self.db).await == 0
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The next hint about this job.
pub(crate) async fn hint(hints: &mut Subscription, id: JobId) -> Job {
    let next = async {
        loop {
            let text = hints.next().await.expect("the fan-out lives");
            if let Ok(Hint::Job { job, .. }) = serde_json::from_str(&text)
                && job.id == id
            {
                return *job;
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.expect("a hint comes")
}

pub(crate) async fn answer<T: DeserializeOwned>(request: RequestBuilder, status: StatusCode) -> T {
    let response = request.send().await.unwrap();
    let (found, text) = (response.status(), response.text().await.unwrap());
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
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
        assert!(asked.elapsed() < PATIENCE, "what was waited for did not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The product's own child.
pub(crate) fn real_child() -> (PathBuf, Vec<OsString>) {
    (env!("CARGO_BIN_EXE_mshub-convert-worker").into(), vec!["job-child".into()])
}

/// A child that is a shell script; `$0` is the product's own child.
pub(crate) fn script(text: &str) -> (PathBuf, Vec<OsString>) {
    let (program, _) = real_child();
    ("/bin/sh".into(), vec!["-c".into(), text.into(), program.into()])
}

/// A child that never ends by itself.
pub(crate) fn slow() -> (PathBuf, Vec<OsString>) {
    script("exec sleep 600")
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(next) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}
