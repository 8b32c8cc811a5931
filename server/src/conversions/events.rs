//! What happens to a conversion, as an answer that goes on until its end: server-sent events or JSON lines.

use std::time::Duration;

use axum::{body::Bytes, extract::State, http::HeaderMap, response::Response};
use futures_util::stream;
use platform::service::{ApiPath, ApiQuery, Outcome};
use reqwest::Method;
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};
use utoipa::IntoParams;
use wire::{
    JobId,
    conversions::{Job, JobEvent, JobEvents},
    paths::{self, fill, internal},
};

use super::news::Following;
use crate::{
    accounts::Caller,
    endless::{self, Form, Place},
    state::App,
    upstream::call,
};

/// Between two looks at the worker: a hint may be lost.
const LOOK: Duration = Duration::from_secs(2);

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct From {
    /// After the change of this number; without it, at the first. The header `Last-Event-ID` says the same and goes before it.
    after: Option<u64>,
}

/// Sends each change of a conversion, those that have happened first, and how far it is in between, and ends with it.
/// `Accept: text/event-stream` gets events whose `id` is the number of the change, everything else JSON lines; an empty
/// line or a comment is a sign of life.
#[utoipa::path(get, path = paths::CONVERSION_EVENTS, tag = "conversions", params(("id" = JobId, Path), From), security(("bearer" = [])),
    responses((status = 200, body = JobEvent, content_type = "application/x-ndjson"), (status = 401, body = wire::Problem),
        (status = 404, body = wire::Problem), (status = 429, body = wire::Problem)))]
pub(crate) async fn events(
    State(state): State<App>,
    caller: Caller,
    ApiPath(job): ApiPath<JobId>,
    ApiQuery(From { after }): ApiQuery<From>,
    headers: HeaderMap,
) -> Outcome<Response> {
    let place = state.endless.take(caller.user)?;
    let form = Form::of(&headers);
    let following = state.news.follow(job);
    let after = endless::last_event(&headers)?.or(after).unwrap_or(0);
    let mut watch =
        Watch { state, caller, job, after, form, following, first: None, ended: false, _place: place };
    // A job that is not there is refused, not an empty answer.
    watch.first = Some(watch.look().await?);
    let pieces = stream::unfold(watch, async |mut watch| watch.piece().await.map(|piece| (piece, watch)));
    Ok(endless::answer(form, pieces))
}

/// One answer under way. It is pulled by whoever reads it: a slow reader misses steps of the progress, and no change.
struct Watch {
    state: App,
    caller: Caller,
    job: JobId,
    after: u64,
    form: Form,
    following: Following,
    /// What was looked up before the answer began.
    first: Option<JobEvents>,
    ended: bool,
    _place: Place,
}

impl Watch {
    /// The next piece; `None` at the end. A worker that cannot be asked breaks the answer off, and curl comes again.
    async fn piece(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        let alive = Instant::now() + endless::HEARTBEAT;
        let mut look = Instant::now() + LOOK;
        let mut found = self.first.take();
        loop {
            if let Some(JobEvents { items, ended }) = found.take() {
                self.ended = ended;
                if !items.is_empty() {
                    return Some(Ok(self.write(items)));
                }
            }
            if self.ended || self.caller.expires_at < self.state.clock.now() {
                return None;
            }
            tokio::select! {
                () = self.state.leaving.cancelled() => return None,
                () = sleep_until(alive) => return Some(Ok(self.form.heartbeat())),
                () = sleep_until(look) => {}
                job = self.following.next() => if let Some(step) = step(&job, self.after) {
                    return Some(Ok(self.form.write(None, &step).into()));
                } else if job.seq <= self.after {
                    continue;
                }
            }
            look = Instant::now() + LOOK;
            found = match self.look().await {
                Ok(found) => Some(found),
                Err(error) => return Some(Err(std::io::Error::other(error.problem().to_string()))),
            };
        }
    }

    async fn look(&self) -> Outcome<JobEvents> {
        let path = fill(internal::JOB_EVENTS, self.job);
        let request = self.state.upstream.convert(Method::GET, &path, self.caller.user);
        call(request.query(&[("after", self.after)])).await
    }

    fn write(&mut self, events: Vec<JobEvent>) -> Bytes {
        let mut written = String::new();
        for event in events {
            self.after = event.seq;
            written.push_str(&self.form.write(Some(event.seq), &event));
        }
        written.into()
    }
}

/// How far the job is, if that is all that is new.
fn step(job: &Job, after: u64) -> Option<JobEvent> {
    let progress = job.progress.clone().filter(|_| job.seq == after)?;
    Some(JobEvent {
        job: job.id,
        seq: job.seq,
        state: job.state,
        attempt: job.attempt,
        at: job.updated_at,
        progress: Some(progress),
        error: None,
    })
}
