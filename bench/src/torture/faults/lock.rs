//! A database that somebody else holds.

use std::{path::Path, time::Duration};

use tokio::time::sleep;

use super::sql::Exclusive;

/// Holds the write lock of a database file of the hub.
pub(super) async fn hold(file: &Path, lasts: Duration) -> anyhow::Result<()> {
    let held = Exclusive::take(file).await?;
    sleep(lasts).await;
    held.release().await
}
