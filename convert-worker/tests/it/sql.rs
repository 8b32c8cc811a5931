//! What a test looks up behind the worker's back.

use mshub_convert_worker::MIGRATIONS;
use platform::{db::Db, each, testing::TestEngines};
use wire::JobId;

/// Where a worker keeps its jobs: as the engines of the test say.
#[derive(Clone)]
pub(crate) struct Database {
    url: String,
}

impl Database {
    pub(crate) fn of(engines: &TestEngines) -> Self {
        Self { url: engines.database_url() }
    }

    pub(crate) fn is_a_server(&self) -> bool {
        !self.url.starts_with("sqlite:")
    }

    pub(crate) async fn open(&self) -> Db {
        open(&self.url).await
    }
}

/// The database of a worker at this URL.
pub(crate) async fn open(url: &str) -> Db {
    Db::open(url, "convert", MIGRATIONS).await.unwrap()
}

/// Whether a job is in progress.
pub(crate) async fn is_running(db: &Db) -> bool {
    count(db, "SELECT count(*) FROM jobs WHERE state = 'in_progress'").await > 0
}

/// How many jobs have not ended.
pub(crate) async fn unfinished(db: &Db) -> i64 {
    count(db, "SELECT count(*) FROM jobs WHERE state IN ('queued', 'in_progress')").await
}

/// How often the job was begun that was begun most often.
pub(crate) async fn most_attempts(db: &Db) -> i64 {
    count(db, "SELECT coalesce(max(attempt), 0) FROM jobs").await
}

async fn count(db: &Db, statement: &'static str) -> i64 {
    each!(db.reader(), pool => sqlx::query_scalar(statement).fetch_one(pool).await).unwrap()
}

/// The events of a job in order: number and state.
pub(crate) async fn events(db: &Db, job: JobId) -> Vec<(i64, String)> {
    each!(db.reader(), pool => {
        sqlx::query_as("SELECT seq, state FROM job_events WHERE job = $1 ORDER BY seq")
            .bind(job.0)
            .fetch_all(pool)
            .await
    })
    .unwrap()
}

/// How many jobs there are, hidden ones too.
pub(crate) async fn jobs(db: &Db) -> i64 {
    each!(db.reader(), pool => sqlx::query_scalar("SELECT count(*) FROM jobs").fetch_one(pool).await).unwrap()
}

/// The sealed password of a job.
pub(crate) async fn password(db: &Db, job: JobId) -> Option<Vec<u8>> {
    each!(db.reader(), pool => {
        sqlx::query_scalar("SELECT password FROM jobs WHERE id = $1").bind(job.0).fetch_one(pool).await
    })
    .unwrap()
}

/// The options of a job that has not completed.
pub(crate) async fn options(db: &Db, job: JobId) -> String {
    each!(db.reader(), pool => {
        sqlx::query_scalar("SELECT options FROM jobs WHERE id = $1").bind(job.0).fetch_one(pool).await
    })
    .unwrap()
}

/// How many parts of uploads are noted.
pub(crate) async fn parts(db: &Db) -> i64 {
    each!(db.reader(), pool => sqlx::query_scalar("SELECT count(*) FROM upload_parts").fetch_one(pool).await)
        .unwrap()
}

/// Has a result that is said to have 200 MiB.
pub(crate) async fn swell(db: &Db, job: JobId) {
    each!(db.writer(), pool => {
        sqlx::query("UPDATE jobs SET bytes_out = 209715200 WHERE id = $1").bind(job.0).execute(pool).await.map(drop)
    })
    .unwrap();
}

/// Lets every upload expire.
pub(crate) async fn expire_uploads(db: &Db) {
    each!(db.writer(), pool => {
        sqlx::query("UPDATE uploads SET expires_at = 0").execute(pool).await.map(drop)
    })
    .unwrap();
}

/// Has every webhook sent there, at once.
pub(crate) async fn lead_webhooks_to(db: &Db, url: &str) {
    each!(db.writer(), pool => {
        sqlx::query("UPDATE deliveries SET url = $1, ready_at = 0").bind(url).execute(pool).await.map(drop)
    })
    .unwrap();
}
