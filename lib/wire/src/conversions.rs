//! Conversions: jobs, their states and their progress.

use serde::{Deserialize, Serialize};

use crate::{BatchId, ClientId, FileId, JobId, Timestamp, UserId, batches::Step};

/// The query of `POST /api/v1/conversions`; the body is the file itself. What was not said is not passed on, for a form says
/// it beside the query.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewConversion {
    /// The wanted format, such as `pdf`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub to: String,
    /// The file's name; its ending says what it should be.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The format of the upload, where the name does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Whether losing words makes it `failed` instead of `completed` with `degraded`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// Password of an encrypted document. Never in a URL, which the hub refuses: a client sends it in the header
    /// [`crate::document_password::DOCUMENT_PASSWORD`], a form as a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// JPEG quality, 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<u8>,
    /// Picture width in pixels; the height follows when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Picture height in pixels; the width follows when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// The sheet of a workbook to take, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// The only engine that may do it; `auto`, the default, asks one after the other until nothing is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Which engine is asked first: `speed`, the default, or `fidelity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefer: Option<String>,
    /// Pages of a document that has none of its own: `a4`, the default, or `letter`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper: Option<String>,
    /// The only page of a PDF to paint, from 1; without it a picture shows the first, and `zip` has them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Pixels per inch, 10 to 600, of a page or a drawing that becomes a picture, or of a picture on a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpi: Option<u32>,
    /// The pages of a PDF that become a PDF of their own, such as `1-3,7,12-`; for `pdf` to `pdf` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<String>,
    /// How pages of a PDF are turned, such as `90` or `270:1,3-5`; for `pdf` to `pdf` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate: Option<String>,
    /// Takes a file that has the wanted format already as it is, which is refused otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub as_is: bool,
    /// Converts even if the same file was converted in the same way before; otherwise that result is the answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh: bool,
    /// A URL to which the end of the conversion is posted, signed by Standard Webhooks 1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// Where the hub fetches the file, if it may; the body is empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Seconds, at most 60, that the answer waits for the end of the conversion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u32>,
    /// `1` for an answer that leads to the result, as soon as it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
}

/// `POST /api/v1/rooms/{room}/conversions`: a file of the room is converted for everybody in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConvertInRoom {
    /// Made once per wish; sending again with the same one is harmless.
    pub cid: ClientId,
    /// A file of the room, or an upload of one's own that waits there.
    pub file: FileId,
    /// The wanted format, such as `pdf`.
    pub to: String,
}

/// The life of a conversion. Each change is a row with a number and an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// The file is on its way.
    Uploading,
    /// It waits for a runner.
    Queued,
    /// An engine works on it.
    InProgress,
    /// The result is there.
    Completed,
    /// It cannot be done; `error` says why.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

impl JobState {
    /// Whether nothing changes any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The stable name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Uploading, Self::Queued, Self::InProgress, Self::Completed, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// How far an engine is. Only what is known is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobProgress {
    /// What is being done: `opening`, `converting`, `verifying`, `writing`.
    pub stage: String,
    /// Units done.
    pub done: u64,
    /// Units in all, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// What is counted: `bytes`, `pages`, `rows`.
    pub unit: String,
    /// 0 to 100, where something honest is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
}

/// Why a conversion failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobError {
    /// Stable kind, such as `encrypted`, `corrupt`, `timeout`, `crashed`.
    pub kind: String,
    /// What failed, on what, and what to do next.
    pub detail: String,
}

/// About when something will be there. It may well be wrong: nobody knows how long a document takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Estimate {
    /// Seconds from now.
    pub seconds: f64,
    /// What it was reckoned from, as a sentence.
    pub basis: String,
}

/// One conversion as its owner sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Job {
    /// The conversion.
    pub id: JobId,
    /// Whose it is.
    pub owner: UserId,
    /// The uploaded file's name.
    pub name: String,
    /// What was uploaded, such as `docx`.
    pub from: String,
    /// What was asked for, such as `pdf`.
    pub to: String,
    /// Where it is in its life.
    pub state: JobState,
    /// Grows by one with each change: a watcher drops what is not newer.
    pub seq: u64,
    /// How far the engine is, while it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<JobProgress>,
    /// How many jobs are before it, while it waits; 0 is next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// About when its result is there, while it waits; nothing where no such conversion is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<Estimate>,
    /// How often it was started.
    #[serde(default)]
    pub attempt: u32,
    /// Size of the upload.
    pub bytes_in: u64,
    /// Size of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_out: Option<u64>,
    /// SHA-256 of the result, 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Which engine made the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Whether something of the source is missing in the result; `lost` says what.
    #[serde(default)]
    pub degraded: bool,
    /// What is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
    /// Seconds of engine time of the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The earlier conversion of the same file whose result this is a copy of; it may be removed by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_from: Option<JobId>,
    /// What it does, where it is no conversion of an upload but a step of a batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Step>,
    /// The batch that it is a step of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// Whether it waits for the conversions that it is made of, and is in no line yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// When the upload began.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// One change of a conversion, or a step of its progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobEvent {
    /// The conversion.
    pub job: JobId,
    /// The number of the change, from 1 on; a step of the progress has the number of the change before it.
    pub seq: u64,
    /// Where the conversion is in its life since then.
    pub state: JobState,
    /// How often it was started by then.
    pub attempt: u32,
    /// When it changed.
    pub at: Timestamp,
    /// How far the engine is: this is a step, and no change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<JobProgress>,
    /// The kind of error that it failed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What happened to a conversion after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobEvents {
    /// Oldest first.
    pub items: Vec<JobEvent>,
    /// Whether nothing follows them.
    pub ended: bool,
}

