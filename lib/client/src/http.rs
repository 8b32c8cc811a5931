//! The one way a request leaves: token, patience, repetition, and problems turned into errors.

use std::time::Duration;

use reqwest::{Response, StatusCode, header};
use serde::de::DeserializeOwned;
use wire::{Code, Problem};

use crate::{
    ask::{Ask, Signature},
    backoff,
    error::Error,
    hub::Hub,
};

/// A longer `Retry-After` is the caller's decision, not ours.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// A problem is small; what is larger is something else.
const LARGEST_PROBLEM: usize = 256 * 1024;

/// A request that did not succeed, with what decides whether it is tried again.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Whether the hub may have done it all the same.
    pub(crate) maybe_done: bool,
    /// What the hub asked to wait.
    pub(crate) after: Option<Duration>,
}

impl Failure {
    /// Whether a newer access token may help.
    pub(crate) fn wants_new_token(&self) -> bool {
        self.error.is_code(Code::Unauthenticated) || self.error.is_code(Code::TokenExpired)
    }

    /// How long to wait before trying again, if that can help.
    pub(crate) fn wait(&self, attempt: u32, repeatable: bool) -> Option<Duration> {
        let busy = self.error.is_code(Code::RateLimited);
        if busy || !self.error.is_transient() || (self.maybe_done && !repeatable) {
            return None;
        }
        match self.after {
            Some(asked) if asked > LONGEST_WAIT => None,
            Some(asked) => Some(asked + backoff::full_jitter(0)),
            None => Some(backoff::full_jitter(attempt)),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, maybe_done: false, after: None }
    }
}

impl Hub {
    /// Sends a request and reads a JSON answer.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, Error> {
        let path = ask.path.clone();
        let answer = self.send(ask).await?;
        self.read_json(&path, answer).await
    }

    /// Sends a request whose answer has no content.
    pub(crate) async fn tell(&self, ask: Ask) -> Result<(), Error> {
        self.send(ask).await.map(drop)
    }

    /// Sends a request, again where that is right, and returns the answer of a success.
    pub(crate) async fn send(&self, ask: Ask) -> Result<Response, Error> {
        let mut attempt = 0;
        let mut renewed = false;
        loop {
            let token = self.token_for(ask.signature).await?;
            let failure = match self.once(&ask, token.as_deref()).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if let Some(stale) = token.filter(|_| failure.wants_new_token() && !renewed) {
                if !self.renew(&stale).await? {
                    return Err(failure.error);
                }
                renewed = true;
                continue;
            }
            let Some(wait) =
                failure.wait(attempt, ask.repeatable).filter(|_| attempt < self.inner.options.retries)
            else {
                return Err(failure.error);
            };
            tracing::debug!(path = ask.path, attempt, ?wait, error = %failure.error, "will ask again");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// The access token that goes with a signature.
    pub(crate) async fn token_for(&self, signature: Signature) -> Result<Option<String>, Error> {
        match signature {
            Signature::Anonymous => Ok(None),
            Signature::Required => self.access_token().await.map(Some),
            Signature::IfAny => match self.access_token().await {
                Ok(token) => Ok(Some(token)),
                Err(Error::SignedOut) => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    /// Sends a request exactly once.
    pub(crate) async fn once(&self, ask: &Ask, token: Option<&str>) -> Result<Response, Failure> {
        let mut request =
            self.inner.calls.request(ask.method.clone(), self.url(&ask.path)?).query(&ask.query);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        if let Some((media_type, bytes)) = &ask.body {
            request = request.header(header::CONTENT_TYPE, *media_type).body(bytes.clone());
        }
        let answer = request.send().await.map_err(|why| self.broken(&why))?;
        self.accept(answer).await
    }

    /// Turns an answer that is not a success into its problem.
    pub(crate) async fn accept(&self, answer: Response) -> Result<Response, Failure> {
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let after = retry_after(&answer);
        let told = answer
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(Problem::MEDIA_TYPE.as_bytes()));
        let body = limited(answer, LARGEST_PROBLEM).await;
        let problem = told.then(|| serde_json::from_slice::<Problem>(&body).ok()).flatten();
        let error = match problem.or_else(|| silent_problem(status)) {
            Some(problem) => Error::from(problem),
            None => Error::Protocol(format!(
                "{} answered {status} without saying why; is it the address of a hub?",
                self.inner.server
            )),
        };
        let maybe_done = matches!(status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT);
        Err(Failure { error, maybe_done, after })
    }

    /// What a network error means to the caller.
    pub(crate) fn broken(&self, why: &reqwest::Error) -> Failure {
        let server = self.inner.server.to_string();
        let error = if why.is_builder() || why.is_decode() {
            Error::Protocol(innermost(why))
        } else if why.is_timeout() && !why.is_connect() {
            Error::Timeout
        } else if why.is_timeout() {
            Error::Unreachable { server, why: "no connection in time".to_owned() }
        } else {
            Error::Unreachable { server, why: innermost(why) }
        };
        Failure { error, maybe_done: !why.is_connect(), after: None }
    }

    pub(crate) async fn read_json<T: DeserializeOwned>(
        &self,
        path: &str,
        answer: Response,
    ) -> Result<T, Error> {
        let body = answer.bytes().await.map_err(|why| self.broken(&why).error)?;
        serde_json::from_slice(&body).map_err(|why| Error::Protocol(format!("{path}: {why}")))
    }
}

/// The last link of an error's chain: what the system itself said.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// The problem of an answer that carries none: proxies and load balancers answer so.
fn silent_problem(status: StatusCode) -> Option<Problem> {
    let code = match status.as_u16() {
        401 => Code::Unauthenticated,
        403 => Code::Forbidden,
        413 => Code::TooLarge,
        429 => Code::RateLimited,
        502 => Code::UpstreamDown,
        503 => Code::Unavailable,
        504 => Code::OutcomeUnknown,
        500..=599 => Code::Internal,
        _ => return None,
    };
    Some(Problem::new(code, code.title()))
}

/// `Retry-After` in its form of seconds (RFC 9110 §10.2.3).
fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The beginning of a body; what cannot be read any more is left out.
async fn limited(mut answer: Response, most: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk[..chunk.len().min(most - body.len())]);
        if body.len() == most {
            break;
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(error: Error, maybe_done: bool) -> Failure {
        Failure { error, maybe_done, after: None }
    }

    #[test]
    fn what_may_have_been_done_is_only_repeated_when_that_is_harmless() {
        let lost = failure(Error::Timeout, true);
        let refused = failure(Error::Unreachable { server: "x".into(), why: "refused".into() }, false);

        assert!(lost.wait(0, false).is_none());
        assert!(lost.wait(0, true).is_some());
        assert!(refused.wait(0, false).is_some());
    }

    #[test]
    fn a_refusal_is_not_asked_again() {
        let no = failure(Problem::new(Code::NotFound, "no room of this name").into(), false);
        let busy = failure(Problem::new(Code::RateLimited, "slow down").into(), false);

        assert!(no.wait(0, true).is_none());
        assert!(busy.wait(0, true).is_none());
    }

    #[test]
    fn the_wait_that_the_hub_asks_for_is_kept_unless_it_is_long() {
        let asked = |seconds| Failure {
            error: Problem::new(Code::Unavailable, "starting").into(),
            maybe_done: false,
            after: Some(Duration::from_secs(seconds)),
        };

        assert!(asked(2).wait(0, true).unwrap() >= Duration::from_secs(2));
        assert!(asked(600).wait(0, true).is_none());
    }
}
