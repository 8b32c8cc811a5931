//! A circuit breaker: who failed a few times in a row is left alone for a while, then tried once, then trusted again.

use std::time::{Duration, Instant};

/// Failures in a row before it is left alone.
const FAILURES: u32 = 3;
/// For how long, the first time; each further failure doubles it.
const REST: Duration = Duration::from_secs(10);
/// And never longer than this.
const LONGEST: Duration = Duration::from_secs(300);

/// How somebody did lately.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    /// Nobody asks before this moment.
    until: Option<Instant>,
}

impl Breaker {
    /// The rest that is left at this moment.
    pub(super) fn resting(&self, now: Instant) -> Option<Duration> {
        self.until?.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// Whether one may ask now: `None`, or how long not. After a rest the first who asks is the only one for as long
    /// again, unless it learns something sooner.
    pub(super) fn admit(&mut self, now: Instant) -> Option<Duration> {
        let rest = self.resting(now);
        if rest.is_none() && self.failures >= FAILURES {
            self.until = Some(now + self.rest());
        }
        rest
    }

    /// What asking came to.
    pub(super) fn learned(&mut self, works: bool, now: Instant) {
        if works {
            *self = Breaker::default();
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.until = Some(now + self.rest());
        }
    }

    fn rest(&self) -> Duration {
        let doublings = self.failures.saturating_sub(FAILURES).min(8);
        (REST * 2_u32.pow(doublings)).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_rest_it_and_one_success_forgives_all() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES {
            assert_eq!(breaker.admit(start), None);
            breaker.learned(false, start);
        }
        assert_eq!(breaker.admit(start + Duration::from_secs(9)), Some(Duration::from_secs(1)));

        // One is let through, and the others wait for what it learns.
        let later = start + REST;
        assert_eq!(breaker.admit(later), None);
        assert!(breaker.admit(later).is_some());
        breaker.learned(false, later);
        assert_eq!(breaker.resting(later), Some(REST * 2));

        breaker.learned(true, later);
        assert_eq!((breaker.resting(later), breaker.admit(later)), (None, None));
    }

    #[test]
    fn a_rest_has_an_end() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..100 {
            breaker.learned(false, now);
        }
        assert_eq!(breaker.resting(now), Some(LONGEST));
    }
}
