//! Conversions: I14, what was taken is completed, once, and nothing is taken twice.

use std::collections::{BTreeMap, BTreeSet};

use wire::{JobId, conversions::JobState};

use super::{Found, Promise, index::Seen};
use crate::torture::journal::Observed;

/// What is known of one document.
#[derive(Default)]
struct Document {
    taken: Option<JobId>,
    jobs: BTreeSet<JobId>,
    /// How its jobs stood, each time somebody looked.
    ends: BTreeMap<JobId, Vec<(JobState, u64, Option<String>)>>,
}

pub(super) fn judge(seen: &Seen<'_>, found: &mut Found) {
    for (who, client) in &seen.clients {
        let mut documents: BTreeMap<&str, Document> = BTreeMap::new();
        for line in &client.lines {
            match &line.what {
                Observed::Taken { name, job } => documents.entry(name).or_default().taken = Some(*job),
                Observed::Ended { name, job, state, seq, sha256 } => {
                    let document = documents.entry(name).or_default();
                    document.jobs.insert(*job);
                    document.ends.entry(*job).or_default().push((*state, *seq, sha256.clone()));
                }
                _ => {}
            }
        }
        found.figures.converted += documents.values().map(|document| document.jobs.len()).sum::<usize>();
        for (name, document) in documents {
            for wrong in document.wrongs() {
                found.broken(Promise::I14, who, None, format!("{name} {wrong}"));
            }
        }
    }
}

impl Document {
    fn wrongs(&self) -> Vec<String> {
        let mut wrongs = Vec::new();
        if let Some(job) = self.taken.filter(|job| !self.jobs.contains(job)) {
            wrongs.push(format!("was taken as {job}, which is not there"));
        }
        if self.jobs.len() > 1 {
            wrongs.push(format!("was taken {} times", self.jobs.len()));
        }
        for (job, ends) in &self.ends {
            if let Some((state, ..)) = ends.iter().find(|(state, ..)| *state != JobState::Completed) {
                wrongs.push(format!("is {} as {job}", state.name()));
            } else if ends.windows(2).any(|looks| looks[0] != looks[1]) {
                wrongs.push(format!("changed after it was completed as {job}: {ends:?}"));
            }
        }
        wrongs
    }
}
