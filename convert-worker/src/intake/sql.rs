//! Jobs in the database, as uploads become them.

use platform::{
    db::{Db, Transaction, is_taken},
    each, in_tx,
    traces::Context,
};
use wire::{JobId, Timestamp, UserId};

use crate::{
    row::JobRow,
    sql::{columns, record},
};

/// A job that is to be admitted to the line.
pub(crate) struct NewJob {
    pub(crate) id: JobId,
    pub(crate) owner: UserId,
    pub(crate) request_key: Option<String>,
    /// A digest of what is wanted of it.
    pub(crate) wish: Option<String>,
    pub(crate) name: String,
    pub(crate) source: &'static str,
    pub(crate) target: &'static str,
    /// JSON of [`convert::Options`], without the password.
    pub(crate) options: String,
    /// Sealed.
    pub(crate) password: Option<Vec<u8>>,
    /// Names all that its result depends on, where an earlier result may be used.
    pub(crate) recipe: Option<String>,
    /// Where its end is told.
    pub(crate) webhook: Option<String>,
    /// The span that queues it.
    pub(crate) trace: Option<Context>,
    pub(crate) strict: bool,
    pub(crate) bytes_in: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) now: Timestamp,
}

/// What became of it.
pub(crate) enum Admitted {
    /// It waits, or has its result already.
    New(Box<JobRow>),
    /// The person has as many waiting as they may.
    Full,
    /// The same upload was admitted before.
    Again,
}

/// Admits a job unless its owner has `limit` waiting. Uploads that end in the same moment on several workers may
/// pass the limit by a few; on one worker they cannot.
pub(crate) async fn admit(db: &Db, new: &NewJob, limit: u32) -> sqlx::Result<Admitted> {
    let mut tx = db.begin().await?;
    let waiting: i64 = in_tx!(&mut tx, connection => {
        sqlx::query_scalar("SELECT count(*) FROM jobs WHERE owner = $1 AND state = 'queued' AND NOT held")
            .bind(new.owner.0)
            .fetch_one(&mut **connection)
            .await
    })?;
    if waiting >= i64::from(limit) {
        return Ok(Admitted::Full);
    }
    let inserted: sqlx::Result<JobRow> = in_tx!(&mut tx, connection => {
        sqlx::query_as(concat!(
            "INSERT INTO jobs (id, owner, request_key, name, source, target, options, strict, bytes_in, state, seq,
                               ready_at, created_at, updated_at, password, locked, recipe, webhook, trace,
                               wish)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'queued', 1, $10, $11, $10, $12, $13, $14, $15, $16, $17)
             RETURNING ", columns!()
        ))
        .bind(new.id.0)
        .bind(new.owner.0)
        .bind(&new.request_key)
        .bind(&new.name)
        .bind(new.source)
        .bind(new.target)
        .bind(&new.options)
        .bind(new.strict)
        .bind(i64::try_from(new.bytes_in).unwrap_or(i64::MAX))
        .bind(new.now.micros())
        .bind(new.created_at.micros())
        .bind(&new.password)
        .bind(new.password.is_some())
        .bind(&new.recipe)
        .bind(&new.webhook)
        .bind(new.trace.map(|trace| trace.to_string()))
        .bind(&new.wish)
        .fetch_one(&mut **connection)
        .await
    });
    admitted(tx, inserted).await
}

/// Admits a job that has the result of an earlier one, of which `key` is a copy.
pub(crate) async fn admit_from(db: &Db, new: &NewJob, earlier: &JobRow, key: &str) -> sqlx::Result<Admitted> {
    let mut tx = db.begin().await?;
    let inserted: sqlx::Result<JobRow> = in_tx!(&mut tx, connection => {
        sqlx::query_as(concat!(
            "INSERT INTO jobs (id, owner, request_key, name, source, target, strict, bytes_in, state, seq, fence,
                               ready_at, created_at, updated_at, recipe, cached_from,
                               result_key, bytes_out, sha256, engine, lost, report, webhook, sent_to, wish)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'completed', 1, 1, $9, $10, $9, $11, $12,
                     $13, $14, $15, $16, '[]', $17, $18, $19, $20)
             RETURNING ", columns!()
        ))
        .bind(new.id.0)
        .bind(new.owner.0)
        .bind(&new.request_key)
        .bind(&new.name)
        .bind(new.source)
        .bind(new.target)
        .bind(new.strict)
        .bind(i64::try_from(new.bytes_in).unwrap_or(i64::MAX))
        .bind(new.now.micros())
        .bind(new.created_at.micros())
        .bind(&new.recipe)
        .bind(earlier.made_by())
        .bind(key)
        .bind(earlier.bytes_out)
        .bind(&earlier.sha256)
        .bind(&earlier.engine)
        .bind(&earlier.report)
        .bind(&new.webhook)
        .bind(&earlier.sent_to)
        .bind(&new.wish)
        .fetch_one(&mut **connection)
        .await
    });
    admitted(tx, inserted).await
}

async fn admitted(mut tx: Transaction, inserted: sqlx::Result<JobRow>) -> sqlx::Result<Admitted> {
    let row = match inserted {
        Err(error) if is_taken(&error) => return Ok(Admitted::Again),
        inserted => inserted?,
    };
    record(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(Admitted::New(Box::new(row)))
}

/// The job that an upload with this key became.
pub(crate) async fn find_request(db: &Db, owner: UserId, key: &str) -> sqlx::Result<Option<JobRow>> {
    each!(db.reader(), pool => {
        sqlx::query_as(concat!("SELECT ", columns!(),
            " FROM jobs WHERE owner = $1 AND request_key = $2 AND removed_at IS NULL"))
        .bind(owner.0).bind(key).fetch_optional(pool).await
    })
}

/// The newest job with this recipe whose result lacks nothing and was made, or copied, since a moment.
pub(crate) async fn find_recipe(
    db: &Db,
    owner: UserId,
    recipe: &str,
    since: Timestamp,
) -> sqlx::Result<Option<JobRow>> {
    each!(db.reader(), pool => {
        sqlx::query_as(concat!("SELECT ", columns!(),
            " FROM jobs
             WHERE owner = $1 AND recipe = $2 AND state = 'completed' AND NOT degraded
                   AND updated_at > $3 AND removed_at IS NULL
             ORDER BY id DESC LIMIT 1"))
        .bind(owner.0).bind(recipe).bind(since.micros()).fetch_optional(pool).await
    })
}
