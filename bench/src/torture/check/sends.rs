//! What was sent: I1 kept, I6 in real time, I7 in its sender's order, I13 not after a refusal.

use std::collections::{BTreeMap, HashMap};

use wire::{ClientId, RoomId};

use super::{
    Found, Promise,
    index::{Client, Key, Seen},
};
use crate::torture::{journal::Observed, schedule::Fault};

/// One message as its sender knows it.
struct Send {
    key: Key,
    invoked: u64,
    /// When it was acknowledged, and where.
    acked: Option<(u64, u64)>,
    refused: bool,
    /// Whether its sender may have been out of the room before it was answered: then a first attempt may have been refused
    /// and a later one, after an answer that was lost, taken.
    outside: bool,
}

pub(super) fn judge(seen: &Seen<'_>, found: &mut Found) {
    let mut all: Vec<(&str, Send)> = Vec::new();
    for (who, client) in &seen.clients {
        let sends = sends(seen, who, client, found);
        in_order(seen, who, &sends, found);
        all.extend(sends.into_iter().map(|send| (*who, send)));
    }
    in_time(seen, &all, found);
}

/// The messages of one client in the order they were sent; I1 and I13 on the way.
fn sends(seen: &Seen<'_>, who: &str, client: &Client<'_>, found: &mut Found) -> Vec<Send> {
    let Some(user) = client.user else { return Vec::new() };
    let mut sends: Vec<Send> = Vec::new();
    let mut at: HashMap<ClientId, usize> = HashMap::new();
    // Rooms that the sender may be out of, and whether it is just leaving: if not, it is a member again when the room is live.
    let mut outside: HashMap<RoomId, bool> = HashMap::new();
    for line in &client.lines {
        match &line.what {
            Observed::Invoke { room, cid, .. } => {
                at.insert(*cid, sends.len());
                let key = (*room, user, *cid);
                let outside = outside.contains_key(room);
                sends.push(Send { key, invoked: line.t, acked: None, refused: false, outside });
                found.figures.sent += 1;
            }
            Observed::Ok { room, cid, pos } => {
                let key = (*room, user, *cid);
                kept(seen, who, &key, line.t, *pos, found);
                match at.get(cid).map(|at| &mut sends[*at]) {
                    Some(send) if send.acked.is_none() => {
                        send.acked = Some((line.t, *pos));
                        found.figures.acked += 1;
                    }
                    Some(send) if send.acked.is_some_and(|(_, first)| first != *pos) => {
                        let what = format!("was told two places, {:?} and {pos}", send.acked);
                        found.broken_in(Promise::I1, who, *room, Some(*pos), what);
                    }
                    _ => {}
                }
            }
            Observed::Err { room, cid, code } => {
                // A client that was killed may be refused the same message again.
                at.get(cid).into_iter().for_each(|at| sends[*at].refused = true);
                let key = (*room, user, *cid);
                if let Some(pos) = (0..seen.epochs.len()).find_map(|epoch| seen.place(epoch, &key)) {
                    let what = format!("was refused with {code}, and is in the history: message {cid}");
                    found.broken_in(Promise::I13, who, *room, Some(pos), what);
                }
            }
            Observed::Hello { .. } => outside.values_mut().for_each(|leaving| *leaving = false),
            Observed::Leave { room } => {
                outside.insert(*room, true);
                let waits = |send: &&mut Send| send.key.0 == *room && send.acked.is_none() && !send.refused;
                sends.iter_mut().filter(waits).for_each(|send| send.outside = true);
            }
            Observed::Join { room } => drop(outside.insert(*room, false)),
            Observed::Live { room, .. } if outside.get(room) == Some(&false) => drop(outside.remove(room)),
            _ => {}
        }
    }
    found.figures.refused += sends.iter().filter(|send| send.refused).count();
    found.figures.unknown += sends.iter().filter(|send| send.acked.is_none() && !send.refused).count();
    if !sends.is_empty() {
        found.figures.clients += 1;
    }
    sends
}

/// I1: the history has it where it was acknowledged.
fn kept(seen: &Seen<'_>, who: &str, key: &Key, t: u64, pos: u64, found: &mut Found) {
    let place = seen.place(seen.epoch_at(t), key);
    if place == Some(pos) {
        return;
    }
    let what = match place {
        Some(other) => format!("was acknowledged here, but is at {other}: message {}", key.2),
        None => format!("was acknowledged, but is not in the history: message {}", key.2),
    };
    found.broken_in(Promise::I1, who, key.0, Some(pos), what);
}

/// I7, except where the log refused messages between the two, or the room the first of them, whose sender had left it or
/// did so before the answer: what is sent again comes behind what was not refused.
fn in_order(seen: &Seen<'_>, who: &str, sends: &[Send], found: &mut Found) {
    let mut newest: BTreeMap<(usize, RoomId), u64> = BTreeMap::new();
    for send in sends {
        for epoch in 0..seen.epochs.len() {
            let Some(pos) = seen.place(epoch, &send.key) else { continue };
            let last = newest.entry((epoch, send.key.0)).or_insert(0);
            if pos < *last && !was_refusing(seen, send) {
                let what = format!("sent it after the message that is at {last}: message {}", send.key.2);
                found.broken_in(Promise::I7, who, send.key.0, Some(pos), what);
            }
            if !send.outside {
                *last = pos.max(*last);
            }
        }
    }
}

/// Whether the log may have refused something while this message, or one shortly before it, was on its way.
fn was_refusing(seen: &Seen<'_>, send: &Send) -> bool {
    use clap::ValueEnum as _;
    let refuses = |name: &str| Fault::from_str(name, false).is_ok_and(Fault::refuses);
    let until = send.acked.map_or(u64::MAX, |(t, _)| t);
    seen.faults.iter().any(|(name, _, from, to)| refuses(name) && *from <= until && send.invoked <= *to)
}

/// I6: a message that was sent after another one was acknowledged comes behind it.
fn in_time(seen: &Seen<'_>, sends: &[(&str, Send)], found: &mut Found) {
    for epoch in 0..seen.epochs.len() {
        // Of each room: acknowledgements and beginnings by time.
        let mut rooms: BTreeMap<RoomId, Vec<(u64, bool, u64, &str)>> = BTreeMap::new();
        for (who, send) in sends {
            let Some(pos) = seen.place(epoch, &send.key) else { continue };
            let moments = rooms.entry(send.key.0).or_default();
            moments.push((send.invoked, false, pos, who));
            let acked = send.acked.filter(|(t, _)| seen.epoch_at(*t) == epoch);
            moments.extend(acked.map(|(t, pos)| (t, true, pos, *who)));
        }
        for (room, mut moments) in rooms {
            moments.sort_unstable();
            let mut newest = (0, "nobody");
            for (_, is_ack, pos, who) in moments {
                if is_ack {
                    newest = newest.max((pos, who));
                } else if pos < newest.0 {
                    let (acked, by) = newest;
                    let what = format!("sent it after the message of {by} at {acked} was acknowledged");
                    found.broken_in(Promise::I6, who, room, Some(pos), what);
                }
            }
        }
    }
}
