//! `mshub job`: look after conversions.

mod report;

use clap::Subcommand;
use client::{Hub, JobsQuery};
use wire::{
    JobId,
    conversions::{Job, JobState},
};

use crate::{
    error::{CliError, Kind},
    files::{Arriving, Destination, safe_name},
    global::Global,
    progress::{Progress, describe},
    text,
};

/// How many jobs are listed when nothing is said.
const USUAL: u32 = 30;

/// What can be done with conversions.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  mshub job list --state failed
  mshub job retry --dead
  mshub job watch 01930c1e-…
  mshub job get 01930c1e-… -o report.pdf")]
pub enum JobCommand {
    /// List your conversions, newest first
    #[command(alias = "ls")]
    List {
        /// Only those in this state
        #[arg(long, value_parser = state)]
        state: Option<JobState>,
        /// Only those that failed after every attempt although the document is not at fault
        #[arg(long, conflicts_with = "state")]
        dead: bool,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = USUAL, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show a conversion
    Show {
        /// Its id
        id: JobId,
    },
    /// Show how good the result is, and which engines were asked for it
    Report {
        /// Its id
        id: JobId,
    },
    /// Print each change until the end; exits with 10 when it fails
    Watch {
        /// Its id
        id: JobId,
    },
    /// Fetch the result
    Get {
        /// Its id
        id: JobId,
        /// Where to; - for standard output [default: the name the hub gives it, in this folder]
        #[arg(short, long, value_name = "FILE")]
        output: Option<String>,
        /// Replace a file that is there
        #[arg(long)]
        overwrite: bool,
    },
    /// Stop conversions that have not ended
    Cancel {
        /// Their ids
        #[arg(required = true, value_name = "ID")]
        ids: Vec<JobId>,
    },
    /// Start failed conversions again
    Retry {
        /// Their ids
        #[arg(required_unless_present = "dead", value_name = "ID")]
        ids: Vec<JobId>,
        /// All that failed after every attempt although the document is not at fault, the oldest first
        #[arg(long, conflicts_with_all = ["ids", "password_file"])]
        dead: bool,
        /// A file with the password of an encrypted document in its first line, - for standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<String>,
    },
    /// Show the secret that webhooks are signed with (Standard Webhooks 1.0)
    WebhookSecret,
    /// Remove conversions with their files
    Rm {
        /// Their ids
        #[arg(required = true, value_name = "ID")]
        ids: Vec<JobId>,
    },
}

fn state(name: &str) -> Result<JobState, String> {
    JobState::from_name(&name.replace('-', "_")).ok_or_else(|| {
        "a state is one of uploading, queued, in_progress, completed, failed, cancelled".to_owned()
    })
}

/// Does it.
pub async fn run(command: JobCommand, global: &Global) -> Result<(), CliError> {
    let hub = global.hub()?;
    match command {
        JobCommand::List { state, dead, limit } => list(global, &jobs(&hub, state, dead, limit).await?),
        JobCommand::Show { id } => show(global, &hub.job(id).await?),
        JobCommand::Report { id } => report::show(global, &hub.job_report(id).await?),
        JobCommand::Watch { id } => watch(global, &hub, id).await,
        JobCommand::Get { id, output, overwrite } => get(global, &hub, id, output, overwrite).await,
        JobCommand::Cancel { ids } => {
            for id in ids {
                changed(global, &hub.cancel_job(id).await?)?;
            }
            Ok(())
        }
        JobCommand::Retry { dead: true, .. } => {
            // All of them first: whatever is started again is none of them any more.
            let dead = jobs(&hub, None, true, u32::MAX).await?;
            for job in dead.iter().rev() {
                changed(global, &hub.retry_job(job.id, None).await?)?;
            }
            Ok(())
        }
        JobCommand::Retry { ids, password_file, .. } => {
            let password = match password_file {
                Some(file) => Some(global.prompt.secret(Some(&file), "", "--password-file").await?),
                None => None,
            };
            for id in ids {
                changed(global, &hub.retry_job(id, password.as_deref()).await?)?;
            }
            Ok(())
        }
        JobCommand::WebhookSecret => {
            let found = hub.webhook_secret().await?;
            global.out.result(&found, &found.secret, || found.secret.clone())
        }
        JobCommand::Rm { ids } => {
            for id in ids {
                hub.delete_job(id).await?;
                let removed = serde_json::json!({"id": id, "removed": true});
                global.out.result(&removed, id, || format!("{id} removed"))?;
            }
            Ok(())
        }
    }
}

async fn jobs(hub: &Hub, state: Option<JobState>, dead: bool, limit: u32) -> Result<Vec<Job>, CliError> {
    let mut jobs: Vec<Job> = Vec::new();
    let mut cursor = None;
    while jobs.len() < limit as usize {
        let left = limit - jobs.len() as u32;
        let page = hub.jobs(JobsQuery { state, dead, limit: Some(left), cursor }).await?;
        jobs.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    jobs.truncate(limit as usize);
    Ok(jobs)
}

fn list(global: &Global, jobs: &[Job]) -> Result<(), CliError> {
    global.out.list(
        jobs,
        &["FILE", "TO", "STATE", "SIZE", "WHEN", "ID"],
        |job| job.id.to_string(),
        |job| {
            let size = job.bytes_out.unwrap_or(job.bytes_in);
            let (when, id) = (text::moment(job.created_at), job.id.to_string());
            vec![job.name.clone(), job.to.clone(), describe(job), text::size(size), when, id]
        },
    )
}

fn show(global: &Global, job: &Job) -> Result<(), CliError> {
    global.out.result(job, job.state.name(), || {
        let mut lines = vec![
            format!("{} → {}", job.name, job.to),
            format!("id       {}", job.id),
            format!("state    {}", describe(job)),
            format!("size     {}", text::size(job.bytes_in)),
            format!("begun    {}", text::moment(job.created_at)),
        ];
        if let Some(eta) = &job.eta {
            lines.push(format!("ready    in about {:.0} s (estimated: {})", eta.seconds.ceil(), eta.basis));
        }
        if let (Some(bytes), Some(engine)) = (job.bytes_out, &job.engine) {
            let seconds = job.seconds.map(|seconds| format!(" in {seconds:.1} s")).unwrap_or_default();
            lines.push(format!("result   {} by {engine}{seconds}", text::size(bytes)));
        }
        if let Some(earlier) = job.cached_from {
            lines.push(format!("cached   from {earlier}"));
        }
        if job.degraded {
            lines.push(format!("missing  {}", job.lost.join("; ")));
        }
        if let Some(error) = &job.error {
            lines.push(format!("error    {} ({})", error.detail, error.kind));
        }
        lines.join("\n")
    })
}

fn changed(global: &Global, job: &Job) -> Result<(), CliError> {
    global.out.result(job, job.id, || format!("{} → {}: {}", job.name, job.to, describe(job)))
}

async fn watch(global: &Global, hub: &Hub, id: JobId) -> Result<(), CliError> {
    let mut printed = Ok(());
    let print = |job: &Job| {
        if printed.is_ok() {
            printed = changed(global, job);
        }
    };
    let ended = hub.wait_job(id, global.timeout(), print).await;
    printed?;
    let job = ended?;
    match (job.state, &job.error) {
        (JobState::Completed, _) => global.out.note(format!("fetch it with: mshub job get {id}")),
        (_, Some(error)) => Err(CliError::new(Kind::Failed, error.detail.clone())),
        (state, None) => Err(CliError::new(Kind::Failed, format!("the conversion was {}", state.name()))),
    }
}

pub(super) async fn get(
    global: &Global,
    hub: &Hub,
    id: JobId,
    output: Option<String>,
    overwrite: bool,
) -> Result<(), CliError> {
    let out = &global.out;
    let link = hub.result_link(id).await?;
    let name = output.unwrap_or_else(|| safe_name(&link.name, &id.to_string()));
    let is_text = link.media_type.starts_with("text/") || link.media_type.ends_with("json");
    let destination = Destination::of(&name, overwrite, is_text, out)?;
    let arriving = Arriving::begin(&destination)?;
    let mut sink = arriving.sink()?;

    let bar = Progress::new(out).bar(&name);
    let fetched = hub.download(&link, &mut sink, |bytes| bar.sent(bytes, Some(link.bytes))).await;
    bar.end();
    let fetched = fetched?;

    let Some(path) = arriving.finish(out)? else { return Ok(()) };
    let about = serde_json::json!({
        "job": id, "output": path, "bytes": fetched.bytes, "sha256": fetched.sha256, "media_type": link.media_type,
    });
    out.result(&about, path.display(), || format!("{}  {}", path.display(), text::size(fetched.bytes)))
}
