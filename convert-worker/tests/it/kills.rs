//! Real workers, each a process, that are killed and held still: every accepted conversion ends once, with one result.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use platform::{
    db::Db,
    objects::{LinkKey, Objects},
    service::{http_client, install_tls, internal::InternalKey, upload::REQUEST_KEY},
    testing::{Port, TestEngines, engines},
};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use wire::{
    JobId, UserId,
    conversions::{Job, JobState},
    paths::{self, fill, internal},
};

use crate::{
    sql::{self, open},
    worker::eventually,
};

/// How long a conversion stays with a worker that is not heard of, in seconds: less than people have, to wait for less.
const LEASE: u64 = 2;

/// What its workers share.
struct Place {
    engines: TestEngines,
    database: String,
    objects: String,
    secret: PathBuf,
    http: Client,
}

impl Place {
    async fn new(database: Option<String>) -> Self {
        install_tls();
        let engines = TestEngines::open().await.unwrap();
        let folder = engines.folder.path();
        let secret = folder.join("secret");
        std::fs::write(&secret, &engines.secret).unwrap();
        Self {
            database: database.unwrap_or_else(|| format!("sqlite:{}", folder.join("jobs").display())),
            objects: format!("file:{}", folder.join("kept").display()),
            secret,
            http: http_client(),
            engines,
        }
    }

    async fn db(&self) -> Db {
        open(&self.database).await
    }

    /// The keys of the results of one job.
    async fn results(&self, job: JobId) -> Vec<String> {
        let objects = Objects::open(&self.objects, LinkKey::derive(&self.engines.secret)).await.unwrap();
        let of_job = format!("out/{job}/");
        objects.keys().await.unwrap().into_iter().filter(|key| key.starts_with(&of_job)).collect()
    }

    /// A process, not started yet.
    fn worker(&self, name: &str) -> Killable {
        let [port, admin] = [Port::reserve().unwrap(), Port::reserve().unwrap()];
        let work = self.engines.folder.path().join(name);
        let settings = vec![
            ("MSHUB_CONVERT_LISTEN", port.address().to_string()),
            ("MSHUB_CONVERT_ADMIN_LISTEN", admin.address().to_string()),
            ("MSHUB_DATABASE_URL", self.database.clone()),
            ("MSHUB_OBJECTS_URL", self.objects.clone()),
            ("MSHUB_FANOUT_URL", "embedded:".to_owned()),
            ("MSHUB_SECRET_FILE", self.secret.display().to_string()),
            ("MSHUB_WORK_DIR", work.display().to_string()),
            ("MSHUB_CONVERT_LEASE", LEASE.to_string()),
            ("MSHUB_RUNNERS", "2".to_owned()),
            ("MSHUB_LIBREOFFICE", "off".to_owned()),
        ];
        Killable { settings, address: port.address(), process: None, _ports: [port, admin] }
    }

    fn request(&self, worker: &Killable, user: UserId, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("http://{}{path}", worker.address));
        InternalKey::derive(&self.engines.secret).sign(request, user)
    }

    async fn is_up(&self, worker: &Killable) {
        let livez = format!("http://{}{}", worker.address, paths::LIVEZ);
        eventually(async || self.http.get(&livez).send().await.ok().map(drop)).await;
    }

    /// A conversion that is sent again, under the same key, until somebody has taken it.
    async fn accepted(&self, worker: &Killable, user: UserId, number: usize) -> JobId {
        let path = format!("{}?to=pdf&name=note.md&fresh=true", internal::JOBS);
        let taken = eventually(async || {
            let request = self
                .request(worker, user, Method::POST, &path)
                .header(REQUEST_KEY, format!("kills-{number}"))
                .body(format!("# Note {number}\n\n{}", "with *some* words in it\n\n".repeat(40)));
            let answer = request.send().await.ok()?;
            assert_eq!(answer.status(), StatusCode::ACCEPTED);
            answer.json::<Job>().await.ok()
        });
        taken.await.id
    }

    async fn job(&self, worker: &Killable, user: UserId, id: JobId) -> Option<Job> {
        self.request(worker, user, Method::GET, &fill(internal::JOB, id)).send().await.ok()?.json().await.ok()
    }
}

/// A worker in a process of its own. Killed when it is dropped.
struct Killable {
    settings: Vec<(&'static str, String)>,
    address: SocketAddr,
    process: Option<Child>,
    _ports: [Port; 2],
}

impl Killable {
    fn start(&mut self) {
        let process = Command::new(Path::new(env!("CARGO_BIN_EXE_mshub-convert-worker")))
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(process);
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }

    async fn ended(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("it runs");
        tokio::task::spawn_blocking(move || process.wait().unwrap()).await.unwrap()
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Each was completed, said so once, and has one result.
async fn ended_once(place: &Place, db: &Db, jobs: &[JobId]) {
    for job in jobs {
        let ends: Vec<String> = sql::events(db, *job)
            .await
            .into_iter()
            .map(|(_, state)| state)
            .filter(|state| ["completed", "failed", "cancelled"].contains(&state.as_str()))
            .collect();
        assert_eq!(ends, ["completed"], "{job}");
        eventually(async || (place.results(*job).await.len() == 1).then_some(())).await;
    }
}

#[tokio::test]
async fn forty_jobs_end_once_each_while_their_worker_is_killed_again_and_again() {
    let place = Place::new(None).await;
    let mut worker = place.worker("work");
    worker.start();
    place.is_up(&worker).await;
    let (db, user) = (place.db().await, UserId::new());
    let other = UserId::new();
    let mut jobs = Vec::new();

    for number in 0..40 {
        // Half of them each, for one person may have twenty waiting.
        jobs.push(place.accepted(&worker, if number % 2 == 0 { user } else { other }, number).await);
        if number % 8 == 7 {
            eventually(async || sql::is_running(&db).await.then_some(())).await;
            worker.kill();
            worker.start();
        }
    }
    // And while nobody brings anything more.
    for left in [12, 6] {
        eventually(async || {
            let waits = sql::unfinished(&db).await;
            (waits <= left && (waits == 0 || sql::is_running(&db).await)).then_some(())
        })
        .await;
        worker.kill();
        worker.start();
    }
    eventually(async || (sql::unfinished(&db).await == 0).then_some(())).await;

    ended_once(&place, &db, &jobs).await;
    assert!(sql::most_attempts(&db).await > 1, "some of them were hit");
}

#[tokio::test]
async fn a_worker_that_stood_still_beyond_its_lease_says_nothing_of_its_results() {
    let Some(database) = engines::database().await.unwrap() else { return };
    let place = Place::new(Some(database)).await;
    let (mut zombie, mut heir) = (place.worker("zombie"), place.worker("heir"));
    zombie.start();
    place.is_up(&zombie).await;
    let (db, user) = (place.db().await, UserId::new());
    let mut jobs = Vec::new();
    for number in 0..8 {
        jobs.push(place.accepted(&zombie, user, number).await);
    }
    eventually(async || sql::is_running(&db).await.then_some(())).await;

    // Its children go on, and have their results long before it can hear of them.
    zombie.signal("STOP");
    heir.start();
    place.is_up(&heir).await;
    for job in &jobs {
        let done = async || place.job(&heir, user, *job).await.filter(|job| job.state == JobState::Completed);
        eventually(done).await;
    }
    zombie.signal("CONT");
    // What it has to say it says before it ends.
    zombie.signal("TERM");
    assert!(tokio::time::timeout(Duration::from_secs(90), zombie.ended()).await.unwrap().success());

    ended_once(&place, &db, &jobs).await;
    assert!(sql::most_attempts(&db).await > 1, "it stood still with some of them");
}
