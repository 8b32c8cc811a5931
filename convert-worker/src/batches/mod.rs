//! Batches: several jobs that are one thing, and steps that are made of their results. A step is a job as well: it is
//! leased, fenced, tried again and removed like every other, and waits until what it is made of is there.

pub(crate) mod advance;
pub(crate) mod cancel;
pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod make;
pub(crate) mod remove;
pub(crate) mod show;
pub(crate) mod sql;

use std::collections::HashMap;

use platform::service::{ApiError, Outcome};
use wire::{
    BatchId, JobId, UserId,
    batches::Batch,
    conversions::{Job, JobProgress, JobState},
};

use crate::{jobs, state::State};
use sql::{BatchRow, Member};

/// The batch of this person, or that there is none.
pub(crate) async fn of(state: &State, owner: UserId, id: BatchId) -> Outcome<BatchRow> {
    sql::find(&state.db, owner, id).await?.ok_or_else(|| ApiError::not_found("batch"))
}

/// The batch with all its jobs, as they are now.
pub(crate) async fn now(state: &State, row: &BatchRow) -> Outcome<Batch> {
    let members = sql::members(&state.db, row.id()).await?;
    let waits = |member: &Member| member.row.as_ref().is_some_and(|row| row.state() == JobState::Queued);
    let places = if members.iter().any(waits) {
        jobs::sql::places(&state.db, row.owner()).await?
    } else {
        HashMap::new()
    };
    let (mut jobs, mut made, mut removed) = (Vec::new(), Vec::new(), 0);
    for Member { row: member, .. } in members {
        let Some(mut job) = member.map(|member| member.job()) else {
            removed += 1;
            continue;
        };
        job.position = places.get(&job.id).copied();
        job.progress = state.running.progress(job.id).filter(|_| job.state == JobState::InProgress);
        if job.batch == Some(row.id()) { made.push(job) } else { jobs.push(job) }
    }
    let mut batch = Batch {
        id: row.id(),
        owner: row.owner(),
        name: row.name.clone(),
        state: JobState::Queued,
        progress: JobProgress::default(),
        on_failure: row.wish().map(|wish| wish.on_failure).unwrap_or_default(),
        jobs,
        made,
        removed,
        result: None,
        created_at: row.created_at(),
        updated_at: row.created_at(),
    };
    batch.reckon();
    Ok(batch)
}

/// The steps of batches for which the end of a job may mean something; runners are woken for those that can begin. Only
/// news: what counts was written with the end.
pub(crate) async fn steps_after(state: &State, ended: JobId) -> Vec<Job> {
    match sql::steps_with(&state.db, ended).await {
        Ok(steps) => {
            if steps.iter().any(|step| step.state() == JobState::Queued && !step.held) {
                state.wake.notify_one();
            }
            steps.iter().map(crate::row::JobRow::job).collect()
        }
        Err(error) => {
            tracing::debug!(%error, "nobody was told what follows from the end of a conversion");
            Vec::new()
        }
    }
}
