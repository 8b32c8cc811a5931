//! A gateway that has lost the log sends its people elsewhere: to another one that may still have it.
//!
//! Who stays would see nothing new and say nothing, for as long as this machine is cut off. When nobody has the log, they
//! come back here, and are asked again ever more seldom.

use std::time::{Duration, Instant};

use super::ask_to_move;
use crate::state::App;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);
/// How long the log may take to answer one.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it may be lost: what is over sooner is waited for, and a balancer has to notice first that this gateway is
/// not ready.
const LOST: Duration = Duration::from_secs(8);
/// The longest time until people are asked again.
const SELDOM: Duration = Duration::from_secs(600);

/// Since when the log is lost, and when people are asked to go.
struct Lost {
    since: Instant,
    patience: Duration,
}

impl Lost {
    /// Whether people should go now; asked again, they should only after twice the time.
    fn should_move(&mut self, now: Instant) -> bool {
        let should = now.saturating_duration_since(self.since) >= self.patience;
        if should {
            (self.since, self.patience) = (now, (self.patience * 2).min(SELDOM));
        }
        should
    }
}

/// Looks whether the log is there, as long as this gateway runs.
pub(super) async fn watch(state: App) {
    let mut lost: Option<Lost> = None;
    loop {
        tokio::select! {
            () = state.tasks.stopping() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let answered = tokio::time::timeout(PATIENCE, state.bus.ping()).await;
        if matches!(answered, Ok(Ok(()))) {
            lost = None;
            continue;
        }
        let now = Instant::now();
        let lost = lost.get_or_insert(Lost { since: now, patience: LOST });
        if lost.should_move(now) && state.live.sockets() > 0 {
            tracing::warn!(sockets = state.live.sockets(), "the log is lost: everybody is asked to move");
            ask_to_move(&state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_asked_after_seconds_and_then_ever_more_seldom() {
        let since = Instant::now();
        let mut lost = Lost { since, patience: LOST };

        let asked: Vec<u64> =
            (0..2_500).filter(|second| lost.should_move(since + Duration::from_secs(*second))).collect();

        assert_eq!(asked, [8, 24, 56, 120, 248, 504, 1_016, 1_616, 2_216]);
    }
}
