//! Jobs as their owners handle them. A job of somebody else is missing, exactly like one that never was.

pub(crate) mod cancel;
pub(crate) mod dead;
mod estimate;
pub(crate) mod events;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod retry;
pub(crate) mod show;
pub(crate) mod sql;

use platform::service::{ApiError, Outcome};
use wire::{
    Code, JobId, UserId,
    conversions::{Job, JobState},
};

use crate::{row::JobRow, state::State};

/// The job of this person, or that there is none.
pub(crate) async fn of(state: &State, owner: UserId, id: JobId) -> Outcome<JobRow> {
    sql::find(&state.db, owner, id).await?.ok_or_else(|| ApiError::not_found("conversion"))
}

/// The job with what only a moment knows: its place in the line, or how far it is.
pub(crate) async fn now(state: &State, row: &JobRow) -> Outcome<Job> {
    let mut job = row.job();
    match job.state {
        JobState::Queued => {
            job.position = sql::places(&state.db, job.owner).await?.get(&job.id).copied();
            job.eta = estimate::of(state, &job).await?;
        }
        JobState::InProgress => job.progress = state.running.progress(job.id),
        _ => {}
    }
    Ok(job)
}

/// That something cannot be done with a job as it is.
pub(crate) fn wrong_state(row: &JobRow, wish: &str) -> ApiError {
    ApiError::new(
        Code::WrongState,
        format!("the conversion {} is {}: it cannot be {wish}", row.id(), row.state().name()),
    )
}

/// Refuses so many more bytes of somebody when they would have too many. What is taken in at the same moment may pass the
/// limit together, and so may results, whose size nobody knows before.
pub(crate) async fn check_bytes(state: &State, owner: UserId, more: u64) -> Outcome<()> {
    let most = state.config.max_user_bytes;
    let kept = sql::kept(&state.db, owner).await?;
    if kept.saturating_add(more) > most {
        let detail = format!("your conversions have {kept} bytes together, and {most} are allowed");
        return Err(ApiError::new(Code::TooLarge, detail)
            .hint("remove conversions that nobody needs, or ask whoever runs the hub to raise the limit"));
    }
    Ok(())
}

/// That a person has as many waiting as they may.
pub(crate) fn too_many(limit: u32) -> ApiError {
    ApiError::new(Code::RateLimited, format!("{limit} of your conversions are waiting already"))
        .hint("wait until one of them has started, or cancel one")
        .retry_after(1)
}
