//! Statements on the databases of a hub: one takes them away from it, one asks how far it is.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use platform::sqlx::{Connection as _, SqliteConnection, query, query_scalar, sqlite::SqliteConnectOptions};
use tokio::time::{Instant, sleep};

use crate::torture::site::Site;

/// How long a lock is waited for that the hub takes again and again.
const LOCKED: Duration = Duration::from_secs(60);
/// How long the hub may take to tell its log of what has happened.
const ANNOUNCED: Duration = Duration::from_secs(60);

/// A write lock on a SQLite file, as a backup or a curious administrator would hold it.
pub(super) struct Exclusive(SqliteConnection);

impl Exclusive {
    pub(super) async fn take(file: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new().filename(file).busy_timeout(LOCKED);
        let mut connection = SqliteConnection::connect_with(&options)
            .await
            .with_context(|| format!("{} cannot be opened", file.display()))?;
        query("BEGIN EXCLUSIVE").execute(&mut connection).await.context("the lock cannot be had")?;
        Ok(Self(connection))
    }

    pub(super) async fn release(mut self) -> anyhow::Result<()> {
        query("ROLLBACK").execute(&mut self.0).await.context("the lock cannot be given back")?;
        self.0.close().await.context("the database cannot be closed")
    }
}

/// Waits until the log has heard of every change of a room: what it hears later belongs to its next generation.
pub(crate) async fn all_is_announced(site: &Site) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new().filename(site.database("server")).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let until = Instant::now() + ANNOUNCED;
    loop {
        let waiting: i64 =
            query_scalar("SELECT count(*) FROM tasks WHERE lane IS NOT NULL AND dead_at IS NULL")
                .fetch_one(&mut connection)
                .await
                .context("the hub's tasks cannot be read")?;
        if waiting == 0 {
            return Ok(connection.close().await?);
        }
        ensure!(Instant::now() < until, "the log has not heard of {waiting} changes");
        sleep(Duration::from_millis(50)).await;
    }
}
