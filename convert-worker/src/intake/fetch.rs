//! Documents by URL: fetched here, if that is allowed, and never from where only we can go.

use std::time::Duration;

use bytes::Bytes;
use platform::service::{ApiError, Outcome, upload::fits};
use reqwest::{Client, Response, header, redirect::Policy};
use url::Url;
use wire::{Code, UserId};

use super::{Desk, Received};
use crate::{
    address::{self, NotPublic, PublicOnly},
    config::FetchUrls,
    state::App,
};

/// How often we are sent on.
const HOPS: usize = 5;
/// How long all of it may take: whoever asked waits for it.
const LONGEST: Duration = Duration::from_secs(100);

/// The way out, if there is one.
pub(crate) struct Fetcher {
    client: Client,
    allowed: FetchUrls,
}

impl Fetcher {
    pub(crate) fn open(allowed: FetchUrls) -> anyhow::Result<Self> {
        let client = Client::builder()
            .timeout(LONGEST)
            .connect_timeout(Duration::from_secs(5))
            // Each hop is judged here.
            .redirect(Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .user_agent(concat!("mshub/", env!("CARGO_PKG_VERSION")));
        // Connections go to the very addresses that the resolver has judged: a name that leads elsewhere a moment later
        // leads nobody there.
        let client = if allowed == FetchUrls::Private { client } else { client.dns_resolver(PublicOnly) };
        Ok(Self { client: client.build()?, allowed })
    }

    /// Fetches a document for somebody, like an upload of theirs.
    pub(super) async fn fetch(&self, app: &App, owner: UserId, url: &str) -> Outcome<Received> {
        if self.allowed == FetchUrls::Off {
            return Err(ApiError::new(Code::FetchingOff, "this hub fetches no documents by URL")
                .hint("fetch it and upload it; or ask whoever runs the hub for --fetch-urls public"));
        }
        let url = self.judged(url)?;
        let desk = Desk::open(app, owner).await?;
        let fetched = tokio::time::timeout(LONGEST, async {
            let answer = self.follow(url).await?;
            fits(answer.content_length().unwrap_or(0), app.config.max_upload_bytes)?;
            desk.receive(&mut Box::pin(body(answer))).await.map_err(|refused| {
                match refused.problem().status {
                    400 => failed("the document broke off"),
                    _ => refused,
                }
            })
        });
        fetched.await.unwrap_or_else(|_| Err(failed("it takes too long")))
    }

    fn judged(&self, url: &str) -> Outcome<Url> {
        address::outward(url, self.allowed == FetchUrls::Private).map_err(|rule| {
            ApiError::new(Code::UrlRefused, format!("the hub does not ask this URL: it {rule}"))
                .field("/url", rule)
        })
    }

    /// The answer at the end of all redirects, each judged like the first URL.
    async fn follow(&self, mut url: Url) -> Outcome<Response> {
        for _ in 0..=HOPS {
            let answer = self.client.get(url.clone()).send().await.map_err(|error| unanswered(&error))?;
            let status = answer.status();
            if status.is_success() {
                return Ok(answer);
            }
            let next = answer.headers().get(header::LOCATION).filter(|_| status.is_redirection());
            let Some(next) = next.and_then(|next| next.to_str().ok()) else {
                return Err(failed(&format!("the server answers {status}")));
            };
            let next = url.join(next).map_err(|_| failed("it leads to something that is no URL"))?;
            url = self.judged(next.as_str())?;
        }
        Err(failed(&format!("it leads on more than {HOPS} times")))
    }
}

fn body(answer: Response) -> impl futures_util::Stream<Item = reqwest::Result<Bytes>> {
    answer.bytes_stream()
}

/// What the document is called, if the URL ends with a name.
pub(super) fn name_of(url: &str) -> String {
    let Ok(url) = url.parse::<Url>() else { return String::new() };
    let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    // What means something in a form means nothing in a path.
    let plain = last.replace('+', "%2B").replace('=', "%3D").replace('&', "%26");
    let decoded = url::form_urlencoded::parse(plain.as_bytes()).next();
    decoded.map(|(name, _)| name.into_owned()).unwrap_or_default()
}

fn unanswered(error: &reqwest::Error) -> ApiError {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return ApiError::new(Code::UrlRefused, format!("the hub does not ask this URL: {error}"));
        }
        cause = error.source();
    }
    failed(match error.is_timeout() {
        true => "the server does not answer in time",
        false => "the server cannot be reached",
    })
}

fn failed(why: &str) -> ApiError {
    ApiError::new(Code::UrlFailed, format!("the document cannot be fetched: {why}"))
        .hint("look whether the URL works in a browser where nobody is signed in")
}

#[cfg(test)]
mod tests {
    use axum::{Router, response::Redirect, routing::get};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn who_is_led_from_the_internet_to_this_machine_does_not_go_there() {
        platform::service::install_tls();
        let asked = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let noted = asked.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = format!("http://{}", listener.local_addr().unwrap());
        let secret = format!("{here}/secret");
        let app = Router::new()
            .route("/start", get(async move || Redirect::temporary(&secret)))
            .route("/secret", get(async move || noted.store(true, std::sync::atomic::Ordering::SeqCst)));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let fetcher = Fetcher::open(FetchUrls::Public).unwrap();
        assert!(fetcher.judged(&here).is_err(), "nor at once");

        // As if the first hop had been a public one.
        let refused = fetcher.follow(format!("{here}/start").parse().unwrap()).await.unwrap_err();

        assert_eq!(refused.problem().code, Code::UrlRefused.name());
        assert!(!asked.load(std::sync::atomic::Ordering::SeqCst));
    }

    #[test]
    fn a_document_is_called_what_its_url_ends_with() {
        for (url, name) in [
            ("https://example.org/a/report%20%26%20co.docx?x=1#y", "report & co.docx"),
            ("https://example.org/a+b=c&d.md", "a+b=c&d.md"),
            ("https://example.org/", ""),
            ("https://example.org", ""),
            ("nonsense", ""),
        ] {
            assert_eq!(name_of(url), name, "{url}");
        }
    }
}
