//! What was shown: I2 no phantom, I3 and I4 no hole, I5 nothing twice, I10 generations apart.

use std::collections::{BTreeSet, HashMap, HashSet};

use wire::RoomId;

use super::{Found, Promise, index::Client, index::Seen};
use crate::torture::journal::{Line, Observed, Shown};

/// One room on one client's screen, from when it was opened until it was closed or began anew.
struct Screen<'a> {
    room: RoomId,
    epoch: usize,
    /// What came before it is known to have been seen.
    last: Option<u64>,
    /// Positions that were shown.
    shown: BTreeSet<u64>,
    cids: HashSet<wire::ClientId>,
    gaps: Vec<(u64, u64)>,
    /// The last line that belongs to it.
    until: &'a Line,
}

pub(super) fn judge(seen: &Seen<'_>, found: &mut Found) {
    for (who, client) in &seen.clients {
        let void = client.lines.iter().flat_map(|line| match &line.what {
            Observed::Void { room, pos } => pos.iter().map(|pos| (*room, *pos)).collect(),
            _ => Vec::new(),
        });
        let void = void.collect();
        let mut wall = Wall { seen, who, screens: HashMap::new(), filled: HashSet::new(), void };
        for line in &client.lines {
            wall.take(line, found);
        }
        wall.close(client, found);
    }
    twice_in_history(seen, found);
}

/// A client's screens.
struct Wall<'a, 'b> {
    seen: &'b Seen<'a>,
    who: &'b str,
    screens: HashMap<RoomId, Screen<'a>>,
    filled: HashSet<(usize, RoomId, u64)>,
    /// What was taken back, which may have been seen before.
    void: HashSet<(RoomId, u64)>,
}

