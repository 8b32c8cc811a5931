//! What became of one file: a line for people, or the object of `--json`.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde::Serialize;
use wire::{
    BatchId, Code, JobId, Problem,
    conversions::{Job, JobError},
};

use super::{
    plan::{Plan, Source},
    together::Places,
};
use crate::{
    error::{CliError, Kind},
    files::Destination,
    global::Global,
    output::Output,
    text,
};

/// The object of `--json`; its fields are a promise to scripts.
#[derive(Debug, Default, Serialize)]
pub(super) struct Outcome {
    pub(super) file: String,
    pub(super) job: Option<JobId>,
    /// The batch, for what is made of many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) batch: Option<BatchId>,
    pub(super) state: String,
    pub(super) output: Option<String>,
    /// The merged PDF, where it has a place of its own beside the zip that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) merged: Option<String>,
    pub(super) bytes_in: Option<u64>,
    pub(super) bytes_out: Option<u64>,
    pub(super) sha256: Option<String>,
    /// From the first look at the file to its result, in seconds.
    pub(super) seconds: f64,
    pub(super) engine: Option<String>,
    pub(super) degraded: bool,
    /// The earlier conversion of the same file that made the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cached_from: Option<JobId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) lost: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_code_and_message")]
    pub(super) error: Option<CliError>,
    #[serde(skip)]
    began: Option<Instant>,
    /// It is a part of something else, and its end was told.
    #[serde(skip)]
    pub(super) told: bool,
    /// The result goes to standard output, where no line of ours must stand beside it.
    #[serde(skip)]
    pub(super) through: bool,
}

#[derive(Serialize)]
struct Failure<'a> {
    code: String,
    message: &'a str,
}

fn as_code_and_message<S: serde::Serializer>(error: &Option<CliError>, out: S) -> Result<S::Ok, S::Error> {
    error.as_ref().map(|error| Failure { code: error.code(), message: &error.message }).serialize(out)
}

impl Outcome {
    pub(super) fn of(plan: &Plan) -> Self {
        let bytes_in = match &plan.source {
            Source::File(path) => std::fs::metadata(path).ok().map(|about| about.len()),
            Source::Stdin | Source::Url(_) => None,
        };
        Self {
            file: plan.file.clone(),
            bytes_in,
            began: Some(Instant::now()),
            through: plan.destination == Destination::Stdout,
            ..Self::default()
        }
    }

    /// Of what is made of many.
    pub(super) fn of_many(files: usize, places: &Places) -> Self {
        let file = format!("{files} {}", if files == 1 { "file" } else { "files" });
        let through = places.last == Destination::Stdout || places.merged == Some(Destination::Stdout);
        Self { file, began: Some(Instant::now()), through, ..Self::default() }
    }

    /// Takes over what the hub says of the conversion.
    pub(super) fn is_at(&mut self, job: &Job) {
        self.job = Some(job.id);
        self.state = job.state.name().to_owned();
        self.bytes_in = Some(job.bytes_in);
        self.bytes_out = job.bytes_out;
        self.sha256 = job.sha256.clone();
        self.engine = job.engine.clone();
        self.degraded = job.degraded;
        self.lost = job.lost.clone();
        self.cached_from = job.cached_from;
        self.took();
    }

    pub(super) fn has_output(&mut self, path: Option<&Path>) {
        self.output = path.map(|path| path.display().to_string());
        self.took();
    }

    pub(super) fn skipped(&mut self, plan: &Plan) {
        self.state = "skipped".to_owned();
        if let Destination::File { path, .. } = &plan.destination {
            self.output = Some(path.display().to_string());
        }
    }

    pub(super) fn failed(&mut self, error: CliError) {
        // What is still under way at the time limit has not failed.
        if error.kind != Kind::Pending || self.state.is_empty() {
            self.state = "failed".to_owned();
        }
        self.error = Some(error);
        self.took();
    }

    /// How long ago the work on this file began.
    pub(super) fn age(&self) -> Duration {
        self.began.map(|began| began.elapsed()).unwrap_or_default()
    }

