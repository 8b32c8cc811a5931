//! What somebody has said, before it has a place in its room.

use client::{Attachment, Draft};
use wire::{FileId, RoomId};

use crate::{attachments, text};

/// A message, a file or a conversion on its way into a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsaid {
    /// The text; of a conversion what the file is called.
    pub body: String,
    /// The position of the message that it answers.
    pub re: Option<u64>,
    /// Files of this machine that go with it.
    pub files: Vec<Attachment>,
    /// The file of the room that is to be converted.
    pub att: Vec<FileId>,
    /// What its file is to become.
    pub convert: Option<String>,
}

impl Unsaid {
    /// Nothing but text.
    pub fn text(body: impl Into<String>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// As the screen shows it, cleaned.
    pub fn shown(&self) -> String {
        if let Some(to) = &self.convert {
            return attachments::wish(&self.body, to);
        }
        let files = self.files.iter().map(|file| (file.name.as_str(), file.bytes));
        attachments::below(text::clean(&self.body), files)
    }

    /// The same as the outbox keeps it, under a fresh id.
    pub(crate) fn draft(self, room: RoomId) -> Draft {
        let Self { body, re, files, att, convert } = self;
        Draft { re, files, att, convert, ..Draft::new(room, body) }
    }
}

impl From<Draft> for Unsaid {
    fn from(draft: Draft) -> Self {
        let Draft { body, re, files, att, convert, .. } = draft;
        Self { body, re, files, att, convert }
    }
}
