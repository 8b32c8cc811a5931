//! The final history as the hub tells it and as its database has it, kept beside the journals.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use client::{EventsQuery, Hub};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};
use wire::{
    RoomId,
    rooms::{EventPage, Room},
};

use super::{check::Epoch, journal::Shown};

const PAGE: u32 = 500;
const LOOK: Duration = Duration::from_millis(50);
/// How long the database may need for what the log has.
const STORED: Duration = Duration::from_secs(30);

#[derive(Serialize, Deserialize)]
struct Kept {
    epoch: usize,
    /// Whether it is a row of the database.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    stored: bool,
    #[serde(flatten)]
    shown: Shown,
}

/// Reads everything that happened in these rooms: as the hub tells it with all that it remembers, and as its database has
/// it by itself.
pub(crate) async fn dump(hub: &Hub, rooms: &[Room]) -> anyhow::Result<Epoch> {
    let (mut told, mut stored) = (BTreeMap::new(), BTreeMap::new());
    for Room { id, .. } in rooms {
        let name = id.to_string();
        let events = all(|query| hub.events(&name, query)).await?;
        until_stored(hub, &name, events.last().map_or(0, |event| event.pos)).await;
        stored.insert(*id, all(|query| hub.rows(&name, query)).await?);
        told.insert(*id, events);
    }
    Ok(Epoch { rooms: told, stored: Some(stored) })
}

/// Page after page.
async fn all<Asked>(page: impl Fn(EventsQuery) -> Asked) -> anyhow::Result<Vec<Shown>>
where
    Asked: Future<Output = Result<EventPage, client::Error>>,
{
    let (mut after, mut events) = (0, Vec::new());
    loop {
        let page = page(EventsQuery { after: Some(after), before: None, limit: Some(PAGE) }).await?;
        after = page.events.last().map_or(after, |event| event.pos);
        events.extend(page.events.iter().map(Shown::from));
        if !page.more {
            return Ok(events);
        }
    }
}

/// Waits until the database has the room up to a position. One that never has it is the judge's matter.
async fn until_stored(hub: &Hub, room: &str, pos: u64) {
    let is_there = async {
        while pos > 0 && !hub.head(room).await.is_ok_and(|head| head.pos >= pos) {
            sleep(LOOK).await;
        }
    };
    let _ = timeout(STORED, is_there).await;
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
