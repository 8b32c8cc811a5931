//! What the log remembers of those who had it open: its generations, and whether the power may have taken records.
//!
//! A log that acknowledges before it flushes can lose its newest records when the machine stops. Positions would then
//! be given a second time. So it becomes another generation: what was flushed is the same under both, and whoever
//! remembers anything newer is told so by the epoch.

use sqlx::{SqliteConnection, raw_sql};
use wire::paths::TOPIC_CHAT;

use crate::bus::Durability;

/// `unflushed` has a row while records may be in the page cache only: which start of the machine that is.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS log (generation TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS earlier (generation TEXT NOT NULL PRIMARY KEY, upto INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS unflushed (boot TEXT NOT NULL) STRICT;";

/// The generation of a log, and those before it.
pub(super) struct Generations {
    pub(super) newest: String,
    /// Earlier ones, each with the position up to which it is the same as the newest.
    pub(super) earlier: Vec<(String, u64)>,
}

/// Reads the generation of a log or makes one; begins a new one when the power may have taken records. Whatever an
/// earlier process left in the page cache is on the disk afterwards.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    durability: Durability,
) -> sqlx::Result<Generations> {
    raw_sql(SCHEMA).execute(&mut *connection).await?;
    raw_sql("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    let begun = begin_in(connection, durability).await;
    let end = if begun.is_ok() { "COMMIT" } else { "ROLLBACK" };
    raw_sql(end).execute(&mut *connection).await?;
    begun
}

async fn begin_in(connection: &mut SqliteConnection, durability: Durability) -> sqlx::Result<Generations> {
    let found: Option<String> =
        sqlx::query_scalar("SELECT generation FROM log").fetch_optional(&mut *connection).await?;
    let left: Option<String> =
        sqlx::query_scalar("SELECT boot FROM unflushed").fetch_optional(&mut *connection).await?;
    let boot = boot();
    let is_torn = left.is_some() && (left != boot || boot.is_none());
    match found {
        Some(found) if is_torn => {
            // What an earlier generation shared with the torn one it shares with the next one only as far as that reaches.
            let upto = "SELECT coalesce(max(pos), 0) FROM records WHERE topic = $1";
            let upto: i64 = sqlx::query_scalar(upto).bind(TOPIC_CHAT).fetch_one(&mut *connection).await?;
            tracing::warn!(
                upto,
                "the machine stopped before the log was flushed: its newest records may be lost"
            );
            sqlx::query("UPDATE earlier SET upto = min(upto, $1)")
                .bind(upto)
                .execute(&mut *connection)
                .await?;
            sqlx::query("INSERT INTO earlier (generation, upto) VALUES ($1, $2)")
                .bind(found)
                .bind(upto)
                .execute(&mut *connection)
                .await?;
            sqlx::query("UPDATE log SET generation = $1").bind(fresh()).execute(&mut *connection).await?;
        }
        Some(_) => {}
        None => {
            let begin = "INSERT INTO log (generation) VALUES ($1)";
            sqlx::query(begin).bind(fresh()).execute(&mut *connection).await?;
        }
    }
    raw_sql("DELETE FROM unflushed").execute(&mut *connection).await?;
    if durability == Durability::Os {
        let begin = "INSERT INTO unflushed (boot) VALUES ($1)";
        sqlx::query(begin).bind(boot.unwrap_or_default()).execute(&mut *connection).await?;
    }
    let newest = sqlx::query_scalar("SELECT generation FROM log").fetch_one(&mut *connection).await?;
    let earlier: Vec<(String, i64)> =
        sqlx::query_as("SELECT generation, upto FROM earlier").fetch_all(&mut *connection).await?;
    let earlier = earlier.into_iter().map(|(name, upto)| (name, upto.unsigned_abs())).collect();
    Ok(Generations { newest, earlier })
}

/// Flushes everything, and says that nothing is in the page cache only.
pub(super) async fn end(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    raw_sql("PRAGMA synchronous = FULL").execute(&mut *connection).await?;
    raw_sql("DELETE FROM unflushed").execute(connection).await.map(drop)
}

fn fresh() -> String {
    hex::encode(rand::random::<[u8; 6]>())
}

/// Which start of the machine this is; where nobody says so, every end of a process counts as the end of the machine.
fn boot() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
