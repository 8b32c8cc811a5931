//! Owned tasks: whoever starts one can stop it and wait for it.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A family of tasks with one stop signal. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Tasks that stop when the given signal does, or earlier.
    pub fn under(stop: &CancellationToken) -> Self {
        Self { tracker: TaskTracker::new(), stop: stop.child_token() }
    }

    /// Starts a task. It should end soon after [`Tasks::stopping`] answers.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(async move {
            task.await;
            tracing::trace!(task = name, "a task ended");
        });
    }

    /// Counts a task that somebody else polls, until it ends.
    pub fn track<F: Future>(&self, task: F) -> impl Future<Output = F::Output> + use<F> {
        self.tracker.track_future(task)
    }

    /// The signal that everything here should stop.
    pub fn stop_signal(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Waits for the signal.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// How many run.
    pub fn len(&self) -> usize {
        self.tracker.len()
    }

    /// Whether none runs.
    pub fn is_empty(&self) -> bool {
        self.tracker.is_empty()
    }

    /// Signals stop and waits for all; `false` when some did not end in time and were left behind.
    pub async fn finish(&self, patience: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait()).await.is_ok()
    }
}
