//! Whether somebody who follows the log still does: who is behind and comes no step further for a while hangs.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::bus::Positions;

/// What was seen of a follower, from one question to the next. Positions only grow: the same one twice means that nothing
/// happened in between, so nobody has to look more often than he is asked.
pub struct Wedge {
    patience: Duration,
    /// Of each partition that was behind: where, and since when.
    behind: Mutex<BTreeMap<i32, (u64, Instant)>>,
}

/// Somebody hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("partition {partition} stands at {at} for {} s, and the log at {head}", since.as_secs())]
pub struct Wedged {
    partition: i32,
    at: u64,
    head: u64,
    since: Duration,
}

impl Wedge {
    /// Of one that may stand still for so long while there is something to do.
    pub fn after(patience: Duration) -> Self {
        Self { patience, behind: Mutex::default() }
    }

    /// Fails when a partition has not been moved on for too long. `heads` are asked before `followed`; `now` is a
    /// machine's time, which no step of its clock moves.
    pub fn check(&self, followed: &Positions, heads: &Positions, now: Instant) -> Result<(), Wedged> {
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wedged = Ok(());
        for (partition, head) in heads {
            let (partition, head) = (*partition, *head);
            let at = followed.get(&partition).copied().unwrap_or(0);
            if at >= head {
                behind.remove(&partition);
                continue;
            }
            let seen = behind.entry(partition).or_insert((at, now));
            if seen.0 != at {
                *seen = (at, now);
            }
            let since = now.saturating_duration_since(seen.1);
            if since > self.patience {
                wedged = wedged.and(Err(Wedged { partition, at, head, since }));
            }
        }
        wedged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A follower that may stand still for 5 s, and the answers at moments when it and the log were somewhere.
    fn answers(told: &[(u64, u64, u64)]) -> Vec<bool> {
        let (wedge, began) = (Wedge::after(Duration::from_secs(5)), Instant::now());
        let answer = |&(second, at, head): &(u64, u64, u64)| {
            let (followed, heads) = ([(0, at)].into(), [(0, head)].into());
            wedge.check(&followed, &heads, began + Duration::from_secs(second)).is_ok()
        };
        told.iter().map(answer).collect()
    }

    #[test]
    fn who_stands_still_while_the_log_grows_hangs_until_he_moves() {
        let answers = answers(&[(0, 7, 7), (10, 7, 8), (14, 7, 9), (16, 7, 9), (17, 8, 9), (18, 9, 9)]);

        assert_eq!(answers, [true, true, true, false, true, true]);
    }

    #[test]
    fn who_has_nothing_to_do_or_catches_up_does_not_hang() {
        assert_eq!(answers(&[(0, 7, 7), (3_600, 7, 7)]), [true; 2], "nothing to do");
        assert_eq!(answers(&[(0, 0, 0), (3_600, 0, 1)]), [true; 2], "the first record after an hour");
        assert_eq!(answers(&[(0, 1, 900), (30, 2, 900), (60, 3, 900)]), [true; 3], "slow, and on its way");
        assert_eq!(answers(&[(0, 1, 2), (30, 2, 2), (60, 2, 3)]), [true; 3], "behind, done, behind again");
        assert_eq!(answers(&[(0, 9, 12), (9, 0, 3)]), [true; 2], "another log");
    }

    #[test]
    fn each_partition_is_looked_at_and_the_first_that_hangs_is_named() {
        let (wedge, began) = (Wedge::after(Duration::from_secs(5)), Instant::now());
        let (followed, heads) = ([(0, 4), (1, 7), (2, 7)].into(), [(0, 4), (1, 9), (2, 8)].into());

        let first = wedge.check(&followed, &heads, began);
        let later = wedge.check(&followed, &heads, began + Duration::from_secs(9));

        assert_eq!(first, Ok(()));
        let said = later.unwrap_err().to_string();
        assert_eq!(said, "partition 1 stands at 7 for 9 s, and the log at 9");
    }
}
