//! The forgettable fan-out: hints to every gateway, any of which may be lost without harm.

mod embedded;
#[cfg(feature = "redis")]
mod redis;

use std::sync::Arc;

use crate::UnknownEngine;

/// What this build understands.
const EXPECTED: &str = if cfg!(feature = "redis") {
    "embedded: or redis://[:PASSWORD@]HOST:PORT[?prefix=NAME] (rediss:// over TLS)"
} else {
    "embedded:"
};

/// Why a fan-out could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no engine of this build.
    #[error(transparent)]
    Unknown(#[from] UnknownEngine),
    /// The URL names an engine, and is wrong.
    #[error("the fan-out {url} cannot be opened: {why}")]
    Failed {
        /// Which one, without secrets.
        url: String,
        /// Why.
        why: String,
    },
}

/// A fan-out. Cheap to clone.
#[derive(Clone)]
pub enum Fanout {
    /// Within this process.
    Embedded(embedded::Local),
    /// Through Redis, to every process.
    #[cfg(feature = "redis")]
    Redis(redis::Remote),
}

impl Fanout {
    /// Opens the fan-out: `embedded:` stays within this process, `redis://HOST:PORT` reaches everybody who uses the
    /// same Redis, or any node of the same Redis Cluster, with the same `?prefix=`.
    ///
    /// Only a wrong URL fails. A Redis that is down is waited for in the background: nothing that depends on the
    /// fan-out may depend on it being there.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        match crate::split_scheme(url) {
            ("embedded", _) => Ok(Self::Embedded(embedded::Local::new())),
            #[cfg(feature = "redis")]
            ("redis" | "rediss", _) => Ok(Self::Redis(redis::Remote::open(url)?)),
            _ => Err(UnknownEngine { port: "fanout", url: crate::redacted(url), expected: EXPECTED }.into()),
        }
    }

    /// Tells everybody who listens to a subject. Never waits, never fails: it may be lost.
    pub async fn publish(&self, subject: &'static str, payload: String) {
        match self {
            Self::Embedded(local) => local.publish(subject, payload),
            #[cfg(feature = "redis")]
            Self::Redis(remote) => remote.publish(subject, payload),
        }
    }

    /// Listens to a subject from now on. When Redis is away, the answer comes after two seconds, and the listener begins
    /// to hear when Redis is back.
    pub async fn subscribe(&self, subject: &'static str) -> Subscription {
        match self {
            Self::Embedded(local) => Subscription(local.subscribe(subject)),
            #[cfg(feature = "redis")]
            Self::Redis(remote) => Subscription(remote.subscribe(subject).await),
        }
    }
}

/// Somebody who listens: within this process, whichever engine brings the hints into it.
pub struct Subscription(embedded::Listener);

impl Subscription {
    /// The next payload. A listener that is too slow skips the oldest; `None` when the fan-out is gone.
    pub async fn next(&mut self) -> Option<Arc<str>> {
        self.0.next().await
    }
}
