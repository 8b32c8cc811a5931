//! Live: this gateway follows the log and pushes to its own members' sockets.
//!
//! Nothing whose loss matters comes over the fan-out: progress, watermarks, read marks, repetitions that were voided, who is
//! here and who writes. Of an ended session the token tells as well, a little later.

mod answer;
mod appends;
mod attempts;
mod bundle;
mod catch_up;
mod frame;
mod hints;
mod limits;
mod line;
mod lost;
mod members;
mod partition;
mod past;
mod people;
mod presence;
mod queue;
mod registry;
mod room;
mod say;
pub(crate) mod socket;
mod tail;
mod typing;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use wire::{
    frames::{ToClient, close},
    paths::TOPIC_CHAT,
};

pub(crate) use appends::Appends;
pub(crate) use attempts::{Key, Waiter};
use frame::encoded;
pub use limits::Patience;
pub(crate) use members::is_member;
pub(crate) use past::{after, in_memory, newest_of_log, remembered};
pub(crate) use registry::Registry;
pub(crate) use say::{Begun, begin};

use crate::state::{App, State};

/// How long the tail may stand still while the log grows.
pub(crate) const WEDGED: Duration = Duration::from_secs(5);
/// Between two looks whether everybody has moved.
const LOOK: Duration = Duration::from_millis(20);

/// Follows the log and the hints; answers when this gateway has caught up with the log as it was.
pub(crate) async fn start(state: &App) -> anyhow::Result<()> {
    appends::start(state);
    tail::start(state).await?;
    hints::start(state).await;
    state.tasks.spawn("presence", presence::watch(state.clone()));
    if state.bus.is_shared() {
        state.tasks.spawn("lost log", lost::watch(state.clone()));
    }
    Ok(())
}

/// Tells every socket to come back elsewhere, each at a moment of its own within the time that is answered with.
fn ask_to_move(state: &State) -> Duration {
    let sockets = u64::try_from(state.live.sockets()).unwrap_or(u64::MAX);
    let least = u64::try_from(state.config.patience.spread.as_millis()).unwrap_or(u64::MAX);
    let spread_ms = sockets.min(limits::LONGEST_SPREAD_MS).max(least);
    state.live.people.tell_all(&encoded(&ToClient::Drain { spread_ms }));
    Duration::from_millis(spread_ms)
}

/// Tells every socket to come back elsewhere, and serves them until they have; those who stay are closed.
pub(crate) async fn drain(state: &State) {
    let spread = ask_to_move(state);
    let moved = async {
        while state.live.sockets() > 0 {
            tokio::time::sleep(LOOK).await;
        }
    };
    if tokio::time::timeout(spread, moved).await.is_err() {
        tracing::info!(sockets = state.live.sockets(), "sockets that did not move are closed");
    }
    state.live.people.end_all((close::RESTART, "the hub restarts"));
}

/// Fails when the log grows and this gateway does not follow.
pub(crate) async fn ping(state: &State) -> Result<(), String> {
    let heads = state.bus.heads(TOPIC_CHAT).await.map_err(|error| error.to_string())?;
    let partitions = state.live.partitions().iter();
    let tailed = partitions.map(|partition| (partition.number, partition.tailed())).collect();
    state.wedge.check(&tailed, &heads, Instant::now()).map_err(|wedged| format!("the tail hangs: {wedged}"))
}

/// A panic while a lock was held leaves memory that is still consistent: every change under a lock is one insertion
/// or removal.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
