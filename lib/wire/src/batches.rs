//! Batches: several conversions that are one thing, and what is made of their results.

use serde::{Deserialize, Serialize};

use crate::{
    BatchId, JobId, Timestamp, UserId,
    conversions::{Job, JobProgress, JobState},
};

/// What is made of the results of a batch. Each is a conversion of its own, whose upload is those results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// One PDF of all results, which have to be PDFs, in the order of the batch.
    Merge,
    /// One zip with every result in it, and with the merged PDF where there is one.
    Zip,
}

impl Step {
    /// The stable name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Zip => "zip",
        }
    }

    /// The step of that stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Merge, Self::Zip].into_iter().find(|step| step.name() == name)
    }
}

/// What becomes of the steps when a conversion of the batch fails, is cancelled or removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// They fail as well, and say why.
    #[default]
    Fail,
    /// They are made of the others, and say what is not in them.
    Skip,
}

/// `POST /api/v1/batches`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewBatch {
    /// One's own conversions, in the order in which they are merged; they may run, or have ended.
    pub jobs: Vec<JobId>,
    /// What is made of their results: nothing, a merged PDF, a zip, or first the one and then the other.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// What the result is called, without an ending.
    #[serde(default)]
    pub name: String,
    /// What becomes of the steps when a conversion fails.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// A URL to which the end of the last step is posted, signed by Standard Webhooks 1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
}

/// Several conversions as one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Batch {
    /// The batch.
    pub id: BatchId,
    /// Whose it is.
    pub owner: UserId,
    /// What its result is called.
    pub name: String,
    /// That of its last step; without steps, of all its conversions together.
    pub state: JobState,
    /// How many of its conversions and steps have ended.
    pub progress: JobProgress,
    /// What becomes of the steps when a conversion fails.
    pub on_failure: OnFailure,
    /// Its conversions, in order.
    pub jobs: Vec<Job>,
    /// The conversions that its steps are, in order.
    #[serde(default)]
    pub made: Vec<Job>,
    /// How many of its conversions were removed since it was made.
    #[serde(default)]
    pub removed: u32,
    /// The last step, once it has completed: its result is that of the batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<JobId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When one of its conversions or steps last changed.
    pub updated_at: Timestamp,
}

impl Batch {
    /// Takes a newer state of one of its conversions or steps; `false` when it is not newer, or none of them.
    pub fn take(&mut self, job: &Job) -> bool {
        let known = self.jobs.iter_mut().chain(&mut self.made).find(|known| known.id == job.id);
        let Some(known) = known.filter(|known| known.seq <= job.seq && **known != *job) else { return false };
        *known = job.clone();
        self.reckon();
        true
    }

    /// State, progress and result from what is known of its conversions and steps.
    pub fn reckon(&mut self) {
        self.state = self.reckoned();
        self.result = self.made.last().filter(|last| last.state == JobState::Completed).map(|last| last.id);
        let all = || self.jobs.iter().chain(&self.made);
        let (done, total) = (all().filter(|job| job.state.is_final()).count(), all().count());
        self.progress = JobProgress {
            stage: self.stage().to_owned(),
            done: done as u64,
            total: Some(total as u64),
            unit: "jobs".to_owned(),
            percent: (done * 100).checked_div(total).and_then(|percent| u8::try_from(percent).ok()),
        };
        if let Some(newest) = all().map(|job| job.updated_at).max() {
            self.updated_at = self.updated_at.max(newest);
        }
    }

    fn reckoned(&self) -> JobState {
        let all = || self.jobs.iter().chain(&self.made);
        let is = |state: JobState| move |job: &Job| job.state == state;
        let begun = all().any(|job| job.state != JobState::Queued);
        match self.made.last() {
            Some(last) if last.state.is_final() => last.state,
            None if self.jobs.iter().all(|job| job.state.is_final()) => {
                let completed = self.jobs.iter().filter(|job| is(JobState::Completed)(job)).count();
                let whole = completed == self.jobs.len() && self.removed == 0;
                if whole || (completed > 0 && self.on_failure == OnFailure::Skip) {
                    JobState::Completed
                } else if !self.jobs.is_empty() && self.jobs.iter().all(is(JobState::Cancelled)) {
                    JobState::Cancelled
                } else {
                    JobState::Failed
                }
            }
            _ if begun => JobState::InProgress,
            _ => JobState::Queued,
        }
    }

    /// What is being done: `converting`, or what the first step that has not ended is.
    fn stage(&self) -> &'static str {
        if self.jobs.iter().any(|job| !job.state.is_final()) {
            return "converting";
        }
        match self.made.iter().find(|job| !job.state.is_final()).and_then(|job| job.work) {
            Some(Step::Merge) => "merging",
            Some(Step::Zip) => "zipping",
            None => "done",
        }
    }
}

/// `GET /api/v1/batches`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Batches {
    /// Newest first.
    pub items: Vec<Batch>,
    /// Pass it as `cursor` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(state: JobState, work: Option<Step>) -> Job {
        let json = serde_json::json!({
            "id": JobId::new(), "owner": UserId::new(), "name": "a.md", "from": "md", "to": "pdf", "state": state,
            "seq": 3, "bytes_in": 1, "created_at": Timestamp::from_micros(0), "updated_at": Timestamp::from_micros(0),
            "work": work,
        });
        serde_json::from_value(json).unwrap()
    }

    fn batch(jobs: &[JobState], made: &[JobState], on_failure: OnFailure) -> Batch {
        let mut batch = Batch {
            id: BatchId::new(),
            owner: UserId::new(),
            name: "all".into(),
            state: JobState::Queued,
            progress: JobProgress::default(),
            on_failure,
            jobs: jobs.iter().map(|state| job(*state, None)).collect(),
            made: made.iter().map(|state| job(*state, Some(Step::Merge))).collect(),
            removed: 0,
            result: None,
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(0),
        };
        batch.reckon();
        batch
    }

    #[test]
    fn the_last_step_is_the_state_and_jobs_are_counted() {
        use JobState::{Cancelled, Completed, Failed, InProgress, Queued};
        let state = |jobs: &[JobState], made: &[JobState]| batch(jobs, made, OnFailure::Fail).state;

        assert_eq!(state(&[Queued, Queued], &[Queued]), Queued);
        assert_eq!(state(&[Completed, Queued], &[Queued]), InProgress);
        assert_eq!(state(&[Completed, Failed], &[Failed]), Failed);
        assert_eq!(state(&[Completed, Failed], &[Completed]), Completed);
        assert_eq!(state(&[Completed, Failed], &[]), Failed);
        assert_eq!(state(&[Cancelled, Cancelled], &[]), Cancelled);
        assert_eq!(batch(&[Completed, Failed], &[], OnFailure::Skip).state, Completed);
        assert_eq!(state(&[], &[]), Completed);

        let mut half = batch(&[Completed, InProgress], &[Queued], OnFailure::Fail);
        let progress = &half.progress;
        assert_eq!((&*progress.stage, progress.done, progress.percent), ("converting", 1, Some(33)));
        let ended = Job { state: Completed, seq: 4, ..half.jobs[1].clone() };
        assert!(half.take(&ended) && !half.take(&ended));
        assert_eq!((&*half.progress.stage, half.progress.percent, half.result), ("merging", Some(66), None));
        let made = Job { state: Completed, seq: 4, ..half.made[0].clone() };
        assert!(half.take(&made) && half.result == Some(made.id) && half.progress.percent == Some(100));
        assert!(!half.take(&job(Completed, None)), "it is no job of this batch");
    }
}
