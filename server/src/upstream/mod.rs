//! The only door out to the workers: typed calls with a deadline, on behalf of a person, to whichever worker is there.

mod lent;
mod workers;

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use platform::service::{ApiError, Outcome, internal::InternalKey};
use reqwest::{Client, Method, Request, RequestBuilder, StatusCode, header::RETRY_AFTER};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;
use wire::{Code, Problem, UserId};

use self::{lent::Lender, workers::Workers};

/// How long a worker may be silent when another one could be asked: it may hang, and answers take milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Calls to the workers.
pub(crate) struct Upstream {
    chat: Arc<Workers>,
    convert: Arc<Workers>,
    key: InternalKey,
    http: Client,
}

/// A call that was not made yet.
pub(crate) struct Call {
    workers: Arc<Workers>,
    request: RequestBuilder,
    /// Through which client, if not the one for all.
    client: Option<Client>,
    /// Whether it may be made once more when nobody knows what became of it.
    repeatable: bool,
}

/// What a worker said.
struct Answer {
    status: StatusCode,
    /// Seconds after which it wants to be asked again.
    retry_after: Option<u64>,
    body: Bytes,
}

impl Upstream {
    pub(crate) fn new(chat: Vec<Url>, convert: Vec<Url>, key: InternalKey) -> Self {
        let (chat, convert) = (Arc::new(Workers::at(chat)), Arc::new(Workers::at(convert)));
        Self { chat, convert, key, http: platform::service::http_client() }
    }

    /// A call of a chat-worker, which only ever reads; `path` is one of [`wire::paths::internal`], filled.
    pub(crate) fn chat(&self, method: Method, path: &str, user: UserId) -> Call {
        self.call(&self.chat, method, path, user).repeatable()
    }

    /// A call of a convert-worker; `path` is one of [`wire::paths::internal`], filled.
    pub(crate) fn convert(&self, method: Method, path: &str, user: UserId) -> Call {
        self.call(&self.convert, method, path, user)
    }

    fn call(&self, workers: &Arc<Workers>, method: Method, path: &str, user: UserId) -> Call {
        let repeatable = method.is_idempotent() && method != Method::DELETE;
        let request = self.key.sign(self.http.request(method, workers.any(path)), user);
        Call { workers: workers.clone(), request, client: None, repeatable }
    }
}

impl Call {
    pub(crate) fn query(self, query: &impl Serialize) -> Self {
        self.with(|request| request.query(query))
    }

    pub(crate) fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        self.with(|request| request.json(body))
    }

    /// Making it twice does no harm, whatever its method says.
    pub(crate) fn repeatable(self) -> Self {
        Self { repeatable: true, ..self }
    }

    /// Through this client.
    pub(crate) fn over(self, client: &Client) -> Self {
        Self { client: Some(client.clone()), ..self }
    }

    /// Changes the request.
    pub(crate) fn with(self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        Self { request: change(self.request), ..self }
    }

    /// Asks one worker after the other until one answers, as long as asking again does no harm. `attempt` makes the
    /// request once more; nothing, when that cannot be.
    async fn perform(self, attempt: impl Fn(&Request) -> Option<Request> + Send) -> Outcome<Answer> {
        let Self { workers, request, client, repeatable } = self;
        let (own, request) = request.build_split();
        let client = client.unwrap_or(own);
        let mut request =
            request.map_err(|error| anyhow::Error::new(error).context("a call could not be made"))?;
        let mut failure = None;
        let order = workers.in_turn();
        for (nth, worker) in order.iter().enumerate() {
            workers.aim(*worker, request.url_mut());
            let Some(mut request) = attempt(&request) else { break };
            if repeatable && nth + 1 < order.len() {
                *request.timeout_mut() = Some(PATIENCE);
            }
            match whole(&client, request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    workers.avoid(*worker);
                    let was_not_made = error.is_connect();
                    failure = Some(error);
                    if !(was_not_made || repeatable) {
                        break;
                    }
                }
            }
        }
        Err(failure.map_or_else(nobody, |error| down(&error)))
    }
}

/// Makes a call; a worker's problems become ours, and its silence is said as what it is.
pub(crate) async fn call<T: DeserializeOwned>(call: Call) -> Outcome<T> {
    read(&send(call).await?)
}

/// The same for an answer without a body of interest.
pub(crate) async fn send(call: Call) -> Outcome<Bytes> {
    understood(call.perform(Request::try_clone).await?)
}

/// Makes a call with a body that is there once. As long as nothing of it was read, another worker can have it.
pub(crate) async fn stream<T: DeserializeOwned>(call: Call, body: Body, limit: Duration) -> Outcome<T> {
    let lender = Lender::of(body);
    let attempt = move |request: &Request| {
        let (body, mut request) = (lender.lend()?, request.try_clone()?);
        *request.body_mut() = Some(reqwest::Body::wrap_stream(body));
        *request.timeout_mut() = Some(limit);
        Some(request)
    };
    read(&understood(call.perform(attempt).await?)?)
}

/// An answer with all of its body: one that breaks off is no answer.
async fn whole(client: &Client, request: Request) -> reqwest::Result<Answer> {
    let response = client.execute(request).await?;
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|said| said.to_str().ok()?.parse().ok());
    Ok(Answer { status: response.status(), retry_after, body: response.bytes().await? })
}

fn understood(Answer { status, retry_after, body }: Answer) -> Outcome<Bytes> {
    if status.is_success() {
        return Ok(body);
    }
    match serde_json::from_slice::<Problem>(&body) {
        // A worker that does not know us is a fault of the set-up, not of the caller.
        Ok(_) if status == StatusCode::UNAUTHORIZED => {
            tracing::error!("a worker refused the internal key: do all parts have the same secret?");
            Err(ApiError::new(Code::UpstreamDown, "a part of the hub refused the gateway"))
        }
        Ok(problem) => {
            let refused = ApiError::from(problem);
            Err(match retry_after {
                Some(seconds) => refused.retry_after(seconds),
                None => refused,
            })
        }
        Err(error) => Err(down(&error)),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Outcome<T> {
    serde_json::from_slice(body).map_err(|error| down(&error))
}

fn down(error: &dyn std::error::Error) -> ApiError {
    // Without the URL: it names internal addresses, and logs have it as fields where it matters.
    tracing::warn!(error = %error, "a worker did not answer");
    unavailable()
}

fn nobody() -> ApiError {
    tracing::error!("no worker is named: see --chat-worker and --convert-worker");
    unavailable()
}

fn unavailable() -> ApiError {
    ApiError::new(Code::UpstreamDown, "a part of the hub does not answer right now").retry_after(1)
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn what_a_worker_says_of_when_to_ask_again_is_passed_on() {
        let said = |retry_after| {
            let body = serde_json::to_vec(&Problem::new(Code::RateLimited, "20 wait already")).unwrap();
            let answer = Answer { status: StatusCode::TOO_MANY_REQUESTS, retry_after, body: body.into() };
            let answer = understood(answer).unwrap_err().into_response();
            answer.headers().get(RETRY_AFTER).map(|seconds| seconds.to_str().unwrap().to_owned())
        };

        assert_eq!(said(Some(7)).as_deref(), Some("7"));
        assert_eq!(said(None), None);
    }
}
