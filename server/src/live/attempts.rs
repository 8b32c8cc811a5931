//! Attempts to say something: one per `(room, author, cid)`, however often and from wherever it is sent.
//!
//! What the log showed first is what counts. It is a pure function of a partition within the window, so every gateway
//! comes to the same answer. An attempt is answered when this gateway reads it in the log: then it is durable, and
//! certainly no earlier copy of it, through another gateway, comes first.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use platform::{
    bus::AppendError,
    mutants::{self, Mutant},
};
use tokio::sync::{oneshot, watch};
use wire::{ClientId, MessageId, RoomId, Timestamp, UserId, events::RoomEvent, rooms::Sent};

use super::{
    answer::answered,
    line::{Line, Round},
};

/// How long attempts are remembered, in log time. Older ones are in the database.
pub(super) const WINDOW_SECONDS: i64 = 15 * 60;

/// What makes a message one message.
pub(crate) type Key = (RoomId, UserId, ClientId);

/// The outcome of an attempt.
pub(super) type Outcome = Result<Sent, AppendError>;

/// Who waits for an outcome.
pub(crate) enum Waiter {
    /// A socket: the answer goes into its line, in the order of the log.
    Socket(Arc<Line>),
    /// A request.
    Call(oneshot::Sender<Result<Sent, AppendError>>),
}

impl Waiter {
    pub(super) fn answer(self, key: Key, outcome: Outcome, round: &mut Round) {
        match self {
            Self::Socket(line) => round.tell(&line, answered(&line, key, outcome)),
            // Whoever hung up will send again with the same id.
            Self::Call(caller) => drop(caller.send(outcome)),
        }
    }
}

/// What a new attempt finds.
pub(super) enum Claimed {
    /// The message is in the log; whoever asked is told here.
    Known(Sent),
    /// An attempt is in line, and its outcome will be told.
    Waiting,
    /// An attempt is being made that may yet be refused: ask again when it is in line or given up. Whoever went on at once
    /// would have what comes next overtake it.
    Making(Waiter, Making),
    /// Nothing: it is yours. Wait for it with [`Attempts::wait`] before it is put in line.
    Own(Waiter),
}

/// An attempt on its way.
struct Flight {
    id: MessageId,
    since: Instant,
    waiters: Vec<Waiter>,
    in_line: watch::Sender<bool>,
}

/// Somebody else's attempt before it is in line.
pub(super) struct Making(watch::Receiver<bool>);

impl Making {
    /// Waits until it is in line or given up.
    pub(super) async fn over(mut self) {
        // A flight that is gone has landed.
        let _ = self.0.wait_for(|in_line| *in_line).await;
    }
}

/// Somebody to be told, and what.
pub(super) type Landing = (Key, Waiter, Outcome);

/// What this gateway knows of recent attempts in one partition.
pub(super) struct Attempts {
    known: HashMap<Key, Sent>,
    flights: HashMap<Key, Flight>,
    ages: VecDeque<(Timestamp, Key)>,
    most: usize,
    /// Everything that the log took at or after this is known; not said before the first record was seen.
    reach: Option<Timestamp>,
}

impl Attempts {
    pub(super) fn new(most: usize) -> Self {
        let (known, flights, ages) = (HashMap::new(), HashMap::new(), VecDeque::new());
        Self { known, flights, ages, most, reach: None }
    }

    /// From which moment on everything is known.
    pub(super) fn reach(&self) -> Option<Timestamp> {
        self.reach
    }

    pub(super) fn reaches(&mut self, at: Timestamp) {
        self.reach = Some(at);
    }

