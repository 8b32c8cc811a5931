//! Who is here and who writes: as the hub last told, forgotten when nobody says it again.

use std::collections::BTreeMap;

use wire::{
    Timestamp, UserId,
    frames::{Here, Presence, TYPING},
};

/// More names than this stand as a number.
const NAMED: usize = 2;

/// The people of a room at this moment.
#[derive(Clone, Debug, Default)]
pub struct Crowd {
    /// Absent until the hub has told, and in rooms of which it does not.
    here: Option<BTreeMap<UserId, Presence>>,
    writing: Vec<Writer>,
}

#[derive(Clone, Debug)]
struct Writer {
    user: UserId,
    name: String,
    until: Timestamp,
}

impl Crowd {
    /// Takes what the hub told of people; `all` when everybody else is gone.
    pub fn told(&mut self, all: bool, who: Vec<Here>) {
        let here = self.here.get_or_insert_default();
        if all {
            here.clear();
        }
        here.extend(who.into_iter().map(|Here { user, is }| (user, is)));
    }

    /// Takes what a list of members says of people of whom the hub has not told.
    pub fn listed(&mut self, who: impl Iterator<Item = (UserId, Presence)>) {
        if let Some(here) = &mut self.here {
            for (user, is) in who {
                here.entry(user).or_insert(is);
            }
        }
    }

    /// Somebody writes, or has stopped.
    pub fn types(&mut self, user: UserId, name: String, on: bool, now: Timestamp) {
        self.stops(user);
        if on {
            let until = now.plus_seconds(TYPING.as_secs().cast_signed());
            self.writing.push(Writer { user, name, until });
        }
    }

    /// Somebody has said what they wrote.
    pub fn stops(&mut self, user: UserId) {
        self.writing.retain(|writer| writer.user != user);
    }

    /// Forgets who has not said for too long that they write.
    pub fn elapsed(&mut self, now: Timestamp) {
        self.writing.retain(|writer| writer.until > now);
    }

    /// The link is gone: nothing is known any more.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// When something here ends by itself next.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.writing.iter().map(|writer| writer.until).min()
    }

    /// How somebody is, where that is told.
    pub fn is(&self, user: UserId) -> Option<Presence> {
        let here = self.here.as_ref()?;
        Some(here.get(&user).copied().unwrap_or(Presence::Offline))
    }

    /// How the other one of a conversation is.
    pub fn other(&self, me: UserId) -> Option<Presence> {
        let here = self.here.as_ref()?;
        let other = here.iter().find(|(user, _)| **user != me).map(|(_, is)| *is);
        Some(other.unwrap_or(Presence::Offline))
    }

    /// `Ann is typing…`; nothing when nobody is.
    pub fn sentence(&self, me: UserId) -> Option<String> {
        let others = self.writing.iter().filter(|writer| writer.user != me);
        let names: Vec<&str> = others.map(|writer| writer.name.as_str()).collect();
        match names.as_slice() {
            [] => None,
            [one] => Some(format!("{one} is typing…")),
            some if some.len() <= NAMED => Some(format!("{} are typing…", some.join(" and "))),
            many => Some(format!("{} people are typing…", many.len())),
        }
    }
}

/// A sign for how somebody is, to be told apart without colours.
pub fn dot(is: Presence) -> &'static str {
    match is {
        Presence::Online => "●",
        Presence::Away => "◐",
        Presence::Offline => "○",
    }
}
