//! `mshub batch`: look after conversions that are one thing.

use clap::Subcommand;
use client::Hub;
use wire::{
    BatchId, JobId,
    batches::{Batch, NewBatch, OnFailure, Step},
    conversions::JobState,
};

use super::{convert::so_far, job};
use crate::{
    error::{CliError, Kind},
    global::Global,
    progress::describe,
    text,
};

/// How many batches are listed when nothing is said.
const USUAL: u32 = 20;

/// What can be done with batches.
#[derive(Debug, Subcommand)]
#[command(after_help = "A batch is made by `mshub convert --merge` and `--zip` as well.

Examples:
  mshub batch new --merge --name report 01930c1e-… 01930c1f-…
  mshub batch watch 01930c20-…
  mshub batch get 01930c20-… -o report.pdf")]
pub enum BatchCommand {
    /// Make a batch of conversions that run or have ended, and print its id
    New {
        /// Their ids, in order
        #[arg(required = true, value_name = "JOB")]
        jobs: Vec<JobId>,
        /// Make one PDF of their results
        #[arg(long)]
        merge: bool,
        /// Put their results, and the merged PDF, into a zip
        #[arg(long)]
        zip: bool,
        /// What the result is called
        #[arg(long, value_name = "NAME", default_value = "batch")]
        name: String,
        /// Go on without those that fail
        #[arg(long)]
        skip_failed: bool,
    },
    /// List your batches, newest first
    #[command(alias = "ls")]
    List {
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = USUAL, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show a batch with its conversions
    Show {
        /// Its id
        id: BatchId,
    },
    /// Print each change until the end; exits with 10 when it fails
    Watch {
        /// Its id
        id: BatchId,
    },
    /// Fetch the result
    Get {
        /// Its id
        id: BatchId,
        /// Where to; - for standard output [default: the name the hub gives it, in this folder]
        #[arg(short, long, value_name = "FILE")]
        output: Option<String>,
        /// Replace a file that is there
        #[arg(long)]
        overwrite: bool,
    },
    /// Stop batches with all of their conversions
    Cancel {
        /// Their ids
        #[arg(required = true, value_name = "ID")]
        ids: Vec<BatchId>,
    },
    /// Remove batches with all of their conversions and files
    Rm {
        /// Their ids
        #[arg(required = true, value_name = "ID")]
        ids: Vec<BatchId>,
    },
}

/// Does it.
pub async fn run(command: BatchCommand, global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    match command {
        BatchCommand::New { jobs, merge, zip, name, skip_failed } => {
            let steps = [(merge, Step::Merge), (zip, Step::Zip)];
            let wish = NewBatch {
                jobs,
                steps: steps.into_iter().filter(|(wanted, _)| *wanted).map(|(_, step)| step).collect(),
                name,
                on_failure: if skip_failed { OnFailure::Skip } else { OnFailure::Fail },
                webhook: None,
            };
            changed(global, &hub.make_batch(&wish).await?)
        }
        BatchCommand::List { limit } => list(global, &batches(&hub, limit).await?),
        BatchCommand::Show { id } => show(global, &hub.batch(id).await?),
        BatchCommand::Watch { id } => watch(global, &hub, id).await,
        BatchCommand::Get { id, output, overwrite } => {
            let batch = hub.batch(id).await?;
            let result = batch.result.ok_or_else(|| no_result(&batch))?;
            job::get(global, &hub, result, output, overwrite).await
        }
        BatchCommand::Cancel { ids } => {
            for id in ids {
                changed(global, &hub.cancel_batch(id).await?)?;
            }
            Ok(())
        }
        BatchCommand::Rm { ids } => {
            for id in ids {
                hub.delete_batch(id).await?;
                let removed = serde_json::json!({"id": id, "removed": true});
                global.out.result(&removed, id, || format!("{id} removed"))?;
            }
            Ok(())
        }
    }
}

async fn batches(hub: &Hub, limit: u32) -> Result<Vec<Batch>, CliError> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut cursor = None;
    while batches.len() < limit as usize {
        let left = limit - batches.len() as u32;
        let page = hub.batches(Some(left), cursor.as_deref()).await?;
        batches.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    Ok(batches)
}

fn list(global: &Global, batches: &[Batch]) -> Result<(), CliError> {
    global.out.list(
        batches,
        &["NAME", "STATE", "DONE", "WHEN", "ID"],
        |batch| batch.id.to_string(),
        |batch| {
            let (when, id) = (text::moment(batch.created_at), batch.id.to_string());
            vec![batch.name.clone(), batch.state.name().to_owned(), so_far(batch), when, id]
        },
    )
}

fn show(global: &Global, batch: &Batch) -> Result<(), CliError> {
    global.out.result(batch, batch.state.name(), || {
        let mut lines = vec![
            batch.name.clone(),
            format!("id       {}", batch.id),
            format!("state    {}", batch.state.name()),
            format!("now      {}", so_far(batch)),
            format!("begun    {}", text::moment(batch.created_at)),
        ];
        for job in batch.jobs.iter().chain(&batch.made) {
            let what = job.work.map_or(&*job.to, |work| work.name());
            lines.push(format!("job      {} → {what}: {}  {}", job.name, describe(job), job.id));
            if let Some(error) = &job.error {
                lines.push(format!("         {} ({})", error.detail, error.kind));
            }
        }
        if batch.removed > 0 {
            lines.push(format!("removed  {} of its conversions", batch.removed));
        }
        if let Some(last) = batch.made.last().filter(|last| last.degraded) {
            lines.push(format!("missing  {}", last.lost.join("; ")));
        }
        lines.join("\n")
    })
}

fn changed(global: &Global, batch: &Batch) -> Result<(), CliError> {
    global.out.result(batch, batch.id, || {
        format!("{} {}: {}  {}", batch.name, batch.state.name(), so_far(batch), batch.id)
    })
}

async fn watch(global: &Global, hub: &Hub, id: BatchId) -> Result<(), CliError> {
    let mut printed = Ok(());
    let mut last = String::new();
    let print = |batch: &Batch| {
        // Steps of one conversion are no change of the whole.
        let now = format!("{} {}", batch.state.name(), so_far(batch));
        if printed.is_ok() && now != last {
            last = now;
            printed = changed(global, batch);
        }
    };
    let ended = hub.wait_batch(id, global.timeout(), print).await;
    printed?;
    let batch = ended?;
    match batch.state {
        JobState::Completed if batch.result.is_some() => {
            global.out.note(format!("fetch it with: mshub batch get {id}"))
        }
        JobState::Completed => Ok(()),
        _ => Err(no_result(&batch)),
    }
}

/// Why there is nothing to fetch.
fn no_result(batch: &Batch) -> CliError {
    let error = batch.made.last().and_then(|last| last.error.as_ref());
    match (batch.state, error) {
        (_, Some(error)) => CliError::new(Kind::Failed, error.detail.clone()),
        (JobState::Completed, None) => {
            CliError::new(Kind::NotFound, "the batch has no step, so it has no result of its own")
                .hint("fetch the results of its conversions with `mshub job get ID`")
        }
        (state, None) if state.is_final() => {
            CliError::new(Kind::Failed, format!("the batch was not completed: it is {}", state.name()))
        }
        (_, None) => CliError::new(Kind::Pending, format!("the batch is not done: {}", so_far(batch)))
            .hint(format!("wait for it with `mshub batch watch {}`", batch.id)),
    }
}
