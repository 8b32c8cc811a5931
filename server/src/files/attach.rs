//! Giving files to a message, and finding the message that has them.

use platform::service::{ApiError, Outcome};
use sha2::{Digest as _, Sha256};
use wire::{
    ClientId, Code, FileId, RoomId, UserId,
    files::{FILES, File},
};

use super::{Kept, WAIT_SECONDS, download, sql};
use crate::{accounts::Caller, rooms, state::State};

/// The files of a message that is about to be said: from here on they are this message's and no other's.
pub(crate) async fn claim(
    state: &State,
    user: UserId,
    room: RoomId,
    cid: ClientId,
    ids: &[FileId],
) -> Outcome<Vec<File>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    check(ids)?;
    let since = state.clock.now().plus_seconds(-WAIT_SECONDS);
    let mut tx = state.db.begin().await?;
    let mut files = Vec::with_capacity(ids.len());
    for id in ids {
        let kept = sql::claim(&mut tx, *id, room, user, cid, since).await?;
        files.push(kept.ok_or_else(|| not_there(*id))?.file);
    }
    tx.commit().await?;
    Ok(files)
}

/// A file of a room that the caller could have converted for everybody there.
pub(crate) async fn convertible(state: &State, caller: &Caller, room: RoomId, id: FileId) -> Outcome<File> {
    Ok(in_room(state, caller, room, id).await?.file)
}

async fn in_room(state: &State, caller: &Caller, room: RoomId, id: FileId) -> Outcome<Kept> {
    let kept = download::visible(state, caller, id).await?;
    if kept.room == room { Ok(kept) } else { Err(ApiError::not_found("file")) }
}

/// A file of a room that is to be converted for everybody there. An upload that waits goes with the message that asks.
pub(crate) async fn for_conversion(
    state: &State,
    caller: &Caller,
    room: RoomId,
    cid: ClientId,
    id: FileId,
) -> Outcome<File> {
    let kept = in_room(state, caller, room, id).await?;
    match kept.cid {
        Some(_) => Ok(kept.file),
        None => claim(state, caller.user, room, cid, &[id]).await?.pop().ok_or_else(|| not_there(id)),
    }
}

/// The id of the fact that settles a conversion: made of the one that asked for it, so that there is one.
pub(crate) fn settled_by(room: RoomId, by: UserId, cid: ClientId) -> ClientId {
    let mut hash = Sha256::new();
    for part in [&b"settled"[..], room.0.as_bytes(), by.0.as_bytes(), cid.0.as_bytes()] {
        hash.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    ClientId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

fn check(ids: &[FileId]) -> Outcome<()> {
    let twice = ids.iter().enumerate().any(|(nth, id)| ids[..nth].contains(id));
    if ids.len() > FILES || twice {
        let detail = format!("a message has at most {FILES} files, each once");
        return Err(ApiError::new(Code::InvalidField, detail.clone()).field("/att", detail));
    }
    Ok(())
}

fn not_there(id: FileId) -> ApiError {
    ApiError::new(Code::NotFound, format!("no upload {id} of yours waits in this room for a message"))
        .hint("upload it again: an upload is kept for a day, and goes with one message")
}

/// Where the message of a file is; `None` when there is none, as far as log and database know.
pub(super) async fn place(state: &State, kept: &Kept) -> Outcome<Option<u64>> {
    if kept.pos.is_some() {
        return Ok(kept.pos);
    }
    let Some(cid) = kept.cid else { return Ok(None) };
    let found = rooms::place_of(state, kept.room, kept.owner, cid).await?;
    if let Some(pos) = found {
        sql::set_place(&state.db, kept.file.id, pos).await?;
    }
    Ok(found)
}
