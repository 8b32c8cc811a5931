//! One at a time puts the parts of an upload together: whoever comes meanwhile waits, and finds the job.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use wire::UploadId;

/// Whose turn it is, by upload. Other workers have their own: the key of the job sees to it that there is one.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<UploadId, Weak<Turn>>>);

type Turn = tokio::sync::Mutex<()>;

impl Turns {
    /// The turn at this upload, for as long as somebody holds or awaits it.
    pub(super) fn at(&self, id: UploadId) -> Arc<Turn> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(&id).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(Turn::default());
        turns.insert(id, Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_has_one_turn_which_is_forgotten_when_nobody_wants_it() {
        let (turns, id) = (Turns::default(), UploadId::new());

        let (first, second, other) = (turns.at(id), turns.at(id), turns.at(UploadId::new()));
        let held = first.try_lock().unwrap();
        assert!(second.try_lock().is_err() && other.try_lock().is_ok());

        drop(held);
        drop((first, second, other));
        let _last = turns.at(id);
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}
