//! The end of the log's file: torn, or all of it gone.

use std::{fs, io::Write as _, path::Path, time::Duration};

use anyhow::Context as _;
use rand::RngCore as _;
use tokio::time::sleep;

use crate::torture::site::Site;

/// Kills the hub and leaves half a record behind the end of the write-ahead log, as a write that was going on would.
/// What was flushed stays: no crash takes that back.
pub(super) async fn tear(site: &mut Site, away: Duration) -> anyhow::Result<()> {
    site.kill().await?;
    let wal = site.log_file().with_extension("db-wal");
    let mut half = vec![0; 2_000];
    rand::rng().fill_bytes(&mut half);
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&wal)
        .with_context(|| format!("{} cannot be torn", wal.display()))?;
    file.write_all(&half)?;
    drop(file);
    sleep(away).await;
    site.start().await
}

/// Deletes the log while the hub is down, and the history that was made from it.
pub(crate) async fn delete_log(site: &mut Site) -> anyhow::Result<()> {
    site.kill().await?;
    for file in [site.log_file(), site.database("chat")] {
        for end in ["db", "db-wal", "db-shm"] {
            remove(&file.with_extension(end))?;
        }
    }
    site.start().await
}

fn remove(file: &Path) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
            Err(why).with_context(|| format!("{} cannot be deleted", file.display()))
        }
        _ => Ok(()),
    }
}
