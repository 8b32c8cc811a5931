//! Time as an argument: the system's clock, or one that a test holds.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use wire::Timestamp;

/// Where a program gets the time from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that only moves when it is told to.
    Held(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at a moment.
    pub fn held(at: Timestamp) -> Self {
        Self::Held(Arc::new(AtomicI64::new(at.micros())))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::from(jiff::Timestamp::now()),
            Self::Held(micros) => Timestamp::from_micros(micros.load(Ordering::Relaxed)),
        }
    }

    /// Moves a held clock; the system's does not listen.
    pub fn advance(&self, seconds: i64) {
        if let Self::Held(micros) = self {
            micros.fetch_add(seconds.saturating_mul(1_000_000), Ordering::Relaxed);
        }
    }
}
