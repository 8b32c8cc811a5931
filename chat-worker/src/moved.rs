//! A history that moves to another database and another log: whole before it leaves, and at its place where it arrives.

use std::collections::BTreeMap;

use platform::{bus::Bus, db::Db, fanout::Fanout};
use wire::paths::TOPIC_CHAT;

use crate::{consume, messages, rebuild::replay, search, sql};

/// Messages whose words are indexed in one transaction.
const BATCH: i64 = 500;

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
    let mut after = 0;
    loop {
        let mut tx = db.begin().await?;
        let messages = messages::numbered(&mut tx, after, BATCH).await?;
        let Some((last, _)) = messages.last() else { return Ok(()) };
        after = *last;
        let numbers: Vec<i64> = messages.iter().map(|(number, _)| *number).collect();
        search::forget(&mut tx, &numbers).await?;
        let words =
            messages.into_iter().filter_map(|(number, message)| Some((number, messages::words(&message)?)));
        search::index(&mut tx, words.collect()).await?;
        tx.commit().await?;
    }
}
