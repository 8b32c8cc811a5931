//! Files of rooms: what they are, and which there are; uploading and fetching have files of their own.

use wire::{
    FileId,
    files::{File, RoomFile, RoomFiles},
    paths,
};

use crate::{ask::Ask, error::Error, hub::Hub, rooms::of};

impl Hub {
    /// A file that one may see.
    pub async fn file(&self, id: FileId) -> Result<File, Error> {
        self.ask(Ask::get(paths::fill(paths::FILE_INFO, id))).await
    }

    /// Files of a room, newest first, as many as there are up to `limit`.
    pub async fn files(&self, room: &str, limit: usize) -> Result<Vec<RoomFile>, Error> {
        let mut found: Vec<RoomFile> = Vec::new();
        let mut before: Option<FileId> = None;
        loop {
            let ask = Ask::get(of(paths::ROOM_FILES, room));
            let ask = before.into_iter().fold(ask, |ask, before| ask.query("before", before));
            let page: RoomFiles = self.ask(ask).await?;
            found.extend(page.items);
            found.truncate(limit);
            before = page.next;
            if before.is_none() || found.len() >= limit {
                return Ok(found);
            }
        }
    }
}
