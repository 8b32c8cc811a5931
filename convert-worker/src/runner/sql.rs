//! Jobs in the database, as runners and reaper handle them. What a runner writes carries the fence of its lease.

use convert::{Error, Report};
use platform::{
    db::{Db, storable},
    each,
    objects::Stored,
};
use wire::{JobId, Timestamp};

use super::{attempt::Effort, lease::Terms};
use crate::{
    row::JobRow,
    sql::{change, columns},
};

/// How an attempt ends.
pub(super) enum Ending {
    /// The result is published.
    Completed { key: String, stored: Stored, report: Report, effort: Effort },
    /// It cannot be done.
    Failed { error: Error, effort: Effort },
    /// It goes back into the line, not before this moment.
    Again { ready_at: Timestamp, effort: Effort },
    /// It goes back into the line, not before this moment, and the store is to blame, since then.
    Stalled { ready_at: Timestamp, since: Timestamp },
    /// It goes back to where it was, as if nobody had tried.
    GivenBack,
}

/// The next job in the line: one whose worker died, unless several did; then of the person with the fewest running, and of
/// those who was served longest ago, the oldest. So nobody waits behind somebody else's hundred files, with one runner or
/// with many, nor a second time because a worker died.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE jobs SET state = 'in_progress', seq = seq + 1, attempt = attempt + 1, fence = fence + 1,
                             lease_owner = $1, lease_until = $2, started_at = $3, updated_at = $3
             WHERE state = 'queued' AND id = (
                 SELECT waiting.id FROM jobs AS waiting
                 WHERE waiting.state = 'queued' AND NOT waiting.held AND waiting.ready_at <= $3
                       AND (SELECT count(*) FROM jobs AS running
                            WHERE running.owner = waiting.owner AND running.state = 'in_progress') < $4
                 ORDER BY (waiting.losses BETWEEN 1 AND 3) DESC,
                          (SELECT count(*) FROM jobs AS busy
                           WHERE busy.owner = waiting.owner AND busy.state = 'in_progress'),
                          (SELECT coalesce(max(served.started_at), 0) FROM jobs AS served
                           WHERE served.owner = waiting.owner),
                          waiting.ready_at, waiting.id
                 LIMIT 1 ",
            $lock,
            ")
             RETURNING ",
            columns!()
        )
    };
}

/// Leases the next job that is ready.
pub(super) async fn claim(db: &Db, terms: &Terms) -> sqlx::Result<Option<JobRow>> {
    // SQLite writes one after the other; PostgreSQL's workers step around each other's rows.
    let claim = match db {
        Db::Sqlite { .. } => claim!(""),
        Db::Postgres(_) => claim!("FOR UPDATE OF waiting SKIP LOCKED"),
    };
    Ok(change!(db, claim, terms.owner, terms.until.micros(), terms.now.micros(), i64::from(terms.each)))
}

/// What waits and could run.
pub(super) struct Line {
    /// How many.
    pub(super) jobs: i64,
    /// Since when the one could that waits longest.
    pub(super) since: Option<Timestamp>,
}

/// What waits and could run now.
pub(super) async fn line(db: &Db, now: Timestamp) -> sqlx::Result<Line> {
    let (jobs, since): (i64, Option<i64>) = each!(db.reader(), pool => {
        sqlx::query_as("SELECT count(*), min(ready_at) FROM jobs WHERE state = 'queued' AND NOT held AND ready_at <= $1")
            .bind(now.micros()).fetch_one(pool).await
    })?;
    Ok(Line { jobs, since: since.map(Timestamp::from_micros) })
}

/// Whether the lease is still held.
pub(super) async fn holds(db: &Db, held: &JobRow) -> sqlx::Result<bool> {
    let found: i64 = each!(db.reader(), pool => {
        sqlx::query_scalar("SELECT count(*) FROM jobs WHERE id = $1 AND fence = $2")
            .bind(held.id().0).bind(held.fence).fetch_one(pool).await
    })?;
    Ok(found == 1)
}

/// Prolongs the lease; `false` when it is not held any more.
pub(super) async fn beat(db: &Db, held: &JobRow, terms: &Terms) -> sqlx::Result<bool> {
    let changed = each!(db.writer(), pool => {
        sqlx::query("UPDATE jobs SET lease_until = $3 WHERE id = $1 AND fence = $2")
            .bind(held.id().0).bind(held.fence).bind(terms.until.micros())
            .execute(pool).await.map(|done| done.rows_affected())
    })?;
    Ok(changed == 1)
}

