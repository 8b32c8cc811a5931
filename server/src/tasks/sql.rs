//! SQL of tasks: claimed with a lease and a fence, so that a runner that was thought dead changes nothing.

use platform::{
    db::{Db, Transaction},
    each, in_tx,
};
use sqlx::FromRow;
use uuid::Uuid;
use wire::Timestamp;

/// A task that this runner may work on until its lease ends.
#[derive(Debug, FromRow)]
pub(super) struct Claimed {
    pub(super) seq: i64,
    pub(super) id: Uuid,
    pub(super) payload: String,
    pub(super) created_at: i64,
    pub(super) attempts: i64,
    pub(super) fence: i64,
}

pub(super) async fn insert(
    tx: &mut Transaction,
    id: Uuid,
    lane: Option<Uuid>,
    payload: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    in_tx!(tx, tx => sqlx::query(
        "INSERT INTO tasks (id, lane, payload, created_at, due_at) VALUES ($1, $2, $3, $4, $4)",
    ).bind(id).bind(lane).bind(payload).bind(now.micros()).execute(&mut **tx).await.map(drop))
}

/// When the next task that nobody works on is due, which may be in the past.
pub(super) async fn next_due(db: &Db) -> sqlx::Result<Option<Timestamp>> {
    let due: Option<i64> = each!(db.reader(), pool => sqlx::query_scalar(
        "SELECT min(CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END)
         FROM tasks AS task WHERE dead_at IS NULL AND NOT EXISTS (
             SELECT 1 FROM tasks AS earlier
             WHERE earlier.lane = task.lane AND earlier.seq < task.seq AND earlier.dead_at IS NULL)",
    ).fetch_one(pool).await)?;
    Ok(due.map(Timestamp::from_micros))
}

/// Claims tasks that are due: at most `limit`, and of each lane only the first row.
///
/// The lease is asked for twice: PostgreSQL looks again only at the outer condition when another gateway has just
/// changed the row, and must then see that it is taken.
pub(super) async fn claim(db: &Db, now: Timestamp, until: Timestamp, limit: i64) -> sqlx::Result<Vec<Claimed>> {
    let mut claimed: Vec<Claimed> = each!(db.writer(), pool => sqlx::query_as(
        "UPDATE tasks SET lease_until = $1, fence = fence + 1, attempts = attempts + 1
         WHERE lease_until <= $2 AND seq IN (
             SELECT seq FROM tasks AS task
             WHERE dead_at IS NULL AND due_at <= $2 AND lease_until <= $2 AND NOT EXISTS (
                 SELECT 1 FROM tasks AS earlier
                 WHERE earlier.lane = task.lane AND earlier.seq < task.seq AND earlier.dead_at IS NULL)
             ORDER BY seq LIMIT $3)
         RETURNING seq, id, payload, created_at, attempts, fence",
    ).bind(until.micros()).bind(now.micros()).bind(limit).fetch_all(pool).await)?;
    claimed.sort_by_key(|task| task.seq);
    Ok(claimed)
}

/// Removes a task that is done, and with it the last plain text of a link or a code.
pub(super) async fn finish(db: &Db, task: &Claimed) -> sqlx::Result<()> {
    each!(db.writer(), pool => sqlx::query(
        "DELETE FROM tasks WHERE seq = $1 AND fence = $2",
    ).bind(task.seq).bind(task.fence).execute(pool).await.map(drop))
}

/// Gives a task back until a later time.
pub(super) async fn retry(db: &Db, task: &Claimed, due: Timestamp, error: &str) -> sqlx::Result<()> {
    each!(db.writer(), pool => sqlx::query(
        "UPDATE tasks SET due_at = $3, lease_until = 0, error = $4 WHERE seq = $1 AND fence = $2",
    ).bind(task.seq).bind(task.fence).bind(due.micros()).bind(error).execute(pool).await.map(drop))
}

/// Gives a task up. The row stays as a trace, without its content.
pub(super) async fn bury(db: &Db, task: &Claimed, now: Timestamp, error: &str) -> sqlx::Result<()> {
    each!(db.writer(), pool => sqlx::query(
        "UPDATE tasks SET dead_at = $3, payload = '{}', lease_until = 0, error = $4 WHERE seq = $1 AND fence = $2",
    ).bind(task.seq).bind(task.fence).bind(now.micros()).bind(error).execute(pool).await.map(drop))
}

/// Forgets tasks that were given up before a moment.
pub(super) async fn forget_dead(db: &Db, before: Timestamp) -> sqlx::Result<()> {
    each!(db.writer(), pool => sqlx::query(
        "DELETE FROM tasks WHERE dead_at < $1",
    ).bind(before.micros()).execute(pool).await.map(drop))
}
