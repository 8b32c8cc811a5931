//! What the database has by itself: of I1, it is what the hub tells with all that it remembers.

use std::collections::BTreeMap;

use wire::RoomId;

use super::{Epoch, Evidence, Found, Promise};
use crate::torture::journal::Shown;

pub(super) fn judge(evidence: &Evidence, found: &mut Found) {
    for Epoch { rooms, stored } in &evidence.epochs {
        let Some(stored) = stored else { continue };
        let none = Vec::new();
        for room in rooms.keys().chain(stored.keys().filter(|room| !rooms.contains_key(room))) {
            let [told, kept] = [rooms, stored].map(|history| history.get(room).unwrap_or(&none));
            found.figures.stored += kept.len();
            compare(*room, told, kept, found);
        }
    }
}

fn compare(room: RoomId, told: &[Shown], kept: &[Shown], found: &mut Found) {
    let [told, kept] = [told, kept].map(by_position);
    let differs = |pos: &&u64| match (told.get(*pos), kept.get(*pos)) {
        (Some(told), Some(kept)) => !told.same(kept),
        _ => true,
    };
    let positions: std::collections::BTreeSet<&u64> = told.keys().chain(kept.keys()).collect();
    let wrong: Vec<u64> = positions.into_iter().filter(differs).copied().collect();
    if let Some(first) = wrong.first() {
        let what = format!(
            "the database differs from what the hub tells at {} position(s); at the first it has {:?}, and told was {:?}",
            wrong.len(),
            kept.get(first),
            told.get(first)
        );
        found.broken_in(Promise::I1, "database", room, Some(*first), what);
    }
}

fn by_position(events: &[Shown]) -> BTreeMap<u64, &Shown> {
    events.iter().map(|event| (event.pos, event)).collect()
}