impl<'a> Wall<'a, '_> {
    fn take(&mut self, line: &'a Line, found: &mut Found) {
        let epoch = self.seen.epoch_at(line.t);
        match &line.what {
            Observed::Hello { .. } => self.screens.clear(),
            Observed::Subscribed { room } => self.open(*room, epoch, None, line),
            Observed::Resumed { room, pos } => self.resume(*room, epoch, *pos, line),
            Observed::Reset { room } => self.reset(*room, epoch, line, found),
            Observed::Left { room } => drop(self.screens.remove(room)),
            Observed::Gap { room, from, to } => self.gap(*room, *from, *to),
            Observed::Filled(shown) => {
                self.filled.insert((epoch, shown.room, shown.pos));
                self.real(epoch, shown, found);
            }
            Observed::Page { seen, .. } => seen.iter().for_each(|shown| self.real(epoch, shown, found)),
            Observed::Ev(shown) if self.void.contains(&(shown.room, shown.pos)) => {}
            Observed::Ev(shown) => {
                found.figures.deliveries += 1;
                self.show(shown, line, Promise::I3, found);
            }
            Observed::Heard(shown) => self.show(shown, line, Promise::I4, found),
            _ => {}
        }
    }

    fn open(&mut self, room: RoomId, epoch: usize, last: Option<u64>, until: &'a Line) {
        let (shown, cids, gaps) = (BTreeSet::new(), HashSet::new(), Vec::new());
        self.screens.insert(room, Screen { room, epoch, last, shown, cids, gaps, until });
    }

    /// What was seen before is known: a gateway that is behind the one before may send it again.
    fn resume(&mut self, room: RoomId, now: usize, pos: u64, line: &'a Line) {
        let before = self.screens.remove(&room);
        self.open(room, before.as_ref().map_or(now, |screen| screen.epoch), Some(pos), line);
        if let (Some(before), Some(screen)) = (before, self.screens.get_mut(&room)) {
            (screen.shown, screen.cids) = (before.shown, before.cids);
        }
    }

    fn reset(&mut self, room: RoomId, now: usize, line: &'a Line, found: &mut Found) {
        found.figures.resets += 1;
        let epoch = self.screens.get(&room).map_or(now, |screen| screen.epoch + 1);
        if epoch > now {
            let what = "was told that the log began anew, and it did not".to_owned();
            found.broken_in(Promise::I10, self.who, room, None, what);
        }
        self.open(room, epoch.min(now), None, line);
    }

    fn gap(&mut self, room: RoomId, from: u64, to: u64) {
        if let Some(screen) = self.screens.get_mut(&room) {
            screen.gaps.push((from, to));
            screen.last = Some(to.saturating_sub(1)).max(screen.last);
        }
    }

    /// I2 and I10: what is seen is in the history of its generation.
    fn real(&self, epoch: usize, shown: &Shown, found: &mut Found) {
        if self.seen.event(epoch, shown.room, shown.pos).is_some_and(|event| event.same(shown)) {
            return;
        }
        let other = (0..self.seen.epochs.len()).find(|other| {
            self.seen.event(*other, shown.room, shown.pos).is_some_and(|event| event.same(shown))
        });
        match other {
            Some(other) => {
                let what = format!("saw an event of generation {other} in generation {epoch}");
                found.broken(Promise::I10, self.who, Some(shown), what);
            }
            None => {
                let what = "saw an event that the history does not have".to_owned();
                found.broken(Promise::I2, self.who, Some(shown), what);
            }
        }
    }

    fn show(&mut self, shown: &Shown, line: &'a Line, promise: Promise, found: &mut Found) {
        let Some(screen) = self.screens.get(&shown.room) else {
            let what = "saw an event of a room that it does not follow".to_owned();
            return found.broken(Promise::I11, self.who, Some(shown), what);
        };
        self.real(screen.epoch, shown, found);
        self.no_hole(screen, shown, promise, found);
        let Some(screen) = self.screens.get_mut(&shown.room) else { return };
        let again = !screen.shown.insert(shown.pos);
        let may_repeat = again && promise == Promise::I4;
        let is_new = screen.cids.insert(shown.cid);
        if !is_new && !may_repeat {
            let what = "saw a message twice".to_owned();
            found.broken(Promise::I5, self.who, Some(shown), what);
        }
        screen.last = screen.last.max(Some(shown.pos));
        screen.until = line;
    }

    /// I3 on a screen, I4 on the bare wire, where an event may come a second time.
    fn no_hole(&self, screen: &Screen<'_>, shown: &Shown, promise: Promise, found: &mut Found) {
        let Some(last) = screen.last else { return };
        if shown.pos <= last {
            let known = screen.shown.contains(&shown.pos);
            if promise == Promise::I4 && known {
                found.figures.redelivered += 1;
            } else {
                let what = format!("saw it after position {last}");
                found.broken(promise, self.who, Some(shown), what);
            }
            return;
        }
        let missed = self.seen.between(screen.epoch, screen.room, last, shown.pos);
        if let Some(first) = missed.first() {
            let what = format!(
                "missed {} event(s) between {last} and {}, the first at {first}",
                missed.len(),
                shown.pos
            );
            found.broken(promise, self.who, Some(shown), what);
        }
    }

    /// What has to be so at the end: gaps are filled, and nobody lives in an old generation.
    fn close(self, client: &Client<'_>, found: &mut Found) {
        let speaks = client.lines.iter().any(|line| matches!(line.what, Observed::Settled { .. }));
        for screen in self.screens.values().filter(|_| speaks) {
            if screen.epoch < self.seen.deleted.len() {
                let what = "was never told that the log began anew".to_owned();
                found.broken_in(Promise::I10, self.who, screen.room, None, what);
            }
            for (from, to) in &screen.gaps {
                let missing = self.seen.between(screen.epoch, screen.room, *from, *to).into_iter();
                let missing = missing.filter(|pos| !screen.shown.contains(pos));
                for pos in missing.filter(|pos| !self.filled.contains(&(screen.epoch, screen.room, *pos))) {
                    let what = format!("the gap between {from} and {to} was not filled");
                    found.broken_in(Promise::I3, self.who, screen.room, Some(pos), what);
                }
            }
        }
    }
}

/// I5 for the history itself.
fn twice_in_history(seen: &Seen<'_>, found: &mut Found) {
    for (epoch, history) in seen.epochs.iter().enumerate() {
        for ((room, _, _), places) in history.places.iter().filter(|(_, places)| places.len() > 1) {
            let event = seen.event(epoch, *room, places[1]);
            let what = format!("the history has a message at {places:?}");
            found.broken(Promise::I5, "history", event, what);
        }
    }
}
