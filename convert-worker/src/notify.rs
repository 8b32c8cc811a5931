//! Hints to the gateways. Each may be lost: what counts is in the database.

use platform::traces;
use wire::{conversions::Job, events::Hint, paths::SUBJECT_HINTS};

use crate::state::State;

/// Tells everybody who watches that a conversion changed or came further.
pub(crate) async fn tell(state: &State, job: Job) {
    if job.state.is_final() {
        state.ended.notify_one();
    }
    // How far it has come is told many times a second, and is no step of its trace.
    let watched = traces::current().filter(|_| job.progress.is_none());
    let hint = Hint::Job { tp: watched.map(|trace| trace.to_string()), job: Box::new(job) };
    match serde_json::to_string(&hint) {
        Ok(text) => state.fanout.publish(SUBJECT_HINTS, text).await,
        Err(error) => tracing::error!(%error, "a hint could not be written as JSON"),
    }
}
