//! Where an upload lands: a place for its owner, a folder for its bytes, a number for the job that it becomes.

use std::path::PathBuf;

use futures_util::Stream;
use platform::service::Outcome;
use tempfile::TempDir;
use wire::{JobId, Timestamp, UserId};

use super::receive::{self, Bytes};
use crate::{jobs, state::App, uploads::Upload};

/// A place for one upload.
pub(crate) struct Desk<'a> {
    app: &'a App,
    id: JobId,
    created_at: Timestamp,
    folder: TempDir,
    _place: Upload<'a>,
}

/// An upload that is whole.
pub(crate) struct Received {
    pub(super) id: JobId,
    pub(super) created_at: Timestamp,
    pub(super) file: PathBuf,
    /// Its size and its SHA-256, 64 hex digits.
    pub(crate) bytes: u64,
    pub(super) sha256: String,
    /// Holds the file.
    pub(super) folder: TempDir,
}

impl<'a> Desk<'a> {
    /// Refused when so many of this person's files wait, or are on their way, that this one could not wait with them.
    pub(crate) async fn open(app: &'a App, owner: UserId) -> Outcome<Self> {
        let place = app.uploads.enter(owner);
        let limit = app.config.waiting_per_user;
        if jobs::sql::waiting(&app.db, owner).await? + i64::from(place.count) > i64::from(limit) {
            return Err(jobs::too_many(limit));
        }
        jobs::check_bytes(app, owner, 1).await?;
        let id = JobId::new();
        let folder = app.scratch.upload(id).map_err(anyhow::Error::from)?;
        Ok(Self { app, id, created_at: app.clock.now(), folder, _place: place })
    }

    /// Takes in the whole file.
    pub(crate) async fn receive<E>(
        self,
        body: &mut (impl Stream<Item = Result<bytes::Bytes, E>> + Unpin),
    ) -> Outcome<Received> {
        let Self { app, id, created_at, folder, _place } = self;
        let file = folder.path().join("upload");
        let Bytes { bytes, sha256 } = receive::receive(body, &file, app.config.max_upload_bytes).await?;
        Ok(Received { id, created_at, file, bytes, sha256, folder })
    }
}