    /// Asks for the right to make the one attempt, as the message `id`.
    pub(super) fn claim(&mut self, key: Key, id: MessageId, waiter: Waiter) -> Claimed {
        if let Some(sent) = self.known.get(&key)
            && !mutants::is(Mutant::M2)
        {
            return Claimed::Known(sent.clone());
        }
        if let Some(flight) = self.flights.get_mut(&key) {
            if !*flight.in_line.borrow() {
                return Claimed::Making(waiter, Making(flight.in_line.subscribe()));
            }
            flight.waiters.push(waiter);
            return Claimed::Waiting;
        }
        let in_line = watch::Sender::new(false);
        self.flights.insert(key, Flight { id, since: Instant::now(), waiters: Vec::new(), in_line });
        Claimed::Own(waiter)
    }

    /// An attempt is in line: nothing that is put there later comes before it.
    pub(super) fn in_line(&self, key: Key, id: MessageId) {
        if let Some(flight) = self.flights.get(&key).filter(|flight| flight.id == id) {
            flight.in_line.send_replace(true);
        }
    }

    /// Waits for one's own attempt. When a copy through another gateway has come first, there is nothing to wait for:
    /// it is the outcome.
    pub(super) fn wait(&mut self, key: Key, waiter: Waiter) -> Option<Sent> {
        if let Some(flight) = self.flights.get_mut(&key) {
            flight.waiters.push(waiter);
            return None;
        }
        self.known.get(&key).cloned()
    }

    /// An attempt failed, unless the log has shown it meanwhile.
    pub(super) fn fail(&mut self, key: Key, id: MessageId, error: &AppendError) -> Vec<Landing> {
        if self.flights.get(&key).is_none_or(|flight| flight.id != id) {
            return Vec::new();
        }
        let flight = self.flights.remove(&key);
        let waiters = flight.into_iter().flat_map(|flight| flight.waiters);
        waiters.map(|waiter| (key, waiter, Err(error.clone()))).collect()
    }

    /// Takes note of an event of the log: whether it is the first of its kind (a repetition is void), and who waited
    /// for it.
    pub(super) fn see(&mut self, event: &RoomEvent) -> (bool, Vec<Landing>) {
        self.forget_before(event.ts.plus_seconds(-WINDOW_SECONDS));
        let key = (event.room, event.by, event.cid);
        if let Some(first) = self.known.get(&key)
            && !mutants::is(Mutant::M2)
        {
            return (first.pos == event.pos, Vec::new());
        }
        let sent =
            Sent { id: event.id, cid: event.cid, room: event.room, pos: event.pos, ts: event.ts, dup: false };
        self.reach.get_or_insert(event.ts);
        self.known.insert(key, sent.clone());
        self.ages.push_back((event.ts, key));
        if self.ages.len() > self.most
            && let Some((at, oldest)) = self.ages.pop_front()
        {
            self.known.remove(&oldest);
            self.reach = Some(at.plus_seconds(1));
        }
        let Some(flight) = self.flights.remove(&key) else { return (true, Vec::new()) };
        let sent = Sent { dup: flight.id != sent.id, ..sent };
        (true, flight.waiters.into_iter().map(|waiter| (key, waiter, Ok(sent.clone()))).collect())
    }

    /// The place of the oldest that is known.
    pub(super) fn oldest(&self) -> Option<u64> {
        let (_, key) = self.ages.front()?;
        self.known.get(key).map(|sent| sent.pos)
    }

    /// Where the log has shown it.
    pub(super) fn known(&self, key: Key) -> Option<&Sent> {
        self.known.get(&key)
    }

    /// Whether an event is the first of its kind, as far as is known.
    pub(super) fn is_first(&self, event: &RoomEvent) -> bool {
        let known = self.known.get(&(event.room, event.by, event.cid));
        known.is_none_or(|first| first.pos == event.pos)
    }

    /// Gives up waiting for what the log has not shown for so long. The attempts stay: a resend finds them.
    pub(super) fn overdue(&mut self, patience: Duration) -> Vec<Landing> {
        let late = self.flights.iter_mut().filter(|(_, flight)| flight.since.elapsed() > patience);
        let unknown = || Err(AppendError::Unknown("the log has not shown it in time".into()));
        late.flat_map(|(key, flight)| {
            std::mem::take(&mut flight.waiters).into_iter().map(|waiter| (*key, waiter))
        })
        .map(|(key, waiter)| (key, waiter, unknown()))
        .collect()
    }

