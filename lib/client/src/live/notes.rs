//! Heads that agreed with what was shown, on their way into what this machine remembers of rooms.

use std::{collections::HashMap, path::PathBuf, time::Duration};

use tokio::time::Instant;
use wire::{RoomId, events::Head};

use crate::verified::Verified;

/// They are written this often at most: one of them says all that those before it do.
const APART: Duration = Duration::from_secs(5);

/// The newest head of each room that is not written yet.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Without a folder nothing is remembered.
    dir: Option<PathBuf>,
    fresh: HashMap<RoomId, (String, Head)>,
    due: Option<Instant>,
}

impl Notes {
    /// From now on they are kept in this folder.
    pub(super) fn keep_in(&mut self, dir: PathBuf) {
        self.dir = Some(dir);
    }

    /// The database agreed with what was shown up to here, in a generation of the log.
    pub(super) fn agreed(&mut self, ep: &str, head: Head, now: Instant) {
        if self.dir.is_some() {
            self.fresh.insert(head.room, (ep.to_owned(), head));
            self.due.get_or_insert(now + APART);
        }
    }

    /// When something is to be written, if anything is.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.due
    }

    /// Writes, when it is time.
    pub(super) async fn write_due(&mut self, now: Instant) {
        if self.due.is_some_and(|due| due <= now) {
            self.write().await;
        }
    }

    /// Writes all of them. What cannot be kept is said in the log: the person looks at rooms, not at this.
    pub(super) async fn write(&mut self) {
        self.due = None;
        let Some(dir) = &self.dir else { return };
        for (room, (ep, head)) in self.fresh.drain() {
            if let Err(error) = Verified::keep(dir, room, &ep, &[head]).await {
                tracing::warn!(%room, %error, "what was verified of a room is not remembered");
            }
        }
    }
}
