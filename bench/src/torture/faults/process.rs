//! The hub's process: killed, or held still.

use std::time::Duration;

use tokio::time::sleep;

use crate::torture::site::Site;

/// SIGKILL, and a new start after a while.
pub(super) async fn kill(site: &mut Site, away: Duration) -> anyhow::Result<()> {
    site.kill().await?;
    sleep(away).await;
    site.start().await
}

/// SIGSTOP and SIGCONT: connections stay, nothing answers, and then everything at once.
pub(super) async fn freeze(site: &Site, still: Duration) -> anyhow::Result<()> {
    site.signal("STOP").await?;
    sleep(still).await;
    site.signal("CONT").await
}
