//! What all statements about jobs share: the columns, and that no change is without its event.

use platform::{db::Transaction, in_tx};

use crate::{batches, row::JobRow, webhooks};

/// The columns of [`JobRow`].
macro_rules! columns {
    () => {
        "id, owner, name, source, target, options, strict, bytes_in, state, seq, attempt, failures, fence, \
         result_key, bytes_out, sha256, engine, degraded, lost, error_kind, error_detail, seconds, \
         created_at, updated_at, started_at, report, password, locked, \
         cached_from, webhook, sent_to, trace, work, batch, held, stalled_since, wish"
    };
}
pub(crate) use columns;

/// How often a change is tried that is undone for another's sake: one that began with a job and one that began with a step
/// may wait for each other.
pub(crate) const TRIES: u32 = 3;

/// Runs a statement that changes one job at most and returns it, and writes the event, in one transaction.
macro_rules! change {
    ($db:expr, $sql:expr, $($value:expr),+ $(,)?) => {{
        let mut left = $crate::sql::TRIES;
        loop {
            left -= 1;
            let changed = async {
                let mut tx = $db.begin().await?;
                let row: Option<$crate::row::JobRow> = platform::in_tx!(&mut tx, connection => {
                    sqlx::query_as($sql)$(.bind($value))+.fetch_optional(&mut **connection).await
                })?;
                if let Some(row) = &row {
                    $crate::sql::record(&mut tx, row).await?;
                }
                tx.commit().await?;
                Ok::<_, sqlx::Error>(row)
            }
            .await;
            match changed {
                Err(error) if left > 0 && platform::db::is_outdone(&error) => {}
                changed => break changed?,
            }
        }
    }};
}
pub(crate) use change;

/// Writes the event of a job's newest change, the webhook of its end, and what follows from it for the steps of batches.
/// The key `(job, seq)` refuses a change that was recorded before.
pub(crate) async fn record(tx: &mut Transaction, row: &JobRow) -> sqlx::Result<()> {
    note(tx, row).await?;
    batches::advance::after(tx, row).await
}

/// The same without what follows.
pub(crate) async fn note(tx: &mut Transaction, row: &JobRow) -> sqlx::Result<()> {
    let job = row.job();
    let seq = i64::try_from(job.seq).unwrap_or(i64::MAX);
    in_tx!(tx, connection => {
        sqlx::query("INSERT INTO job_events (job, seq, state, attempt, detail, at) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(job.id.0)
            .bind(seq)
            .bind(job.state.name())
            .bind(i64::from(job.attempt))
            .bind(&row.error_kind)
            .bind(row.updated_at)
            .execute(&mut **connection)
            .await
            .map(drop)
    })?;
    match &row.webhook {
        Some(url) if job.state.is_final() => webhooks::sql::enqueue(tx, &job, url).await,
        _ => Ok(()),
    }
}

/// Has PostgreSQL undo the next two changes of jobs, as it does where two of them wait for each other; whether it is one.
#[cfg(test)]
pub(crate) async fn undo_two(db: &platform::db::Db) -> bool {
    let platform::db::Pool::Postgres(pool) = db.writer() else { return false };
    for statement in [
        "CREATE SEQUENCE undone",
        "CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('undone') < 3 THEN RAISE EXCEPTION 'undone' USING ERRCODE = '40P01'; END IF;
             RETURN NEW;
         END $$",
        "CREATE TRIGGER undo BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION undo()",
    ] {
        sqlx::query(statement).execute(pool).await.expect("PostgreSQL takes it");
    }
    true
}

/// Locks the row of a job, as whoever changes it does, until the transaction ends; nothing where there is one writer.
#[cfg(test)]
pub(crate) async fn locked(db: &platform::db::Db, job: wire::JobId) -> Option<Transaction> {
    let mut tx = db.begin().await.expect("the database is there");
    let Transaction::Postgres(connection) = &mut tx else { return None };
    let lock = sqlx::query("SELECT id FROM jobs WHERE id = $1 FOR UPDATE").bind(job.0);
    lock.execute(&mut **connection).await.expect("nobody else has it");
    Some(tx)
}
