//! Jobs in the database, as their owners handle them.

use std::collections::HashMap;

use platform::{db::Db, each};
use uuid::Uuid;
use wire::{
    JobId, Timestamp, UserId,
    conversions::{JobEvent, JobState},
};

use crate::{
    row::JobRow,
    sql::{change, columns},
};

pub(crate) async fn find(db: &Db, owner: UserId, id: JobId) -> sqlx::Result<Option<JobRow>> {
    each!(db.reader(), pool => {
        sqlx::query_as(concat!("SELECT ", columns!(),
            " FROM jobs WHERE id = $1 AND owner = $2 AND removed_at IS NULL"))
        .bind(id.0).bind(owner.0).fetch_optional(pool).await
    })
}

/// Failed, and not through the document's fault: the errors that [`convert::Error::is_input`] says no of.
macro_rules! dead {
    () => {
        "state = 'failed' AND error_kind IN ('timeout', 'crashed', 'engine_down', 'io') AND removed_at IS NULL"
    };
}

/// Which jobs are wanted.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) state: Option<JobState>,
    /// Only those that failed after every attempt, and not through the document's fault.
    pub(crate) dead: bool,
    /// Formats.
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
}

/// Newest first, older than `before`.
pub(crate) async fn list(
    db: &Db,
    owner: UserId,
    filter: &Filter,
    before: Option<JobId>,
    limit: usize,
) -> sqlx::Result<Vec<JobRow>> {
    let before = before.map_or(Uuid::max(), |id| id.0);
    each!(db.reader(), pool => {
        sqlx::query_as(concat!("SELECT ", columns!(),
            " FROM jobs
             WHERE owner = $1 AND id < $2 AND ($3 IS NULL OR state = $3)
                   AND ($4 IS NULL OR source = $4) AND ($5 IS NULL OR target = $5) AND removed_at IS NULL
                   AND ($7 = FALSE OR ", dead!(), ")
             ORDER BY id DESC LIMIT $6"))
        .bind(owner.0)
        .bind(before)
        .bind(filter.state.map(JobState::name))
        .bind(&filter.from)
        .bind(&filter.to)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(filter.dead)
        .fetch_all(pool)
        .await
    })
}

/// Those of everybody that failed after every attempt, newest first, older than `before`.
pub(crate) async fn dead(db: &Db, before: Option<JobId>, limit: usize) -> sqlx::Result<Vec<JobRow>> {
    let before = before.map_or(Uuid::max(), |id| id.0);
    each!(db.reader(), pool => {
        sqlx::query_as(concat!("SELECT ", columns!(), " FROM jobs WHERE ", dead!(),
            " AND id < $1 ORDER BY id DESC LIMIT $2"))
        .bind(before).bind(i64::try_from(limit).unwrap_or(i64::MAX)).fetch_all(pool).await
    })
}

/// One of them.
pub(crate) async fn dead_one(db: &Db, id: JobId) -> sqlx::Result<Option<JobRow>> {
    each!(db.reader(), pool => {
        sqlx::query_as(concat!("SELECT ", columns!(), " FROM jobs WHERE ", dead!(), " AND id = $1"))
            .bind(id.0).fetch_optional(pool).await
    })
}

/// How many seconds the newest conversions of a pair took.
pub(crate) async fn recent(db: &Db, from: &str, to: &str, limit: usize) -> sqlx::Result<Vec<f64>> {
    each!(db.reader(), pool => {
        sqlx::query_scalar(
            "SELECT seconds FROM jobs
             WHERE source = $1 AND target = $2 AND state = 'completed' AND seconds IS NOT NULL
             ORDER BY updated_at DESC LIMIT $3",
        )
        .bind(from).bind(to).bind(i64::try_from(limit).unwrap_or(i64::MAX)).fetch_all(pool).await
    })
}

/// What happened to a job after a change, oldest first.
pub(crate) async fn events(db: &Db, job: JobId, after: u64) -> sqlx::Result<Vec<JobEvent>> {
    let rows: Vec<(i64, String, i64, Option<String>, i64)> = each!(db.reader(), pool => {
        sqlx::query_as("SELECT seq, state, attempt, detail, at FROM job_events WHERE job = $1 AND seq > $2 ORDER BY seq")
            .bind(job.0)
            .bind(i64::try_from(after).unwrap_or(i64::MAX))
            .fetch_all(pool)
            .await
    })?;
    let event = |(seq, state, attempt, error, at): (i64, String, i64, Option<String>, i64)| JobEvent {
        job,
        seq: u64::try_from(seq).unwrap_or_default(),
        state: JobState::from_name(&state).expect("events have the states of their jobs"),
        attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
        at: Timestamp::from_micros(at),
        progress: None,
        error,
    };
    Ok(rows.into_iter().map(event).collect())
}

/// How many of this person's jobs wait.
pub(crate) async fn waiting(db: &Db, owner: UserId) -> sqlx::Result<i64> {
    each!(db.reader(), pool => {
        sqlx::query_scalar("SELECT count(*) FROM jobs WHERE owner = $1 AND state = 'queued' AND NOT held")
            .bind(owner.0).fetch_one(pool).await
    })
}

/// How many bytes of this person's documents and results are kept.
pub(crate) async fn kept(db: &Db, owner: UserId) -> sqlx::Result<u64> {
    let bytes: i64 = each!(db.reader(), pool => {
        sqlx::query_scalar(
            "SELECT CAST(coalesce(sum(bytes_in + coalesce(bytes_out, 0)), 0) AS BIGINT)
             FROM jobs WHERE owner = $1 AND removed_at IS NULL",
        )
        .bind(owner.0).fetch_one(pool).await
    })?;
    Ok(u64::try_from(bytes).unwrap_or_default())
}

/// How many jobs are before each waiting one of this person, in the order in which runners take them: first those whose
/// workers died, then everybody in turn, whoever has fewer running first, and of those who was served longest ago.
pub(crate) async fn places(db: &Db, owner: UserId) -> sqlx::Result<HashMap<JobId, u32>> {
    let places: Vec<(Uuid, i64)> = each!(db.reader(), pool => {
        sqlx::query_as(
            "WITH line AS (
                 SELECT waiting.id, waiting.owner, waiting.ready_at,
                        CASE WHEN waiting.losses BETWEEN 1 AND 3 THEN 0 ELSE 1 END AS fresh,
                        row_number() OVER (PARTITION BY waiting.owner
                                           ORDER BY (waiting.losses BETWEEN 1 AND 3) DESC, waiting.ready_at, waiting.id)
                        + (SELECT count(*) FROM jobs AS busy
                           WHERE busy.owner = waiting.owner AND busy.state = 'in_progress') AS turn,
                        (SELECT coalesce(max(served.started_at), 0) FROM jobs AS served
                         WHERE served.owner = waiting.owner) AS served
                 FROM jobs AS waiting WHERE waiting.state = 'queued' AND NOT waiting.held
             )
             SELECT id, ahead
             FROM (SELECT id, owner, row_number() OVER (ORDER BY fresh, turn, served, ready_at, id) - 1 AS ahead FROM line)
                  AS placed
             WHERE owner = $1",
        )
        .bind(owner.0)
        .fetch_all(pool)
        .await
    })?;
    Ok(places.into_iter().map(|(id, ahead)| (JobId(id), u32::try_from(ahead).unwrap_or(u32::MAX))).collect())
}

/// Cancels a job that waits or runs; its runner, if there is one, holds it no longer.
pub(crate) async fn cancel(
    db: &Db,
    owner: UserId,
    id: JobId,
    now: Timestamp,
) -> sqlx::Result<Option<JobRow>> {
    Ok(change!(
        db,
        concat!(
            "UPDATE jobs SET state = 'cancelled', seq = seq + 1, fence = fence + 1, password = NULL, held = FALSE,
                             lease_owner = NULL, lease_until = NULL, updated_at = $3
             WHERE id = $1 AND owner = $2 AND state IN ('queued', 'in_progress') AND removed_at IS NULL
             RETURNING ",
            columns!()
        ),
        id.0,
        owner.0,
        now.micros(),
    ))
}

/// Queues a failed or cancelled job again (the step of a batch when what it is made of is there), at the end of the line, with these options, and with a sealed password if its
/// document needs one.
pub(crate) async fn retry(
    db: &Db,
    row: &JobRow,
    options: Option<&str>,
    password: Option<&[u8]>,
    now: Timestamp,
) -> sqlx::Result<Option<JobRow>> {
    Ok(change!(
        db,
        concat!(
            "UPDATE jobs SET state = 'queued', seq = seq + 1, failures = 0, losses = 0, stalled_since = NULL, ready_at = $3,
                             error_kind = NULL, error_detail = NULL, seconds = NULL, updated_at = $3,
                             password = $4, locked = $5, options = $6, held = (work IS NOT NULL)
             WHERE id = $1 AND owner = $2 AND state IN ('failed', 'cancelled') AND removed_at IS NULL
             RETURNING ",
            columns!()
        ),
        row.id().0,
        row.owner().0,
        now.micros(),
        password,
        password.is_some(),
        options,
    ))
}

/// Hides an ended job for good, so that its objects can go.
pub(crate) async fn hide(db: &Db, owner: UserId, id: JobId, now: Timestamp) -> sqlx::Result<Option<JobRow>> {
    each!(db.writer(), pool => {
        sqlx::query_as(concat!(
            "UPDATE jobs SET removed_at = $3
             WHERE id = $1 AND owner = $2 AND state IN ('completed', 'failed', 'cancelled') AND removed_at IS NULL
             RETURNING ", columns!()
        ))
        .bind(id.0).bind(owner.0).bind(now.micros()).fetch_optional(pool).await
    })
}

/// Forgets a hidden job and its events.
pub(crate) async fn erase(db: &Db, id: JobId) -> sqlx::Result<()> {
    each!(db.writer(), pool => {
        sqlx::query("DELETE FROM jobs WHERE id = $1 AND removed_at IS NOT NULL")
            .bind(id.0).execute(pool).await.map(drop)
    })
}