/// Writes down where the document of a job went; `false` when the lease is not held any more.
pub(super) async fn note_sent(db: &Db, held: &JobRow, sent_to: &[String]) -> sqlx::Result<bool> {
    let sent_to = serde_json::to_string(sent_to).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let changed = each!(db.writer(), pool => {
        sqlx::query("UPDATE jobs SET sent_to = $3 WHERE id = $1 AND fence = $2")
            .bind(held.id().0).bind(held.fence).bind(&sent_to)
            .execute(pool).await.map(|done| done.rows_affected())
    })?;
    Ok(changed == 1)
}

/// Writes the end of an attempt; `None` when the lease was lost, and nothing is changed then.
pub(super) async fn end(
    db: &Db,
    held: &JobRow,
    ending: &Ending,
    now: Timestamp,
) -> sqlx::Result<Option<JobRow>> {
    match ending {
        Ending::Completed { key, stored, report, effort } => {
            complete(db, held, key, stored, report, effort, now).await
        }
        Ending::Failed { error, effort } => fail(db, held, error, effort, now).await,
        Ending::Again { ready_at, effort } => again(db, held, *ready_at, effort, now).await,
        Ending::Stalled { ready_at, since } => stall(db, held, *ready_at, *since, now).await,
        Ending::GivenBack => give_back(db, held, now).await,
    }
}

async fn complete(
    db: &Db,
    held: &JobRow,
    key: &str,
    stored: &Stored,
    report: &Report,
    effort: &Effort,
    now: Timestamp,
) -> sqlx::Result<Option<JobRow>> {
    let lost = serde_json::to_string(&report.lost).map_err(|error| sqlx::Error::Encode(error.into()))?;
    Ok(change!(
        db,
        concat!(
            "UPDATE jobs SET state = 'completed', seq = seq + 1, fence = fence + 1,
                             lease_owner = NULL, lease_until = NULL, options = NULL, password = NULL,
                             result_key = $3, bytes_out = $4, sha256 = $5, engine = $6, degraded = $7, lost = $8,
                             seconds = $9, updated_at = $10, report = $11
             WHERE id = $1 AND fence = $2
             RETURNING ", columns!()
        ),
        held.id().0,
        held.fence,
        key,
        i64::try_from(stored.bytes).unwrap_or(i64::MAX),
        stored.sha256.as_str(),
        report.engine.as_str(),
        report.degraded,
        lost.as_str(),
        effort.seconds,
        now.micros(),
        effort.findings.json(),
    ))
}

async fn fail(
    db: &Db,
    held: &JobRow,
    error: &Error,
    effort: &Effort,
    now: Timestamp,
) -> sqlx::Result<Option<JobRow>> {
    Ok(change!(
        db,
        concat!(
            "UPDATE jobs SET state = 'failed', seq = seq + 1, fence = fence + 1, failures = failures + 1, password = NULL,
                             lease_owner = NULL, lease_until = NULL,
                             error_kind = $3, error_detail = $4, seconds = $5, updated_at = $6, report = $7
             WHERE id = $1 AND fence = $2
             RETURNING ",
            columns!()
        ),
        held.id().0,
        held.fence,
        error.code(),
        storable(&error.to_string()),
        effort.seconds,
        now.micros(),
        effort.findings.json(),
    ))
}

async fn again(
    db: &Db,
    held: &JobRow,
    ready_at: Timestamp,
    effort: &Effort,
    now: Timestamp,
) -> sqlx::Result<Option<JobRow>> {
    Ok(change!(
        db,
        concat!(
            "UPDATE jobs SET state = 'queued', seq = seq + 1, fence = fence + 1, failures = failures + 1,
                             lease_owner = NULL, lease_until = NULL, ready_at = $3, seconds = $4, updated_at = $5,
                             report = $6
             WHERE id = $1 AND fence = $2
             RETURNING ", columns!()
        ),
        held.id().0,
        held.fence,
        ready_at.micros(),
        effort.seconds,
        now.micros(),
        effort.findings.json(),
    ))
}

async fn stall(
    db: &Db,
    held: &JobRow,
    ready_at: Timestamp,
    since: Timestamp,
    now: Timestamp,
) -> sqlx::Result<Option<JobRow>> {
    Ok(change!(
        db,
        concat!(
            "UPDATE jobs SET state = 'queued', seq = seq + 1, fence = fence + 1,
                             lease_owner = NULL, lease_until = NULL, ready_at = $3, stalled_since = $4, updated_at = $5
             WHERE id = $1 AND fence = $2
             RETURNING ",
            columns!()
        ),
        held.id().0,
        held.fence,
        ready_at.micros(),
        since.micros(),
        now.micros(),
    ))
}

