//! Batches in the database.

use convert::{Error, Format};
use platform::{
    db::{Db, Transaction, is_taken},
    each, in_tx,
};
use uuid::Uuid;
use wire::{
    BatchId, JobId, Timestamp, UserId,
    batches::{NewBatch, Step},
};

use crate::{
    row::JobRow,
    sql::{columns, note},
};

/// One row of `batches`.
#[derive(Clone, Debug)]
pub(crate) struct BatchRow {
    id: Uuid,
    owner: Uuid,
    pub(crate) name: String,
    wish: String,
    created_at: i64,
}

platform::from_row!(BatchRow { id, owner, name, wish, created_at });

impl BatchRow {
    pub(crate) fn id(&self) -> BatchId {
        BatchId(self.id)
    }

    pub(crate) fn owner(&self) -> UserId {
        UserId(self.owner)
    }

    pub(crate) fn created_at(&self) -> Timestamp {
        Timestamp::from_micros(self.created_at)
    }

    /// What was wanted, as far as this version understands it.
    pub(crate) fn wish(&self) -> Option<NewBatch> {
        serde_json::from_str(&self.wish).ok()
    }
}

/// One job of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: JobId,
    /// None when it was removed.
    pub(crate) row: Option<JobRow>,
}

/// A batch that is to be made.
pub(crate) struct New {
    pub(crate) id: BatchId,
    pub(crate) owner: UserId,
    pub(crate) request_key: Option<String>,
    pub(crate) name: String,
    pub(crate) wish: NewBatch,
    pub(crate) now: Timestamp,
}

/// What became of it.
pub(crate) enum Made {
    /// It is there.
    New(BatchRow),
    /// The same wish was made before.
    Again,
    /// There is no such job of this person.
    NoJob(JobId),
    /// This job does not make a PDF, which cannot be merged.
    NoPdf(Box<JobRow>),
    /// The person has as many steps waiting as they may.
    Full,
}

macro_rules! batch {
    () => {
        "id, owner, name, wish, created_at"
    };
}

/// Makes a batch of jobs that are there, and the steps, which wait. Nothing is left of it unless it is whole.
pub(crate) async fn make(db: &Db, new: &New, limit: u32) -> sqlx::Result<Made> {
    let mut tx = db.begin().await?;
    if held(&mut tx, new.owner).await? + new.wish.steps.len() as i64 > i64::from(limit) {
        return Ok(Made::Full);
    }
    let merges = new.wish.steps.contains(&Step::Merge);
    // In one order for everybody, so that nobody waits for whoever waits for him.
    let mut jobs = new.wish.jobs.clone();
    jobs.sort_unstable();
    for job in jobs {
        match hold_still(&mut tx, new.owner, job).await? {
            None => return Ok(Made::NoJob(job)),
            Some(row) if merges && row.target != "pdf" => return Ok(Made::NoPdf(Box::new(row))),
            Some(_) => {}
        }
    }
    let row = match insert(&mut tx, new).await {
        Err(error) if is_taken(&error) => return Ok(Made::Again),
        row => row?,
    };
    let mut all = new.wish.jobs.clone();
    let mut steps = Vec::new();
    for step in &new.wish.steps {
        let last = steps.len() + 1 == new.wish.steps.len();
        let webhook = new.wish.webhook.as_deref().filter(|_| last);
        let step = insert_step(&mut tx, new, *step, webhook).await?;
        all.push(step.id());
        steps.push(step);
    }
    for (place, job) in (0_i64..).zip(&all) {
        in_tx!(&mut tx, connection => {
            sqlx::query("INSERT INTO batch_jobs (batch, place, job) VALUES ($1, $2, $3)")
                .bind(new.id.0).bind(place).bind(job.0)
                .execute(&mut **connection).await.map(drop)
        })?;
    }
    for step in &steps {
        note(&mut tx, step).await?;
    }
    // Looks at all of them: what they are made of may be there already.
    if let Some(first) = steps.first() {
        super::advance::after(&mut tx, first).await?;
    }
    tx.commit().await?;
    Ok(Made::New(row))
}

async fn insert(tx: &mut Transaction, new: &New) -> sqlx::Result<BatchRow> {
    let wish = serde_json::to_string(&new.wish).map_err(|error| sqlx::Error::Encode(error.into()))?;
    in_tx!(tx, connection => {
        sqlx::query_as(concat!(
            "INSERT INTO batches (id, owner, request_key, name, wish, created_at)
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING ", batch!()
        ))
        .bind(new.id.0)
        .bind(new.owner.0)
        .bind(&new.request_key)
        .bind(&new.name)
        .bind(&wish)
        .bind(new.now.micros())
        .fetch_one(&mut **connection)
        .await
    })
}

