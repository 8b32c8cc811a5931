//! How long to wait before trying again: full jitter, so that a thousand clients do not come back at once.
//!
//! "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: of the schemes compared there, full jitter
//! needs the fewest calls.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(10);

/// The longest wait before attempt `attempt`, which counts from 0.
fn ceiling(attempt: u32) -> Duration {
    FIRST.saturating_mul(1 << attempt.min(16)).min(LONGEST)
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
    fn the_ceiling_doubles_from_a_quarter_of_a_second_to_ten_seconds() {
        assert_eq!(ceiling(0), Duration::from_millis(250));
        assert_eq!(ceiling(3), Duration::from_secs(2));
        assert_eq!(ceiling(u32::MAX), LONGEST);
    }

    #[test]
    fn no_wait_is_longer_than_its_ceiling() {
        for attempt in 0..40 {
            assert!(full_jitter(attempt) <= ceiling(attempt));
        }
    }
}
