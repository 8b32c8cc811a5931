//! That the person is writing, told no more often than others need it.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;
use wire::{
    RoomId,
    frames::{TYPING, ToServer},
};

/// Said again while it lasts, so that one that was lost does no harm.
const AGAIN: Duration = Duration::from_secs(TYPING.as_secs() / 2);

/// When it was last said of each room that the person writes there.
#[derive(Debug, Default)]
pub(super) struct Typing {
    said: HashMap<RoomId, Instant>,
}

impl Typing {
    /// What to send after a keystroke, or when the person has stopped.
    pub(super) fn frame(&mut self, room: RoomId, on: bool, now: Instant) -> Option<ToServer> {
        self.said.retain(|_, at| now.duration_since(*at) < TYPING);
        let said = self.said.get(&room);
        let needed = match on {
            true => said.is_none_or(|at| now.duration_since(*at) >= AGAIN),
            false => said.is_some(),
        };
        if !needed {
            return None;
        }
        match on {
            true => drop(self.said.insert(room, now)),
            false => drop(self.said.remove(&room)),
        }
        Some(ToServer::Typing { room, on })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_keystrokes_are_few_frames() {
        let (mut typing, room, start) = (Typing::default(), RoomId::new(), Instant::now());
        let mut on =
            |on: bool, seconds: u64| typing.frame(room, on, start + Duration::from_secs(seconds)).is_some();

        assert!(!on(false, 0), "nobody was told");
        let strokes: Vec<bool> = (0..6).map(|second| on(true, second)).collect();
        assert_eq!(strokes, [true, false, false, true, false, false]);
        assert!(on(false, 6));
        assert!(!on(false, 6));
        assert!(on(true, 6), "and begins again at once");
    }
}
