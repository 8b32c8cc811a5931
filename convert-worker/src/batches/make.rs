//! Making a step: fetching the results that it is made of, and what is said of those that are not there.

use std::path::{Path, PathBuf};

use convert::{Bundle, Error, Format, Report, Request, fit_one_pdf, plain_names};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::conversions::{JobProgress, JobState};

use super::{
    advance::missing,
    sql::{self, Member},
};
use crate::{result::named, row::JobRow, runner::Setback, state::App};

/// Sentences about losses that a step repeats of what it is made of.
const REPEATED: usize = 20;

/// The results that a step is made of, in order, and what is lost with those that are not there.
pub(crate) struct Inputs {
    rows: Vec<JobRow>,
    pub(crate) lost: Vec<String>,
}

impl Inputs {
    /// What there is now: something may have been removed since the step was put into the line.
    pub(crate) async fn of(app: &App, step: &JobRow) -> Result<Inputs, Error> {
        let unreadable = |error: sqlx::Error| Error::Io { detail: error.to_string() };
        let members = match step.batch() {
            Some(batch) => sql::members(&app.db, batch).await.map_err(unreadable)?,
            None => Vec::new(),
        };
        let before: Vec<Member> = members.into_iter().take_while(|member| member.id != step.id()).collect();
        let gone = missing(&before);
        let rows: Vec<JobRow> = before.into_iter().filter_map(|member| member.row).filter(is_there).collect();
        match gone.first() {
            Some(why) if step.strict || rows.is_empty() => Err(Error::InputMissing { what: why.clone() }),
            None if rows.is_empty() => Err(Error::InputMissing { what: "its batch was removed".into() }),
            _ => Ok(Inputs { lost: lost(gone, &rows), rows }),
        }
    }

    /// All of them as files in a folder.
    pub(crate) async fn fetch(&self, app: &App, folder: &Path) -> Result<Vec<PathBuf>, Setback> {
        let mut files = Vec::new();
        for (place, row) in self.rows.iter().enumerate() {
            let file = folder.join(format!("input-{place}"));
            fetch(app, row, &file).await?;
            files.push(file);
        }
        Ok(files)
    }

    /// One PDF of all of them, still to be made.
    pub(crate) async fn merge(&self, app: &App, folder: &Path) -> Result<Request, Setback> {
        // Nobody fills the disk with what is too much anyway.
        fit_one_pdf(self.rows.iter().filter_map(|row| u64::try_from(row.bytes_out?).ok()).sum())?;
        let mut files = self.fetch(app, folder).await?;
        let first = files.remove(0);
        Ok(Request::merge(first, files, folder.join("output.pdf")))
    }

    /// One zip of all of them. Only one of the files is here at a time.
    pub(crate) async fn zip(
        &self,
        app: &App,
        folder: &Path,
        stop: &CancellationToken,
        progress: &watch::Sender<Option<JobProgress>>,
    ) -> Result<(PathBuf, Report), Setback> {
        let called: Vec<String> =
            self.rows.iter().map(|row| named(&row.name, extension(&row.target))).collect();
        let names = plain_names(called.iter().map(String::as_str));
        let path = folder.join("output.zip");
        let mut bundle = Bundle::create(&path)?;
        for (done, (row, name)) in self.rows.iter().zip(names).enumerate() {
            progress.send_replace(Some(counted(done, self.rows.len())));
            let file = folder.join("input");
            fetch(app, row, &file).await?;
            let stop = stop.clone();
            bundle = blocking(move || {
                let go_on = || !stop.is_cancelled();
                bundle.add(&name, &file, &go_on).map(|()| bundle)
            })
            .await?;
        }
        blocking(move || bundle.finish()).await?;
        let bytes_out = tokio::fs::metadata(&path).await?.len();
        Ok((
            path,
            Report { engine: convert::Engine::Builtin.code().to_owned(), bytes_out, ..Report::default() },
        ))
    }
}

async fn fetch(app: &App, row: &JobRow, file: &Path) -> Result<(), Setback> {
    let gone = || Error::InputMissing { what: format!("the result of {} is not there any more", row.name) };
    let key = row.result_key.as_deref().ok_or_else(gone)?;
    match app.objects.fetch_to(key, file).await {
        Ok(()) => Ok(()),
        Err(error) => {
            let is_missing = matches!(error, platform::objects::Error::NotFound(_));
            match Setback::of_store(&app.objects, error).await {
                Setback::Failed(_) if is_missing => Err(gone().into()),
                setback => Err(setback),
            }
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Error::Crashed { detail: error.to_string() }))
}

fn is_there(row: &JobRow) -> bool {
    row.state() == JobState::Completed
}

/// What is not in it, and what those that are have lost before.
fn lost(gone: Vec<String>, rows: &[JobRow]) -> Vec<String> {
    let mut lost: Vec<String> = gone.into_iter().map(|why| format!("not in it: {why}")).collect();
    for row in rows {
        lost.extend(row.job().lost.into_iter().map(|sentence| format!("{}: {sentence}", row.name)));
    }
    let more = lost.len().saturating_sub(REPEATED);
    lost.truncate(REPEATED);
    if more > 0 {
        lost.push(format!("and {more} more"));
    }
    lost
}

fn extension(target: &str) -> &str {
    match target.parse::<Format>() {
        Ok(format) => format.extension(),
        Err(_) => target,
    }
}

fn counted(done: usize, total: usize) -> JobProgress {
    let percent = (done * 100).checked_div(total).and_then(|percent| u8::try_from(percent).ok());
    JobProgress {
        stage: "writing".into(),
        done: done as u64,
        total: Some(total as u64),
        unit: "files".into(),
        percent,
    }
}
