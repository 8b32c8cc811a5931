//! How often somebody may try: failed guesses wait longer each time, and mail has a quota.
//!
//! Guesses are counted for an account and the place they come from together, so that nobody can lock out the owner from
//! elsewhere. Behind a proxy that is not trusted to say where requests come from, all people are one place.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    DefaultKeyedRateLimiter, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use platform::service::{ApiError, Outcome};
use wire::{Code, Timestamp};

/// Keys that are remembered at most; then the half that was quiet for longest is forgotten.
const MOST: usize = 50_000;
/// Attempts of one key that may be under way at once.
const ABREAST: u32 = 16;
const LONGEST_PAUSE_SECONDS: i64 = 300;
/// Failures of a key that has been quiet for this long are forgotten.
const MEMORY_SECONDS: i64 = 3600;

/// Failed attempts by key: some are free, then each doubles the pause before the next, up to five minutes.
pub(super) struct Failures {
    free: u32,
    known: Mutex<HashMap<String, Record>>,
}

#[derive(Clone, Copy)]
struct Record {
    failures: u32,
    under_way: u32,
    next: Timestamp,
    seen: Timestamp,
}

/// An attempt that was let in. Dropped, it has failed: whoever hangs up before the answer gains nothing by it.
pub(super) struct Attempt<'a> {
    of: &'a Failures,
    key: String,
    at: Timestamp,
    failed: bool,
}

impl Failures {
    pub(super) fn allowing(free: u32) -> Self {
        Self { free, known: Mutex::default() }
    }

    /// Lets an attempt in, or says how long to wait. To be asked before any expensive work.
    pub(super) fn admit(&self, key: String, now: Timestamp) -> Outcome<Attempt<'_>> {
        let mut known = self.lock();
        if known.len() >= MOST && !known.contains_key(&key) {
            forget_half(&mut known);
        }
        let fresh = Record { failures: 0, under_way: 0, next: now, seen: now };
        let record = known.entry(key.clone()).or_insert(fresh);
        if record.under_way == 0 && record.seen.plus_seconds(MEMORY_SECONDS) < now {
            *record = fresh;
        }
        if record.next > now {
            return Err(too_fast((record.next.micros() - now.micros() + 999_999) / 1_000_000));
        }
        if record.under_way >= ABREAST {
            return Err(too_fast(1));
        }
        record.under_way += 1;
        record.seen = now;
        Ok(Attempt { of: self, key, at: now, failed: true })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// It was the right one: earlier failures are forgiven.
    pub(super) fn succeeded(mut self) {
        self.failed = false;
        if let Some(record) = self.of.lock().get_mut(&self.key) {
            record.failures = 0;
            record.next = self.at;
        }
    }

    /// It was neither right nor wrong: we failed.
    pub(super) fn void(mut self) {
        self.failed = false;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut known = self.of.lock();
        let Some(record) = known.get_mut(&self.key) else { return };
        record.under_way = record.under_way.saturating_sub(1);
        if self.failed {
            record.failures = record.failures.saturating_add(1);
            if let Some(doublings) = record.failures.checked_sub(self.of.free) {
                let pause = LONGEST_PAUSE_SECONDS.min(1_i64 << doublings.min(16));
                record.next = record.next.max(self.at.plus_seconds(pause));
            }
        }
    }
}

fn forget_half(known: &mut HashMap<String, Record>) {
    let mut ages: Vec<Timestamp> = known.values().map(|record| record.seen).collect();
    let middle = ages.len() / 2;
    let (_, median, _) = ages.select_nth_unstable(middle);
    let median = *median;
    known.retain(|_, record| record.seen > median || record.under_way > 0);
}

/// So many at once, and one more after each period.
pub(super) struct Quota(DefaultKeyedRateLimiter<String>);

impl Quota {
    pub(super) fn new(burst: u32, period: Duration) -> Self {
        let quota = governor::Quota::with_period(period)
            .expect("the periods are constants above zero")
            .allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN));
        Self(RateLimiter::keyed(quota))
    }

    /// Counts one, or says how long to wait.
    pub(super) fn take(&self, key: &str) -> Outcome<()> {
        if self.0.len() > MOST {
            self.0.retain_recent();
        }
        self.0.check_key(&key.to_owned()).map_err(|early| {
            let wait = early.wait_time_from(DefaultClock::default().now());
            too_fast(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX).saturating_add(1))
        })
    }
}

fn too_fast(seconds: i64) -> ApiError {
    let seconds = seconds.max(1);
    ApiError::new(Code::RateLimited, format!("too many attempts: try again in {seconds} s"))
        .retry_after(seconds.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(0).plus_seconds(1_800_000_000 + seconds)
    }

    fn fail(failures: &Failures, key: &str, seconds: i64) -> bool {
        failures.admit(key.into(), at(seconds)).map(drop).is_ok()
    }

    #[test]
    fn after_the_free_failures_each_doubles_the_pause() {
        let failures = Failures::allowing(5);

        assert!((0..5).all(|_| fail(&failures, "ann", 0)));
        assert!(!fail(&failures, "ann", 0));
        assert!(fail(&failures, "ann", 1), "after one second");
        assert!(!fail(&failures, "ann", 2));
        assert!(fail(&failures, "ann", 3), "after two more");
        assert!(fail(&failures, "bob", 0), "another key waits for nobody");
    }

    #[test]
    fn success_and_silence_forgive() {
        let failures = Failures::allowing(2);
        assert!(fail(&failures, "ann", 0) && fail(&failures, "ann", 0) && !fail(&failures, "ann", 0));

        failures.admit("ann".into(), at(1)).map(Attempt::succeeded).unwrap();
        assert!(fail(&failures, "ann", 1) && fail(&failures, "ann", 1) && !fail(&failures, "ann", 1));

        assert!(fail(&failures, "ann", 2 * MEMORY_SECONDS));
        assert!(fail(&failures, "ann", 2 * MEMORY_SECONDS), "the free ones are back");
    }

    #[test]
    fn many_at_once_are_no_way_around() {
        let failures = Failures::allowing(5);

        let let_in: Vec<_> = (0..100).filter_map(|_| failures.admit("ann".into(), at(0)).ok()).collect();

        assert_eq!(let_in.len(), ABREAST as usize);
    }

    #[test]
    fn memory_is_bounded() {
        let failures = Failures::allowing(5);

        for key in 0..(MOST as i64 + 10) {
            fail(&failures, &key.to_string(), key);
        }

        assert!(failures.lock().len() <= MOST);
    }

    #[test]
    fn a_quota_is_used_up() {
        let quota = Quota::new(2, Duration::from_secs(3600));

        assert!(quota.take("ann").is_ok() && quota.take("ann").is_ok());
        assert_eq!(quota.take("ann").unwrap_err().problem().known(), Some(Code::RateLimited));
        assert!(quota.take("bob").is_ok());
    }
}
