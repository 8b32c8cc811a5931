//! What a process has used so far: from `/proc`, see proc(5).

use std::time::Duration;

use anyhow::Context as _;

/// Ticks a second in `/proc/PID/stat`; 100 on every Linux of today.
const TICKS: f64 = 100.0;

/// CPU and memory of one process.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    /// User and system time.
    pub(super) cpu: Duration,
    /// Resident memory in bytes.
    pub(super) rss: f64,
}

impl Cost {
    pub(super) fn of(pid: u32) -> anyhow::Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        // The second field is the program's name in parentheses and may hold anything.
        let fields: Vec<&str> = stat.rsplit(')').next().context("no stat")?.split_whitespace().collect();
        let ticks =
            |at: usize| -> anyhow::Result<f64> { Ok(fields.get(at).context("a short stat")?.parse()?) };
        let resident = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = resident.split_whitespace().nth(1).context("no figure")?.parse()?;
        Ok(Self { cpu: Duration::from_secs_f64((ticks(11)? + ticks(12)?) / TICKS), rss: kib * 1024.0 })
    }
}
