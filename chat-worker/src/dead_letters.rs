//! Records that could not be read: to look at, to try again with a program that can read them, to drop.

use platform::db::Db;
use wire::{Timestamp, heads::Standing};

use crate::{batch, messages, search, sql};

/// A record that was kept aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its partition of the log.
    pub partition: i32,
    /// Its place there.
    pub pos: u64,
    /// When the log took it.
    pub at: Timestamp,
    /// The room, as far as the record's key says so.
    pub key: String,
    /// What it says.
    pub payload: String,
    /// Why it could not be read.
    pub reason: String,
}

/// Every record that was kept aside, in the order of the log.
pub async fn list(db: &Db) -> sqlx::Result<Vec<DeadLetter>> {
    sql::dead_letters(db).await
}

/// Forgets a record; `false` when there is none at this place.
pub async fn drop(db: &Db, partition: i32, pos: u64) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let dropped = sql::unbury(&mut tx, partition, pos).await?;
    tx.commit().await?;
    Ok(dropped)
}

/// Puts every record that can be read by now into its place, as if it had been readable then: its room's chain is made
/// again, so that the head is the one that a rebuild gives. Answers with how many there were. A chat-worker may run
/// meanwhile.
pub async fn replay(db: &Db) -> sqlx::Result<usize> {
    let mut replayed = 0;
    for letter in sql::dead_letters(db).await? {
        let DeadLetter { partition, pos, at, key, payload, .. } = letter;
        let record = platform::bus::Record { partition, pos, key, payload, at, trace: None };
        let Ok(event) = batch::read(&record) else { continue };
        let mut tx = db.begin().await?;
        // Nobody else moves the room's head until this is done.
        sql::standings(&mut tx, [event.room].into()).await?;
        sql::insert(&mut tx, std::slice::from_ref(&event)).await?;
        let mut standing = Standing::default();
        let mut events = sql::whole_room(&mut tx, event.room).await?;
        for event in &mut events {
            event.prev = Some(standing.pos);
            standing = standing.after(event);
        }
        sql::set_predecessors(&mut tx, &events).await?;
        messages::refold(&mut tx, event.room, &mut events).await?;
        sql::set_standings(&mut tx, &[(event.room, standing)].into()).await?;
        while search::catch_up(&mut tx).await? {}
        sql::unbury(&mut tx, partition, pos).await?;
        tx.commit().await?;
        replayed += 1;
    }
    Ok(replayed)
}
