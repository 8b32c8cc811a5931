//! Several files that become one: through the hub as a batch, whose steps go on without us.

use std::path::PathBuf;

use client::{Downloaded, Hub};
use futures_util::{StreamExt as _, stream};
use wire::{
    Code, JobId,
    batches::{Batch as Whole, NewBatch, OnFailure, Step},
    conversions::{Job, JobState},
};

use super::{
    Batch,
    outcome::{Outcome, why_failed},
    plan::{Plan, Source},
    remote, verdict,
};
use crate::{
    error::{CliError, Kind},
    files::{Arriving, Destination},
    progress::Bar,
};

/// How long a file waits for its place in the line, and how often it is looked for.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(600);
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// Where the results go.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// Of what is made last: the zip, or the merged PDF.
    pub(super) last: Destination,
    /// Of the merged PDF beside a zip, where `-o` names one.
    pub(super) merged: Option<Destination>,
}

impl Places {
    /// Refused before anything is uploaded.
    pub(super) fn of(batch: &Batch<'_>) -> Result<Self, CliError> {
        let (args, out) = (batch.args, &batch.global.out);
        let place = |name: &String| Destination::of(name, args.overwrite, false, out);
        let (last, merged) = match (&args.zip, &args.output) {
            (Some(zip), Some(output)) if zip == output => {
                return Err(CliError::usage(format!("the merged PDF and the zip cannot both be {zip}"))
                    .hint("name another file with -o or --zip"));
            }
            (Some(_), Some(_)) if !args.merge => {
                return Err(CliError::usage("beside --zip, -o names the merged PDF, and nothing is merged")
                    .hint("add --merge, or leave out -o"));
            }
            (Some(zip), output) => (place(zip)?, output.as_ref().map(place).transpose()?),
            (None, Some(output)) => (place(output)?, None),
            (None, None) => {
                let folder = args.out_dir.clone().unwrap_or_default();
                (Destination::file(folder.join("merged.pdf"), args.overwrite)?, None)
            }
        };
        Ok(Self { last, merged })
    }
}

/// Converts all files and fetches what is made of them, printing each file and then the whole.
pub(super) async fn convert(batch: &Batch<'_>, plans: Vec<Plan>) -> Result<(), CliError> {
    let places = Places::of(batch)?;
    let hub = batch.global.hub()?;
    let mut whole = Outcome::of_many(plans.len(), &places);
    let bar = batch.progress.bar(&name(batch));
    let done = steps(batch, &hub, plans, &places, &mut whole, &bar).await;
    bar.end();
    finish(batch, whole, done)
}

/// Prints the whole, and says how it ended.
pub(super) fn finish(
    batch: &Batch<'_>,
    mut whole: Outcome,
    done: Result<Vec<Outcome>, CliError>,
) -> Result<(), CliError> {
    match done {
        Ok(outcomes) => {
            batch.progress.aside(|| whole.print(batch.global))?;
            verdict(&outcomes).map_err(|error| error.hint("it was made without them, as --skip-failed says"))
        }
        Err(error) if error.kind == Kind::Closed => Err(error),
        Err(error) => {
            whole.failed(error.clone());
            if batch.global.out.is_json() {
                batch.progress.aside(|| whole.print(batch.global))?;
            }
            Err(error)
        }
    }
}

