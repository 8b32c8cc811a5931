//! From one screen to another.

use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use client::{LiveEvent, SessionStore, Url};
use tokio::{
    sync::mpsc,
    time::{Interval, interval_at},
};
use wire::{ClientId, RoomId, rooms::NewRoom};

use crate::{
    hub::{Running, SOCKETS, person},
    report,
};

#[derive(Args)]
pub(crate) struct Options {
    /// Messages a second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// How long, in seconds.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Rooms; in each one writes and others read.
    #[arg(long, default_value_t = 10)]
    rooms: u32,
    /// Screens of those who read in a room.
    #[arg(long, default_value_t = 1)]
    screens: u32,
    /// When the log acknowledges: fsync or os.
    #[arg(long, default_value = "fsync")]
    durability: String,
}

enum Seen {
    Sent(ClientId, Instant),
    Acknowledged(ClientId, Instant),
    Arrived(ClientId, Instant),
}

pub(crate) async fn run(mshub: &Path, options: Options) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Running::start_as(mshub, folder.path(), &options.durability).await?;
    measure([&hub.api; 2], "person", &options).await?;
    hub.kill().await
}

impl Options {
    /// One screen in each of ten rooms.
    pub(crate) fn of(rate: u32, seconds: u32) -> Self {
        Self { rate, seconds, rooms: 10, screens: 1, durability: "of its log".to_owned() }
    }
}

/// From those who write at one gateway to those who read at another, or at the same. `people` tells their accounts from
/// those of an earlier measurement.
pub(crate) async fn measure([here, there]: [&Url; 2], people: &str, options: &Options) -> anyhow::Result<()> {
    let person = async |server: &Url, name: String| {
        person(server.clone(), &format!("{people}-{name}"), SessionStore::Memory).await
    };
    let (seen, mut sights) = mpsc::unbounded_channel();
    let each = options.rate * options.seconds / options.rooms;
    let pause = Duration::from_secs_f64(f64::from(options.rooms) / f64::from(options.rate));
    let mut talks = Vec::new();
    for n in 0..options.rooms {
        let writer = person(here, format!("writer{n}")).await?;
        let room = writer
            .new_room(&NewRoom { name: format!("{people}{n}"), private: false, topic: String::new() })
            .await?;
        let (says, mut screens) = (listening(&writer, room.id).await?, Vec::new());
        for first in (0..options.screens).step_by(SOCKETS as usize) {
            let reader = person(there, format!("reader{n}.{first}")).await?;
            reader.join(&room.name).await?;
            for _ in first..options.screens.min(first + SOCKETS) {
                screens.push(listening(&reader, room.id).await?);
            }
        }
        talks.push((room.id, says, screens));
    }
    // Not before everybody is there: passwords that are hashed would hold messages up.
    let mut tasks = Vec::new();
    let began = tokio::time::Instant::now();
    for (nth, (room, says, screens)) in talks.into_iter().enumerate() {
        let read = |live| tokio::spawn(read(live, each, seen.clone()));
        tasks.extend(screens.into_iter().map(read));
        // Rooms in turn: all of them in the same millisecond would be a burst that nobody asked for.
        let beat = interval_at(began + pause.mul_f64(nth as f64 / f64::from(options.rooms)), pause);
        tasks.push(tokio::spawn(write(says, room, each, beat, seen.clone())));
    }
    drop(seen);
    let mut sent: HashMap<ClientId, Instant> = HashMap::new();
    let (mut acknowledged, mut arrived) = (Vec::new(), Vec::new());
    let mut early = Vec::new();
    while let Some(sight) = sights.recv().await {
        match sight {
            Seen::Sent(cid, at) => drop(sent.insert(cid, at)),
            Seen::Acknowledged(cid, at) => acknowledged.push((cid, at)),
            Seen::Arrived(cid, at) => early.push((cid, at)),
        }
    }
    for task in tasks {
        task.await??;
    }
    let since = |(cid, at): (ClientId, Instant)| sent.get(&cid).map(|began| at.duration_since(*began));
    arrived.extend(early.into_iter().filter_map(since));
    let acknowledged: Vec<_> = acknowledged.into_iter().filter_map(since).collect();
    report::line(&format!(
        "| {} msg/s in {} rooms with {} screens, {} s, durability {} | sent {} | arrived {} | lost {} |",
        options.rate,
        options.rooms,
        options.screens,
        options.seconds,
        options.durability,
        sent.len(),
        arrived.len(),
        (sent.len() * options.screens as usize).saturating_sub(arrived.len())
    ));
    report::row("send → acknowledged", acknowledged);
    report::row("send → other screen", arrived);
    Ok(())
}

async fn listening(hub: &client::Hub, room: RoomId) -> anyhow::Result<client::Live> {
    let mut live = hub.live();
    live.subscribe(room, None, 0);
    loop {
        match live.next().await.context("the live socket ended")? {
            LiveEvent::Live { .. } => return Ok(live),
            _ => continue,
        }
    }
}

async fn read(mut live: client::Live, count: u32, seen: mpsc::UnboundedSender<Seen>) -> anyhow::Result<()> {
    let mut left = count;
    while left > 0 {
        let event = tokio::time::timeout(Duration::from_secs(20), live.next())
            .await
            .context("nothing more arrives")?;
        if let LiveEvent::Event(event) = event.context("the live socket ended")?
            && event.what.kind() == "said"
        {
            seen.send(Seen::Arrived(event.cid, Instant::now()))?;
            left -= 1;
        }
    }
    Ok(())
}

async fn write(
    mut live: client::Live,
    room: RoomId,
    count: u32,
    mut beat: Interval,
    seen: mpsc::UnboundedSender<Seen>,
) -> anyhow::Result<()> {
    let (mut sent, mut acknowledged) = (0, 0);
    while acknowledged < count {
        tokio::select! {
            _ = beat.tick(), if sent < count => {
                let at = Instant::now();
                let cid = live.say(room, "x".repeat(128));
                seen.send(Seen::Sent(cid, at))?;
                sent += 1;
            }
            event = live.next() => match event.context("the live socket ended")? {
                LiveEvent::Sent { cid, .. } => {
                    seen.send(Seen::Acknowledged(cid, Instant::now()))?;
                    acknowledged += 1;
                }
                LiveEvent::Refused { problem, .. } => anyhow::bail!("refused: {problem}"),
                _ => {}
            },
        }
    }
    Ok(())
}
