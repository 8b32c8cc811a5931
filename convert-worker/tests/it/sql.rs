//! What a test looks up behind the worker's back.

use mshub_convert_worker::MIGRATIONS;
use platform::{db::Db, each};
use wire::JobId;

/// Opens the worker's database beside the worker.
pub async fn open(url: &str) -> Db {
    Db::open(url, "convert", MIGRATIONS).await.unwrap()
}

/// The events of a job in order: number and state.
pub async fn events(db: &Db, job: JobId) -> Vec<(i64, String)> {
    each!(db.reader(), pool => {
        sqlx::query_as("SELECT seq, state FROM job_events WHERE job = $1 ORDER BY seq")
            .bind(job.0)
            .fetch_all(pool)
            .await
    })
    .unwrap()
}

/// How many jobs there are, hidden ones too.
pub async fn jobs(db: &Db) -> i64 {
    each!(db.reader(), pool => sqlx::query_scalar("SELECT count(*) FROM jobs").fetch_one(pool).await).unwrap()
}
