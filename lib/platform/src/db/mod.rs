//! Databases: one SQL text with `$1` for both engines, chosen by URL scheme.
//!
//! [`each!`](crate::each) and [`in_tx!`](crate::in_tx) compile one body for every engine, so that a query is written once.
//! The few that are not are counted by `a_statement_has_a_text_for_each_engine_only_where_it_must`, with the reason of each.

mod migrations;
mod moving;
mod patient;
mod postgres;
mod rows;
mod sqlite;

pub use migrations::Migrations;
pub use moving::{Move, MoveError};
pub use patient::{Patient, PatientTransaction};
pub use rows::Rows;
pub(crate) use sqlite::connect_options as sqlite_options;

use std::time::Instant;

use futures_util::{FutureExt as _, future::BoxFuture};
use sqlx::{PgPool, SqlitePool};

use crate::{UnknownEngine, disk};

/// The database of one service. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Db {
    /// One file: a pool of readers and exactly one writer.
    Sqlite {
        /// Many connections that only read.
        read: SqlitePool,
        /// One connection, so that writers queue here and never fail as busy.
        write: SqlitePool,
    },
    /// One schema of a PostgreSQL database.
    Postgres(PgPool),
}

/// A pool to run one statement on.
pub enum Pool<'a> {
    /// SQLite.
    Sqlite(&'a SqlitePool),
    /// PostgreSQL.
    Postgres(Patient<'a>),
}

/// An open transaction; dropped without `commit` it is rolled back.
pub enum Transaction {
    /// SQLite; one that writes is begun `IMMEDIATE`: it never has to be upgraded, so it never fails as busy half way.
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    /// PostgreSQL; one that writes is `READ COMMITTED`.
    Postgres(PatientTransaction),
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no engine.
    #[error(transparent)]
    Unknown(#[from] UnknownEngine),
    /// The folder or server cannot be used.
    #[error("the database {url} cannot be opened: {source}")]
    Connect {
        /// Which one, without secrets.
        url: String,
        /// Why.
        source: sqlx::Error,
    },
    /// The schema cannot be brought up to date.
    #[error("the database {url} cannot be migrated: {source}")]
    Migrate {
        /// Which one, without secrets.
        url: String,
        /// Why.
        source: sqlx::migrate::MigrateError,
    },
}

impl Db {
    /// Opens and migrates the database of `service`.
    ///
    /// `sqlite:FOLDER` keeps `FOLDER/{service}.db`; `postgres://…` uses the schema `{service}`.
    pub async fn open(url: &str, service: &'static str, migrations: Migrations) -> Result<Self, OpenError> {
        match crate::split_scheme(url) {
            ("sqlite", folder) => {
                let migrator = migrations::migrator(migrations.sqlite);
                sqlite::open(folder, service, &migrator, migrations.repeatable).await
            }
            ("postgres" | "postgresql", _) => {
                postgres::open(url, service, &migrations::migrator(migrations.postgres)).await
            }
            _ => Err(UnknownEngine {
                port: "database",
                url: crate::redacted(url),
                expected: "sqlite:FOLDER or postgres://USER@HOST/NAME",
            }
            .into()),
        }
    }

    /// Where to run a statement that only reads.
    pub fn reader(&self) -> Pool<'_> {
        match self {
            Self::Sqlite { read, .. } => Pool::Sqlite(read),
            Self::Postgres(pool) => Pool::Postgres(Patient(pool)),
        }
    }

    /// Where to run a single statement that writes.
    pub fn writer(&self) -> Pool<'_> {
        match self {
            Self::Sqlite { write, .. } => Pool::Sqlite(write),
            Self::Postgres(pool) => Pool::Postgres(Patient(pool)),
        }
    }

    /// Begins a transaction that writes.
    pub fn begin(&self) -> BoxFuture<'_, sqlx::Result<Transaction>> {
        let begin = async move {
            let asked = Instant::now();
            let begun = match self {
                Self::Sqlite { write, .. } => {
                    write.begin_with("BEGIN IMMEDIATE").await.map(Transaction::Sqlite)
                }
                Self::Postgres(pool) => {
                    PatientTransaction::begin(pool.begin()).await.map(Transaction::Postgres)
                }
            };
            metrics::histogram!("mshub_database_wait_seconds").record(asked.elapsed());
            begun
        };
        begin.boxed()
    }

    /// Begins a transaction that only reads: all its statements see one state of the database.
    pub async fn snapshot(&self) -> sqlx::Result<Transaction> {
        match self {
            Self::Sqlite { read, .. } => Ok(Transaction::Sqlite(read.begin().await?)),
            Self::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Ok(Transaction::Postgres(PatientTransaction::begin(pool.begin_with(begin)).await?))
            }
        }
    }

    /// Answers when the database does, and can write: for readiness.
    pub async fn ping(&self) -> sqlx::Result<()> {
        if let Self::Sqlite { write, .. } = self {
            disk::takes_more(write.connect_options().get_filename())?;
        }
        crate::each!(self.reader(), pool => sqlx::query("SELECT 1").execute(pool).await.map(drop))
    }

    /// Waits for open connections and closes them, so that SQLite folds its write-ahead log back.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Transaction {
    /// Lets statements over whole tables take their time: PostgreSQL otherwise has to answer within seconds, because a
    /// connection that a network has lost is silent for ever.
    pub fn unhurried(mut self) -> Self {
        if let Self::Postgres(tx) = &mut self {
            tx.unhurried();
        }
        self
    }

    /// Makes everything since `begin` durable, or nothing of it.
    pub fn commit(self) -> BoxFuture<'static, sqlx::Result<()>> {
        match self {
            Self::Sqlite(tx) => tx.commit().boxed(),
            Self::Postgres(tx) => tx.commit().boxed(),
        }
    }
}

/// Whether a statement failed because a row with this key is already there.
pub fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Whether a statement failed because of a text that has U+0000, which PostgreSQL does not take.
pub fn is_unstorable(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "22021")
}

/// Whether a transaction was undone for another's sake, and will succeed when it is done again.
pub fn is_outdone(error: &sqlx::Error) -> bool {
    // PostgreSQL: the two waited for each other, or cannot be put in an order.
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| matches!(&*code, "40P01" | "40001"))
}

/// A text of which nobody knows what is in it, as every engine takes it: without U+0000.
pub fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Compiles one body for the pool of every engine: `each!(db.reader(), pool => query.fetch_all(pool).await)`.
#[macro_export]
macro_rules! each {
    ($pool:expr, $name:ident => $body:expr) => {
        match $pool {
            $crate::db::Pool::Sqlite($name) => $body,
            $crate::db::Pool::Postgres($name) => $body,
        }
    };
}

/// Compiles one body for the transaction of every engine:
/// `in_tx!(tx, connection => query.execute(&mut **connection).await)` with `tx: &mut Transaction`.
#[macro_export]
macro_rules! in_tx {
    ($tx:expr, $name:ident => $body:expr) => {
        match $tx {
            $crate::db::Transaction::Sqlite($name) => $body,
            $crate::db::Transaction::Postgres($name) => $body,
        }
    };
}
