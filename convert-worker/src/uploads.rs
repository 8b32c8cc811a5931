//! Uploads that are on their way, counted by person.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use wire::UserId;

/// How many uploads of whom are on their way.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<HashMap<UserId, u32>>);

/// One upload on its way; it is over when this is dropped.
pub(crate) struct Upload<'a> {
    uploads: &'a Uploads,
    owner: UserId,
    /// How many of this person are on their way, with this one.
    pub(crate) count: u32,
}

impl Uploads {
    /// One more of this person.
    pub(crate) fn enter(&self, owner: UserId) -> Upload<'_> {
        let mut counts = self.counts();
        let count = counts.entry(owner).or_default();
        *count += 1;
        Upload { uploads: self, owner, count: *count }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<UserId, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        let mut counts = self.uploads.counts();
        let left = counts.get(&self.owner).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            counts.remove(&self.owner);
        } else {
            counts.insert(self.owner, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_counted_by_person_and_forgotten_when_over() {
        let (uploads, ann, bob) = (Uploads::default(), UserId::new(), UserId::new());

        let first = uploads.enter(ann);
        let second = uploads.enter(ann);
        let other = uploads.enter(bob);
        assert_eq!((first.count, second.count, other.count), (1, 2, 1));

        drop((first, second, other));
        assert!(uploads.counts().is_empty());
    }
}
