//! An engine under the hub: gone for a while, or silent.

use std::time::Duration;

use platform::testing::Engine;
use tokio::time::sleep;

use crate::torture::ground::Ground;

/// It crashes and starts again. What it keeps only in memory is gone: Redis comes back empty.
pub(super) async fn crash(ground: &mut Ground, engine: Engine, away: Duration) -> anyhow::Result<()> {
    ground.server(engine)?.crash().await?;
    sleep(away).await;
    ground.server(engine)?.start_again().await
}

/// It is held still: connections stay, and nothing answers.
pub(super) async fn freeze(ground: &mut Ground, engine: Engine, still: Duration) -> anyhow::Result<()> {
    ground.server(engine)?.signal("STOP")?;
    sleep(still).await;
    ground.server(engine)?.signal("CONT")
}