/// A step waits until somebody looks at what it is made of. `strict` says that it needs all of it.
async fn insert_step(
    tx: &mut Transaction,
    new: &New,
    step: Step,
    webhook: Option<&str>,
) -> sqlx::Result<JobRow> {
    let (source, target) = match step {
        Step::Merge => ("pdf", Format::Pdf.code()),
        Step::Zip => ("files", Format::Zip.code()),
    };
    in_tx!(tx, connection => {
        sqlx::query_as(concat!(
            "INSERT INTO jobs (id, owner, name, source, target, options, strict, bytes_in, state, seq, ready_at,
                               created_at, updated_at, webhook, work, batch, held)
             VALUES ($1, $2, $3, $4, $5, '{}', $6, 0, 'queued', 1, $7, $7, $7, $8, $9, $10, TRUE)
             RETURNING ", columns!()
        ))
        .bind(JobId::new().0)
        .bind(new.owner.0)
        .bind(crate::result::named(&new.name, target))
        .bind(source)
        .bind(target)
        .bind(new.wish.on_failure == wire::batches::OnFailure::Fail)
        .bind(new.now.micros())
        .bind(webhook)
        .bind(step.name())
        .bind(new.id.0)
        .fetch_one(&mut **connection)
        .await
    })
}

/// How many of this person's steps wait for others.
async fn held(tx: &mut Transaction, owner: UserId) -> sqlx::Result<i64> {
    in_tx!(tx, connection => {
        sqlx::query_scalar("SELECT count(*) FROM jobs WHERE owner = $1 AND state = 'queued' AND held")
            .bind(owner.0).fetch_one(&mut **connection).await
    })
}

/// The job, which does not change until the transaction ends: whoever ends it then finds the batch.
async fn hold_still(tx: &mut Transaction, owner: UserId, job: JobId) -> sqlx::Result<Option<JobRow>> {
    in_tx!(tx, connection => {
        sqlx::query_as(concat!(
            "UPDATE jobs SET held = held WHERE id = $1 AND owner = $2 AND removed_at IS NULL RETURNING ", columns!()
        ))
        .bind(job.0).bind(owner.0).fetch_optional(&mut **connection).await
    })
}

/// Waits until nobody else decides about this batch.
pub(super) async fn take_turn(tx: &mut Transaction, batch: BatchId) -> sqlx::Result<()> {
    in_tx!(tx, connection => {
        sqlx::query("UPDATE batches SET turn = turn + 1 WHERE id = $1")
            .bind(batch.0).execute(&mut **connection).await.map(drop)
    })
}

/// Where a job is one of several.
pub(super) async fn batches_with(tx: &mut Transaction, job: JobId) -> sqlx::Result<Vec<BatchId>> {
    let found: Vec<Uuid> = in_tx!(tx, connection => {
        sqlx::query_scalar("SELECT DISTINCT batch FROM batch_jobs WHERE job = $1 ORDER BY batch")
            .bind(job.0).fetch_all(&mut **connection).await
    })?;
    Ok(found.into_iter().map(BatchId).collect())
}

const LISTED: &str = "SELECT job FROM batch_jobs WHERE batch = $1 ORDER BY place";

macro_rules! rows {
    () => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM jobs WHERE removed_at IS NULL AND id IN (SELECT job FROM batch_jobs WHERE batch_jobs.batch = $1)"
        )
    };
}

/// The jobs of a batch in order, its steps last, as this transaction sees them.
pub(super) async fn members_in(tx: &mut Transaction, batch: BatchId) -> sqlx::Result<Vec<Member>> {
    let listed: Vec<Uuid> = in_tx!(tx, connection => {
        sqlx::query_scalar(LISTED).bind(batch.0).fetch_all(&mut **connection).await
    })?;
    let rows: Vec<JobRow> = in_tx!(tx, connection => {
        sqlx::query_as(rows!()).bind(batch.0).fetch_all(&mut **connection).await
    })?;
    Ok(joined(listed, &rows))
}

/// The jobs of a batch in order, its steps last.
pub(crate) async fn members(db: &Db, batch: BatchId) -> sqlx::Result<Vec<Member>> {
    let listed: Vec<Uuid> = each!(db.reader(), pool => {
        sqlx::query_scalar(LISTED).bind(batch.0).fetch_all(pool).await
    })?;
    let rows: Vec<JobRow> = each!(db.reader(), pool => {
        sqlx::query_as(rows!()).bind(batch.0).fetch_all(pool).await
    })?;
    Ok(joined(listed, &rows))
}

fn joined(listed: Vec<Uuid>, rows: &[JobRow]) -> Vec<Member> {
    let member = |id: Uuid| Member { id: JobId(id), row: rows.iter().find(|row| row.id().0 == id).cloned() };
    listed.into_iter().map(member).collect()
}

/// Puts a step that waited into the line.
pub(super) async fn begin(
    tx: &mut Transaction,
    step: JobId,
    bytes_in: i64,
    now: Timestamp,
) -> sqlx::Result<JobRow> {
    in_tx!(tx, connection => {
        sqlx::query_as(concat!(
            "UPDATE jobs SET held = FALSE, seq = seq + 1, ready_at = $3, updated_at = $3, bytes_in = $2
             WHERE id = $1 RETURNING ", columns!()
        ))
        .bind(step.0).bind(bytes_in).bind(now.micros()).fetch_one(&mut **connection).await
    })
}

