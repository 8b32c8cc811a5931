//! SQLite: write-ahead log, `synchronous=FULL` unless a log repeats what is lost, one writer, `BEGIN IMMEDIATE`.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    Connection as _,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{Db, OpenError};

/// How long a statement waits for another process before it fails as busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: u32 = 4;
/// 32 MiB: an index over random ids touches many pages, and each that was dropped is read again.
const WRITER_CACHE: &str = "-32768";
/// Pages (16 MiB of them) after which the write-ahead log is folded back, which costs two flushes.
const CHECKPOINT: &str = "4096";

pub(super) async fn open(
    folder: &str,
    service: &str,
    migrator: &Migrator,
    repeatable: bool,
) -> Result<Db, OpenError> {
    let file = Path::new(folder).join(format!("{service}.db"));
    let connect = |source| OpenError::Connect { url: format!("sqlite:{}", file.display()), source };
    std::fs::create_dir_all(folder).map_err(|error| connect(sqlx::Error::Io(error)))?;

    let flushes = if repeatable { SqliteSynchronous::Normal } else { SqliteSynchronous::Full };
    let options = connect_options(&file).synchronous(flushes);
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        // Where SQLite itself takes a transaction back, as it does on a full disk, the library goes on counting it, and
        // no other could ever begin: such a connection is closed.
        .before_acquire(|connection, _| {
            let usable = !connection.is_in_transaction();
            Box::pin(async move { Ok(usable) })
        })
        .connect_with(options.clone().pragma("cache_size", WRITER_CACHE))
        .await
        .map_err(connect)?;
    let turn = turn(file.with_extension("lock")).await.map_err(|error| connect(sqlx::Error::Io(error)))?;
    migrator
        .run(&write)
        .await
        .map_err(|source| OpenError::Migrate { url: format!("sqlite:{}", file.display()), source })?;
    drop(turn);
    let read = SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(options.read_only(true));
    Ok(Db::Sqlite { read, write })
}

/// Waits until nobody else migrates this database: on SQLite, sqlx does not see to that by itself.
async fn turn(lock: PathBuf) -> io::Result<File> {
    let wait = tokio::task::spawn_blocking(move || {
        let file = File::create(lock)?;
        file.lock()?;
        Ok(file)
    });
    wait.await.map_err(io::Error::other)?
}

/// The settings that every SQLite file of mshub is opened with.
///
/// `FULL` makes a commit return only after the write-ahead log is on disk: `NORMAL` loses acknowledged
/// commits when the power goes.
pub(crate) fn connect_options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("wal_autocheckpoint", CHECKPOINT)
        .foreign_keys(true)
}
