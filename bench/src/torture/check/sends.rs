//! What was sent and done: I1 kept as it was, I6 in real time, I7 in its sender's order, I13 not after a refusal.

use std::collections::{BTreeMap, HashMap};

use wire::{ClientId, RoomId};

use super::{
    Found, Promise,
    index::{Client, Key, Seen},
};
use crate::torture::{
    journal::{Observed, Shown},
    schedule::Fault,
};

/// The kind of a message, as its event names it.
const SAID: &str = "said";

/// One message, or one thing done to a message, as its sender knows it.
struct Send {
    key: Key,
    what: What,
    invoked: u64,
    /// When it was acknowledged, and where.
    acked: Option<(u64, u64)>,
    refused: bool,
    /// When it was first not taken for now: what is sent again comes behind what was taken meanwhile.
    put_off: Option<u64>,
    /// Whether its sender's connection was lost before it was answered, and with that maybe an answer.
    cut: bool,
    /// Whether its sender may have been out of the room before it was answered: then a first attempt may have been refused
    /// and a later one, after an answer that was lost, taken.
    outside: bool,
}

/// What was wanted, as far as its sender has written it down.
#[derive(Clone)]
struct What {
    kind: String,
    hash: String,
    tgt: Option<u64>,
}

impl What {
    fn is(&self, shown: &Shown) -> bool {
        // A message that got another id is known by no more than that.
        let is_known = !self.hash.is_empty();
        self.kind == shown.kind && (!is_known || self.hash == shown.hash && self.tgt == shown.tgt)
    }
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

/// What one client sent and did, in the order in which it did; I1 and I13 on the way.
fn sends(seen: &Seen<'_>, who: &str, client: &Client<'_>, found: &mut Found) -> Vec<Send> {
    let Some(user) = client.user else { return Vec::new() };
    let mut sends: Vec<Send> = Vec::new();
    let mut at: HashMap<ClientId, usize> = HashMap::new();
    // Rooms that the sender may be out of, and whether it is just leaving: if not, it is a member again when the room is live.
    let mut outside: HashMap<RoomId, bool> = HashMap::new();
    for line in &client.lines {
        match &line.what {
            Observed::Invoke { room, cid, hash, re } => {
                let what = What { kind: SAID.to_owned(), hash: hash.clone(), tgt: *re };
                at.insert(*cid, sends.len());
                sends.push(Send::new((*room, user, *cid), what, line.t, outside.contains_key(room)));
            }
            Observed::Act { room, cid, kind, tgt, hash } => {
                let what = What { kind: kind.clone(), hash: hash.clone(), tgt: Some(*tgt) };
                at.insert(*cid, sends.len());
                sends.push(Send::new((*room, user, *cid), what, line.t, outside.contains_key(room)));
            }
            Observed::Link { up: false, .. } => {
                sends.iter_mut().filter(|send| send.acked.is_none()).for_each(|send| send.cut = true);
            }
            Observed::PutOff { cid, .. } => {
                at.get(cid).into_iter().for_each(|at| put_off(&mut sends[*at..], line.t));
            }
            Observed::Ok { room, cid, pos } => {
                let what = at.get(cid).map(|at| &sends[*at].what);
                kept(seen, who, (&(*room, user, *cid), what), line.t, *pos, found);
                match at.get(cid).map(|at| &mut sends[*at]) {
                    Some(send) if send.acked.is_none() => {
                        send.acked = Some((line.t, *pos));
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
    found.figures.sent += sends.len();
    found.figures.acked += sends.iter().filter(|send| send.acked.is_some()).count();
    found.figures.done += sends.iter().filter(|send| send.acked.is_some() && !send.is_said()).count();
    found.figures.refused += sends.iter().filter(|send| send.refused).count();
    found.figures.unknown += sends.iter().filter(|send| send.acked.is_none() && !send.refused).count();
    if !sends.is_empty() {
        found.figures.clients += 1;
    }
    sends
}

impl Send {
    fn new(key: Key, what: What, invoked: u64, outside: bool) -> Self {
        Self { key, what, invoked, acked: None, refused: false, put_off: None, cut: false, outside }
    }

    fn is_said(&self) -> bool {
        self.what.kind == SAID
    }

    /// Whether it may stand behind what its sender sent later, which was answered at that moment.
    fn may_stand_behind(&self, answered: u64) -> bool {
        self.outside || self.put_off.is_some_and(|put_off| put_off <= answered)
    }
}

/// The first of these was not taken for now. What was sent behind it in its room may have been refused with it, which its
/// sender does not hear of: it goes with the first.
fn put_off(sends: &mut [Send], t: u64) {
    let Some(room) = sends.first().map(|send| send.key.0) else { return };
    let waits = |send: &&mut Send| send.key.0 == room && send.acked.is_none();
    for send in sends.iter_mut().filter(waits) {
        send.put_off.get_or_insert(t);
    }
}

/// I1: the history has it where it was acknowledged, and as it was meant.
fn kept(
    seen: &Seen<'_>,
    who: &str,
    (key, meant): (&Key, Option<&What>),
    t: u64,
    pos: u64,
    found: &mut Found,
) {
    let epoch = seen.epoch_at(t);
    let what = match seen.place(epoch, key) {
        Some(place) if place == pos => {
            let there = seen.event(epoch, key.0, pos);
            if there.zip(meant).is_none_or(|(there, meant)| meant.is(there)) {
                return;
            }
            format!("was acknowledged, but the history has something else of it: message {}", key.2)
        }
        Some(other) => format!("was acknowledged here, but is at {other}: message {}", key.2),
        None => format!("was acknowledged, but is not in the history: message {}", key.2),
    };
    found.broken_in(Promise::I1, who, key.0, Some(pos), what);
}

/// I7. Only what was put off, or refused by a room that its sender was leaving, may stand behind what was sent after it,
/// and only if that was so before the later one was answered; or what was under way while the log refused and the
/// connection was lost, because then a refusal may be, too. Things that are done go another way than messages: of those,
/// each is begun when the one before it is answered, so that I6 is their order.
fn in_order(seen: &Seen<'_>, who: &str, sends: &[Send], found: &mut Found) {
    let mut before: BTreeMap<(usize, RoomId), Line<'_>> = BTreeMap::new();
    for send in sends.iter().filter(|send| send.is_said()) {
        for epoch in 0..seen.epochs.len() {
            let Some(pos) = seen.place(epoch, &send.key) else { continue };
            let line = before.entry((epoch, send.key.0)).or_default();
            if let Some(last) = line.take(send, pos)
                && !(send.cut && was_refusing(seen, send))
            {
                let what = format!("sent it after the message that is at {last}: message {}", send.key.2);
                found.broken_in(Promise::I7, who, send.key.0, Some(pos), what);
            }
        }
    }
}

/// Whether the log may have refused something while this message was on its way.
fn was_refusing(seen: &Seen<'_>, send: &Send) -> bool {
    use clap::ValueEnum as _;
    let refuses = |name: &str| Fault::from_str(name, false).is_ok_and(Fault::refuses);
    let until = send.acked.map_or(u64::MAX, |(t, _)| t);
    seen.faults.iter().any(|(name, _, from, to)| refuses(name) && *from <= until && send.invoked <= *to)
}

/// What one sender sent to a room so far.
#[derive(Default)]
struct Line<'a> {
    /// The last place of what nothing excuses.
    last: u64,
    /// What may stand behind others, and where it does.
    excused: Vec<(u64, &'a Send)>,
}

impl<'a> Line<'a> {
    /// The place of an earlier one that stands behind this and must not.
    fn take(&mut self, send: &'a Send, pos: u64) -> Option<u64> {
        let answered = send.acked.map_or(u64::MAX, |(t, _)| t);
        let overtaken = |(at, before): &&(u64, &Send)| *at > pos && !before.may_stand_behind(answered);
        let overtaken = self.excused.iter().find(overtaken).map(|(at, _)| *at);
        let overtaken = Some(self.last).filter(|last| *last > pos).or(overtaken);
        match send.may_stand_behind(u64::MAX) {
            true => self.excused.push((pos, send)),
            false => self.last = self.last.max(pos),
        }
        overtaken
    }
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