    fn forget_before(&mut self, oldest: Timestamp) {
        while let Some((at, key)) = self.ages.front().copied()
            && at < oldest
        {
            self.ages.pop_front();
            self.known.remove(&key);
            self.reach = self.reach.max(Some(oldest));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use wire::events::What;

    use super::*;

    fn event(key: Key, id: MessageId, pos: u64, at: i64) -> RoomEvent {
        RoomEvent {
            id,
            room: key.0,
            pos,
            prev: None,
            ts: Timestamp::from_micros(0).plus_seconds(at),
            by: key.1,
            name: "Ann".into(),
            cid: key.2,
            what: What::said("hi"),
        }
    }

    fn key() -> Key {
        (RoomId::new(), UserId::new(), ClientId::new())
    }

    fn call() -> (Waiter, oneshot::Receiver<Outcome>) {
        let (caller, outcome) = oneshot::channel();
        (Waiter::Call(caller), outcome)
    }

    /// Claims a key that nobody else has claimed, and waits.
    fn own(attempts: &mut Attempts, key: Key, id: MessageId) -> oneshot::Receiver<Outcome> {
        let (waiter, outcome) = call();
        let Claimed::Own(waiter) = attempts.claim(key, id, waiter) else {
            unreachable!("nobody else claimed")
        };
        assert!(attempts.wait(key, waiter).is_none());
        outcome
    }

    fn land(landings: Vec<Landing>) {
        landings
            .into_iter()
            .for_each(|(key, waiter, outcome)| waiter.answer(key, outcome, &mut Round::default()));
    }

    #[test]
    fn a_resend_finds_the_first_place() {
        let (mut attempts, key) = (Attempts::new(9), key());

        assert!(attempts.see(&event(key, MessageId::new(), 7, 0)).0);

        assert!(
            matches!(attempts.claim(key, MessageId::new(), call().0), Claimed::Known(sent) if sent.pos == 7)
        );
        assert!(!attempts.see(&event(key, MessageId::new(), 9, 1)).0, "the second copy is void");
        assert!(attempts.see(&event(key, MessageId::new(), 7, 0)).0, "the first one is not");
    }

    #[test]
    fn a_resend_during_the_flight_shares_its_outcome() {
        let (mut attempts, key, id) = (Attempts::new(9), key(), MessageId::new());
        let mut one = own(&mut attempts, key, id);
        let (second, mut two) = call();

        attempts.in_line(key, id);
        assert!(matches!(attempts.claim(key, MessageId::new(), second), Claimed::Waiting));
        land(attempts.see(&event(key, id, 3, 0)).1);

        assert_eq!(one.try_recv().unwrap().unwrap().pos, 3);
        let sent = two.try_recv().unwrap().unwrap();
        assert_eq!((sent.pos, sent.dup), (3, false));
    }

    #[tokio::test]
    async fn a_resend_waits_while_it_is_not_certain_that_the_attempt_comes_into_the_line() {
        let (mut attempts, key, first) = (Attempts::new(9), key(), MessageId::new());
        let _refused = own(&mut attempts, key, first);
        let second = MessageId::new();

        let Claimed::Making(waiter, making) = attempts.claim(key, second, call().0) else {
            unreachable!("the first one is neither in line nor given up")
        };
        let mut over = std::pin::pin!(making.over());
        assert!(over.as_mut().now_or_never().is_none());
        land(attempts.fail(key, first, &AppendError::Unavailable("refused".into())));
        over.await;

        let Claimed::Own(waiter) = attempts.claim(key, second, waiter) else { unreachable!("given up") };
        assert!(attempts.wait(key, waiter).is_none());
        let Claimed::Making(_, making) = attempts.claim(key, MessageId::new(), call().0) else {
            unreachable!("the second one is not in line")
        };
        attempts.in_line(key, second);
        making.over().await;
        assert!(matches!(attempts.claim(key, MessageId::new(), call().0), Claimed::Waiting));
    }

    #[test]
    fn a_copy_through_another_gateway_that_comes_first_is_the_outcome() {
        let (mut attempts, key, id) = (Attempts::new(9), key(), MessageId::new());
        let mut outcome = own(&mut attempts, key, id);

        land(attempts.see(&event(key, MessageId::new(), 3, 0)).1);

        let sent = outcome.try_recv().unwrap().unwrap();
        assert_eq!((sent.pos, sent.dup), (3, true));
        assert!(!attempts.see(&event(key, id, 4, 0)).0, "our own copy is void");
    }

    #[test]
    fn a_copy_that_comes_before_one_waits_for_ones_own_is_found() {
        let (mut attempts, key) = (Attempts::new(9), key());
        let (waiter, _outcome) = call();
        let Claimed::Own(waiter) = attempts.claim(key, MessageId::new(), waiter) else {
            unreachable!("claimed")
        };

        attempts.see(&event(key, MessageId::new(), 3, 0));

        assert_eq!(attempts.wait(key, waiter).unwrap().pos, 3);
    }

    #[test]
    fn a_failed_attempt_frees_the_key_and_tells_everybody() {
        let (mut attempts, key, id) = (Attempts::new(9), key(), MessageId::new());
        let mut outcome = own(&mut attempts, key, id);

        land(attempts.fail(key, id, &AppendError::Unavailable("full".into())));

        assert!(outcome.try_recv().unwrap().is_err());
        assert!(matches!(attempts.claim(key, MessageId::new(), call().0), Claimed::Own(_)));
    }

    #[test]
    fn what_the_log_does_not_show_in_time_is_unknown_and_still_found_by_a_resend() {
        let (mut attempts, key, id) = (Attempts::new(9), key(), MessageId::new());
        let mut outcome = own(&mut attempts, key, id);

        attempts.in_line(key, id);

        land(attempts.overdue(Duration::ZERO));

        assert!(matches!(outcome.try_recv().unwrap(), Err(AppendError::Unknown(_))));
        assert!(matches!(attempts.claim(key, MessageId::new(), call().0), Claimed::Waiting));
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten_and_the_reach_says_so() {
        let (mut attempts, old, new) = (Attempts::new(9), key(), key());

        attempts.see(&event(old, MessageId::new(), 1, 0));
        assert_eq!(attempts.reach(), Some(Timestamp::from_micros(0)));
        attempts.see(&event(new, MessageId::new(), 2, WINDOW_SECONDS + 1));

        assert!(matches!(attempts.claim(old, MessageId::new(), call().0), Claimed::Own(_)));
        assert!(matches!(attempts.claim(new, MessageId::new(), call().0), Claimed::Known(_)));
        assert_eq!(attempts.reach(), Some(Timestamp::from_micros(0).plus_seconds(1)));
    }

    #[test]
    fn a_copy_beyond_the_window_is_first_again_on_every_gateway() {
        let (mut attempts, key) = (Attempts::new(9), key());

        attempts.see(&event(key, MessageId::new(), 1, 0));

        assert!(attempts.see(&event(key, MessageId::new(), 2, WINDOW_SECONDS + 1)).0);
    }

    #[test]
    fn memory_is_bounded_and_the_reach_shrinks_with_it() {
        let mut attempts = Attempts::new(2);

        for pos in 0..5_i64 {
            attempts.see(&event(key(), MessageId::new(), pos.unsigned_abs(), pos));
        }

        assert_eq!((attempts.known.len(), attempts.oldest()), (2, Some(3)));
        assert_eq!(attempts.reach(), Some(Timestamp::from_micros(0).plus_seconds(3)));
    }
}