/// `GET /api/v1/conversions`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Jobs {
    /// Newest first.
    pub items: Vec<Job>,
    /// Pass it as `cursor` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A conversion that failed after every attempt although its document is not at fault: nobody lost anything but time, and
/// it can be started again. Without the name of its file, which is its owner's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeadLetter {
    /// The conversion.
    pub id: JobId,
    /// Whose it is.
    pub owner: UserId,
    /// What was uploaded.
    pub from: String,
    /// What was asked for.
    pub to: String,
    /// Size of the upload.
    pub bytes: u64,
    /// How often it was started.
    pub attempts: u32,
    /// Why the last attempt failed: `timeout`, `crashed`, `engine_down` or `io`.
    pub error: JobError,
    /// Since when it has failed.
    pub at: Timestamp,
}

/// `GET /api/v1/admin/dead-letters`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeadLetters {
    /// Newest first.
    pub items: Vec<DeadLetter>,
    /// Pass it as `cursor` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `GET /api/v1/conversions/{id}/result`: an expiring link.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResultLink {
    /// Absolute, or relative to the hub. Needs no token; expires.
    pub url: String,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// What to call the file.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256, 64 hex digits.
    pub sha256: String,
    /// Its media type.
    pub media_type: String,
}

/// Where the convert-worker keeps a result: what the gateway signs a link for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoredResult {
    /// The object's key.
    pub key: String,
    /// What to call the file.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256, 64 hex digits.
    pub sha256: String,
    /// Its media type.
    pub media_type: String,
}

/// One row of the live matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FormatPair {
    /// From this format.
    pub from: String,
    /// To that one.
    pub to: String,
    /// With this engine first.
    pub engine: String,
    /// `exact`, `high`, `flow` or `data`.
    pub fidelity: String,
    /// The engines that are asked after it when its result falls short.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// Whether nobody here converts it but services of somebody else: they get the file, so the account has to allow it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub consent: bool,
}

/// How an engine is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EngineHealth {
    /// Its name, as `engine` of a conversion takes it.
    pub engine: String,
    /// `ready`, `resting` (it failed lately and is left alone for a while) or `absent`.
    pub state: String,
    /// Where it is, or what to do to have it.
    pub detail: String,
    /// Whether it is a service of somebody else, which is asked last, and only for accounts that allow it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub third_party: bool,
}

/// A pair that no engine here converts, and one that is not here would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MissingPair {
    /// From this format.
    pub from: String,
    /// To that one.
    pub to: String,
    /// What whoever runs the hub would have to install.
    pub install: String,
}

/// `GET /api/v1/conversions/formats`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Formats {
    /// Every pair that works right now.
    pub items: Vec<FormatPair>,
    /// Every engine there could be.
    #[serde(default)]
    pub engines: Vec<EngineHealth>,
    /// Pairs that would work with more installed.
    #[serde(default)]
    pub missing: Vec<MissingPair>,
}

/// One engine that was asked for a conversion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EngineAttempt {
    /// Which.
    pub engine: String,
    /// How long it took.
    pub seconds: f64,
    /// Share of the source's words found in its result, 0 to 1, where they could be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<f64>,
    /// What was missing in its result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
    /// Why it made none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
}

/// How the telling of a conversion's end fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookDelivery {
    /// `waiting`, `delivered` or `failed`.
    pub state: String,
    /// How often it was tried.
    pub tries: u32,
    /// Why the last try failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Since when.
    pub at: Timestamp,
}

/// `GET /api/v1/conversions/webhook-secret`: with what the webhooks of one person are signed.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookSecret {
    /// `whsec_…`, as libraries of Standard Webhooks take it.
    pub secret: String,
}

/// `GET /api/v1/conversions/{id}/report`: how good the result of the last attempt is, and who made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConversionReport {
    /// The conversion.
    pub id: JobId,
    /// Where it is in its life.
    pub state: JobState,
    /// Which engine made the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Pages of the result, where it has pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// Words of the source, where they could be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words_in: Option<u64>,
    /// Words of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words_out: Option<u64>,
    /// Share of the source's words found in the result, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<f64>,
    /// Whether something of the source is missing; `lost` says what.
    #[serde(default)]
    pub degraded: bool,
    /// What is missing.
    #[serde(default)]
    pub lost: Vec<String>,
    /// What is different and not missing.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The engines that were asked in the last attempt, in order.
    #[serde(default)]
    pub attempts: Vec<EngineAttempt>,
    /// The services of somebody else that the file went to in any attempt, such as `nutrient (api.nutrient.io)`; each is
    /// noted before the first byte goes. With none, it never left the hub.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent_to: Vec<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
    /// Size of the upload.
    pub bytes_in: u64,
    /// Size of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_out: Option<u64>,
    /// Seconds from the upload to the start of the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited: Option<f64>,
    /// Seconds of engine time of the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Whether nothing was converted, because the same person had the same file converted in the same way before: what is
    /// said here of words and engines is of that conversion.
    #[serde(default)]
    pub cached: bool,
    /// That conversion; it may be removed by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_from: Option<JobId>,
    /// How the telling of its end fares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookDelivery>,
}
