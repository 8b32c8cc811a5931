//! Hints to the gateways. Each may be lost: what counts is in the database.

use platform::traces;
use wire::{conversions::Job, events::Hint, paths::SUBJECT_HINTS};

use crate::{batches, state::State};

/// Tells everybody who watches that a conversion changed or came further, and what follows from its end.
pub(crate) async fn tell(state: &State, job: Job) {
    let ended = job.state.is_final().then_some(job.id);
    say(state, job).await;
    if let Some(ended) = ended {
        state.ended.notify_one();
        for step in batches::steps_after(state, ended).await {
            say(state, step).await;
        }
    }
}

async fn say(state: &State, job: Job) {
    // How far it has come is told many times a second, and is no step of its trace.
    let watched = traces::current().filter(|_| job.progress.is_none());
    let hint = Hint::Job { tp: watched.map(|trace| trace.to_string()), job: Box::new(job) };
    match serde_json::to_string(&hint) {
        Ok(text) => state.fanout.publish(SUBJECT_HINTS, text).await,
        Err(error) => tracing::error!(%error, "a hint could not be written as JSON"),
    }
}
