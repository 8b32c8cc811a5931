//! The conversion screen's state: uploads under way, conversions by age, what is being saved.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use wire::{
    JobId,
    conversions::{FormatPair, Job, JobState},
};

use crate::text;

/// A file on its way to the hub, before it has a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The number the state gave it.
    pub number: u64,
    /// Where the file is.
    pub path: PathBuf,
    /// Its name, cleaned.
    pub name: String,
    /// The wanted format.
    pub to: String,
    /// Bytes that have left.
    pub sent: u64,
    /// Bytes in all, where known.
    pub total: Option<u64>,
    /// Why it did not work.
    pub failed: Option<String>,
}

/// One row of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKey {
    /// An upload by its number.
    Upload(u64),
    /// A conversion.
    Job(JobId),
}

/// Everything the conversion screen shows.
#[derive(Clone, Debug, Default)]
pub struct Conversions {
    /// Oldest first.
    pub uploads: Vec<Upload>,
    /// By id, that is by age.
    pub jobs: BTreeMap<JobId, Job>,
    /// The row that keys act on.
    pub selected: Option<RowKey>,
    /// What can become what; empty until asked for.
    pub formats: Vec<FormatPair>,
    /// Bytes written of results being saved.
    pub saving: BTreeMap<JobId, u64>,
    /// Where results were saved.
    pub saved: BTreeMap<JobId, PathBuf>,
    /// Whether the hub was asked for the list.
    pub loaded: bool,
    /// The format that was asked for last.
    pub target: String,
}

impl Conversions {
    /// A conversion as the hub told it; older news than what is known is dropped.
    pub fn insert(&mut self, mut job: Job) {
        job.name = text::clean_line(&job.name);
        if let Some(error) = &mut job.error {
            error.detail = text::clean_line(&error.detail);
        }
        if self.jobs.get(&job.id).is_none_or(|known| known.seq <= job.seq) {
            self.jobs.insert(job.id, job);
        }
    }

    /// The rows from the top down: uploads, then conversions, newest first. A conversion that the hub calls
    /// `uploading` while we still send that file is the same thing, and shown once.
    pub fn rows(&self) -> Vec<RowKey> {
        let sending = |job: &Job| {
            let same = |upload: &Upload| upload.failed.is_none() && upload.name == job.name;
            job.state == JobState::Uploading && self.uploads.iter().any(same)
        };
        let uploads = self.uploads.iter().rev().map(|upload| RowKey::Upload(upload.number));
        let jobs = self.jobs.values().rev().filter(|job| !sending(job)).map(|job| RowKey::Job(job.id));
        uploads.chain(jobs).collect()
    }

    /// Index of the selected row; the first when none is.
    pub fn selected_index(&self) -> usize {
        self.rows().iter().position(|row| Some(*row) == self.selected).unwrap_or(0)
    }

    /// The selected row; the first when none is.
    pub fn selected_row(&self) -> Option<RowKey> {
        self.rows().get(self.selected_index()).copied()
    }

    /// Selects so many rows further down (or up).
    pub fn select(&mut self, step: isize) {
        let rows = self.rows();
        let index = self.selected_index().saturating_add_signed(step).min(rows.len().saturating_sub(1));
        self.selected = rows.get(index).copied();
    }

    /// An upload by its number.
    pub fn upload(&self, number: u64) -> Option<&Upload> {
        self.uploads.iter().find(|upload| upload.number == number)
    }

    /// The same, to change it.
    pub fn upload_mut(&mut self, number: u64) -> Option<&mut Upload> {
        self.uploads.iter_mut().find(|upload| upload.number == number)
    }

    /// How many files are being sent.
    pub fn sending(&self) -> usize {
        self.uploads.iter().filter(|upload| upload.failed.is_none()).count()
    }

    /// What a file of that name can become, best known first; everything known when its ending tells nothing.
    pub fn targets(&self, name: &str) -> Vec<String> {
        let ending = Path::new(name).extension().map(|end| end.to_string_lossy().to_lowercase());
        let ending = match ending.as_deref() {
            Some("jpeg") => Some("jpg".to_owned()),
            Some("htm") => Some("html".to_owned()),
            Some("markdown") => Some("md".to_owned()),
            _ => ending,
        };
        let from_here = |pair: &&FormatPair| ending.as_deref().is_some_and(|end| end == pair.from);
        let mut targets: Vec<String> =
            self.formats.iter().filter(from_here).map(|pair| pair.to.clone()).collect();
        // Pages that look the same everywhere are what most people want.
        targets.sort_by_key(|to| (to != "pdf", to.clone()));
        targets.dedup();
        targets
    }
}

/// What to call a conversion's result.
pub fn result_name(job: &Job) -> String {
    let name = job.name.replace(['/', '\\'], "_");
    let stem =
        Path::new(&name).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = if stem.is_empty() || stem.starts_with('.') { "result".to_owned() } else { stem };
    format!("{stem}.{}", job.to)
}
