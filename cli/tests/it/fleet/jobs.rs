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
    let db = Db::open(database, "convert", convert_worker::MIGRATIONS).await.unwrap();
    let counts = "SELECT count(*) FROM job_events WHERE state = 'completed' GROUP BY job";
    let counts = each!(db.reader(), pool => sqlx::query_scalar(counts).fetch_all(pool).await.unwrap());
    db.close().await;
    counts
}
