//! PostgreSQL's own way in, COPY, for the rows that the chat-worker has written.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use platform::{
    db::Db,
    sqlx::{self, postgres::PgPoolCopyExt as _},
};

/// A new table with the columns of the history and nothing else.
pub(super) const BARE: &str = "CREATE TABLE copied (LIKE events)";
/// With its keys as well.
pub(super) const KEYED: &str = "CREATE TABLE copied (LIKE events INCLUDING ALL)";

/// The history as COPY gives it away; nothing where there is no COPY.
pub(super) async fn history(db: &Db) -> sqlx::Result<Option<Vec<Bytes>>> {
    let Db::Postgres(pool) = db else { return Ok(None) };
    let rows = pool.copy_out_raw("COPY events TO STDOUT (FORMAT binary)").await?;
    rows.try_collect().await.map(Some)
}

/// Copies rows into a table that is made for it and dropped again; how many.
pub(super) async fn copy(db: &Db, table: &'static str, rows: &[Bytes]) -> sqlx::Result<u64> {
    let Db::Postgres(pool) = db else { return Ok(0) };
    sqlx::query("DROP TABLE IF EXISTS copied").execute(pool).await?;
    sqlx::query(table).execute(pool).await?;
    let mut copy = pool.copy_in_raw("COPY copied FROM STDIN (FORMAT binary)").await?;
    for chunk in rows {
        copy.send(&chunk[..]).await?;
    }
    let count = copy.finish().await?;
    sqlx::query("DROP TABLE copied").execute(pool).await?;
    Ok(count)
}
