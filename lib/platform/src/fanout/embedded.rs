//! Fan-out within one process: a bounded broadcast that skips for the slow.

use std::sync::Arc;

use tokio::sync::broadcast::{self, error::RecvError};

/// Hints that a slow listener may lag behind before it skips.
const LAG: usize = 4_096;

/// A subject and what is said to it.
pub(super) type Hint = (&'static str, Arc<str>);

/// The sending side.
#[derive(Clone)]
pub struct Local(broadcast::Sender<Hint>);

/// The listening side.
pub(super) struct Listener {
    subject: &'static str,
    hints: broadcast::Receiver<Hint>,
}

impl Local {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(LAG))
    }

    pub(super) fn publish(&self, subject: &'static str, payload: String) {
        // Nobody listening is no error.
        let _ = self.0.send((subject, payload.into()));
    }

    /// What is said to any subject.
    #[cfg(feature = "redis")]
    pub(super) fn everything(&self) -> broadcast::Receiver<Hint> {
        self.0.subscribe()
    }

    pub(super) fn subscribe(&self, subject: &'static str) -> Listener {
        Listener { subject, hints: self.0.subscribe() }
    }
}

impl Listener {
    pub(super) async fn next(&mut self) -> Option<Arc<str>> {
        loop {
            match self.hints.recv().await {
                Ok((subject, payload)) if subject == self.subject => return Some(payload),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
