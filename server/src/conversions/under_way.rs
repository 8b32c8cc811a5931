//! Which cards this gateway works on, each at most once, and the hints about their jobs.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use uuid::Uuid;
use wire::{JobId, conversions::Job};

use super::card::Wish;

/// The cards under way.
#[derive(Clone, Default)]
pub(crate) struct Cards(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    turns: HashSet<Uuid>,
    jobs: HashMap<JobId, watch::Sender<Option<Job>>>,
}

/// Work on one card; dropped, it is over.
pub(super) struct Turn {
    cards: Cards,
    wish: Uuid,
}

/// The newest hint about one job. Dropped, nobody listens any more.
pub(super) struct Watch {
    cards: Cards,
    job: JobId,
    news: watch::Receiver<Option<Job>>,
}

impl Cards {
    pub(super) fn is_under_way(&self, wish: &Wish) -> bool {
        self.locked().turns.contains(&wish.task())
    }

    /// Begins, unless somebody does already.
    pub(super) fn begin(&self, wish: &Wish) -> Option<Turn> {
        // Not its cid: clients choose these, and everybody in a room could take the turn of another's wish there.
        let wish = wish.task();
        self.locked().turns.insert(wish).then(|| Turn { cards: self.clone(), wish })
    }

    /// Listens to hints about a job.
    pub(super) fn watch(&self, job: JobId) -> Watch {
        let news = self.locked().jobs.entry(job).or_default().subscribe();
        Watch { cards: self.clone(), job, news }
    }

    /// A hint about any job.
    pub(crate) fn hear(&self, job: &Job) {
        if let Some(news) = self.locked().jobs.get(&job.id) {
            news.send_replace(Some(job.clone()));
        }
    }

    /// A panic while it was locked leaves memory that is whole.
    fn locked(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// The newest hint that was not taken yet, as soon as there is one. Nothing is lost when it is not waited for.
    pub(super) async fn next(&mut self) -> Job {
        loop {
            if self.news.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            if let Some(job) = self.news.borrow_and_update().clone() {
                return job;
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.cards.locked().turns.remove(&self.wish);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.cards.locked().jobs.remove(&self.job);
    }
}
