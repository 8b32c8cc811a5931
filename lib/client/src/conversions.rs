//! Conversions: look at, stop, repeat and remove them; uploading, waiting and fetching have files of their own.

use reqwest::Method;
use wire::{
    JobId,
    conversions::{ConversionReport, Formats, Job, JobState, Jobs, ResultLink, WebhookSecret},
    document_password::{DOCUMENT_PASSWORD, to_header},
    paths,
};

use crate::{
    ask::{Ask, Signature},
    error::Error,
    hub::Hub,
};

/// Which conversions are wanted.
#[derive(Clone, Debug, Default)]
pub struct JobsQuery {
    /// Only those in this state.
    pub state: Option<JobState>,
    /// Only those that failed after every attempt although the document is not at fault.
    pub dead: bool,
    /// How many at most; the hub has a limit of its own.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

impl Hub {
    /// One conversion.
    pub async fn job(&self, job: JobId) -> Result<Job, Error> {
        self.ask(Ask::get(paths::fill(paths::CONVERSION, job))).await
    }

    /// One's own conversions, newest first.
    pub async fn jobs(&self, query: JobsQuery) -> Result<Jobs, Error> {
        let mut ask = Ask::get(paths::CONVERSIONS);
        if let Some(state) = query.state {
            ask = ask.query("state", state.name());
        }
        if query.dead {
            ask = ask.query("dead", "true");
        }
        if let Some(limit) = query.limit {
            ask = ask.query("limit", limit);
        }
        if let Some(cursor) = query.cursor {
            ask = ask.query("cursor", cursor);
        }
        self.ask(ask).await
    }

    /// Stops a conversion that has not ended.
    pub async fn cancel_job(&self, job: JobId) -> Result<Job, Error> {
        self.ask(Ask::post(paths::fill(paths::CONVERSION_CANCEL, job))).await
    }

    /// Starts a failed or cancelled one again. The hub forgets the password of a document when its conversion ends, so
    /// an encrypted one needs it again.
    pub async fn retry_job(&self, job: JobId, password: Option<&str>) -> Result<Job, Error> {
        let ask = Ask::post(paths::fill(paths::CONVERSION_RETRY, job));
        self.ask(match password {
            Some(password) => ask.header(DOCUMENT_PASSWORD, to_header(password)),
            None => ask,
        })
        .await
    }

    /// Removes a conversion with its files.
    pub async fn delete_job(&self, job: JobId) -> Result<(), Error> {
        self.tell(Ask::new(Method::DELETE, paths::fill(paths::CONVERSION, job))).await
    }

    /// An expiring link to the result of a completed one.
    pub async fn result_link(&self, job: JobId) -> Result<ResultLink, Error> {
        self.ask(Ask::get(paths::fill(paths::CONVERSION_RESULT, job))).await
    }

    /// How good the result is, and which engines were asked for it.
    pub async fn job_report(&self, job: JobId) -> Result<ConversionReport, Error> {
        self.ask(Ask::get(paths::fill(paths::CONVERSION_REPORT, job))).await
    }

    /// With what one's webhooks are signed.
    pub async fn webhook_secret(&self) -> Result<WebhookSecret, Error> {
        self.ask(Ask::get(paths::WEBHOOK_SECRET)).await
    }

    /// What can be turned into what, right now.
    pub async fn formats(&self) -> Result<Formats, Error> {
        self.ask(Ask::get(paths::FORMATS).signature(Signature::IfAny)).await
    }
}