    fn took(&mut self) {
        self.seconds = (self.age().as_secs_f64() * 1000.0).round() / 1000.0;
    }

    /// Prints the end of it. What is missing in the result is said in every form: it is no progress that could be left
    /// out, and whoever reads a pipe sees nothing else of it.
    pub(super) fn print(&self, global: &Global) -> Result<(), CliError> {
        let out = &global.out;
        if out.is_json() {
            return out.json(self);
        }
        self.print_end(out)?;
        if self.degraded && self.error.is_none() {
            let lost = if self.lost.is_empty() { "some words".to_owned() } else { self.lost.join("; ") };
            out.warn(format!("{}: missing in the result: {lost}", self.file))?;
        }
        Ok(())
    }

    fn print_end(&self, out: &Output) -> Result<(), CliError> {
        if out.is_quiet() {
            let id =
                self.batch.map(|batch| batch.to_string()).or_else(|| self.job.map(|job| job.to_string()));
            let brief = self.output.clone().or(id);
            // What a part of something else is called is of no use to a script.
            return match brief.filter(|_| self.error.is_none() && !self.through && !self.told) {
                Some(brief) => {
                    out.line(brief)?;
                    self.merged.as_ref().map_or(Ok(()), |merged| out.line(merged))
                }
                None => Ok(()),
            };
        }
        if self.through {
            return match self.error {
                None => out.note(self.sentence()),
                Some(_) => out.warn(self.sentence()),
            };
        }
        out.mark(self.error.is_none(), self.sentence())
    }

    fn sentence(&self) -> String {
        let Self { file, seconds, .. } = self;
        if let Some(error) = &self.error {
            return format!("{file}: {}  [{}]", error.message, error.code());
        }
        let nowhere = if self.through { "standard output" } else { "converted" };
        let target = self.output.as_deref().unwrap_or(nowhere);
        let merged = self.merged.as_ref().map(|merged| format!(" and {merged}")).unwrap_or_default();
        let size = self.bytes_out.map(text::size).unwrap_or_default();
        match (self.state.as_str(), self.job) {
            ("skipped", _) => format!("{file}: {target} is there already"),
            ("completed", _) => format!("{file} → {target}{merged}  {size}  {seconds:.1} s"),
            (state, _) if let Some(batch) = self.batch => {
                format!("{file}: {state}; the result later: mshub batch get {batch}")
            }
            (state, Some(job)) => format!("{file}: {state}; the result later: mshub job get {job}"),
            (state, None) => format!("{file}: {state}"),
        }
    }
}

/// A conversion that failed, in the catalogue's words where it has some for this.
pub(super) fn why_failed(error: Option<&JobError>, id: JobId) -> CliError {
    let Some(JobError { kind, detail }) = error else {
        return CliError::new(Kind::Failed, "the conversion failed, and the hub does not say why");
    };
    let code = match kind.as_str() {
        "encrypted" | "wrong_password" => Some(Code::EncryptedFile),
        "corrupt" => Some(Code::CorruptFile),
        "empty" => Some(Code::EmptyFile),
        "mislabelled" => Some(Code::Mislabelled),
        "unsupported" => Some(Code::UnsupportedPair),
        "consent_needed" => Some(Code::ConsentNeeded),
        "limit_exceeded" => Some(Code::BombFile),
        "no_such_page" => Some(Code::InvalidField),
        _ => None,
    };
    let mut error = CliError::new(Kind::Failed, detail.clone());
    error.problem = code.map(|code| Box::new(Problem::new(code, detail.clone())));
    match code {
        Some(Code::EncryptedFile) => error.hint("give the document's password with --password-file FILE"),
        Some(_) => error,
        None if kind == "input_missing" => {
            error.hint("leave that file out, or go on without it with --skip-failed")
        }
        // It would end in the same way.
        None if kind == "low_fidelity" => error,
        None => error.hint(format!("try once more with `mshub job retry {id}`")),
    }
}
