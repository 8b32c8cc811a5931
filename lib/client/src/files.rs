//! Files of rooms: what they are, and which there are; uploading and fetching have files of their own.

use wire::{
    FileId,
    conversions::ConvertInRoom,
    files::{File, RoomFile, RoomFiles},
    messages::Message,
    paths,
    rooms::Sent,
};

use crate::{
    ask::Ask,
    error::Error,
    hub::Hub,
    rooms::{EventsQuery, of},
};

impl Hub {
    /// Has a file of a room converted for everybody there. Like [`Hub::say`] it returns when the wish is durable.
    pub async fn convert_in_room(&self, room: &str, wanted: &ConvertInRoom) -> Result<Sent, Error> {
        self.append(room, Ask::post(of(paths::ROOM_CONVERSIONS, room)).json(wanted)?).await
    }

    /// The message at a position as it is now, if there is one.
    pub async fn message_at(&self, room: &str, pos: u64) -> Result<Option<Message>, Error> {
        let query = EventsQuery { after: Some(pos.saturating_sub(1)), before: None, limit: Some(1) };
        let page = self.messages(room, query).await?;
        Ok(page.messages.into_iter().find(|message| message.pos == pos))
    }

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
