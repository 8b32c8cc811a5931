//! Files in rooms: what was uploaded, and what a message carries of it.

use serde::{Deserialize, Serialize};

use crate::{FileId, RoomId, Timestamp, UserId};

/// Files that one message can carry.
pub const FILES: usize = 10;
const NAME_BYTES: usize = 255;

/// A file as the hub keeps it. It never changes; who is in its room can fetch it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct File {
    /// The file.
    pub id: FileId,
    /// What it is called: a name, never a path.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content, 64 hex digits.
    pub sha256: String,
    /// What its content looks like, whatever the name says: `application/octet-stream` when it looks like nothing.
    pub media_type: String,
}

impl File {
    /// Whether the hub makes small pictures of files like this.
    pub fn is_picture(&self) -> bool {
        self.media_type.starts_with("image/")
    }
}

/// The query of `POST /api/v1/rooms/{room}/files`; the body is the file itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewFile {
    /// What to call it; folders before the name are left out.
    #[serde(default)]
    pub name: String,
}

/// A file and the message that it went with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoomFile {
    /// The file.
    #[serde(flatten)]
    pub file: File,
    /// Where it is.
    pub room: RoomId,
    /// The position of the message.
    pub pos: u64,
    /// Who sent it.
    pub by: UserId,
    /// When it was uploaded.
    pub ts: Timestamp,
}

/// `GET /api/v1/rooms/{room}/files`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoomFiles {
    /// Newest first.
    pub items: Vec<RoomFile>,
    /// Pass it as `before` for the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<FileId>,
}

/// A file's name without folders and control characters, and not longer than file systems take; `fallback` when
/// nothing is left of it.
pub fn plain_name(name: &str, fallback: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|letter| !letter.is_control()).collect();
    let clean = clean.trim();
    // The end is what tells the format, so the beginning goes.
    let from = clean.ceil_char_boundary(clean.len().saturating_sub(NAME_BYTES));
    match &clean[from..] {
        "" | "." | ".." => fallback.to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_name_and_not_a_path() {
        let plain = |name| plain_name(name, "upload");

        assert_eq!(plain("../../etc/passwd.md"), "passwd.md");
        assert_eq!(plain("C:\\Users\\Ann\\notes\u{7}.md "), "notes.md");
        assert_eq!(plain(".."), "upload");
        let long = format!("{}.docx", "ä".repeat(200));
        assert!(plain(&long).len() <= NAME_BYTES && plain(&long).ends_with("ä.docx"));
    }
}