async fn steps(
    batch: &Batch<'_>,
    hub: &Hub,
    plans: Vec<Plan>,
    places: &Places,
    whole: &mut Outcome,
    bar: &Bar,
) -> Result<Vec<Outcome>, CliError> {
    bar.say("sending");
    let sent = stream::iter(plans).map(|plan| upload(batch, hub, plan));
    let sent: Vec<(Outcome, Bar)> = sent.buffered(usize::from(batch.args.jobs)).collect().await;
    let (mut outcomes, bars): (Vec<Outcome>, Vec<Bar>) = sent.into_iter().unzip();
    outcomes.iter_mut().for_each(|outcome| outcome.through = whole.through);
    let jobs: Vec<JobId> =
        outcomes.iter().filter(|outcome| outcome.error.is_none()).filter_map(|outcome| outcome.job).collect();
    refused(batch, hub, &outcomes, &jobs).await?;

    let made = hub.make_batch(&wish(batch, jobs)).await?;
    whole.batch = Some(made.id);
    made.state.name().clone_into(&mut whole.state);
    if batch.args.no_wait {
        return Ok(outcomes);
    }
    let ended = wait(batch, hub, &made, &mut outcomes, &bars, bar).await?;
    fetch(hub, batch, &ended, places, whole, bar).await?;
    Ok(outcomes)
}

/// Uploads one file as soon as there is a place for it.
async fn upload(batch: &Batch<'_>, hub: &Hub, plan: Plan) -> (Outcome, Bar) {
    let mut outcome = Outcome::of(&plan);
    let bar = batch.progress.bar(&plan.name);
    let sent = match &plan.obstacle {
        Some(obstacle) => Err(obstacle.clone()),
        None => admitted(batch, hub, &plan, &outcome, &bar).await,
    };
    match sent {
        Ok(job) => {
            bar.state(&job);
            outcome.is_at(&job);
        }
        Err(error) => {
            bar.end();
            outcome.failed(error);
        }
    }
    (outcome, bar)
}

/// A person may have so many files waiting: the next one waits here then.
async fn admitted(
    batch: &Batch<'_>,
    hub: &Hub,
    plan: &Plan,
    outcome: &Outcome,
    bar: &Bar,
) -> Result<Job, CliError> {
    loop {
        let tell = bar.clone();
        let sent =
            hub.convert(remote::upload(batch, plan)?, move |bytes, total| tell.sent(bytes, total)).await;
        match sent.map_err(CliError::from) {
            Err(error)
                if error.code() == Code::RateLimited.name()
                    && plan.source != Source::Stdin
                    && outcome.age() < batch.global.timeout().unwrap_or(PATIENCE) =>
            {
                bar.say("waits for a place in the line");
                tokio::time::sleep(PAUSE).await;
            }
            sent => return sent,
        }
    }
}

/// Stops unless everything was taken, or the rest is enough.
async fn refused(batch: &Batch<'_>, hub: &Hub, outcomes: &[Outcome], jobs: &[JobId]) -> Result<(), CliError> {
    let Some(error) = outcomes.iter().find_map(|outcome| outcome.error.as_ref()) else { return Ok(()) };
    for outcome in outcomes.iter().filter(|outcome| outcome.error.is_some()) {
        batch.progress.aside(|| outcome.print(batch.global))?;
    }
    if batch.args.skip_failed && !jobs.is_empty() {
        return Ok(());
    }
    for job in jobs {
        // One that has ended meanwhile cannot be stopped, and need not be.
        let _ = hub.cancel_job(*job).await;
    }
    let failed = outcomes.iter().filter(|outcome| outcome.error.is_some()).count();
    let message = format!("{failed} of {} files cannot be converted, so nothing was made", outcomes.len());
    Err(CliError { message, ..error.clone() }
        .hint("leave them out, or go on without them with --skip-failed"))
}

fn wish(batch: &Batch<'_>, jobs: Vec<JobId>) -> NewBatch {
    let args = batch.args;
    let merge = args.merge.then_some(Step::Merge);
    let zip = args.zip.is_some().then_some(Step::Zip);
    NewBatch {
        jobs,
        steps: merge.into_iter().chain(zip).collect(),
        name: name(batch),
        on_failure: if args.skip_failed { OnFailure::Skip } else { OnFailure::Fail },
        webhook: args.webhook.clone(),
    }
}

