//! A clock that steps.

use std::{fs, path::PathBuf, sync::LazyLock, time::Duration};

use anyhow::Context as _;
use tokio::time::sleep;

use crate::torture::site::Site;

/// How old what a process knows of its clock may be, in seconds: so long after a step it has seen it.
const SEEN: &str = "1";

/// The wall clock of the running hub goes an hour ahead, and then back by an hour. It is read from a file, so that nothing
/// but the clock changes; only for that the hub is started anew. The program `faketime` would stay between us and the hub,
/// so that a signal would not reach it: the library is loaded without it.
pub(super) async fn step(site: &mut Site, lasts: Duration) -> anyhow::Result<()> {
    let library = LIBRARY.as_ref().context("libfaketime is not installed")?;
    let file = site.data.with_extension("clock");
    let set = |ahead: &str| {
        fs::write(&file, ahead).with_context(|| format!("the clock {} cannot be set", file.display()))
    };
    let (preload, clock) = (library.display(), file.display());
    let wrapper = [
        "env".to_owned(),
        format!("LD_PRELOAD={preload}"),
        format!("FAKETIME_TIMESTAMP_FILE={clock}"),
        format!("FAKETIME_CACHE_DURATION={SEEN}"),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
    ];
    set("+0")?;
    site.restart_under(&wrapper).await?;
    for ahead in ["+1h", "+0"] {
        sleep(lasts / 3).await;
        set(ahead)?;
    }
    sleep(lasts / 3).await;
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
