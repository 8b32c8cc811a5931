//! What a process has used so far: from `/proc`, see proc(5).

use std::{path::Path, time::Duration};

use anyhow::Context as _;

/// Ticks a second in `/proc/PID/stat`; 100 on every Linux of today.
const TICKS: f64 = 100.0;
/// How the threads of SQLite's connections are called.
const STORES: &str = "sqlx-sqlite";

/// CPU and memory of processes.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    /// User and system time.
    pub(super) cpu: Duration,
    /// What of it the threads of the databases and of the log used that are there now.
    pub(super) stores: Duration,
    /// Resident memory in bytes.
    pub(super) rss: f64,
}

impl Cost {
    /// Of several processes together.
    pub(super) fn of(pids: &[u32]) -> anyhow::Result<Self> {
        let mut all = Self { cpu: Duration::ZERO, stores: Duration::ZERO, rss: 0.0 };
        for pid in pids {
            let Self { cpu, stores, rss } = Self::of_one(*pid)?;
            (all.cpu, all.stores, all.rss) = (all.cpu + cpu, all.stores + stores, all.rss + rss);
        }
        Ok(all)
    }

    fn of_one(pid: u32) -> anyhow::Result<Self> {
        let process = format!("/proc/{pid}");
        let status = std::fs::read_to_string(format!("{process}/status"))?;
        let resident = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = resident.split_whitespace().nth(1).context("no figure")?.parse()?;
        let mut stores = Duration::ZERO;
        for thread in std::fs::read_dir(format!("{process}/task"))? {
            // A thread that has just ended has no cost that could still be read.
            if let Ok((name, used)) = cpu(&thread?.path())
                && name.starts_with(STORES)
            {
                stores += used;
            }
        }
        Ok(Self { cpu: cpu(Path::new(&process))?.1, stores, rss: kib * 1024.0 })
    }
}

/// The name of a process or thread, and the time it has used.
fn cpu(of: &Path) -> anyhow::Result<(String, Duration)> {
    let stat = std::fs::read_to_string(of.join("stat"))?;
    // The second field is the name in parentheses and may hold anything.
    let (name, rest) = stat.rsplit_once(')').context("no stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| -> anyhow::Result<f64> { Ok(fields.get(at).context("a short stat")?.parse()?) };
    let name = name.split_once('(').map_or(name, |(_, name)| name);
    Ok((name.to_owned(), Duration::from_secs_f64((ticks(11)? + ticks(12)?) / TICKS)))
}
