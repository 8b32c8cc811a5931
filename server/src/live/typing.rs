//! Who is writing: passed on to those who follow the room, as often as a person can see and not more.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use wire::{
    RoomId, UserId,
    events::Hint,
    frames::{Passing, TYPING, ToClient},
    paths::SUBJECT_HINTS,
};

use super::encoded;
use crate::{accounts::Caller, state::State};

/// That somebody still writes is passed on at most this often.
const AGAIN: Duration = Duration::from_secs(2);
/// Rooms in which one socket's person writes at once.
const ROOMS: usize = 4;

/// What one socket has said about writing.
#[derive(Default)]
pub(super) struct Typing {
    rooms: HashMap<RoomId, Said>,
}

struct Said {
    on: bool,
    /// When `on` was passed on last.
    at: Instant,
}

impl Typing {
    /// Whether this is to be passed on.
    pub(super) fn is_news(&mut self, room: RoomId, on: bool, now: Instant) -> bool {
        self.rooms.retain(|_, said| now.duration_since(said.at) < TYPING);
        let full = self.rooms.len() >= ROOMS;
        match self.rooms.get_mut(&room) {
            Some(said) if !on => std::mem::take(&mut said.on),
            Some(said) if now.duration_since(said.at) >= AGAIN => {
                *said = Said { on, at: now };
                true
            }
            Some(_) => false,
            None if on && !full => self.rooms.insert(room, Said { on, at: now }).is_none(),
            None => false,
        }
    }
}

/// Tells every gateway that somebody writes in a room, or has stopped.
pub(super) async fn pass_on(state: &State, caller: &Caller, room: RoomId, on: bool) {
    let hint = Hint::Typing { room, user: caller.user, name: caller.name.clone(), on };
    let hint = serde_json::to_string(&hint).expect("a hint is plain data");
    state.fanout.publish(SUBJECT_HINTS, hint).await;
}

/// Tells those who follow the room here.
pub(super) fn tell(state: &State, room: RoomId, user: UserId, name: String, on: bool) {
    if state.live.few_members(room).is_some() {
        let what = Passing::Typing { user, name, on };
        state.live.hint(room, &encoded(&ToClient::Eph { room, what }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_is_told_now_and_then_and_stopping_once() {
        let (mut typing, room, mut now) = (Typing::default(), RoomId::new(), Instant::now());
        let mut say = |on: bool, seconds: u64| {
            now += Duration::from_secs(seconds);
            typing.is_news(room, on, now)
        };

        assert!(say(true, 0));
        assert!(!say(true, 1), "a moment ago");
        assert!(say(true, 1));
        assert!(say(false, 0));
        assert!(!say(false, 0), "it was said");
        assert!(!say(true, 1), "switching is no way around");
        assert!(!say(false, 0), "nobody knows that there was anything to stop");
        assert!(say(true, 1));
        assert!(!say(false, TYPING.as_secs()), "it has ended by itself");
    }

    #[test]
    fn nobody_writes_in_many_rooms_at_once() {
        let (mut typing, now) = (Typing::default(), Instant::now());

        let told = (0..50).filter(|_| typing.is_news(RoomId::new(), true, now)).count();

        assert_eq!(told, ROOMS);
    }
}
