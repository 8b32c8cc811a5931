//! Migrations: files compiled in, one list of names for every engine.
//!
//! `sqlx::migrate!` and `derive(FromRow)` would do the same, but they compile both drivers and their C libraries a second
//! time for the compiler's own use: 1.5 minutes of every clean build.

use std::borrow::Cow;

use sqlx::{
    SqlStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// The migrations of one service, made by [`migrations!`](crate::migrations): the same names for every engine.
#[derive(Clone, Copy)]
pub struct Migrations {
    /// `(name, SQL)` for SQLite, oldest first.
    pub sqlite: &'static [(&'static str, &'static str)],
    /// `(name, SQL)` for PostgreSQL, oldest first.
    pub postgres: &'static [(&'static str, &'static str)],
    /// See [`Migrations::repeatable`].
    pub repeatable: bool,
}

impl Migrations {
    /// Of a database whose newest transactions are made again when they are gone, because it follows a log: the loss of
    /// power may take them on SQLite, the last ones first, and no commit waits for the disk.
    #[must_use]
    pub const fn repeatable(self) -> Self {
        Self { repeatable: true, ..self }
    }
}

/// Compiles in `FOLDER/{sqlite,postgres}/NAME.sql` of the calling crate, for names such as `0001_accounts`.
#[macro_export]
macro_rules! migrations {
    ($folder:literal, [$($name:literal),+ $(,)?]) => {
        $crate::db::Migrations {
            sqlite: &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $folder, "/sqlite/", $name, ".sql")))),+],
            postgres: &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $folder, "/postgres/", $name, ".sql")))),+],
            repeatable: false,
        }
    };
}

/// What sqlx runs: versions are the numbers that names begin with.
pub(super) fn migrator(files: &'static [(&'static str, &'static str)]) -> Migrator {
    let migration = |(name, sql): &(&'static str, &'static str)| {
        let (number, description) = name.split_once('_').unwrap_or((name, ""));
        let version = number.parse().expect("a migration's name begins with its number");
        let description = Cow::Owned(description.replace('_', " "));
        Migration::new(version, description, MigrationType::Simple, SqlStr::from_static(sql), false)
    };
    Migrator::with_migrations(files.iter().map(migration).collect())
}

/// Reads a row into a struct by the names of its fields, for every engine: `from_row!(Person { id, name });`.
#[macro_export]
macro_rules! from_row {
    ($row:ident { $($field:ident),+ $(,)? }) => {
        $crate::from_row!(@engine $crate::sqlx::sqlite::SqliteRow, $row { $($field),+ });
        $crate::from_row!(@engine $crate::sqlx::postgres::PgRow, $row { $($field),+ });
    };
    (@engine $engine:ty, $row:ident { $($field:ident),+ }) => {
        impl $crate::sqlx::FromRow<'_, $engine> for $row {
            fn from_row(row: &$engine) -> $crate::sqlx::Result<Self> {
                Ok(Self { $($field: $crate::sqlx::Row::try_get(row, stringify!($field))?),+ })
            }
        }
    };
}
