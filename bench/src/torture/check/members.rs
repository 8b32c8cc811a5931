//! Membership: I11, nothing that comes after somebody left reaches them before they join again.

use std::collections::BTreeSet;

use wire::{RoomId, UserId};

use super::{
    Found, Promise,
    index::{Client, Seen},
};
use crate::torture::journal::Observed;

pub(super) fn judge(seen: &Seen<'_>, found: &mut Found) {
    for (who, client) in &seen.clients {
        let Some(user) = client.user else { continue };
        let left: BTreeSet<RoomId> = client.lines.iter().filter_map(|line| leaving(&line.what)).collect();
        for room in left {
            for epoch in 0..seen.epochs.len() {
                absent(seen, (who, client, user), room, epoch, found);
            }
        }
    }
}

fn leaving(what: &Observed) -> Option<RoomId> {
    match what {
        Observed::Leave { room } => Some(*room),
        _ => None,
    }
}

/// The departures of one person from one room in one generation, each with the time until the return.
fn absent(
    seen: &Seen<'_>,
    (who, client, user): (&str, &Client<'_>, UserId),
    room: RoomId,
    epoch: usize,
    found: &mut Found,
) {
    let of = |wanted: fn(&Observed) -> Option<RoomId>| {
        let lines = client.lines.iter().filter(move |line| wanted(&line.what) == Some(room));
        lines.map(|line| line.t).filter(|t| seen.epoch_at(*t) == epoch).collect::<Vec<_>>()
    };
    let leaves = of(leaving);
    let joins = of(|what| match what {
        Observed::Join { room } => Some(*room),
        _ => None,
    });
    let positions = departures(seen, epoch, room, user);
    if leaves.len() != positions.len() {
        // Whoever is killed on the way out may not have left, and the log may hear of it late: which departure is which
        // cannot be said then.
        found.figures.unjudged += leaves.len();
        return;
    }
    for (from, left) in leaves.iter().zip(positions) {
        let until = joins.iter().find(|join| *join > from).copied().unwrap_or(u64::MAX);
        for line in client.lines.iter().filter(|line| line.t > *from && line.t < until) {
            let (Observed::Ev(shown) | Observed::Heard(shown)) = &line.what else { continue };
            if shown.room == room && shown.pos > left {
                found.broken(Promise::I11, who, Some(shown), format!("saw it after leaving at {left}"));
            }
        }
    }
}

fn departures(seen: &Seen<'_>, epoch: usize, room: RoomId, user: UserId) -> Vec<u64> {
    let events = seen.epochs.get(epoch).and_then(|history| history.rooms.get(&room));
    let events = events.into_iter().flat_map(|events| events.values());
    events.filter(|event| event.kind == "left" && event.by == user).map(|event| event.pos).collect()
}
