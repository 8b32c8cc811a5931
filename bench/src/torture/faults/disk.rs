//! A disk that is full.

use std::time::Duration;

use tokio::time::sleep;

use crate::torture::site::Site;

/// Starts the hub under a limit on the size of any file it writes, a little above what its largest file has now:
/// the limit needs no rights, and every write beyond it fails as on a full disk, but with EFBIG.
pub(super) async fn full(site: &mut Site, lasts: Duration) -> anyhow::Result<()> {
    site.kill().await?;
    let log = site.log_file();
    let largest =
        [log.clone(), log.with_extension("db-wal")].iter().map(|file| size(file)).max().unwrap_or(0);
    // In blocks of 512 bytes. The signal that the limit sends is ignored, so that the write fails instead.
    let blocks = largest / 512 + 128;
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    site.start_under(&["sh".into(), "-c".into(), script]).await?;
    sleep(lasts).await;
    site.kill().await?;
    site.start().await
}

fn size(file: &std::path::Path) -> u64 {
    std::fs::metadata(file).map_or(0, |file| file.len())
}
