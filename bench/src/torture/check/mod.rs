//! The judge: from the journals and the final history alone, which promise was broken, if any.
//!
//! It knows nothing of the hub, of the schedule or of mutants. Each promise is a function from what was seen to the
//! places where it does not hold.

mod end;
mod heads;
mod index;
mod jobs;
mod members;
mod reads;
mod screens;
mod sends;
mod stored;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use wire::{ClientId, RoomId};

use super::journal::{Line, Shown};
use index::Seen;

/// Everything that is judged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    /// What was observed, in any order.
    pub(crate) lines: Vec<Line>,
    /// What the hub says happened: one history for each generation of the log.
    pub(crate) epochs: Vec<Epoch>,
}

/// The history of one generation, room by room, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Epoch {
    pub(crate) rooms: BTreeMap<RoomId, Vec<Shown>>,
    /// The same from the rows of the database alone, if they were asked for.
    pub(crate) stored: Option<BTreeMap<RoomId, Vec<Shown>>>,
}

/// The promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Promise {
    /// What was acknowledged, said or done, is in the history, once, at the place that was told.
    I1,
    /// What anybody saw is in the history.
    I2,
    /// What anybody saw of a room has no hole and grows.
    I3,
    /// The bare wire has no hole either, unless it says so.
    I4,
    /// Nothing is there twice.
    I5,
    /// What was acknowledged before another message was sent comes before it.
    I6,
    /// The messages of one sender in a room keep their order.
    I7,
    /// Watermarks grow, count and hash what the history holds, and are never ahead of it.
    I8,
    /// History that is asked for after an acknowledgement contains the message.
    I9,
    /// A new generation of the log is announced, and nothing of the old one is mixed in.
    I10,
    /// Nothing that comes after somebody left reaches them.
    I11,
    /// Shortly after the last fault everybody has everything, and nothing waits to be sent.
    I12,
    /// What was refused for good did not happen.
    I13,
    /// A document that was taken is converted, once, and none was taken twice.
    I14,
}

/// A promise that was broken, and the least that shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Violation {
    pub(crate) promise: Promise,
    pub(crate) who: String,
    pub(crate) room: Option<RoomId>,
    pub(crate) pos: Option<u64>,
    pub(crate) cid: Option<ClientId>,
    pub(crate) what: String,
}

/// How bad it is, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Figures {
    pub(crate) clients: usize,
    pub(crate) sent: usize,
    pub(crate) acked: usize,
    /// Of these, what was done to messages: edits, removals, signs and pins.
    pub(crate) done: usize,
    pub(crate) refused: usize,
    /// Sent, and never answered.
    pub(crate) unknown: usize,
    /// Events that clients were shown.
    pub(crate) deliveries: usize,
    pub(crate) lost: usize,
    pub(crate) duplicated: usize,
    pub(crate) reordered: usize,
    /// Frames that came a second time over the bare wire, which is allowed.
    pub(crate) redelivered: usize,
    /// How often somebody left a room by the log: nothing of what came after may have reached them.
    pub(crate) departures: usize,
    /// Rows of the database that were compared with the history.
    pub(crate) stored: usize,
    /// Watermarks that were compared with the history.
    pub(crate) watermarks: usize,
    /// How often somebody was told that the log began anew.
    pub(crate) resets: usize,
    /// Documents that the hub took to convert.
    pub(crate) converted: usize,
    pub(crate) faults: BTreeMap<String, usize>,
    /// From the end of a fault until everybody it concerned was served again: the middle and the worst, in ms.
    pub(crate) recovery_p50_ms: u64,
    pub(crate) recovery_max_ms: u64,
    /// How long the last one needed to come to rest after the last fault, in ms.
    pub(crate) rest_ms: u64,
    /// How long nothing was done to the hub after the first fault and before the end, and what it acknowledged then.
    pub(crate) peace_ms: u64,
    pub(crate) peace_acked: usize,
}

impl Figures {
    /// How much was seen of a promise that holds as well when nothing happens.
    fn seen_of(&self, promise: Promise) -> usize {
        match promise {
            Promise::I1 => self.done.min(self.acked - self.done).min(self.stored),
            Promise::I8 => self.watermarks,
            Promise::I10 => self.resets,
            Promise::I11 => self.departures,
            Promise::I14 => self.converted,
            _ => self.deliveries,
        }
    }
}

/// What the judge says.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) figures: Figures,
    pub(crate) violations: Vec<Violation>,
    /// Promises of which the run was to show something, and did not.
    pub(crate) unseen: BTreeSet<Promise>,
    /// How long everybody might need to come to rest, in ms.
    pub(crate) rest_limit_ms: u64,
}

impl Verdict {
    /// Whether every promise was kept, and put to the test.
    pub(crate) fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.unseen.is_empty()
    }

    /// The promises that were not.
    pub(crate) fn broken(&self) -> BTreeSet<Promise> {
        self.violations.iter().map(|violation| violation.promise).collect()
    }
}

/// Judges a run, after which everybody was to come to rest in a time: the one limit here that is not a question of true
/// or false, but of the machine.
pub(crate) fn judge(evidence: &Evidence, rest: Duration) -> Verdict {
    let seen = Seen::of(evidence);
    let mut found = Found::default();
    screens::judge(&seen, &mut found);
    sends::judge(&seen, &mut found);
    stored::judge(evidence, &mut found);
    heads::judge(&seen, &mut found);
    reads::judge(&seen, &mut found);
    members::judge(&seen, &mut found);
    jobs::judge(&seen, &mut found);
    end::judge(&seen, rest, &mut found);
    let Found { mut figures, mut violations } = found;
    let count = |wanted: &[Promise]| violations.iter().filter(|v| wanted.contains(&v.promise)).count();
    figures.lost = count(&[Promise::I1, Promise::I3, Promise::I9]);
    figures.duplicated = count(&[Promise::I5]);
    figures.reordered = count(&[Promise::I6, Promise::I7]);
    violations.sort_by_key(|violation| violation.promise);
    let unseen = seen.meant.iter().copied().filter(|promise| figures.seen_of(*promise) == 0).collect();
    let rest_limit_ms = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX);
    Verdict { figures, violations, unseen, rest_limit_ms }
}

/// What the functions of the promises add to.
#[derive(Default)]
struct Found {
    figures: Figures,
    violations: Vec<Violation>,
}

impl Found {
    fn broken(&mut self, promise: Promise, who: &str, shown: Option<&Shown>, what: String) {
        self.violations.push(Violation {
            promise,
            who: who.to_owned(),
            room: shown.map(|shown| shown.room),
            pos: shown.map(|shown| shown.pos),
            cid: shown.map(|shown| shown.cid),
            what,
        });
    }

    fn broken_in(&mut self, promise: Promise, who: &str, room: RoomId, pos: Option<u64>, what: String) {
        let (who, room) = (who.to_owned(), Some(room));
        self.violations.push(Violation { promise, who, room, pos, cid: None, what });
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} {}: {}", self.promise, self.who, self.what)?;
        if let Some(room) = self.room {
            write!(out, "; room {room}")?;
        }
        if let Some(pos) = self.pos {
            write!(out, ", position {pos}")?;
        }
        if let Some(cid) = self.cid {
            write!(out, ", message {cid}")?;
        }
        Ok(())
    }
}
