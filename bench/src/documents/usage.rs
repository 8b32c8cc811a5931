//! What the processes that this one has started and waited for have used: getrusage(2).

use std::time::Duration;

use nix::sys::{
    resource::{Usage as Rusage, UsageWho, getrusage},
    time::TimeValLike as _,
};

/// User and system time so far.
#[derive(Clone, Copy)]
pub(super) struct Usage(Duration);

impl Usage {
    pub(super) fn of_children() -> anyhow::Result<Self> {
        let usage = children()?;
        let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        Ok(Self(Duration::from_micros(u64::try_from(micros)?)))
    }

    pub(super) fn since(self, before: Self) -> Duration {
        self.0.saturating_sub(before.0)
    }
}

/// The most memory that any of them had at once, in bytes.
pub(super) fn peak_of_children() -> anyhow::Result<f64> {
    // In KiB on Linux.
    Ok(children()?.max_rss() as f64 * 1024.0)
}

fn children() -> anyhow::Result<Rusage> {
    Ok(getrusage(UsageWho::RUSAGE_CHILDREN)?)
}
