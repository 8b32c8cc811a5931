//! A job as the database has it, and as its owner sees it.

use platform::traces::Context;
use uuid::Uuid;
use wire::{
    BatchId, JobId, Timestamp, UserId,
    batches::Step,
    conversions::{Job, JobError, JobState},
};

/// One row of `jobs`.
#[derive(Clone, Debug)]
pub(crate) struct JobRow {
    id: Uuid,
    owner: Uuid,
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) options: Option<String>,
    pub(crate) strict: bool,
    bytes_in: i64,
    state: String,
    seq: i64,
    attempt: i64,
    pub(crate) failures: i64,
    pub(crate) fence: i64,
    pub(crate) result_key: Option<String>,
    pub(crate) bytes_out: Option<i64>,
    pub(crate) sha256: Option<String>,
    pub(crate) engine: Option<String>,
    degraded: bool,
    lost: String,
    pub(crate) error_kind: Option<String>,
    error_detail: Option<String>,
    seconds: Option<f64>,
    created_at: i64,
    pub(crate) updated_at: i64,
    started_at: Option<i64>,
    /// JSON of [`crate::report::Findings`].
    pub(crate) report: Option<String>,
    /// Sealed, and only until the job ends: see [`crate::passwords`].
    pub(crate) password: Option<Vec<u8>>,
    /// Whether a password was given for the document.
    pub(crate) locked: bool,
    cached_from: Option<Uuid>,
    /// Where its end is told.
    pub(crate) webhook: Option<String>,
    pub(crate) sent_to: String,
    /// The `traceparent` of whoever queued it, if somebody watches.
    trace: Option<String>,
    work: Option<String>,
    batch: Option<Uuid>,
    /// Whether it waits for the jobs that it is made of.
    pub(crate) held: bool,
    /// Since when the store of objects fails it.
    stalled_since: Option<i64>,
    /// A digest of what was wanted of its upload; nothing of one from before that was kept.
    pub(crate) wish: Option<String>,
}

platform::from_row!(JobRow {
    id,
    owner,
    name,
    source,
    target,
    options,
    strict,
    bytes_in,
    state,
    seq,
    attempt,
    failures,
    fence,
    result_key,
    bytes_out,
    sha256,
    engine,
    degraded,
    lost,
    error_kind,
    error_detail,
    seconds,
    created_at,
    updated_at,
    started_at,
    report,
    password,
    locked,
    cached_from,
    webhook,
    sent_to,
    trace,
    work,
    batch,
    held,
    stalled_since,
    wish
});

impl JobRow {
    pub(crate) fn id(&self) -> JobId {
        JobId(self.id)
    }

    pub(crate) fn owner(&self) -> UserId {
        UserId(self.owner)
    }

    pub(crate) fn state(&self) -> JobState {
        JobState::from_name(&self.state).expect("the table takes no other states")
    }

    /// As its owner sees it; place and progress are for the caller to add.
    pub(crate) fn job(&self) -> Job {
        Job {
            id: self.id(),
            owner: self.owner(),
            name: self.name.clone(),
            from: self.source.clone(),
            to: self.target.clone(),
            state: self.state(),
            seq: count(self.seq),
            progress: None,
            position: None,
            eta: None,
            attempt: u32::try_from(self.attempt).unwrap_or(u32::MAX),
            bytes_in: count(self.bytes_in),
            bytes_out: self.bytes_out.map(count),
            sha256: self.sha256.clone(),
            engine: self.engine.clone(),
            degraded: self.degraded,
            lost: serde_json::from_str(&self.lost).unwrap_or_default(),
            error: self
                .error_kind
                .clone()
                .map(|kind| JobError { kind, detail: self.error_detail.clone().unwrap_or_default() }),
            seconds: self.seconds,
            cached_from: self.cached_from.map(JobId),
            work: self.work(),
            batch: self.batch(),
            held: self.held,
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        }
    }

    /// What it does, where it is a step of a batch.
    pub(crate) fn work(&self) -> Option<Step> {
        self.work.as_deref().and_then(Step::from_name)
    }

    /// The batch that it is a step of.
    pub(crate) fn batch(&self) -> Option<BatchId> {
        self.batch.map(BatchId)
    }

    /// The span that queued it.
    pub(crate) fn trace(&self) -> Option<Context> {
        self.trace.as_ref()?.parse().ok()
    }

    /// The services of somebody else that its document went to.
    pub(crate) fn sent_to(&self) -> Vec<String> {
        serde_json::from_str(&self.sent_to).unwrap_or_default()
    }

    /// The job that made the result.
    pub(crate) fn made_by(&self) -> Uuid {
        self.cached_from.unwrap_or(self.id)
    }

    /// Seconds from the upload to the last start.
    pub(crate) fn waited(&self) -> Option<f64> {
        let micros = self.started_at?.saturating_sub(self.created_at);
        Some(micros.max(0) as f64 / 1e6)
    }

    /// Since when the store of objects fails it, if it does.
    pub(crate) fn stalled_since(&self) -> Option<Timestamp> {
        self.stalled_since.map(Timestamp::from_micros)
    }

    /// The key of the upload.
    pub(crate) fn upload_key(&self) -> String {
        upload_key(self.id())
    }

    /// The keys of every result that an attempt may have left, the published one among them.
    pub(crate) fn result_keys(&self) -> impl Iterator<Item = String> + use<> {
        let id = self.id();
        (1..=self.fence).map(move |fence| result_key(id, fence))
    }
}

/// Where the upload of a job is kept.
pub(crate) fn upload_key(job: JobId) -> String {
    format!("in/{job}")
}

/// Where the result of one attempt is kept: no two attempts ever write to the same key.
pub(crate) fn result_key(job: JobId, fence: i64) -> String {
    format!("out/{job}/{fence}")
}

/// Sizes and numbers are never negative; the databases have no unsigned integers.
fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
