//! Moving a service's database from SQLite to PostgreSQL: every row as it is, checked row by row, and again after a crash.
//!
//! Both have the same migrations, so the tables are those that PostgreSQL lists; one that is another on each engine (an
//! index of words) is its service's to make anew, and named by whoever begins. What was begun and ended is kept in the
//! target, in the table `moved`, so that a hub that is used there is never written over.

mod rows;
mod tables;

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use wire::Timestamp;

use self::{
    rows::{Rows, from_postgres, from_sqlite, insert},
    tables::{Table, tables},
};
use super::Db;

/// Rows of one statement.
const BATCH: usize = 1_000;

/// Why a database was not moved.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// It goes from SQLite to PostgreSQL, and not otherwise.
    #[error("a database moves from SQLite to PostgreSQL, and not otherwise")]
    Direction,
    /// The target is somebody else's.
    #[error(
        "the target has rows in `{table}` that no migration began: give an empty database, or drop the schema `{schema}`"
    )]
    InUse {
        /// The table.
        table: String,
        /// Its schema.
        schema: String,
    },
    /// This version does not know how to move a table, which is not one of those that are made anew.
    #[error("`{table}` cannot be moved: {what}; nothing was copied")]
    Foreign {
        /// The table.
        table: String,
        /// Why.
        what: String,
    },
    /// What was copied is not what was there.
    #[error(
        "`{table}` differs at its row {row}: nothing was lost, the source is as it was; drop the target's schema and begin again"
    )]
    Differs {
        /// The table.
        table: String,
        /// Counted from 1, in the order of the primary key.
        row: u64,
    },
    /// A statement failed.
    #[error("`{table}`: {source}")]
    Failed {
        /// The table.
        table: String,
        /// Why.
        source: sqlx::Error,
    },
    /// One of the databases failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// The move of one service's database.
pub struct Move {
    from: SqlitePool,
    to: PgPool,
    tables: Vec<Table>,
    is_done: bool,
}

impl Move {
    /// Begins it, or finds it begun or done. `except` are tables that are not the same at the target.
    pub async fn begin(from: &Db, to: &Db, except: &[&str], now: Timestamp) -> Result<Self, MoveError> {
        let (Db::Sqlite { read, .. }, Db::Postgres(to)) = (from, to) else {
            return Err(MoveError::Direction);
        };
        sqlx::query("CREATE TABLE IF NOT EXISTS moved (began_at BIGINT NOT NULL, ended_at BIGINT)")
            .execute(to)
            .await?;
        let tables = tables(to, except).await?;
        let standing: Option<(i64, Option<i64>)> =
            sqlx::query_as("SELECT began_at, ended_at FROM moved").fetch_optional(to).await?;
        if standing.is_none() {
            refuse_rows(to, &tables).await?;
            sqlx::query("INSERT INTO moved (began_at) VALUES ($1)").bind(now.micros()).execute(to).await?;
        }
        let is_done = standing.is_some_and(|(_, ended)| ended.is_some());
        Ok(Self { from: read.clone(), to: to.clone(), tables, is_done })
    }

    /// Whether it was ended before: then the target is in use, and nothing may be copied into it.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Copies what is not there yet; tells each table and how many rows it has. Answers with their sum.
    pub async fn copy(&self, mut told: impl FnMut(&str, u64)) -> Result<u64, MoveError> {
        let mut all = 0;
        for table in &self.tables {
            let copied = self.copy_table(table).await;
            let rows = copied.map_err(|source| MoveError::Failed { table: table.name.clone(), source })?;
            told(&table.name, rows);
            all += rows;
        }
        Ok(all)
    }

    async fn copy_table(&self, table: &Table) -> sqlx::Result<u64> {
        let select = table.select_from_sqlite();
        let mut found = sqlx::query(AssertSqlSafe(select)).fetch(&self.from);
        let (mut count, mut batch) = (0, Rows::of(table));
        while let Some(row) = found.try_next().await? {
            batch.push(from_sqlite(table, &row)?);
            count += 1;
            if batch.len() == BATCH {
                insert(&self.to, table, std::mem::replace(&mut batch, Rows::of(table))).await?;
            }
        }
        insert(&self.to, table, batch).await?;
        for column in table.columns.iter().filter(|column| column.is_identity) {
            // The next row gets a number that none of these has.
            let next = format!(
                "SELECT setval(pg_get_serial_sequence('{0}', '{1}'), coalesce(max(\"{1}\"), 0) + 1, false) FROM \"{0}\"",
                table.name, column.name
            );
            sqlx::query(AssertSqlSafe(next)).execute(&self.to).await?;
        }
        Ok(count)
    }

    /// Compares every row of both sides.
    pub async fn check(&self) -> Result<(), MoveError> {
        for table in &self.tables {
            let compared = self.check_table(table).await;
            let differs =
                compared.map_err(|source| MoveError::Failed { table: table.name.clone(), source })?;
            if let Some(row) = differs {
                return Err(MoveError::Differs { table: table.name.clone(), row });
            }
        }
        Ok(())
    }

    /// The first row that differs.
    async fn check_table(&self, table: &Table) -> sqlx::Result<Option<u64>> {
        let mut here = sqlx::query(AssertSqlSafe(table.select_from_sqlite())).fetch(&self.from);
        let mut there = sqlx::query(AssertSqlSafe(table.select_from_postgres())).fetch(&self.to);
        for row in 1.. {
            match (here.try_next().await?, there.try_next().await?) {
                (None, None) => break,
                (Some(one), Some(other)) if from_sqlite(table, &one)? == from_postgres(table, &other)? => {}
                _ => return Ok(Some(row)),
            }
        }
        Ok(None)
    }

    /// Says at the target that it is whole.
    pub async fn end(&self, now: Timestamp) -> Result<(), MoveError> {
        sqlx::query("UPDATE moved SET ended_at = $1").bind(now.micros()).execute(&self.to).await?;
        Ok(())
    }
}

async fn refuse_rows(to: &PgPool, tables: &[Table]) -> Result<(), MoveError> {
    for table in tables {
        let found = format!("SELECT EXISTS (SELECT 1 FROM \"{}\"), current_schema()::text", table.name);
        let (found, schema): (bool, String) = sqlx::query_as(AssertSqlSafe(found)).fetch_one(to).await?;
        if found {
            return Err(MoveError::InUse { table: table.name.clone(), schema });
        }
    }
    Ok(())
}
