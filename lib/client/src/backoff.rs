//! How long to wait before trying again: full jitter, so that a thousand clients do not come back at once.
//!
//! "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: of the schemes compared there, full jitter
//! needs the fewest calls.

use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(250);
/// Whoever waits for a hub that restarts sees it within two or three seconds of its return.
const LONGEST: Duration = Duration::from_secs(3);
/// The first attempt that may wait so long.
const FIRST_OF_LONGEST: u32 = 4;
/// With 1.5 s on average this is about a minute: a hub that has been away for longer is not just restarting.
const PATIENT: u32 = 40;
/// What a hub is asked that has been away for long.
const SELDOM: Duration = Duration::from_secs(30);
/// Somebody who just said something does not wait, unless the last attempt is more recent than this.
const EAGER: Duration = Duration::from_secs(1);

/// A pause between two attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    /// When the last attempt began.
    last: Instant,
    /// When the next one begins.
    pub(crate) over: Instant,
}

impl Pause {
    /// Begins now, after an attempt that began at `last`.
    pub(crate) fn new(last: Instant, now: Instant, wait: Duration) -> Self {
        Self { last, over: now + wait }
    }

    /// Somebody has something to say.
    pub(crate) fn hurry(&mut self, now: Instant) {
        self.over = self.over.min(now.max(self.last + EAGER));
    }
}

/// The longest wait before attempt `attempt`, which counts from 0.
fn ceiling(attempt: u32) -> Duration {
    match attempt.checked_sub(PATIENT) {
        None => FIRST.saturating_mul(1 << attempt.min(16)).min(LONGEST),
        Some(late) => LONGEST.saturating_mul(1 << late.min(16)).min(SELDOM),
    }
}

/// The attempts that count when the last one was answered, however briefly: whoever comes and goes is not away for long.
pub(crate) fn after_answer(failures: u32) -> u32 {
    failures.min(FIRST_OF_LONGEST)
}

/// A random wait between nothing and the ceiling of this attempt.
pub(crate) fn full_jitter(attempt: u32) -> Duration {
    ceiling(attempt).mul_f64(rand::random::<f64>())
}

/// A random moment within a span that somebody else chose.
pub(crate) fn within(spread: Duration) -> Duration {
    spread.mul_f64(rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_is_three_seconds_for_about_a_minute_and_then_grows_to_thirty() {
        assert_eq!(ceiling(0), Duration::from_millis(250));
        assert_eq!(ceiling(3), Duration::from_secs(2));
        assert!(ceiling(FIRST_OF_LONGEST - 1) < LONGEST);
        assert_eq!((ceiling(FIRST_OF_LONGEST), ceiling(PATIENT)), (LONGEST, LONGEST));
        assert_eq!(ceiling(PATIENT + 1), Duration::from_secs(6));
        assert_eq!(ceiling(u32::MAX), SELDOM);
        let minute: Duration = (0..PATIENT).map(|attempt| ceiling(attempt) / 2).sum();
        assert!((50..70).contains(&minute.as_secs()), "{minute:?}");
    }

    /// How long after its return a hub that was away for `outage` is noticed, when each pause is as long as it may be
    /// and an attempt takes no time.
    fn noticed_after(outage: Duration) -> Duration {
        let next = |at: Duration, attempt| at + ceiling(attempt);
        let mut attempts = (0..).scan(Duration::ZERO, |at, attempt| {
            *at = next(*at, attempt);
            Some(*at)
        });
        attempts.find(|at| *at >= outage).unwrap() - outage
    }

    #[test]
    fn a_hub_that_restarts_is_noticed_in_three_seconds_and_one_that_was_away_for_long_in_thirty() {
        for seconds in 1..100 {
            assert!(noticed_after(Duration::from_secs(seconds)) <= LONGEST, "{seconds}");
        }
        let hour = noticed_after(Duration::from_secs(3_600));
        assert!(hour > LONGEST && hour <= SELDOM, "{hour:?}");
    }

    #[test]
    fn a_hub_that_comes_and_goes_is_not_asked_seldom() {
        assert_eq!(ceiling(after_answer(1_000)), LONGEST);
        assert_eq!(after_answer(1), 1);
    }

    #[test]
    fn something_to_say_ends_a_pause_but_no_more_than_once_a_second() {
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let mut long = Pause::new(began, at(100), SELDOM);
        let mut short = Pause::new(began, at(100), Duration::from_millis(50));

        long.hurry(at(400));
        short.hurry(at(120));
        assert_eq!((long.over, short.over), (began + EAGER, at(150)));

        let mut late = Pause::new(began, at(100), SELDOM);
        late.hurry(at(5_000));
        late.hurry(at(6_000));
        assert_eq!(late.over, at(5_000));
    }

    #[test]
    fn no_wait_is_longer_than_its_ceiling() {
        for attempt in 0..80 {
            assert!(full_jitter(attempt) <= ceiling(attempt));
        }
    }
}
