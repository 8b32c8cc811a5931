//! The log by itself: appended here and read here, without a hub around it.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use platform::{
    Clock,
    bus::{Bus, Positions, Tail},
};
use tokio::time::{interval, timeout};
use wire::paths::TOPIC_CHAT;

use crate::report;

/// As large as a message of the other figures with all that the hub adds to it.
const RECORD: usize = 400;
/// Appends on their way at once, where it is asked how many it takes.
const WINDOW: usize = 3_200;
/// Keys, as there are rooms.
const KEYS: usize = 10;
/// How long the last one may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Appends at a steady rate and reads, then as much as it takes.
pub(super) async fn run(url: &str, rate: u32, seconds: u32) -> anyhow::Result<()> {
    let bus = Bus::open(url, Clock::System).await?;
    let tail = bus.tail(TOPIC_CHAT, Positions::new()).await?;
    let count = rate * seconds;
    let began = Instant::now();
    let reading = tokio::spawn(read(tail, count, began));
    let (mut clock, mut appends) = (interval(Duration::from_secs(1) / rate), Vec::new());
    for number in 0..count {
        clock.tick().await;
        let at = Instant::now();
        let pending = bus.enqueue(TOPIC_CHAT, &key(number as usize), record(began.elapsed())).await?;
        appends.push(tokio::spawn(async move { pending.durable().await.map(|_| at.elapsed()) }));
    }
    let mut acknowledged = Vec::new();
    for append in appends {
        acknowledged.push(append.await??);
    }
    report::line(&format!("| {rate} records/s of {RECORD} bytes, {seconds} s |"));
    report::row("append → acknowledged", acknowledged);
    report::row("append → read", reading.await??);
    most(&bus, seconds).await?;
    bus.close().await;
    Ok(())
}

/// How many appends are acknowledged when as many wait as people of the other figure have on their way.
async fn most(bus: &Bus, seconds: u32) -> anyhow::Result<()> {
    let (began, span) = (Instant::now(), Duration::from_secs(seconds.into()));
    let (mut count, mut waiting) = (0_usize, std::collections::VecDeque::new());
    while began.elapsed() < span {
        while waiting.len() < WINDOW {
            let number = count + waiting.len();
            waiting.push_back(bus.enqueue(TOPIC_CHAT, &key(number), record(began.elapsed())).await?);
        }
        if let Some(oldest) = waiting.pop_front() {
            oldest.durable().await?;
            count += 1;
        }
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    report::line(&format!("| appends acknowledged, {WINDOW} on their way | {rate:.0} a second |"));
    for pending in waiting {
        pending.durable().await?;
    }
    Ok(())
}

/// From the moment in each record until it was read.
async fn read(mut tail: Tail, count: u32, began: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut spans = Vec::new();
    while spans.len() < count as usize {
        let records = timeout(PATIENCE, tail.next()).await.context("nothing more is read")??;
        for record in records {
            let micros = record.payload.trim_start_matches('x').parse()?;
            spans.push(began.elapsed().saturating_sub(Duration::from_micros(micros)));
        }
    }
    Ok(spans)
}

fn key(number: usize) -> String {
    format!("key{}", number % KEYS)
}

/// A record with a moment at its end.
fn record(at: Duration) -> String {
    format!("{:x>RECORD$}", at.as_micros())
}
