//! Answers that wait for the end of a conversion, for a while.

use std::time::Duration;

use platform::service::{ApiError, Outcome};
use reqwest::Method;
use tokio::time::{Instant, sleep_until};
use wire::{
    Code,
    conversions::Job,
    paths::{fill, internal},
};

use crate::{state::App, upstream::call};

/// The longest wait in seconds: what is between us and the caller gives up on longer silences.
const LONGEST: u32 = 60;
/// Between two looks at the worker: a hint may be lost.
const LOOK: Duration = Duration::from_secs(1);

/// How long somebody wants to wait.
pub(super) fn wanted(seconds: Option<u32>) -> Outcome<Duration> {
    match seconds.unwrap_or(0) {
        seconds @ 0..=LONGEST => Ok(Duration::from_secs(seconds.into())),
        _ => {
            let rule = format!("must be 0 to {LONGEST} seconds");
            Err(ApiError::new(Code::InvalidField, "the wait is too long").field("/wait", rule))
        }
    }
}

/// The job as soon as it has ended, or as it is after `limit`.
pub(super) async fn ended(state: &App, mut job: Job, limit: Duration) -> Outcome<Job> {
    let deadline = Instant::now() + limit;
    let mut following = state.news.follow(job.id);
    // At once: it may have ended before we listened.
    let mut look = Instant::now();
    while !job.state.is_final() {
        tokio::select! {
            () = state.leaving.cancelled() => break,
            () = sleep_until(deadline) => break,
            heard = following.next() => if heard.seq >= job.seq { job = heard },
            () = sleep_until(look) => {
                let path = fill(internal::JOB, job.id);
                job = call(state.upstream.convert(Method::GET, &path, job.owner)).await?;
                look = Instant::now() + LOOK;
            }
        }
    }
    Ok(job)
}
