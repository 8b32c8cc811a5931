//! What conversions of a room read and make: the content of one file, and another file.

use platform::{
    objects::{Body, Error, Object},
    service::{ApiError, Outcome},
};
use wire::{ClientId, FileId, RoomId, UserId, files::File};

use super::{object_key, remove, sql, upload};
use crate::state::State;

/// The content of a file.
pub(crate) async fn content(state: &State, room: RoomId, id: FileId) -> Outcome<Object> {
    state.objects.get(&object_key(room, id), 0).await.map_err(|error| match error {
        Error::NotFound(_) => ApiError::not_found("file"),
        error => anyhow::Error::new(error).into(),
    })
}

/// Whose file it is, if there is one.
pub(crate) async fn owner(state: &State, id: FileId) -> Outcome<Option<UserId>> {
    Ok(sql::by_id(&state.db, id).await?.map(|kept| kept.owner))
}

/// Keeps a result as a file of a room, for the message that will tell of it. Keeping the same one twice is keeping it
/// once. It counts as a file of whoever asked for it, and is refused when they have too many bytes.
pub(crate) async fn keep_result(
    state: &State,
    room: RoomId,
    by: UserId,
    cid: ClientId,
    file: &File,
    body: Body,
) -> Outcome<()> {
    // One that was kept already counts already.
    if sql::by_id(&state.db, file.id).await?.is_none() {
        upload::check_bytes(state, by, file.bytes).await?;
    }
    let key = object_key(room, file.id);
    let stored = state.objects.put(&key, body, u64::MAX).await.map_err(anyhow::Error::from)?;
    if stored.sha256 != file.sha256 {
        remove::one(state, room, file.id).await?;
        let broken = anyhow::anyhow!("the result {key} is not what the worker promised");
        return Err(broken.into());
    }
    let at = state.clock.now();
    Ok(sql::insert_whole(&state.db, &sql::Whole { file, room, owner: by, cid, at }).await?)
}
