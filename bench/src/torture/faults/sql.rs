//! The statement that takes a database away from the hub.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use platform::sqlx::{Connection as _, SqliteConnection, query, sqlite::SqliteConnectOptions};

/// A write lock on a SQLite file, as a backup or a curious administrator would hold it.
pub(super) struct Exclusive(SqliteConnection);

impl Exclusive {
    pub(super) async fn take(file: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_secs(10));
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
