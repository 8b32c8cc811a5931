//! The jobs that run here: how to stop them, and how far they are.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::{JobId, conversions::JobProgress};

/// The jobs that run here.
#[derive(Default)]
pub(crate) struct Running(Mutex<HashMap<JobId, Entry>>);

struct Entry {
    stop: CancellationToken,
    progress: watch::Receiver<Option<JobProgress>>,
}

/// One job that runs; it is over when this is dropped.
pub(crate) struct Guard<'a> {
    running: &'a Running,
    job: JobId,
    pub(super) stop: CancellationToken,
    pub(super) progress: watch::Sender<Option<JobProgress>>,
}

impl Running {
    pub(super) fn enter(&self, job: JobId) -> Guard<'_> {
        let stop = CancellationToken::new();
        let (progress, heard) = watch::channel(None);
        // An older attempt that has lost its lease may still be here, on its way out: stop it, to be sure.
        if let Some(older) = self.entries().insert(job, Entry { stop: stop.clone(), progress: heard }) {
            older.stop.cancel();
        }
        Guard { running: self, job, stop, progress }
    }

    /// Stops the job if it runs here.
    pub(crate) fn stop(&self, job: JobId) {
        if let Some(entry) = self.entries().get(&job) {
            entry.stop.cancel();
        }
    }

    /// Stops everything.
    pub(crate) fn stop_all(&self) {
        for entry in self.entries().values() {
            entry.stop.cancel();
        }
    }

    /// How many run here.
    pub(super) fn count(&self) -> usize {
        self.entries().len()
    }

    /// How far the job is, if it runs here.
    pub(crate) fn progress(&self, job: JobId) -> Option<JobProgress> {
        self.entries().get(&job)?.progress.borrow().clone()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<JobId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut entries = self.running.entries();
        // Only our own: a newer attempt may have taken the place.
        if entries.get(&self.job).is_some_and(|entry| entry.progress.same_channel(&self.progress.subscribe()))
        {
            entries.remove(&self.job);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_on_its_way_out_does_not_take_the_newer_one_with_it() {
        let (running, job) = (Running::default(), JobId::new());
        let older = running.enter(job);
        let newer = running.enter(job);
        assert!(older.stop.is_cancelled() && !newer.stop.is_cancelled());

        drop(older);
        running.stop(job);

        assert!(newer.stop.is_cancelled());
    }
}
