//! Rooms by name, as the hub last told: so that a message can be put into the outbox while no hub answers.

use std::{collections::BTreeMap, fs, path::PathBuf};

use wire::{RoomId, rooms::Room};

use super::Outbox;
use crate::{disk, error::Error};

type Names = BTreeMap<String, RoomId>;

impl Outbox {
    /// The room that had this name, with or without `#`, when this machine last heard of it.
    pub fn room_named(&self, name: &str) -> Option<RoomId> {
        let names = read(&self.names()?);
        names.get(&name.trim_start_matches('#').to_lowercase()).copied()
    }

    /// Remembers the names of rooms that one is in.
    pub async fn remember(&self, rooms: &[Room]) -> Result<(), Error> {
        let Some(path) = self.names() else { return Ok(()) };
        let known = read(&path);
        let mut names = known.clone();
        let joined = rooms.iter().filter(|room| room.joined && !room.name.is_empty());
        for room in joined {
            names.retain(|_, id| *id != room.id);
            names.insert(room.name.to_lowercase(), room.id);
        }
        if names == known {
            return Ok(());
        }
        self.with(move |_| disk::replace(&path, &serde_json::to_vec_pretty(&names)?)).await
    }

    fn names(&self) -> Option<PathBuf> {
        Some(self.inner.dir.as_ref()?.join("rooms.json"))
    }
}

/// What cannot be read is forgotten: the hub tells it again.
fn read(path: &PathBuf) -> Names {
    fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}
