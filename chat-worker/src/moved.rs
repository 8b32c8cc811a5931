//! A history that moves to another database and another log: whole before it leaves, and at its place where it arrives.

use std::collections::BTreeMap;

use platform::{bus::Bus, db::Db, fanout::Fanout};
use wire::paths::TOPIC_CHAT;

use crate::{consume, rebuild::replay, search, sql};

/// Takes in what the log has and the database does not, and answers with the position where both end.
pub async fn catch_up(db: &Db, bus: &Bus, fanout: &Fanout) -> anyhow::Result<u64> {
    consume::begin(db, bus).await?;
    let heads = bus.heads(TOPIC_CHAT).await?;
    replay(db, bus, fanout, &heads).await?;
    Ok(heads.into_values().max().unwrap_or(0))
}

/// Makes a history that was copied go on with another log, each partition of which begins after a position; and makes
/// its index of words, which does not travel. Harmless when repeated, as long as no chat-worker has run on it.
pub async fn go_on(db: &Db, bus: &Bus, pos: u64) -> anyhow::Result<()> {
    let heads = bus.heads(TOPIC_CHAT).await?;
    let epochs: BTreeMap<i32, String> = heads.into_keys().map(|part| (part, bus.epoch(part))).collect();
    sql::begin_after(db, &epochs, pos).await?;
    let mut tx = db.begin().await?.unhurried();
    search::begin_anew(&mut tx).await?;
    tx.commit().await?;
    loop {
        let mut tx = db.begin().await?;
        let more = search::catch_up(&mut tx).await?;
        tx.commit().await?;
        if !more {
            return Ok(());
        }
    }
}
