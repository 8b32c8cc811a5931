//! A clock that steps.

use std::{fs, path::PathBuf, sync::LazyLock, time::Duration};

use anyhow::Context as _;
use tokio::time::sleep;

use crate::torture::site::Site;

/// The hub's wall clock is an hour ahead, and then right again: it goes back by an hour. The program `faketime` would
/// stay between us and the hub, so that a signal would not reach it: the library is loaded without it.
pub(super) async fn step(site: &mut Site, lasts: Duration) -> anyhow::Result<()> {
    let library = LIBRARY.as_ref().context("libfaketime is not installed")?;
    let preload = format!("LD_PRELOAD={}", library.display());
    let wrapper = ["env", &preload, "FAKETIME=+1h", "FAKETIME_DONT_FAKE_MONOTONIC=1"].map(String::from);
    site.restart_under(&wrapper).await?;
    sleep(lasts).await;
    site.kill().await?;
    site.start().await
}

/// Whether libfaketime is where Debian puts it.
pub(super) fn is_there() -> bool {
    LIBRARY.is_some()
}

static LIBRARY: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let places = fs::read_dir("/usr/lib").ok()?.filter_map(|place| Some(place.ok()?.path()));
    places.map(|place| place.join("faketime/libfaketimeMT.so.1")).find(|library| library.is_file())
});
