//! Bringing the index up to date: with each batch when the log is followed closely, and afterwards when much came at once.

use platform::db::Transaction;
use wire::messages::Message;

use super::{sql, words};

/// Messages of one transaction: what else is to be written waits for no more than these.
pub(crate) const CHUNK: usize = 4_096;

/// Puts the next messages into the index, as they are now; whether there are more.
pub(crate) async fn catch_up(tx: &mut Transaction) -> sqlx::Result<bool> {
    let from = sql::indexed(tx).await?;
    let next = sql::unindexed(tx, from, CHUNK).await?;
    let Some((upto, _)) = next.last() else { return Ok(false) };
    let (upto, more) = (*upto, next.len() == CHUNK);
    let words = next.iter().filter_map(|(id, message)| Some((*id, words::of(message.as_ref()?)?)));
    sql::insert(tx, words.collect()).await?;
    sql::set_indexed(tx, upto).await?;
    Ok(more)
}

/// Puts other words in the place of those that a message had.
pub(crate) async fn renew(tx: &mut Transaction, id: i64, message: &Message) -> sqlx::Result<()> {
    sql::forget(tx, &[id]).await?;
    sql::insert(tx, words::of(message).map(|words| (id, words)).into_iter().collect()).await
}
