//! Making the history anew from the log, which is the truth.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use platform::{
    bus::{Bus, Positions},
    db::Db,
    fanout::Fanout,
};
use wire::paths::TOPIC_CHAT;

use crate::{
    consume::{Failure, Follower},
    sql,
};

/// Between two looks at what a running chat-worker does.
const LOOK: Duration = Duration::from_millis(100);

/// What a rebuild did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rebuilt {
    /// Events that the history has now.
    pub events: u64,
    /// From the first deletion to the last row.
    pub took: Duration,
    /// From the first deletion to the last word of the index.
    pub indexed: Duration,
}

/// Drops the history and takes the whole log in again. A history that the log cannot give back, because it was written
/// from another log or because the log's beginning is gone, is given up only with `discard`.
///
/// It may run beside a chat-worker: whoever is first takes a batch in, and the other stands back.
pub async fn rebuild(db: &Db, bus: &Bus, fanout: &Fanout, discard: bool) -> anyhow::Result<Rebuilt> {
    let heads = bus.heads(TOPIC_CHAT).await?;
    if !discard {
        refuse_loss(db, bus, &heads).await?;
    }
    let began = Instant::now();
    let epochs = heads.keys().map(|partition| (*partition, bus.epoch(*partition))).collect();
    sql::begin_anew(db, &epochs).await.context("the history could not be dropped; it is as it was")?;
    let mut follower = replay(db, bus, fanout, &heads).await?;
    let took = began.elapsed();
    follower.index_all(db).await?;
    Ok(Rebuilt { events: sql::count(db).await?, took, indexed: began.elapsed() })
}

async fn refuse_loss(db: &Db, bus: &Bus, heads: &Positions) -> anyhow::Result<()> {
    let progress = sql::progress(db).await?;
    if let Some((_, (kept, pos))) =
        progress.iter().find(|(partition, (kept, _))| *kept != bus.epoch(**partition))
    {
        bail!(
            "the history was written from log {kept} up to {pos}, which is not this one: \
             rebuilding would lose it; `rebuild --discard` does so"
        );
    }
    let mut waiting: Vec<i32> =
        heads.iter().filter(|(_, head)| **head > 0).map(|(partition, _)| *partition).collect();
    let mut tail = bus.tail(TOPIC_CHAT, heads.keys().map(|partition| (*partition, 0)).collect()).await?;
    while !waiting.is_empty() {
        let records = tail.next().await.context(
            "the log's beginning is gone: rebuilding would lose what the database has of it; `rebuild --discard` does so",
        )?;
        waiting.retain(|partition| records.iter().all(|record| record.partition != *partition));
    }
    Ok(())
}

/// Takes in everything up to `heads`, or lets a chat-worker that runs do it.
pub(crate) async fn replay(
    db: &Db,
    bus: &Bus,
    fanout: &Fanout,
    heads: &Positions,
) -> anyhow::Result<Follower> {
    loop {
        let mut follower = Follower::open(db, bus).await?;
        loop {
            if follower.has_reached(heads) {
                return Ok(follower);
            }
            match follower.step(db, fanout).await {
                Ok(()) => {}
                Err(Failure::Fenced(..)) => break,
                Err(failure) => return Err(failure.into()),
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
