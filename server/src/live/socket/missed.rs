//! Conversions that went on while their owner's socket was away: how each stands now, for whoever says how far they heard.

use std::{collections::BTreeMap, sync::Arc};

use reqwest::Method;
use wire::{
    JobId, UserId,
    conversions::Job,
    frames::{MISSED, ToClient},
    paths::{fill, internal},
};

use super::super::{encoded, line::Line};
use crate::{state::App, upstream::call};

/// Tells those that went on after what was heard of each. Who asks already hears what happens from now on, so that nothing
/// lies in between; it may come before what is told here, and then has the higher `seq`.
pub(super) async fn tell(state: App, user: UserId, line: Arc<Line>, after: BTreeMap<JobId, u64>) {
    for (id, heard) in after.into_iter().take(MISSED) {
        let asked = state.upstream.convert(Method::GET, &fill(internal::JOB, id), user);
        match call::<Job>(asked).await {
            Ok(job) if job.seq > heard => line.hint(encoded(&ToClient::Job { job: Box::new(job) })),
            Ok(_) => {}
            // It is gone, or nobody can be asked: then the client looks for itself, as after any lost hint.
            Err(error) => {
                tracing::debug!(job = %id, detail = error.problem().detail, "what a socket missed cannot be told")
            }
        }
    }
}
