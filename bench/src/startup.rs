//! Start-up and memory.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use clap::Args;
use platform::{Clock, bus::Bus};
use tokio::process::Command;
use wire::{
    ClientId, MessageId, RoomId, UserId,
    events::{ChatRecord, RoomFact, What},
    paths::TOPIC_CHAT,
};

use crate::{hub::Running, report};

#[derive(Args)]
pub(crate) struct Options {
    /// How often.
    #[arg(long, default_value_t = 10)]
    runs: usize,
    /// Messages in the log before the measured starts.
    #[arg(long, default_value_t = 0)]
    messages: u32,
    /// Seconds to wait before memory is read.
    #[arg(long, default_value_t = 3)]
    idle: u64,
}

pub(crate) async fn run(mshub: &Path, options: Options) -> anyhow::Result<()> {
    let kept = tempfile::tempdir()?;
    if options.messages > 0 {
        fill(kept.path(), options.messages).await?;
        settle(mshub, kept.path()).await?;
    }
    let (mut ready, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..options.runs {
        let empty = tempfile::tempdir()?;
        let folder = if options.messages > 0 { kept.path() } else { empty.path() };
        let hub = Running::start(mshub, folder).await?;
        ready.push(hub.ready_after);
        tokio::time::sleep(Duration::from_secs(options.idle)).await;
        memory.push(hub.memory()?);
        hub.kill().await?;
    }
    report::row(&format!("up → ready, {} messages", options.messages), ready);
    memory.sort_by(f64::total_cmp);
    report::line(&format!(
        "| idle RSS, {} messages | n={} | min {:.1} MiB | max {:.1} MiB |",
        options.messages,
        memory.len(),
        memory[0],
        memory[memory.len() - 1]
    ));
    report::row("mshub --version", version(mshub, options.runs * 3).await?);
    Ok(())
}

/// A log with messages of a month, as a hub would have written it.
async fn fill(data_dir: &Path, messages: u32) -> anyhow::Result<()> {
    let month = 30 * 24 * 3_600;
    let now = Clock::System.now();
    let clock = Clock::held(now.plus_seconds(-month));
    let log = Bus::open(&format!("embedded:{}", data_dir.join("log").display()), clock.clone()).await?;
    let rooms: Vec<RoomId> = (0..100).map(|_| RoomId::new()).collect();
    let author = UserId::new();
    let mut pending = Vec::new();
    for n in 0..messages {
        let room = rooms[n as usize % rooms.len()];
        let what = What::said(format!("message {n}: {}", "x".repeat(100)));
        let fact = RoomFact {
            id: MessageId::new(),
            room,
            by: author,
            name: "Bench".into(),
            cid: ClientId::new(),
            what,
        };
        let record = serde_json::to_string(&ChatRecord::RoomV1(fact))?;
        pending.push(log.enqueue(TOPIC_CHAT, &room.to_string(), record).await?);
        if n % (messages / 1_000).max(1) == 0 {
            clock.advance(month / 1_000);
        }
        if pending.len() == 8_000 {
            for pending in pending.drain(..) {
                pending.durable().await?;
            }
        }
    }
    for pending in pending {
        pending.durable().await?;
    }
    log.close().await;
    Ok(())
}

/// Lets the chat-worker take everything in, as it has in a hub that was running.
async fn settle(mshub: &Path, data_dir: &Path) -> anyhow::Result<()> {
    let hub = Running::start(mshub, data_dir).await?;
    let began = Instant::now();
    let (mut size, mut still) = (0, 0);
    while still < 8 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = folder_size(&data_dir.join("db"))?;
        still = if now == size { still + 1 } else { 0 };
        size = now;
    }
    report::line(&format!(
        "| the worker took everything in | {:.1} s |",
        began.elapsed().as_secs_f64() - 4.0
    ));
    hub.kill().await
}

fn folder_size(folder: &Path) -> anyhow::Result<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(folder)? {
        size += entry?.metadata()?.len();
    }
    Ok(size)
}

async fn version(mshub: &Path, runs: usize) -> anyhow::Result<Vec<Duration>> {
    let mut spans = Vec::new();
    for _ in 0..runs {
        let began = Instant::now();
        Command::new(mshub).arg("--version").stdout(Stdio::null()).status().await?;
        spans.push(began.elapsed());
    }
    Ok(spans)
}
