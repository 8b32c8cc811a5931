//! Watermarks: I8, they grow, their count and chain hash are those of the history, and none is ahead of what was sent.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest as _, Sha256};
use wire::RoomId;

use super::{Found, Promise, index::Seen};
use crate::torture::journal::{Observed, Shown};

/// Of a generation and a room: count and hash at each position.
type Chains = HashMap<(usize, RoomId), BTreeMap<u64, (u64, String)>>;

pub(super) fn judge(seen: &Seen<'_>, found: &mut Found) {
    let (chains, begun) = (chains(seen), begun(seen));
    for (who, client) in &seen.clients {
        let mut newest: HashMap<(usize, RoomId), u64> = HashMap::new();
        for line in &client.lines {
            if let Observed::Differs { room, after, upto } = &line.what {
                let what = format!("its core says that the hub counts otherwise after {after}");
                found.broken_in(Promise::I8, who, *room, Some(*upto), what);
            }
            let Observed::Wm { room, pos, n, h } = &line.what else { continue };
            let at = (seen.epoch_at(line.t), *room);
            found.figures.watermarks += 1;
            if let Some(begun) = begun.get(&(at.0, *room, *pos)).filter(|begun| **begun > line.t) {
                let what = format!("the watermark was there {} µs before its message", begun - line.t);
                found.broken_in(Promise::I8, who, *room, Some(*pos), what);
            }
            let last = newest.insert(at, *pos).unwrap_or(0);
            if *pos < last {
                let what = format!("the watermark went back from {last}");
                found.broken_in(Promise::I8, who, *room, Some(*pos), what);
            }
            let known = chains.get(&at).and_then(|chain| chain.get(pos));
            if known.is_none_or(|(count, hash)| count != n || hash != h) {
                let what = format!("the watermark is ({n}, {h}), the history gives {known:?}");
                found.broken_in(Promise::I8, who, *room, Some(*pos), what);
            }
        }
    }
}

/// When what is at a position was begun: before that it can be in no database.
fn begun(seen: &Seen<'_>) -> HashMap<(usize, RoomId, u64), u64> {
    let mut begun = HashMap::new();
    for client in seen.clients.values() {
        let Some(user) = client.user else { continue };
        for line in &client.lines {
            let (Observed::Invoke { room, cid, .. } | Observed::Act { room, cid, .. }) = &line.what else {
                continue;
            };
            for epoch in 0..seen.epochs.len() {
                if let Some(pos) = seen.place(epoch, &(*room, user, *cid)) {
                    begun.entry((epoch, *room, pos)).or_insert(line.t);
                }
            }
        }
    }
    begun
}

fn chains(seen: &Seen<'_>) -> Chains {
    let mut chains = Chains::new();
    for (epoch, history) in seen.epochs.iter().enumerate() {
        for (room, events) in &history.rooms {
            let (mut h, mut chain) = ([0; 16], BTreeMap::new());
            for (n, (pos, event)) in (1..).zip(events) {
                h = link(h, event);
                chain.insert(*pos, (n, hex::encode(h)));
            }
            chains.insert((epoch, *room), chain);
        }
    }
    chains
}

/// `h(n) = SHA-256(h(n-1) ‖ pos ‖ author ‖ cid ‖ kind ‖ SHA-256(body))`, cut to 16 bytes: mshub-protocol(7).
pub(super) fn link(before: [u8; 16], event: &Shown) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(event.pos.to_be_bytes());
    hash.update(event.by.0.as_bytes());
    hash.update(event.cid.0.as_bytes());
    hash.update(event.kind.as_bytes());
    hash.update(hex::decode(&event.hash).unwrap_or_default());
    let mut cut = [0; 16];
    cut.copy_from_slice(&hash.finalize()[..16]);
    cut
}
