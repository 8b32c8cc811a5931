//! Deliveries of webhooks in the database: written with the end of the job, gone with the job.

use platform::{
    db::{Db, Transaction},
    each, in_tx,
};
use serde::Serialize;
use uuid::Uuid;
use wire::{
    JobId, Timestamp, UserId,
    conversions::{Job, WebhookDelivery},
};

/// One delivery that somebody sends.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) id: Uuid,
    pub(super) job: Uuid,
    owner: Uuid,
    pub(super) url: String,
    pub(super) body: String,
    /// With this one.
    pub(super) tries: i64,
}

platform::from_row!(Delivery { id, job, owner, url, body, tries });

impl Delivery {
    pub(super) fn owner(&self) -> UserId {
        UserId(self.owner)
    }
}

/// What is told.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(rename = "type")]
    kind: String,
    timestamp: Timestamp,
    data: &'a Job,
}

/// Writes the delivery of a job's end in the transaction that ends it.
pub(crate) async fn enqueue(tx: &mut Transaction, job: &Job, url: &str) -> sqlx::Result<()> {
    let kind = format!("conversion.{}", job.state.name());
    let told = Told { kind, timestamp: job.updated_at, data: job };
    let body = serde_json::to_string(&told).map_err(|error| sqlx::Error::Encode(error.into()))?;
    in_tx!(tx, connection => {
        sqlx::query(
            "INSERT INTO deliveries (id, job, owner, url, body, ready_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6)",
        )
        .bind(Uuid::now_v7())
        .bind(job.id.0)
        .bind(job.owner.0)
        .bind(url)
        .bind(&body)
        .bind(job.updated_at.micros())
        .execute(&mut **connection)
        .await
        .map(drop)
    })
}

macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE deliveries SET tries = tries + 1, ready_at = $2
             WHERE state = 'waiting' AND id = (
                 SELECT due.id FROM deliveries AS due
                 WHERE due.state = 'waiting' AND due.ready_at <= $1
                 ORDER BY due.ready_at, due.id
                 LIMIT 1 ",
            $lock,
            ")
             RETURNING id, job, owner, url, body, tries"
        )
    };
}

/// Takes the next that is due; it is due again after `until`, should nobody settle it.
pub(super) async fn claim(db: &Db, now: Timestamp, until: Timestamp) -> sqlx::Result<Option<Delivery>> {
    // SQLite writes one after the other; PostgreSQL's workers step around each other's rows.
    let claim = match db {
        Db::Sqlite { .. } => claim!(""),
        Db::Postgres(_) => claim!("FOR UPDATE OF due SKIP LOCKED"),
    };
    each!(db.writer(), pool => {
        sqlx::query_as(claim).bind(now.micros()).bind(until.micros()).fetch_optional(pool).await
    })
}

/// It was taken.
pub(super) async fn delivered(db: &Db, held: &Delivery, now: Timestamp) -> sqlx::Result<()> {
    settle(db, held, "delivered", None, now, now).await
}

/// Nobody will ever take it.
pub(super) async fn give_up(db: &Db, held: &Delivery, why: &str, now: Timestamp) -> sqlx::Result<()> {
    settle(db, held, "failed", Some(why), now, now).await
}

/// It is sent once more.
pub(super) async fn again(
    db: &Db,
    held: &Delivery,
    why: &str,
    ready_at: Timestamp,
    now: Timestamp,
) -> sqlx::Result<()> {
    settle(db, held, "waiting", Some(why), ready_at, now).await
}

/// Whoever sends it by now, after our lease has ended, has a higher number of tries, and is the one to say.
async fn settle(
    db: &Db,
    held: &Delivery,
    state: &str,
    detail: Option<&str>,
    ready_at: Timestamp,
    now: Timestamp,
) -> sqlx::Result<()> {
    each!(db.writer(), pool => {
        sqlx::query(
            "UPDATE deliveries SET state = $3, detail = $4, ready_at = $5, updated_at = $6
             WHERE id = $1 AND tries = $2 AND state = 'waiting'",
        )
        .bind(held.id)
        .bind(held.tries)
        .bind(state)
        .bind(detail)
        .bind(ready_at.micros())
        .bind(now.micros())
        .execute(pool)
        .await
        .map(drop)
    })
}

/// The newest delivery of a job.
pub(crate) async fn newest(db: &Db, job: JobId) -> sqlx::Result<Option<WebhookDelivery>> {
    let found: Option<(String, i64, Option<String>, i64)> = each!(db.reader(), pool => {
        sqlx::query_as(
            "SELECT state, tries, detail, updated_at FROM deliveries WHERE job = $1 ORDER BY id DESC LIMIT 1",
        )
        .bind(job.0)
        .fetch_optional(pool)
        .await
    })?;
    Ok(found.map(|(state, tries, detail, at)| WebhookDelivery {
        state,
        tries: u32::try_from(tries).unwrap_or(u32::MAX),
        detail,
        at: Timestamp::from_micros(at),
    }))
}
