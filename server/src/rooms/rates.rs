//! How often one person may do something in rooms. It is asked before any work, so that what is refused in the end counts,
//! too.

use std::num::NonZeroU32;

use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
};
use platform::service::{ApiError, Outcome};
use wire::{Code, RoomId, UserId};

/// A room takes so many times what one person may send.
pub(crate) const ROOM_RATE: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
const TWICE: NonZeroU32 = NonZeroU32::new(2).expect("two is not zero");
/// Changes and read marks of one person at once: one for each room that a socket follows.
pub(crate) const AT_ONCE: NonZeroU32 = NonZeroU32::new(200).expect("two hundred is not zero");

/// What was done lately, and by whom. In memory: each gateway counts for itself.
pub(crate) struct Rates {
    says: DefaultKeyedRateLimiter<UserId>,
    rooms: DefaultKeyedRateLimiter<RoomId>,
    changes: DefaultKeyedRateLimiter<UserId>,
    marks: DefaultKeyedRateLimiter<UserId>,
    clock: DefaultClock,
}

impl Rates {
    /// So many messages a second of one person, and as many changes and marks.
    pub(crate) fn new(per_second: NonZeroU32) -> Self {
        let twice = |rate: NonZeroU32| Quota::per_second(rate).allow_burst(rate.saturating_mul(TWICE));
        let many = Quota::per_second(per_second).allow_burst(per_second.saturating_mul(TWICE).max(AT_ONCE));
        Self {
            says: DefaultKeyedRateLimiter::keyed(twice(per_second)),
            rooms: DefaultKeyedRateLimiter::keyed(twice(per_second.saturating_mul(ROOM_RATE))),
            changes: DefaultKeyedRateLimiter::keyed(many),
            marks: DefaultKeyedRateLimiter::keyed(many),
            clock: DefaultClock::default(),
        }
    }

    /// Somebody wants to say or do something.
    pub(super) fn say(&self, user: UserId) -> Outcome<()> {
        self.says.check_key(&user).map_err(|_| too_fast("you are sending too fast"))
    }

    /// Something is about to come into a room. Only who may say something there uses up what the room takes.
    pub(super) fn enter(&self, room: RoomId) -> Outcome<()> {
        self.rooms.check_key(&room).map_err(|_| too_fast("all in this room together are sending too fast"))
    }

    /// Somebody wants to make, change, enter or leave a room.
    pub(super) fn change(&self, user: UserId) -> Outcome<()> {
        self.changes.check_key(&user).map_err(|_| too_fast("you are changing rooms too fast"))
    }

    /// Somebody wants to move a read mark.
    pub(super) fn mark(&self, user: UserId) -> Outcome<()> {
        self.marks.check_key(&user).map_err(|_| too_fast("you are marking rooms as read too fast"))
    }

    /// The same for whoever cannot be told to come again: it waits.
    pub(crate) async fn mark_in_turn(&self, user: UserId) {
        while let Err(early) = self.marks.check_key(&user) {
            tokio::time::sleep(early.wait_time_from(self.clock.now())).await;
        }
    }

    /// Forgets those who are quiet.
    pub(crate) fn forget_quiet(&self) {
        for people in [&self.says, &self.changes, &self.marks] {
            people.retain_recent();
        }
        self.rooms.retain_recent();
    }
}

fn too_fast(detail: &str) -> ApiError {
    ApiError::new(Code::RateLimited, detail).retry_after(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates() -> Rates {
        Rates::new(1.try_into().unwrap())
    }

    #[test]
    fn a_room_takes_ten_times_what_one_person_may_send() {
        let (rates, room, other) = (rates(), RoomId::new(), RoomId::new());

        let taken = (0..60).take_while(|_| rates.enter(room).is_ok()).count();

        assert!((20..60).contains(&taken), "{taken} were taken at once");
        assert!(rates.enter(other).is_ok());
    }

    #[test]
    fn every_room_is_marked_as_read_at_once_and_a_flood_is_not() {
        let (rates, ann, bob) = (rates(), UserId::new(), UserId::new());

        let marked = (0..1_000).take_while(|_| rates.mark(ann).is_ok()).count();
        let changed = (0..1_000).take_while(|_| rates.change(ann).is_ok()).count();

        for done in [marked, changed] {
            assert!((200..300).contains(&done), "{done} were done at once");
        }
        assert!(rates.mark(bob).is_ok() && rates.say(ann).is_ok(), "each counts for itself");
    }

    #[tokio::test]
    async fn a_mark_that_comes_too_soon_waits_for_its_turn() {
        let (rates, ann) = (Rates::new(100.try_into().unwrap()), UserId::new());
        while rates.mark(ann).is_ok() {}

        rates.mark_in_turn(ann).await;
    }
}
