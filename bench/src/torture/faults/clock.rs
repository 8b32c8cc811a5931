//! A clock that steps.

use std::{process::Stdio, sync::LazyLock, time::Duration};

use tokio::time::sleep;

use crate::torture::site::Site;

/// The hub's wall clock is an hour ahead, and then right again: it goes back by an hour.
pub(super) async fn step(site: &mut Site, lasts: Duration) -> anyhow::Result<()> {
    let wrapper = ["env", "FAKETIME_DONT_FAKE_MONOTONIC=1", "faketime", "-f", "+1h"].map(String::from);
    site.restart_under(&wrapper).await?;
    sleep(lasts).await;
    site.kill().await?;
    site.start().await
}

/// Whether `faketime` is installed.
pub(super) fn is_there() -> bool {
    static THERE: LazyLock<bool> = LazyLock::new(|| {
        std::process::Command::new("faketime")
            .args(["-f", "+1h", "true"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    });
    *THERE
}
