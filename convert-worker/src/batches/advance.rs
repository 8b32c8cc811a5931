//! What follows for the steps of batches when a job changes: they can begin, or never will. Decided in the transaction of
//! that change, so that no crash comes in between.

use platform::db::Transaction;
use wire::{BatchId, Timestamp, conversions::JobState};

use super::sql::{self, Member};
use crate::{row::JobRow, sql::note};

/// What becomes of a step that waits for others.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Some of them run.
    Waits,
    /// They are there: so many bytes.
    Begins(i64),
    /// It cannot be made; with the reason.
    Fails(String),
}

/// Looks at every step that the change of this job may mean something for.
pub(crate) async fn after(tx: &mut Transaction, row: &JobRow) -> sqlx::Result<()> {
    let now = Timestamp::from_micros(row.updated_at);
    if row.held
        && let Some(batch) = row.batch()
    {
        advance(tx, batch, now).await?;
    }
    let mut ended = if row.state().is_final() { vec![row.id()] } else { Vec::new() };
    // A step may be part of another batch, and its end mean something there.
    while let Some(job) = ended.pop() {
        for batch in sql::batches_with(tx, job).await? {
            ended.extend(advance(tx, batch, now).await?.iter().map(JobRow::id));
        }
    }
    Ok(())
}

/// Decides about the steps of a batch that wait, in order; those that failed.
async fn advance(tx: &mut Transaction, batch: BatchId, now: Timestamp) -> sqlx::Result<Vec<JobRow>> {
    // Two jobs that end in the same moment must not both take each other for running.
    sql::take_turn(tx, batch).await?;
    let mut failed = Vec::new();
    let mut members = sql::members_in(tx, batch).await?;
    for at in 0..members.len() {
        let Some(step) = members[at].row.clone().filter(|row| row.held && row.batch() == Some(batch)) else {
            continue;
        };
        let changed = match verdict(&members[..at], step.strict) {
            Verdict::Waits => continue,
            Verdict::Begins(bytes) => sql::begin(tx, step.id(), bytes, now).await?,
            Verdict::Fails(why) => sql::fail(tx, step.id(), &why, now).await?,
        };
        note(tx, &changed).await?;
        if changed.state().is_final() {
            failed.push(changed.clone());
        }
        // The next step is made of this one as well.
        members[at].row = Some(changed);
    }
    Ok(failed)
}

/// What becomes of a step that is made of these; a strict one needs all of them.
pub(super) fn verdict(inputs: &[Member], strict: bool) -> Verdict {
    let missing = missing(inputs);
    if let Some(why) = missing.first().filter(|_| strict) {
        return Verdict::Fails(why.clone());
    }
    let there = || inputs.iter().filter_map(|input| input.row.as_ref());
    if there().any(|row| !row.state().is_final()) {
        return Verdict::Waits;
    }
    let completed: Vec<&JobRow> = there().filter(|row| row.state() == JobState::Completed).collect();
    if completed.is_empty() {
        return Verdict::Fails(missing.first().cloned().unwrap_or_else(|| "there is none".to_owned()));
    }
    Verdict::Begins(completed.iter().filter_map(|row| row.bytes_out).sum())
}

/// The inputs that will never be there, each with the reason.
pub(super) fn missing(inputs: &[Member]) -> Vec<String> {
    inputs.iter().enumerate().filter_map(|(at, input)| reason(at, input)).collect()
}

fn reason(at: usize, input: &Member) -> Option<String> {
    let Some(row) = &input.row else { return Some(format!("file {} of the batch was removed", at + 1)) };
    match row.state() {
        JobState::Cancelled => Some(format!("{} was cancelled", row.name)),
        JobState::Failed => {
            let why = row.job().error.map(|error| error.detail).unwrap_or_default();
            Some(format!("{} could not be converted ({why})", row.name))
        }
        _ => None,
    }
}
