//! The forgettable fan-out: hints to every gateway, any of which may be lost without harm.

mod embedded;

use std::sync::Arc;

use crate::UnknownEngine;

/// A fan-out. Cheap to clone.
#[derive(Clone)]
pub enum Fanout {
    /// Within this process.
    Embedded(embedded::Local),
}

impl Fanout {
    /// Opens the fan-out: `embedded:` stays within this process.
    pub async fn open(url: &str) -> Result<Self, UnknownEngine> {
        match crate::split_scheme(url) {
            ("embedded", _) => Ok(Self::Embedded(embedded::Local::new())),
            _ => Err(UnknownEngine { port: "fanout", url: crate::redacted(url), expected: "embedded:" }),
        }
    }

    /// Tells everybody who listens to a subject. Never waits, never fails: it may be lost.
    pub async fn publish(&self, subject: &'static str, payload: String) {
        match self {
            Self::Embedded(local) => local.publish(subject, payload),
        }
    }

    /// Listens to a subject from now on.
    pub async fn subscribe(&self, subject: &'static str) -> Subscription {
        match self {
            Self::Embedded(local) => Subscription::Embedded(local.subscribe(subject)),
        }
    }
}

/// Somebody who listens.
pub enum Subscription {
    /// Within this process.
    Embedded(embedded::Listener),
}

impl Subscription {
    /// The next payload. A listener that is too slow skips some; `None` when the fan-out is gone.
    pub async fn next(&mut self) -> Option<Arc<str>> {
        match self {
            Self::Embedded(listener) => listener.next().await,
        }
    }
}
