//! System calls that fail, under `strace`.

use std::{path::Path, process::Stdio, sync::LazyLock, time::Duration};

use tokio::time::sleep;

use crate::torture::site::Site;

/// What happens to which call.
pub(crate) struct Inject {
    /// The system call.
    call: &'static str,
    /// What strace does to it.
    what: String,
}

impl Inject {
    /// Every fifth flush fails.
    pub(crate) fn fsync_error() -> Self {
        Self { call: "fsync,fdatasync", what: "error=EIO:when=5+5".into() }
    }

    /// Every flush takes 60 ms longer.
    pub(crate) fn slow_disk() -> Self {
        Self { call: "fsync,fdatasync", what: "delay_exit=60000".into() }
    }

    /// Of every 60 writes to the log, the last 20 find no space.
    pub(crate) fn no_space() -> Self {
        Self { call: "pwrite64", what: "error=ENOSPC:when=40+3".into() }
    }

    /// SIGKILL at the n-th call.
    pub(crate) fn kill_at(call: &'static str, n: u32) -> Self {
        Self { call, what: format!("signal=SIGKILL:when={n}") }
    }
}

/// The program before the hub. The tracer is a process beside it, so that the hub stays our child; only calls on the
/// log's files count.
pub(crate) fn traced(inject: &Inject, log: &Path) -> Vec<String> {
    let Inject { call, what } = inject;
    let wal = log.with_extension("db-wal");
    let words = ["strace", "-D", "-f", "-qq", "-o", "/dev/null"].map(String::from).into_iter();
    words
        .chain(["-e".into(), format!("trace={call}"), "-e".into(), format!("inject={call}:{what}")])
        .chain([log, &wal].into_iter().flat_map(|file| ["-P".into(), file.display().to_string()]))
        .collect()
}

/// Starts the hub under the tracer, and plainly again after a while.
pub(super) async fn during(site: &mut Site, inject: &Inject, lasts: Duration) -> anyhow::Result<()> {
    let wrapper = traced(inject, &site.log_file());
    site.restart_under(&wrapper).await?;
    sleep(lasts).await;
    site.kill().await?;
    site.start().await
}

/// Whether strace is installed and may trace.
pub(super) fn is_there() -> bool {
    static THERE: LazyLock<bool> = LazyLock::new(|| {
        std::process::Command::new("strace")
            .args(["-qq", "-o", "/dev/null", "-e", "trace=none", "true"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    });
    *THERE
}
