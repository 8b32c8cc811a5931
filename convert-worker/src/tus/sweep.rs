//! What is left of uploads that ended or expired goes: objects first, then rows.

use wire::{Timestamp, UploadId};

use super::sql;
use crate::state::App;

/// How many objects go in one round.
const OBJECTS: i64 = 200;

/// Closes what has expired, and removes what nobody needs any more.
pub(crate) async fn sweep(app: &App) -> anyhow::Result<()> {
    sql::close_expired(&app.db, app.clock.now()).await?;
    remove(app, None).await?;
    // Until then, whoever comes back hears that it is gone, or what became of it.
    Ok(sql::forget(&app.db, None, forgotten(app)).await?)
}

/// Removes the objects of a closed upload.
pub(super) async fn clear(app: &App, id: UploadId) -> anyhow::Result<()> {
    while remove(app, Some(id)).await? {}
    Ok(())
}

/// What was closed before this moment is forgotten.
pub(super) fn forgotten(app: &App) -> Timestamp {
    let seconds = i64::try_from(app.config.retention.as_secs()).unwrap_or(i64::MAX);
    app.clock.now().plus_seconds(seconds.saturating_neg())
}

/// Whether there was something to remove.
async fn remove(app: &App, of: Option<UploadId>) -> anyhow::Result<bool> {
    let parts = sql::leftovers(&app.db, of, OBJECTS).await?;
    for part in &parts {
        app.objects.delete(&part.key()).await?;
        sql::forget_part(&app.db, part).await?;
    }
    Ok(!parts.is_empty())
}