async fn give_back(db: &Db, held: &JobRow, now: Timestamp) -> sqlx::Result<Option<JobRow>> {
    Ok(change!(
        db,
        concat!(
            "UPDATE jobs SET state = 'queued', seq = seq + 1, fence = fence + 1,
                             lease_owner = NULL, lease_until = NULL, updated_at = $3
             WHERE id = $1 AND fence = $2
             RETURNING ",
            columns!()
        ),
        held.id().0,
        held.fence,
        now.micros(),
    ))
}

/// Lets every lease expire.
pub(super) async fn expire_all(db: &Db) -> sqlx::Result<()> {
    each!(db.writer(), pool => {
        sqlx::query("UPDATE jobs SET lease_until = 0 WHERE state = 'in_progress'").execute(pool).await.map(drop)
    })
}

/// Puts one job whose lease has expired back into the line.
pub(super) async fn take_back(db: &Db, now: Timestamp) -> sqlx::Result<Option<JobRow>> {
    Ok(change!(
        db,
        concat!(
            "UPDATE jobs SET state = 'queued', seq = seq + 1, fence = fence + 1, losses = losses + 1,
                             lease_owner = NULL, lease_until = NULL, updated_at = $1
             WHERE state = 'in_progress' AND lease_until < $1
                   AND id = (SELECT id FROM jobs WHERE state = 'in_progress' AND lease_until < $1 LIMIT 1)
             RETURNING ",
            columns!()
        ),
        now.micros(),
    ))
}

/// Fails one job whose lease has expired and of which `losses` workers have died.
pub(super) async fn give_up(db: &Db, losses: i64, now: Timestamp) -> sqlx::Result<Option<JobRow>> {
    let error = Error::Crashed { detail: "each worker that took it died".to_owned() };
    Ok(change!(
        db,
        concat!(
            "UPDATE jobs SET state = 'failed', seq = seq + 1, fence = fence + 1, password = NULL,
                             lease_owner = NULL, lease_until = NULL,
                             error_kind = $3, error_detail = $4, updated_at = $1
             WHERE state = 'in_progress' AND lease_until < $1 AND losses >= $2
                   AND id = (SELECT id FROM jobs
                             WHERE state = 'in_progress' AND lease_until < $1 AND losses >= $2 LIMIT 1)
             RETURNING ",
            columns!()
        ),
        now.micros(),
        losses,
        error.code(),
        error.to_string(),
    ))
}

/// Hides what has ended before a moment.
pub(super) async fn hide_old(db: &Db, before: Timestamp, now: Timestamp) -> sqlx::Result<()> {
    each!(db.writer(), pool => {
        sqlx::query(
            "UPDATE jobs SET removed_at = $2
             WHERE state IN ('completed', 'failed', 'cancelled') AND updated_at < $1 AND removed_at IS NULL",
        )
        .bind(before.micros()).bind(now.micros()).execute(pool).await.map(drop)
    })
}

/// Some of the hidden jobs that were not put off.
pub(super) async fn hidden(db: &Db, limit: i64, now: Timestamp) -> sqlx::Result<Vec<JobRow>> {
    each!(db.reader(), pool => {
        sqlx::query_as(concat!("SELECT ", columns!(),
            " FROM jobs WHERE removed_at <= $2 ORDER BY removed_at LIMIT $1"))
        .bind(limit).bind(now.micros()).fetch_all(pool).await
    })
}

/// Puts a hidden job off: it is among [`hidden`] again at a moment.
pub(super) async fn put_off(db: &Db, id: JobId, until: Timestamp) -> sqlx::Result<()> {
    each!(db.writer(), pool => {
        sqlx::query("UPDATE jobs SET removed_at = $2 WHERE id = $1 AND removed_at IS NOT NULL")
            .bind(id.0).bind(until.micros()).execute(pool).await.map(drop)
    })
}

/// Whether there is such a job, hidden or not.
pub(super) async fn exists(db: &Db, id: JobId) -> sqlx::Result<bool> {
    let found: i64 = each!(db.reader(), pool => {
        sqlx::query_scalar("SELECT count(*) FROM jobs WHERE id = $1").bind(id.0).fetch_one(pool).await
    })?;
    Ok(found == 1)
}
