//! Attempts to say something: one per `(room, author, cid)`, however often and from wherever it is sent.
//!
//! What the log showed first is what counts. It is a pure function of the log within the window, so every gateway
//! comes to the same answer.

use std::collections::{HashMap, VecDeque};

use platform::bus::AppendError;
use tokio::sync::watch;
use wire::{ClientId, RoomId, Timestamp, UserId, events::RoomEvent, rooms::Sent};

/// How long attempts are remembered, in log time. Older ones are in the database.
pub(super) const WINDOW_SECONDS: i64 = 15 * 60;

/// What makes a message one message.
pub(crate) type Key = (RoomId, UserId, ClientId);

/// Where the outcome of an attempt appears, once.
pub(crate) type Outcomes = watch::Receiver<Option<Result<Sent, AppendError>>>;

/// The right to make the one attempt. Dropped without an outcome, somebody else may try.
pub(crate) struct Claim {
    key: Key,
    outcome: watch::Sender<Option<Result<Sent, AppendError>>>,
}

impl Claim {
    /// Where the outcome will appear.
    pub(crate) fn outcomes(&self) -> Outcomes {
        self.outcome.subscribe()
    }

    pub(super) fn key(&self) -> Key {
        self.key
    }

    pub(super) fn answer(self, outcome: Result<Sent, AppendError>) {
        self.outcome.send_replace(Some(outcome));
    }
}

/// What a new attempt finds.
pub(crate) enum Claimed {
    /// The message is in the log.
    Known(Sent),
    /// An attempt is on its way.
    Waiting(Outcomes),
    /// Nothing: it is yours.
    Own(Claim),
}

/// What this gateway knows of recent attempts.
#[derive(Default)]
pub(super) struct Attempts {
    known: HashMap<Key, Sent>,
    flights: HashMap<Key, Outcomes>,
    ages: VecDeque<(Timestamp, Key)>,
}

impl Attempts {
    pub(super) fn claim(&mut self, key: Key) -> Claimed {
        if let Some(sent) = self.known.get(&key) {
            return Claimed::Known(sent.clone());
        }
        if let Some(flight) = self.flights.get(&key)
            && flight.has_changed().is_ok()
        {
            return Claimed::Waiting(flight.clone());
        }
        let outcome = watch::Sender::new(None);
        self.flights.insert(key, outcome.subscribe());
        Claimed::Own(Claim { key, outcome })
    }

    /// Ends a flight; what the log showed first is the outcome.
    pub(super) fn land(&mut self, key: Key) -> Option<Sent> {
        self.flights.remove(&key);
        self.known.get(&key).cloned()
    }

    /// Takes note of an event of the log; `false` when it repeats an earlier one and is void.
    pub(super) fn see(&mut self, event: &RoomEvent) -> bool {
        let key = (event.room, event.by, event.cid);
        if let Some(first) = self.known.get(&key) {
            return first.pos == event.pos;
        }
        let sent =
            Sent { id: event.id, cid: event.cid, room: event.room, pos: event.pos, ts: event.ts, dup: false };
        self.known.insert(key, sent);
        self.ages.push_back((event.ts, key));
        self.forget_before(event.ts.plus_seconds(-WINDOW_SECONDS));
        true
    }

    /// Whether an event is the first of its kind, as far as is known.
    pub(super) fn is_first(&self, event: &RoomEvent) -> bool {
        let known = self.known.get(&(event.room, event.by, event.cid));
        known.is_none_or(|first| first.pos == event.pos)
    }

    fn forget_before(&mut self, oldest: Timestamp) {
        while let Some((at, key)) = self.ages.front().copied()
            && at < oldest
        {
            self.ages.pop_front();
            self.known.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::{MessageId, events::What};

    use super::*;

    fn event(key: Key, pos: u64, at: i64) -> RoomEvent {
        RoomEvent {
            id: MessageId::new(),
            room: key.0,
            pos,
            prev: None,
            ts: Timestamp::from_micros(0).plus_seconds(at),
            by: key.1,
            name: "Ann".into(),
            cid: key.2,
            what: What::Said { body: "hi".into() },
        }
    }

    fn key() -> Key {
        (RoomId::new(), UserId::new(), ClientId::new())
    }

    #[test]
    fn a_resend_finds_the_first_place() {
        let (mut attempts, key) = (Attempts::default(), key());

        assert!(attempts.see(&event(key, 7, 0)));

        assert!(matches!(attempts.claim(key), Claimed::Known(sent) if sent.pos == 7));
        assert!(!attempts.see(&event(key, 9, 1)), "the second copy is void");
        assert!(attempts.see(&event(key, 7, 0)), "the first one is not");
    }

    #[test]
    fn a_resend_during_the_flight_shares_its_outcome() {
        let (mut attempts, key) = (Attempts::default(), key());
        let Claimed::Own(first) = attempts.claim(key) else { unreachable!("nobody else claimed") };

        let Claimed::Waiting(second) = attempts.claim(key) else { unreachable!("the first is on its way") };
        attempts.see(&event(key, 3, 0));
        let landed = attempts.land(key).unwrap();
        first.answer(Ok(landed));

        assert_eq!(second.borrow().clone().unwrap().unwrap().pos, 3);
    }

    #[test]
    fn a_dropped_claim_frees_the_key() {
        let (mut attempts, key) = (Attempts::default(), key());

        drop(attempts.claim(key));

        assert!(matches!(attempts.claim(key), Claimed::Own(_)));
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let (mut attempts, old, new) = (Attempts::default(), key(), key());

        attempts.see(&event(old, 1, 0));
        attempts.see(&event(new, 2, WINDOW_SECONDS + 1));

        assert!(matches!(attempts.claim(old), Claimed::Own(_)));
        assert!(matches!(attempts.claim(new), Claimed::Known(_)));
    }
}
