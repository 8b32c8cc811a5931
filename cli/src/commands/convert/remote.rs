//! A file through the hub: upload, wait, fetch.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use client::{Hub, Upload, UploadBody};
use wire::{
    JobId,
    conversions::{Job, JobState, NewConversion},
};

use super::{
    Batch,
    outcome::{Outcome, why_failed},
    plan::{Plan, Source},
};
use crate::{
    error::{CliError, Kind},
    files::{Arriving, stdin},
    output::Output,
    progress::Bar,
};

/// Converts one file, telling `outcome` how far it came.
pub(super) async fn convert(batch: &Batch<'_>, plan: &Plan, outcome: &mut Outcome) -> Result<(), CliError> {
    let hub = batch.global.hub()?;
    let bar = batch.progress.bar(&plan.name);
    let done = steps(batch, &hub, plan, outcome, &bar).await;
    bar.end();
    done
}

async fn steps(
    batch: &Batch<'_>,
    hub: &Hub,
    plan: &Plan,
    outcome: &mut Outcome,
    bar: &Bar,
) -> Result<(), CliError> {
    let sent = bar.clone();
    if let Source::Url(_) = plan.source {
        bar.say("the hub fetches it");
    }
    let upload = upload(batch, plan)?;
    let begun = Arc::new(AtomicBool::new(false));
    let has_begun = begun.clone();
    let progress = move |bytes, total| {
        has_begun.store(true, Ordering::Relaxed);
        sent.sent(bytes, total);
    };
    let job = hub.convert(upload, progress).await;
    let job = job.map_err(|error| match begun.load(Ordering::Relaxed) {
        true => cut_off(error, outcome),
        false => error.into(),
    })?;
    outcome.is_at(&job);
    if batch.args.no_wait {
        return Ok(());
    }
    let mut left = Left { out: &batch.global.out, job: job.id, is_over: false };
    let waited = wait(batch, hub, &job, outcome, bar).await;
    left.is_over = true;
    let job = waited?;
    match job.state {
        JobState::Completed => fetch(batch, hub, plan, &job, outcome, bar).await,
        JobState::Cancelled => Err(CliError::new(Kind::Failed, "the conversion was cancelled")),
        _ => Err(why_failed(job.error.as_ref(), job.id)),
    }
}

/// Tells whoever stops the command that the hub does not stop.
struct Left<'a> {
    out: &'a Output,
    job: JobId,
    is_over: bool,
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let id = self.job;
            let goes_on =
                format!("the conversion goes on: `mshub job watch {id}`, then `mshub job get {id}`");
            // Where nobody reads, nobody wants to know.
            let _ = self.out.note(goes_on);
        }
    }
}

/// Of a large file that did not arrive some is there.
fn cut_off(error: client::Error, outcome: &Outcome) -> CliError {
    let is_cut = matches!(error, client::Error::Unreachable { .. } | client::Error::Timeout);
    let error = CliError::from(error);
    match outcome.bytes_in {
        Some(bytes) if is_cut && bytes >= client::LARGE => {
            error.hint("what has arrived is kept for a day: the same command goes on there")
        }
        _ => error,
    }
}

pub(super) fn upload(batch: &Batch<'_>, plan: &Plan) -> Result<Upload, CliError> {
    let args = batch.args;
    let bytes = match &plan.source {
        Source::Stdin => {
            UploadBody::reader(stdin().map_err(CliError::io("cannot read standard input"))?, None)
        }
        Source::File(path) => UploadBody::File(path.clone()),
        Source::Url(_) => UploadBody::Bytes(Bytes::new()),
    };
    let query = NewConversion {
        to: args.to.clone(),
        name: plan.name.clone(),
        from: args.from.clone(),
        url: match &plan.source {
            Source::Url(url) => Some(url.to_string()),
            Source::File(_) | Source::Stdin => None,
        },
        strict: args.strict,
        fresh: args.fresh,
        pages: args.pages.clone(),
        rotate: args.rotate.clone(),
        as_is: args.become_one(),
        // Of the whole, where there is one.
        webhook: args.webhook.clone().filter(|_| !args.become_one()),
        password: batch.password.clone(),
        quality: args.quality,
        width: args.width,
        height: args.height,
        sheet: args.sheet.clone(),
        page: args.page,
        dpi: args.dpi,
        // What is usual is not said: an older hub knows no engines.
        engine: (args.engine != "auto").then(|| args.engine.clone()),
        paper: (args.paper != "a4").then(|| args.paper.clone()),
        prefer: (args.prefer != "speed").then(|| args.prefer.clone()),
        ..NewConversion::default()
    };
    Ok(Upload { query, bytes })
}

async fn wait(
    batch: &Batch<'_>,
    hub: &Hub,
    job: &Job,
    outcome: &mut Outcome,
    bar: &Bar,
) -> Result<Job, CliError> {
    let deadline = batch.global.timeout().map(|limit| limit.saturating_sub(outcome.age()));
    let mut at = |job: &Job| {
        bar.state(job);
        outcome.is_at(job);
    };
    match hub.wait_job(job.id, deadline, &mut at).await {
        Ok(job) => Ok(job),
        Err(client::Error::Pending { .. }) => Err(CliError::new(
            Kind::Pending,
            format!("still {} at the time limit", outcome.state.replace('_', " ")),
        )
        .hint(format!("it goes on; see `mshub job watch {0}`, then `mshub job get {0}`", job.id))),
        Err(error) => Err(error.into()),
    }
}

async fn fetch(
    batch: &Batch<'_>,
    hub: &Hub,
    plan: &Plan,
    job: &Job,
    outcome: &mut Outcome,
    bar: &Bar,
) -> Result<(), CliError> {
    bar.say("fetching");
    let link = hub.result_link(job.id).await?;
    let arriving = Arriving::begin(&plan.destination)?;
    let mut sink = arriving.sink()?;
    let fetched = hub.download(&link, &mut sink, |bytes| bar.sent(bytes, Some(link.bytes))).await?;
    let path = arriving.finish(&batch.global.out)?;
    outcome.bytes_out = Some(fetched.bytes);
    outcome.sha256 = Some(fetched.sha256);
    outcome.has_output(path.as_deref());
    Ok(())
}
