//! Removing files: with their message, with their room, and those that nobody sent.

use platform::{db::Transaction, service::Outcome};
use uuid::Uuid;
use wire::{ClientId, FileId, RoomId, Timestamp, UserId, messages::Message};

use super::{WAIT_SECONDS, attach, object_key, sql, thumbnail_key};
use crate::{
    rooms,
    state::State,
    tasks::{self, Task},
};

/// Rows of one look.
const BATCH: i64 = 100;
/// Beyond the time in which a message can claim an upload, so that nobody is about to.
const MARGIN_SECONDS: i64 = 3600;

/// What sees to it that the files of a message go when it is removed. It is to be written before the log is told, so that
/// no crash forgets them.
pub(crate) fn removal(by: UserId, message: &Message) -> Option<Task> {
    let Message { room, pos, cid, by: author, .. } = *message;
    (!message.att.is_empty()).then_some(Task::RemoveFiles { room, by, pos, author, cid })
}

/// Removes the files that somebody's message brought, and what was made of them for it, once it is removed itself;
/// whether it is.
pub(crate) async fn remove_of_message(
    state: &State,
    by: UserId,
    (room, pos): (RoomId, u64),
    (author, cid): (UserId, ClientId),
) -> Outcome<bool> {
    if !rooms::is_removed(state, by, room, pos).await? {
        return Ok(false);
    }
    let cids = [cid, attach::settled_by(room, author, cid)];
    for kept in sql::of_messages(&state.db, room, author, cids).await? {
        one(state, room, kept.file.id).await?;
    }
    Ok(true)
}

/// Sees to it that the files of a room go with it.
pub(crate) async fn forget_room(tx: &mut Transaction, room: RoomId, now: Timestamp) -> sqlx::Result<()> {
    tasks::enqueue(tx, &Task::RemoveRoomFiles { room }, now).await.map(drop)
}

/// Removes every file of a room.
pub(crate) async fn remove_of_room(state: &State, room: RoomId) -> Outcome<()> {
    loop {
        let batch = sql::all_of_room(&state.db, room, BATCH).await?;
        for kept in &batch {
            one(state, room, kept.file.id).await?;
        }
        if batch.is_empty() {
            return Ok(());
        }
    }
}

/// Removes uploads that no message carries: a day old, and two where a message claimed them, because that may be on
/// its way. Whether it arrived is looked up; where that cannot be said, the file stays.
pub(crate) async fn sweep(state: &State, now: Timestamp) -> Outcome<()> {
    let unclaimed = now.plus_seconds(-WAIT_SECONDS - MARGIN_SECONDS);
    let claimed = now.plus_seconds(-2 * WAIT_SECONDS);
    let mut after = FileId(Uuid::nil());
    loop {
        let batch = sql::unsent(&state.db, unclaimed, claimed, after, BATCH).await?;
        let Some(last) = batch.last() else { return Ok(()) };
        after = last.file.id;
        for kept in &batch {
            match attach::place(state, kept).await {
                Ok(None) => one(state, kept.room, kept.file.id).await?,
                Ok(Some(_)) => {}
                Err(error) => {
                    tracing::debug!(problem = %error.problem(), "it is not known whether a file was sent; it stays");
                }
            }
        }
    }
}

/// Removes one file. The row goes last: as long as it is there, this is done again.
pub(crate) async fn one(state: &State, room: RoomId, id: FileId) -> Outcome<()> {
    for key in [thumbnail_key(room, id), object_key(room, id)] {
        state.objects.delete(&key).await.map_err(anyhow::Error::from)?;
    }
    Ok(sql::delete(&state.db, id).await?)
}
