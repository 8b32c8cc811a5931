//! How the hub says that it is: whether it stores messages, and how far its database is behind.

use std::{fmt, time::Duration};

use wire::frames::LogState;

/// A database that is less behind than this is as near as it should be.
const LATE: Duration = Duration::from_secs(60);

/// How a hub is, by its last sign of life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Whether it stores no messages right now: what is there can be read, what is said waits and is sent again.
    pub read_only: bool,
    /// How many minutes old the oldest message is that is in the log and not yet in the database.
    pub minutes_behind: u64,
}

impl Health {
    pub(super) fn of(log: Option<LogState>, behind_ms: Option<u64>) -> Self {
        let behind = Duration::from_millis(behind_ms.unwrap_or(0));
        Self { read_only: log == Some(LogState::Ro), minutes_behind: behind.as_secs() / LATE.as_secs() }
    }

    /// Whether there is nothing to say of it.
    pub fn is_good(self) -> bool {
        self == Self::default()
    }
}

/// What a person is told: a sentence without its end, for a hub that is not well.
impl fmt::Display for Health {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.read_only, self.minutes_behind) {
            (true, _) => {
                out.write_str("the hub stores no messages right now; what you say waits and is sent again")
            }
            (false, 0) => out.write_str("the hub is well"),
            (false, 1) => out.write_str(
                "the hub's database is a minute behind; nothing is lost, its search lacks the newest",
            ),
            (false, minutes) => {
                write!(
                    out,
                    "the hub's database is {minutes} minutes behind; nothing is lost, its search lacks the newest"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_is_well_until_it_stores_nothing_or_is_a_minute_behind() {
        assert!(Health::of(None, None).is_good());
        assert!(Health::of(Some(LogState::Ok), Some(59_999)).is_good());
        let (late, closed) = (Health::of(None, Some(61_000)), Health::of(Some(LogState::Ro), Some(0)));

        assert!(late.to_string().contains("a minute behind"), "{late}");
        assert!(closed.to_string().contains("stores no messages"), "{closed}");
    }
}
