//! Which cards this gateway works on: each at most once.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use wire::ClientId;

/// The cards under way.
#[derive(Clone, Default)]
pub(crate) struct Cards(Arc<Mutex<HashSet<ClientId>>>);

/// Work on one card; dropped, it is over.
pub(super) struct Turn {
    cards: Cards,
    cid: ClientId,
}

impl Cards {
    pub(super) fn is_under_way(&self, cid: ClientId) -> bool {
        self.locked().contains(&cid)
    }

    /// Begins, unless somebody does already.
    pub(super) fn begin(&self, cid: ClientId) -> Option<Turn> {
        self.locked().insert(cid).then(|| Turn { cards: self.clone(), cid })
    }

    /// A panic while it was locked leaves a set that is whole.
    fn locked(&self) -> MutexGuard<'_, HashSet<ClientId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.cards.locked().remove(&self.cid);
    }
}
