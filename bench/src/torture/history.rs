//! The final history as the hub tells it, kept beside the journals.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
};

use anyhow::Context as _;
use client::{EventsQuery, Hub};
use serde::{Deserialize, Serialize};
use wire::{RoomId, rooms::Room};

use super::{check::Epoch, journal::Shown};

const PAGE: u32 = 500;

#[derive(Serialize, Deserialize)]
struct Kept {
    epoch: usize,
    /// Whether it is a row of the database.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    stored: bool,
    #[serde(flatten)]
    shown: Shown,
}

/// Reads everything that happened in these rooms.
pub(crate) async fn dump(hub: &Hub, rooms: &[Room]) -> anyhow::Result<Epoch> {
    let mut epoch = Epoch::default();
    for room in rooms {
        let (mut after, mut events) = (0, Vec::new());
        loop {
            let query = EventsQuery { after: Some(after), before: None, limit: Some(PAGE) };
            let page = hub.events(&room.id.to_string(), query).await?;
            after = page.events.last().map_or(after, |event| event.pos);
            events.extend(page.events.iter().map(Shown::from));
            if !page.more {
                break;
            }
        }
        epoch.rooms.insert(room.id, events);
    }
    Ok(epoch)
}

/// The newest position of each room, if there is one.
pub(crate) async fn heads(hub: &Hub, rooms: &[Room]) -> anyhow::Result<BTreeMap<RoomId, u64>> {
    let mut heads = BTreeMap::new();
    for room in rooms {
        let page =
            hub.events(&room.id.to_string(), EventsQuery { limit: Some(1), ..Default::default() }).await?;
        if let Some(newest) = page.events.last() {
            heads.insert(room.id, newest.pos);
        }
    }
    Ok(heads)
}

/// Keeps the histories of a run.
pub(crate) fn write(path: &Path, epochs: &[Epoch]) -> anyhow::Result<()> {
    let mut file = fs::File::create(path).with_context(|| format!("{} cannot be made", path.display()))?;
    for (epoch, history) in epochs.iter().enumerate() {
        let told = history.rooms.values().flatten().map(|shown| (false, shown));
        let rows = history.stored.iter().flat_map(BTreeMap::values).flatten().map(|shown| (true, shown));
        for (stored, shown) in told.chain(rows) {
            let line = serde_json::to_string(&Kept { epoch, stored, shown: shown.clone() })?;
            writeln!(file, "{line}")?;
        }
    }
    Ok(())
}

/// Reads them again.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Epoch>> {
    let file = fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut epochs: Vec<Epoch> = Vec::new();
    for line in BufReader::new(file).lines() {
        let Kept { epoch, stored, shown } = serde_json::from_str(&line?)?;
        while epochs.len() <= epoch {
            epochs.push(Epoch::default());
        }
        let rooms = match stored {
            false => &mut epochs[epoch].rooms,
            true => epochs[epoch].stored.get_or_insert_default(),
        };
        rooms.entry(shown.room).or_default().push(shown);
    }
    Ok(epochs)
}