/// What the result is called, without folder and ending.
pub(super) fn name(batch: &Batch<'_>) -> String {
    let path = batch.args.output.as_ref().or(batch.args.zip.as_ref()).filter(|path| *path != "-");
    let stem = path.and_then(|path| std::path::Path::new(path).file_stem());
    stem.map_or_else(|| "merged".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

async fn wait(
    batch: &Batch<'_>,
    hub: &Hub,
    made: &Whole,
    outcomes: &mut [Outcome],
    bars: &[Bar],
    bar: &Bar,
) -> Result<Whole, CliError> {
    let age = outcomes.iter().map(Outcome::age).max().unwrap_or_default();
    let deadline = batch.global.timeout().map(|limit| limit.saturating_sub(age));
    let mut printed = Ok(());
    let on_change = |whole: &Whole| {
        bar.say(&so_far(whole));
        for job in &whole.jobs {
            let of_job = |(outcome, _): &(&mut Outcome, &Bar)| outcome.job == Some(job.id) && !outcome.told;
            let Some((outcome, bar)) = outcomes.iter_mut().zip(bars).find(of_job) else { continue };
            bar.state(job);
            if job.state.is_final() {
                bar.end();
                ended(outcome, job);
                let now = batch.progress.aside(|| outcome.print(batch.global));
                if printed.is_ok() {
                    printed = now;
                }
            }
        }
    };
    let waited = hub.wait_batch(made.id, deadline, on_change).await;
    // Some may run on: a batch can fail before all of them have ended.
    bars.iter().for_each(Bar::end);
    printed?;
    match waited {
        Err(client::Error::Pending { .. }) => Err(CliError::new(Kind::Pending, "not done at the time limit")
            .hint(format!("it goes on; see `mshub batch watch {0}`, then `mshub batch get {0}`", made.id))),
        waited => Ok(waited?),
    }
}

/// How far the whole is, in a few words.
pub(crate) fn so_far(whole: &Whole) -> String {
    let progress = &whole.progress;
    let total = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
    format!("{}, {}{total} {} done", progress.stage, progress.done, progress.unit)
}

fn ended(outcome: &mut Outcome, job: &Job) {
    outcome.is_at(job);
    outcome.told = true;
    match job.state {
        JobState::Completed => {}
        JobState::Cancelled => outcome.failed(CliError::new(Kind::Failed, "the conversion was cancelled")),
        _ => outcome.failed(why_failed(job.error.as_ref(), job.id)),
    }
}

async fn fetch(
    hub: &Hub,
    batch: &Batch<'_>,
    ended: &Whole,
    places: &Places,
    whole: &mut Outcome,
    bar: &Bar,
) -> Result<(), CliError> {
    let Some(last) = ended.made.last() else { return Err(CliError::new(Kind::Failed, "nothing was made")) };
    whole.is_at(last);
    match last.state {
        JobState::Completed => {}
        JobState::Cancelled => return Err(CliError::new(Kind::Failed, "the batch was cancelled")),
        _ => return Err(why_failed(last.error.as_ref(), last.id)),
    }
    bar.say("fetching");
    // The merged PDF is what the zip was made of.
    if let (Some(place), Some(merged)) = (&places.merged, ended.made.first()) {
        let (_, path) = fetch_one(hub, batch, merged.id, place, bar).await?;
        whole.merged = path.map(|path| path.display().to_string());
    }
    let (fetched, path) = fetch_one(hub, batch, last.id, &places.last, bar).await?;
    whole.bytes_out = Some(fetched.bytes);
    whole.sha256 = Some(fetched.sha256);
    whole.has_output(path.as_deref());
    Ok(())
}

async fn fetch_one(
    hub: &Hub,
    batch: &Batch<'_>,
    job: JobId,
    place: &Destination,
    bar: &Bar,
) -> Result<(Downloaded, Option<PathBuf>), CliError> {
    let link = hub.result_link(job).await?;
    let arriving = Arriving::begin(place)?;
    let mut sink = arriving.sink()?;
    let fetched = hub.download(&link, &mut sink, |bytes| bar.sent(bytes, Some(link.bytes))).await?;
    Ok((fetched, arriving.finish(&batch.global.out)?))
}
