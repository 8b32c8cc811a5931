//! Rooms by name, as the hub last told: so that a message can be put into the outbox while no hub answers.

use std::{collections::BTreeMap, fs, path::PathBuf};

use wire::{RoomId, rooms::Room};

use super::Outbox;
use crate::{disk, error::Error};

type Names = BTreeMap<String, RoomId>;

impl Outbox {
    /// The room that had this name, with or without `#`, when this machine last heard of it; `@NAME` is the
    /// conversation with somebody of that name.
    pub fn room_named(&self, name: &str) -> Option<RoomId> {
        let names = read(&self.names()?);
        names.get(&name.trim_start_matches('#').to_lowercase()).copied()
    }

    /// Remembers the names of rooms that one is in. Of several of one name it is the public one, or the one that is
    /// remembered: what the hub answers to a name is given alone.
    pub async fn remember(&self, rooms: &[Room]) -> Result<(), Error> {
        let Some(path) = self.names() else { return Ok(()) };
        let known = read(&path);
        let mut names = known.clone();
        let joined = || rooms.iter().filter(|room| room.joined && !room.name.is_empty());
        for room in joined() {
            let name = name_of(room);
            if room.private && joined().any(|other| other.id != room.id && name_of(other) == name) {
                continue;
            }
            names.retain(|_, id| *id != room.id);
            names.insert(name, room.id);
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

/// What a room is called by, as `room list` shows it and without `#`.
fn name_of(room: &Room) -> String {
    let at = if room.direct { "@" } else { "" };
    format!("{at}{}", room.name.to_lowercase())
}

/// What cannot be read is forgotten: the hub tells it again.
fn read(path: &PathBuf) -> Names {
    fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn room(name: &str, private: bool, direct: bool) -> Room {
        let (id, created_at) = (RoomId::new(), "2026-11-22T20:00:00Z");
        let room = json!({
            "id": id, "name": name, "private": private, "direct": direct, "members": 2, "joined": true,
            "created_at": created_at,
        });
        serde_json::from_value(room).unwrap()
    }

    #[tokio::test]
    async fn of_several_rooms_of_a_name_it_is_the_public_one_or_what_the_hub_answered() {
        let dir = tempfile::tempdir().unwrap();
        let outbox = Outbox::at(dir.path());
        let (public, private, other) =
            (room("talk", false, false), room("talk", true, false), room("a", true, false));
        let (rival, ann) = (room("a", true, false), room("talk", true, true));

        outbox.remember(std::slice::from_ref(&other)).await.unwrap();
        outbox.remember(&[private, public.clone(), rival, other.clone(), ann.clone()]).await.unwrap();

        let found = ["#Talk", "a", "@talk", "b"].map(|name| outbox.room_named(name));
        assert_eq!(found, [Some(public.id), Some(other.id), Some(ann.id), None]);
    }
}
