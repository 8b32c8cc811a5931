//! The only door out to the workers: typed calls with a deadline, on behalf of a person.

use platform::service::{ApiError, Outcome, internal::InternalKey};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;
use wire::{Code, Problem, UserId};

/// Calls to the workers.
pub(crate) struct Upstream {
    chat: Url,
    convert: Url,
    key: InternalKey,
    http: reqwest::Client,
}

impl Upstream {
    pub(crate) fn new(chat: Url, convert: Url, key: InternalKey) -> Self {
        Self { chat, convert, key, http: platform::service::http_client() }
    }

    /// A request to the chat-worker; `path` is one of [`wire::paths::internal`], filled.
    pub(crate) fn chat(&self, method: reqwest::Method, path: &str, user: UserId) -> RequestBuilder {
        self.request(&self.chat, method, path, user)
    }

    /// A request to the convert-worker; `path` is one of [`wire::paths::internal`], filled.
    pub(crate) fn convert(&self, method: reqwest::Method, path: &str, user: UserId) -> RequestBuilder {
        self.request(&self.convert, method, path, user)
    }

    fn request(&self, base: &Url, method: reqwest::Method, path: &str, user: UserId) -> RequestBuilder {
        let mut url = base.clone();
        url.set_path(path);
        self.key.sign(self.http.request(method, url), user)
    }
}

/// Sends a request to a worker; its problems become ours, and its silence is said as what it is.
pub(crate) async fn call<T: DeserializeOwned>(request: RequestBuilder) -> Outcome<T> {
    let response = send(request).await?;
    response.json().await.map_err(|error| down(&error))
}

/// The same for an answer without a body of interest.
pub(crate) async fn send(request: RequestBuilder) -> Outcome<Response> {
    let response = request.send().await.map_err(|error| down(&error))?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    match response.json::<Problem>().await {
        // A worker that does not know us is a fault of the set-up, not of the caller.
        Ok(_) if status == StatusCode::UNAUTHORIZED => {
            tracing::error!("a worker refused the internal key: do all parts have the same secret?");
            Err(ApiError::new(Code::UpstreamDown, "a part of the hub refused the gateway"))
        }
        Ok(problem) => Err(problem.into()),
        Err(error) => Err(down(&error)),
    }
}

fn down(error: &reqwest::Error) -> ApiError {
    // Without the URL: it names internal addresses, and logs have it as fields where it matters.
    tracing::warn!(error = %error, "a worker did not answer");
    ApiError::new(Code::UpstreamDown, "a part of the hub does not answer right now").retry_after(1)
}