/// Fails a step that waited: what it is made of will not be there.
pub(super) async fn fail(
    tx: &mut Transaction,
    step: JobId,
    why: &str,
    now: Timestamp,
) -> sqlx::Result<JobRow> {
    let error = Error::InputMissing { what: why.to_owned() };
    in_tx!(tx, connection => {
        sqlx::query_as(concat!(
            "UPDATE jobs SET state = 'failed', held = FALSE, seq = seq + 1, fence = fence + 1,
                             error_kind = $2, error_detail = $3, updated_at = $4
             WHERE id = $1 RETURNING ", columns!()
        ))
        .bind(step.0)
        .bind(error.code())
        .bind(error.to_string())
        .bind(now.micros())
        .fetch_one(&mut **connection)
        .await
    })
}

/// The steps of all batches that a job is part of.
pub(super) async fn steps_with(db: &Db, job: JobId) -> sqlx::Result<Vec<JobRow>> {
    each!(db.reader(), pool => {
        sqlx::query_as(concat!("SELECT ", columns!(),
            " FROM jobs
             WHERE batch IN (SELECT batch_jobs.batch FROM batch_jobs WHERE batch_jobs.job = $1)
                   AND id <> $1 AND removed_at IS NULL
             ORDER BY id"))
        .bind(job.0).fetch_all(pool).await
    })
}

pub(crate) async fn find(db: &Db, owner: UserId, id: BatchId) -> sqlx::Result<Option<BatchRow>> {
    each!(db.reader(), pool => {
        sqlx::query_as(concat!("SELECT ", batch!(),
            " FROM batches WHERE id = $1 AND owner = $2 AND removed_at IS NULL"))
        .bind(id.0).bind(owner.0).fetch_optional(pool).await
    })
}

/// The batch that a wish with this key became.
pub(crate) async fn find_request(db: &Db, owner: UserId, key: &str) -> sqlx::Result<Option<BatchRow>> {
    each!(db.reader(), pool => {
        sqlx::query_as(concat!("SELECT ", batch!(),
            " FROM batches WHERE owner = $1 AND request_key = $2 AND removed_at IS NULL"))
        .bind(owner.0).bind(key).fetch_optional(pool).await
    })
}

/// Newest first, older than `before`.
pub(crate) async fn list(
    db: &Db,
    owner: UserId,
    before: Option<BatchId>,
    limit: usize,
) -> sqlx::Result<Vec<BatchRow>> {
    let before = before.map_or(Uuid::max(), |id| id.0);
    each!(db.reader(), pool => {
        sqlx::query_as(concat!("SELECT ", batch!(),
            " FROM batches WHERE owner = $1 AND id < $2 AND removed_at IS NULL ORDER BY id DESC LIMIT $3"))
        .bind(owner.0).bind(before).bind(i64::try_from(limit).unwrap_or(i64::MAX)).fetch_all(pool).await
    })
}

/// Hides a batch for good; `false` when there is none.
pub(crate) async fn hide(db: &Db, owner: UserId, id: BatchId, now: Timestamp) -> sqlx::Result<bool> {
    let hidden = each!(db.writer(), pool => {
        sqlx::query("UPDATE batches SET removed_at = $3 WHERE id = $1 AND owner = $2 AND removed_at IS NULL")
            .bind(id.0).bind(owner.0).bind(now.micros())
            .execute(pool).await.map(|done| done.rows_affected())
    })?;
    Ok(hidden == 1)
}

/// Some of the hidden batches.
pub(crate) async fn hidden(db: &Db, limit: i64) -> sqlx::Result<Vec<BatchRow>> {
    each!(db.reader(), pool => {
        sqlx::query_as(concat!("SELECT ", batch!(),
            " FROM batches WHERE removed_at IS NOT NULL ORDER BY removed_at LIMIT $1"))
        .bind(limit).fetch_all(pool).await
    })
}

/// Forgets a hidden batch.
pub(crate) async fn erase(db: &Db, id: BatchId) -> sqlx::Result<()> {
    each!(db.writer(), pool => {
        sqlx::query("DELETE FROM batches WHERE id = $1 AND removed_at IS NOT NULL")
            .bind(id.0).execute(pool).await.map(drop)
    })
}

/// Forgets the batches of before a moment of whose jobs nothing is left.
pub(crate) async fn forget_empty(db: &Db, before: Timestamp) -> sqlx::Result<()> {
    each!(db.writer(), pool => {
        sqlx::query(
            "DELETE FROM batches
             WHERE created_at < $1 AND NOT EXISTS (
                 SELECT 1 FROM batch_jobs JOIN jobs ON jobs.id = batch_jobs.job WHERE batch_jobs.batch = batches.id)",
        )
        .bind(before.micros()).execute(pool).await.map(drop)
    })
}
