//! One attempt at a job: fetch the upload, let the engines convert it, store the result under a key of its own.

use std::{path::Path, time::Instant};

use convert::{Engine, Error, Format, Options, Progress, Report, Request, Watcher};
use platform::{
    objects::Stored,
    traces::{Kind, Span},
};
use wire::batches::Step;

use super::{Setback, lease, progress, running::Guard, sql};
use crate::{
    batches::make::Inputs,
    report::Findings,
    row::{JobRow, result_key},
    state::App,
};

/// A result that is stored and not yet published.
pub(super) struct Done {
    pub(super) key: String,
    pub(super) stored: Stored,
    pub(super) report: Report,
}

/// How an attempt ended.
pub(super) struct Outcome {
    pub(super) result: Result<Done, Setback>,
    pub(super) effort: Effort,
}

/// What an attempt cost, and who was asked, whatever came of it.
#[derive(Default)]
pub(super) struct Effort {
    /// Seconds of engine time.
    pub(super) seconds: f64,
    pub(super) findings: Findings,
}

/// Tries until it ends, is stopped, or loses its lease; the last two are [`Error::Cancelled`].
pub(super) async fn attempt(app: &App, row: &JobRow, running: &Guard<'_>) -> Outcome {
    let mut effort = Effort::default();
    let heard = running.progress.subscribe();
    let result = tokio::select! {
        result = perform(app, row, running, &mut effort) => result,
        () = running.stop.cancelled() => Err(Error::Cancelled.into()),
        () = lease::keep(app, row, &running.stop) => Err(Error::Cancelled.into()),
        () = progress::tell(app, row.job(), heard) => Err(Error::Cancelled.into()),
    };
    Outcome { result, effort }
}

async fn perform(app: &App, row: &JobRow, running: &Guard<'_>, effort: &mut Effort) -> Result<Done, Setback> {
    let folder = app.scratch.attempt(row.id())?;
    let (request, lost) = match row.work() {
        None => {
            let request = request(app, row, folder.path())?;
            if let Err(error) = app.objects.fetch_to(&row.upload_key(), &request.input).await {
                return Err(Setback::of_store(&app.objects, error).await);
            }
            (request, Vec::new())
        }
        Some(Step::Merge) => {
            let inputs = Inputs::of(app, row).await?;
            (inputs.merge(app, folder.path()).await?, inputs.lost)
        }
        Some(Step::Zip) => return zip(app, row, folder.path(), running, effort).await,
    };

    let watch = Watch { app, row, running, sent_to: row.sent_to() };
    let started = Instant::now();
    let mut span = Span::within("convert", Kind::Internal);
    let converted = app.converters.convert(&request, watch, running.stop.clone()).await;
    match &converted.result {
        Ok(report) => span.note("mshub.engine", report.engine.as_str()),
        Err(error) => span.fail(error),
    }
    drop(span);
    *effort = Effort { seconds: started.elapsed().as_secs_f64(), findings: Findings::of(&converted) };

    keep(app, row, &request.output, converted.result?, lost).await
}

/// Stores what was made, with what else is lost in it.
async fn keep(
    app: &App,
    row: &JobRow,
    output: &Path,
    mut report: Report,
    lost: Vec<String>,
) -> Result<Done, Setback> {
    report.lost.splice(0..0, lost);
    report.degraded = !report.lost.is_empty();
    let key = result_key(row.id(), row.fence);
    // A link, or anything else that is no file, is the doing of whoever made it, and not of the store.
    if !tokio::fs::symlink_metadata(output).await?.is_file() {
        return Err(Error::Io { detail: "the result is no file".to_owned() }.into());
    }
    match app.objects.put_file(&key, output).await {
        Ok(stored) => Ok(Done { key, stored, report }),
        Err(error) => Err(Setback::of_store(&app.objects, error).await),
    }
}

async fn zip(
    app: &App,
    row: &JobRow,
    folder: &Path,
    running: &Guard<'_>,
    effort: &mut Effort,
) -> Result<Done, Setback> {
    let inputs = Inputs::of(app, row).await?;
    let started = Instant::now();
    let made = inputs.zip(app, folder, &running.stop, &running.progress).await;
    effort.seconds = started.elapsed().as_secs_f64();
    let (output, report) = made?;
    keep(app, row, &output, report, inputs.lost).await
}

/// Hands progress on, and writes down where the document goes before it goes.
struct Watch<'a> {
    app: &'a App,
    row: &'a JobRow,
    running: &'a Guard<'a>,
    sent_to: Vec<String>,
}

impl Watcher for Watch<'_> {
    fn progress(&mut self, step: Progress) {
        self.running.progress.send_replace(Some(progress::wire(step)));
    }

    async fn leaves(&mut self, engine: Engine, host: &str) -> Result<(), Error> {
        let service = format!("{engine} ({host})");
        if !self.sent_to.contains(&service) {
            self.sent_to.push(service);
        }
        let noted = sql::note_sent(&self.app.db, self.row, &self.sent_to).await;
        match noted.map_err(|error| Error::Io { detail: error.to_string() })? {
            true => Ok(()),
            // Cancelled, or somebody else's by now.
            false => Err(Error::Cancelled),
        }
    }
}

fn request(app: &App, row: &JobRow, folder: &Path) -> Result<Request, Error> {
    let format = |name: &str| {
        name.parse::<Format>()
            .map_err(|unknown| Error::Io { detail: format!("the job cannot be read: {unknown}") })
    };
    let (from, to) = (format(&row.source)?, format(&row.target)?);
    let file = |kind: &str, format: Format| folder.join(format!("{kind}.{}", format.extension()));
    let mut options: Options = serde_json::from_str(row.options.as_deref().unwrap_or("{}"))
        .map_err(|error| Error::Io { detail: format!("the job cannot be read: {error}") })?;
    if let Some(sealed) = &row.password {
        // Sealed under another secret it is lost, like one that was never given.
        options.password = Some(app.passwords.open(row.id(), sealed).ok_or(Error::Encrypted)?);
    }
    Ok(Request {
        options,
        strict: row.strict,
        ..Request::new(file("input", from), from, file("output", to), to)
    })
}
