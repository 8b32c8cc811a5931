//! Conversions of a story: begun, looked at, and counted.

use client::{Error, Hub as Client, Upload, UploadBody};
use platform::{db::Db, each, sqlx};
use wire::{
    ClientId, JobId,
    conversions::{JobState, NewConversion},
};

/// Begins a conversion that is short, and tries once.
pub(crate) async fn convert(hub: &Client) -> Result<JobId, Error> {
    let query = NewConversion { to: "txt".into(), name: "note.md".into(), ..NewConversion::default() };
    let bytes = UploadBody::Bytes("# A note\n".into());
    Ok(hub.convert(Upload { query, bytes }, |_, _| {}).await?.id)
}

/// Begins conversions that take a while, each of another document.
pub(crate) async fn uploaded(hub: &Client, count: usize) -> Vec<JobId> {
    let rows: String = (0..2_000).map(|row| format!("row {row},{row}\n")).collect();
    let mut jobs = Vec::new();
    for _ in 0..count {
        let query = NewConversion { to: "pdf".into(), name: "long.csv".into(), ..NewConversion::default() };
        // The same document again would be answered from its first result.
        let bytes = UploadBody::Bytes(format!("name,amount\n{},0\n{rows}", ClientId::new()).into());
        jobs.push(hub.convert(Upload { query, bytes }, |_, _| {}).await.unwrap().id);
    }
    jobs
}

/// What became of them.
pub(crate) async fn states(hub: &Client, jobs: &[JobId]) -> Result<Vec<JobState>, Error> {
    let mut states = Vec::new();
    for job in jobs {
        states.push(hub.job(*job).await?.state);
    }
    Ok(states)
}

/// How often each conversion was completed, as the workers' database has it.
pub(crate) async fn completions(database: &str) -> Vec<i64> {
    selected(database, "SELECT count(*) FROM job_events WHERE state = 'completed' GROUP BY job").await
}

/// The conversions that are in somebody's hands.
pub(crate) async fn in_hand(database: &str) -> Vec<JobId> {
    let held = selected(database, "SELECT id FROM jobs WHERE state = 'in_progress'").await;
    held.into_iter().map(JobId).collect()
}

/// The conversions that were begun more than once.
pub(crate) async fn begun_again(database: &str) -> Vec<JobId> {
    let begun = "SELECT job FROM job_events WHERE state = 'in_progress' GROUP BY job HAVING count(*) > 1";
    selected(database, begun).await.into_iter().map(JobId).collect()
}

/// The first column of what the workers' database answers.
async fn selected<T>(database: &str, query: &'static str) -> Vec<T>
where
    T: Send + Unpin + sqlx::Type<sqlx::Sqlite> + sqlx::Type<sqlx::Postgres>,
    T: for<'r> sqlx::Decode<'r, sqlx::Sqlite> + for<'r> sqlx::Decode<'r, sqlx::Postgres>,
{
    let db = Db::open(database, "convert", convert_worker::MIGRATIONS).await.unwrap();
    let found = each!(db.reader(), pool => sqlx::query_scalar(query).fetch_all(pool).await.unwrap());
    db.close().await;
    found
}
