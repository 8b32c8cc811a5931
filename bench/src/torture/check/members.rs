//! Membership: I11, nothing that the log has after somebody's departure reaches them before they asked to be let in again.
//!
//! Judged by positions and by the order of one client's own lines, so that no clock matters, and neither does it when the
//! log heard of a departure late. There are two ways to see what one must not: a room that is live goes on being pushed
//! past the departure, or a room that was left is opened again by somebody who did not ask to be let in.

use std::collections::BTreeSet;

use wire::{RoomId, UserId};

use super::{
    Found, Promise,
    index::{Client, Seen},
};
use crate::torture::journal::{Observed, Shown};

/// A place in the log of all generations.
type Place = (usize, u64);

pub(super) fn judge(seen: &Seen<'_>, found: &mut Found) {
    for (who, client) in &seen.clients {
        let Some(user) = client.user else { continue };
        let rooms: BTreeSet<RoomId> = client.lines.iter().filter_map(|line| leaving(&line.what)).collect();
        for room in rooms {
            let departures = departures(seen, room, user);
            found.figures.departures += departures.len();
            announced(who, client, room, departures.len(), found);
            let mut door = Door { room, departures, outside: None, asking: 0, screen: None };
            for line in &client.lines {
                if let Some((shown, left)) = door.take(seen.epoch_at(line.t), &line.what) {
                    found.broken(Promise::I11, who, Some(shown), format!("saw it after leaving at {left:?}"));
                }
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

/// Where the log says that somebody left a room.
fn departures(seen: &Seen<'_>, room: RoomId, user: UserId) -> Vec<Place> {
    let histories = seen.epochs.iter().enumerate();
    let events = histories.flat_map(|(epoch, history)| {
        history.rooms.get(&room).into_iter().flat_map(move |events| events.values().map(move |e| (epoch, *e)))
    });
    let left = events.filter(|(_, event)| event.kind == "left" && event.by == user);
    left.map(|(epoch, event)| (epoch, event.pos)).collect()
}

/// Whoever was told that they are out: the log says so, sooner or later.
fn announced(who: &str, client: &Client<'_>, room: RoomId, departures: usize, found: &mut Found) {
    let told = client.lines.iter().filter(|line| line.what == Observed::Departed { room }).count();
    if told > departures {
        let what = format!("was told {told} times that it is out, the log says so {departures} times");
        found.broken_in(Promise::I11, who, room, None, what);
    }
}

/// One client at the door of one room.
struct Door {
    room: RoomId,
    departures: Vec<Place>,
    /// Where it left, as it saw itself, since when it has not asked to be let in.
    outside: Option<Place>,
    /// Requests to be let in of which it does not know the outcome.
    asking: usize,
    screen: Option<Screen>,
}

/// The room as it was opened.
#[derive(Clone, Copy)]
struct Screen {
    epoch: usize,
    last: Option<u64>,
    /// Whether it was opened from outside, and where that began.
    outside: Option<Place>,
    /// From where on it is pushed to: what is before that was caught up.
    live: Option<Place>,
}

impl Door {
    /// What was seen and must not have been, with the departure before it.
    fn take<'a>(&mut self, now: usize, what: &'a Observed) -> Option<(&'a Shown, Place)> {
        match what {
            Observed::Hello { .. } => self.begin(),
            Observed::Link { up: false, .. } => self.screen.iter_mut().for_each(|screen| screen.live = None),
            Observed::Join { room } if *room == self.room => {
                self.outside = None;
                self.asking += 1;
            }
            Observed::Subscribed { room } | Observed::Resumed { room, .. } if *room == self.room => {
                self.asking = self.asking.saturating_sub(1);
                let (last, live) = (None, None);
                self.screen = Some(Screen { epoch: now, last, outside: self.outside, live });
            }
            Observed::Live { room, pos } if *room == self.room => {
                if let Some(screen) = &mut self.screen {
                    screen.live = Some((screen.epoch, screen.last.unwrap_or(0).max(*pos)));
                }
            }
            Observed::Reset { room } if *room == self.room => {
                if let Some(screen) = &mut self.screen {
                    let epoch = now.min(screen.epoch + 1);
                    *screen = Screen { epoch, last: None, live: None, ..*screen };
                }
            }
            Observed::Left { room } if *room == self.room => self.left(),
            Observed::Ev(shown) | Observed::Heard(shown) if shown.room == self.room => {
                return self.seen(shown);
            }
            _ => {}
        }
        None
    }

    /// A client begins (again). What it asked for in its last life may be granted yet.
    fn begin(&mut self) {
        if self.asking > 0 {
            (self.outside, self.asking) = (None, 0);
        }
        self.screen = None;
    }

    fn seen<'a>(&mut self, shown: &'a Shown) -> Option<(&'a Shown, Place)> {
        let screen = self.screen.as_mut()?;
        screen.last = screen.last.max(Some(shown.pos));
        let place = (screen.epoch, shown.pos);
        let pushed_past = screen
            .live
            .and_then(|live| self.departures.iter().copied().find(|left| live < *left && *left < place));
        let left = pushed_past.or(screen.outside.filter(|left| *left < place))?;
        Some((shown, left))
    }

    /// Somebody is out, and knows where when its departure was the last that it saw.
    fn left(&mut self) {
        let Some(Screen { epoch, last: Some(last), .. }) = self.screen.take() else { return };
        if self.asking == 0 && self.departures.contains(&(epoch, last)) {
            self.outside = Some((epoch, last));
        }
    }
}
