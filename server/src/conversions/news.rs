//! What is heard of conversions, for answers that wait for it. Hints may be lost: whoever waits looks for himself, too.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use wire::{JobId, conversions::Job};

type Heard = watch::Sender<Option<Job>>;

/// The conversions that somebody waits for here.
#[derive(Clone, Default)]
pub(crate) struct News(Arc<Mutex<HashMap<JobId, Heard>>>);

/// The news of one conversion, from now on.
pub(super) struct Following {
    news: News,
    job: JobId,
    heard: watch::Receiver<Option<Job>>,
}

impl News {
    /// Passes on what was heard, if anybody waits for it.
    pub(crate) fn tell(&self, job: &Job) {
        if let Some(heard) = self.locked().get(&job.id) {
            heard.send_replace(Some(job.clone()));
        }
    }

    pub(super) fn follow(&self, job: JobId) -> Following {
        let heard = self.locked().entry(job).or_insert_with(|| watch::channel(None).0).subscribe();
        Following { news: self.clone(), job, heard }
    }

    /// A panic while it was locked leaves a map that is whole.
    fn locked(&self) -> MutexGuard<'_, HashMap<JobId, Heard>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Following {
    /// The newest, as soon as there is something new.
    pub(super) async fn next(&mut self) -> Job {
        loop {
            if self.heard.changed().await.is_err() {
                // Whoever follows keeps the sender; without one there is nothing to hear.
                std::future::pending::<()>().await;
            }
            if let Some(job) = self.heard.borrow_and_update().clone() {
                return job;
            }
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut followed = self.news.locked();
        // We are still counted ourselves.
        if followed.get(&self.job).is_some_and(|heard| heard.receiver_count() <= 1) {
            followed.remove(&self.job);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_follows_is_forgotten() {
        let (news, job) = (News::default(), JobId::new());
        let (first, second) = (news.follow(job), news.follow(job));

        drop(first);
        assert_eq!(news.locked().len(), 1);
        drop(second);
        assert!(news.locked().is_empty());
    }
}
