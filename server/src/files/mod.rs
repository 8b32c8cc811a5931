//! Files in rooms: uploaded, sent with a message, fetched by whoever is in the room, and gone with their message.
//!
//! The bytes are objects and the rows say whose they are. A file belongs to the one message that claimed it; where
//! that message is, the log knows. A file that no message carries is swept out after a day.

mod attach;
mod deliver;
pub(crate) mod download;
pub(crate) mod list;
mod media;
mod range;
mod remove;
mod result;
mod sql;
pub(crate) mod thumbnail;
pub(crate) mod upload;

use wire::{FileId, RoomId, Timestamp, UserId, files::File};

pub(crate) use attach::{claim, convertible, for_conversion, settled_by};
pub(crate) use deliver::{Content, deliver};
pub(crate) use remove::{forget_room, one as remove, removal, remove_of_message, remove_of_room, sweep};
pub(crate) use result::{content, keep_result, owner};

/// How long an upload waits for its message.
const WAIT_SECONDS: i64 = 24 * 3600;

/// A file and what only the hub knows of it.
#[derive(Clone, Debug)]
struct Kept {
    file: File,
    room: RoomId,
    owner: UserId,
    created_at: Timestamp,
    cid: Option<wire::ClientId>,
    pos: Option<u64>,
    thumbnail: Option<String>,
}

/// Where the bytes of a file are.
fn object_key(room: RoomId, file: FileId) -> String {
    format!("files/{room}/{file}")
}

/// Where its small picture is.
fn thumbnail_key(room: RoomId, file: FileId) -> String {
    format!("thumbnails/{room}/{file}")
}
