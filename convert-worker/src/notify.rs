//! Hints to the gateways. Each may be lost: what counts is in the database.

use wire::{conversions::Job, events::Hint, paths::SUBJECT_HINTS};

use crate::state::State;

/// Tells everybody who watches that a conversion changed or came further.
pub(crate) async fn tell(state: &State, job: Job) {
    if job.state.is_final() {
        state.ended.notify_one();
    }
    let hint = Hint::Job { job: Box::new(job) };
    match serde_json::to_string(&hint) {
        Ok(text) => state.fanout.publish(SUBJECT_HINTS, text).await,
        Err(error) => tracing::error!(%error, "a hint could not be written as JSON"),
    }
}
