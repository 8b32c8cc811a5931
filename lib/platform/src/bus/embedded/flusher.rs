//! Flushing behind the acknowledgements, for a log that does not wait for the disk.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use sqlx::{Connection as _, SqliteConnection, raw_sql};
use tokio_util::sync::CancellationToken;

use super::State;
use crate::db::sqlite_options;

/// Flushes what was written since, again and again; a disk that refuses ends it, and the log takes nothing more.
pub(super) async fn run(state: Arc<State>, file: PathBuf, every: Duration, stop: CancellationToken) {
    let mut checkpoints = SqliteConnection::connect_with(&sqlite_options(&file)).await.ok();
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        if let Err(error) = flush(&state, &file).await {
            tracing::error!(%error, "the log could not be flushed");
            state.broken.store(true, Ordering::Release);
            break;
        }
        // Moves what is flushed into the database file, so that no append has to. It waits for nobody; what it leaves is
        // moved the next time.
        if let Some(connection) = &mut checkpoints
            && let Err(error) = raw_sql("PRAGMA wal_checkpoint(PASSIVE)").execute(connection).await
        {
            tracing::debug!(%error, "the log was not moved into its file right now");
        }
    }
    if let Some(connection) = checkpoints
        && let Err(error) = connection.close().await
    {
        tracing::debug!(%error, "the flusher's connection did not close cleanly");
    }
}

/// Brings everything that is written now to the disk.
async fn flush(state: &State, file: &Path) -> io::Result<()> {
    let written = state.unflushed();
    if written.is_empty() {
        return Ok(());
    }
    // What is not in SQLite's write-ahead log any more was flushed when it was moved into the database file.
    let log = PathBuf::from(format!("{}-wal", file.display()));
    let sync = move || match File::open(log) {
        Ok(log) => log.sync_data(),
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    tokio::task::spawn_blocking(sync).await.map_err(io::Error::other)??;
    state.flushed(written);
    Ok(())
}
