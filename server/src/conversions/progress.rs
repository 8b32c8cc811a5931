//! How far a card is, for everybody who follows its room: as often as a person can see, and again so that a hint that
//! was lost does no harm.

use std::time::{Duration, Instant};

use wire::{RoomId, conversions::Job, events::Hint, frames::CARD, messages::UnderWay, paths::SUBJECT_HINTS};

use crate::state::State;

/// The pause between two hints about one card.
const PAUSE: Duration = Duration::from_millis(200);

/// What was told of one card.
pub(super) struct Told {
    room: RoomId,
    pos: u64,
    last: Option<(UnderWay, Instant)>,
}

impl Told {
    /// Nothing yet of the card at that position.
    pub(super) fn nothing(room: RoomId, pos: u64) -> Self {
        Self { room, pos, last: None }
    }

    /// Tells how far the job is, if that is worth it.
    pub(super) async fn tell(&mut self, state: &State, job: &Job) {
        let (at, now) = (UnderWay::from(job), Instant::now());
        if !self.is_worth_telling(&at, now) {
            return;
        }
        self.last = Some((at.clone(), now));
        let hint = Hint::Card { room: self.room, pos: self.pos, at };
        let hint = serde_json::to_string(&hint).expect("a hint is plain data");
        state.fanout.publish(SUBJECT_HINTS, hint).await;
    }

    fn is_worth_telling(&self, at: &UnderWay, now: Instant) -> bool {
        let Some((known, then)) = &self.last else { return true };
        let silent = now.duration_since(*then);
        let is_news = known.state != at.state || (known != at && silent >= PAUSE);
        is_news || silent >= CARD / 3
    }
}

#[cfg(test)]
mod tests {
    use wire::conversions::{JobProgress, JobState};

    use super::*;

    fn converting(done: u64) -> UnderWay {
        let stage = "converting".to_owned();
        let progress = JobProgress { stage, done, total: None, unit: "pages".into(), percent: None };
        UnderWay { progress: Some(progress), ..UnderWay::of(JobState::InProgress) }
    }

    #[test]
    fn steps_are_told_now_and_then_and_a_new_state_at_once() {
        let start = Instant::now();
        let mut told = Told::nothing(RoomId::new(), 7);
        let mut step = |at: UnderWay, millis: u64| {
            let now = start + Duration::from_millis(millis);
            let worth = told.is_worth_telling(&at, now);
            if worth {
                told.last = Some((at, now));
            }
            worth
        };

        assert!(step(UnderWay::of(JobState::Queued), 0));
        assert!(step(converting(1), 10), "another state");
        assert!(!step(converting(2), 60), "nobody sees that");
        assert!(step(converting(3), 260));
        assert!(!step(converting(3), 1_000), "nothing has changed");
        assert!(step(converting(3), 2_400), "whoever missed it hears it again");
    }
}
