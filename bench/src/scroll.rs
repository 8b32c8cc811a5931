//! Opening a long room and scrolling to any place in it, over HTTP.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use client::{EventsQuery, Hub, LiveEvent};
use rand::Rng as _;
use wire::{RoomId, rooms::NewRoom};

use crate::{hub::Running, report};

const ROOM: &str = "long";
/// Messages that wait for their acknowledgement.
const WINDOW: u32 = 256;

#[derive(Args)]
pub(crate) struct Options {
    /// Messages in the room.
    #[arg(long, default_value_t = 100_000)]
    messages: u32,
    /// Pages of each kind.
    #[arg(long, default_value_t = 50)]
    runs: u32,
    /// Messages of a page.
    #[arg(long, default_value_t = 100)]
    page: u32,
}

pub(crate) async fn run(mshub: &Path, options: Options) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Running::start(mshub, folder.path()).await?;
    let ann = hub.person("ann").await?;
    let room = ann.new_room(&NewRoom { name: ROOM.into(), private: false, topic: String::new() }).await?.id;
    let (first, last) = fill(&ann, room, options.messages).await?;
    stored(&ann, last).await?;

    report::line(&format!("pages of {} messages out of {}", options.page, options.messages));
    measure(&ann, &options, first, last).await?;
    hub.kill().await
}

/// Says messages; answers with the positions of the first one and the last one.
async fn fill(ann: &Hub, room: RoomId, count: u32) -> anyhow::Result<(u64, u64)> {
    let mut live = ann.live();
    let (mut said, mut acknowledged, mut first, mut last) = (0, 0, u64::MAX, 0);
    while acknowledged < count {
        while said < count && said - acknowledged < WINDOW {
            live.say(room, format!("message {said} of a long room, with some words to read and to find"));
            said += 1;
        }
        match live.next().await.context("the live socket ended")? {
            LiveEvent::Sent { pos, .. } => {
                (first, last) = (first.min(pos), last.max(pos));
                acknowledged += 1;
            }
            LiveEvent::Refused { problem, .. } => anyhow::bail!("refused: {problem}"),
            _ => {}
        }
    }
    Ok((first, last))
}

/// Waits until the database has everything up to a position.
async fn stored(ann: &Hub, pos: u64) -> anyhow::Result<()> {
    while ann.head(ROOM).await?.pos < pos {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn measure(ann: &Hub, options: &Options, first: u64, last: u64) -> anyhow::Result<()> {
    let limit = Some(options.page);
    let anywhere = || rand::rng().random_range(first..=last);
    let places: [(&str, &dyn Fn() -> EventsQuery); 4] = [
        ("newest", &|| EventsQuery { limit, ..EventsQuery::default() }),
        ("before any place", &|| EventsQuery { before: Some(anywhere()), limit, after: None }),
        ("after any place", &|| EventsQuery { after: Some(anywhere()), limit, before: None }),
        ("oldest", &|| EventsQuery { after: Some(0), limit, before: None }),
    ];
    for (place, query) in places {
        let (mut messages, mut events) = (Vec::new(), Vec::new());
        for _ in 0..options.runs {
            let began = Instant::now();
            ann.messages(ROOM, query()).await?;
            messages.push(began.elapsed());
            let began = Instant::now();
            ann.events(ROOM, query()).await?;
            events.push(began.elapsed());
        }
        report::row(&format!("{place}, messages"), messages);
        report::row(&format!("{place}, events"), events);
    }
    Ok(())
}
