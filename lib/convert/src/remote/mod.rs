//! Engines that are servers: a document out, a result back, over HTTP, with a deadline and without trust in the answer.

mod answer;
mod breaker;
mod cloudconvert;
mod gotenberg;
mod key;
mod nutrient;

use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::multipart::Part;
use reqwest::{Client, Method, RequestBuilder, Url};

use crate::{Engine, Error, Request};
use answer::Tried;
use breaker::Breaker;
pub use key::Key;

/// How often one request is made, when the server says that it is busy or says nothing.
const TRIES: u32 = 3;
/// The pause before the second try, where the server names none; the third waits four times as long.
const PAUSE: Duration = Duration::from_millis(500);

/// A server, and how it did lately. Copies share that.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    service: Service,
    /// With a slash at the end.
    base: String,
    key: Option<Key>,
    http: Client,
    breaker: Arc<Mutex<Breaker>>,
}

/// What kind of server it is.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Service {
    Gotenberg,
    Nutrient,
    Cloudconvert,
}

impl Remote {
    /// A server by its URL, such as `http://gotenberg:3000`, and the key of whoever pays for it.
    ///
    /// # Errors
    /// `Io` when no HTTP client can be made.
    pub(crate) fn at(service: Service, url: &str, key: Option<Key>) -> Result<Remote, Error> {
        let http = Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| Error::Io { detail: format!("no HTTP client: {error}") })?;
        let base = format!("{}/", url.trim_end_matches('/'));
        Ok(Remote { service, base, key, http, breaker: Arc::default() })
    }

    /// Which engine it is.
    pub(crate) fn engine(&self) -> Engine {
        match self.service {
            Service::Gotenberg => Engine::Gotenberg,
            Service::Nutrient => Engine::Nutrient,
            Service::Cloudconvert => Engine::Cloudconvert,
        }
    }

    /// Where it is, without a password, if there is one in its URL.
    pub(crate) fn shown(&self) -> String {
        match (self.base.split_once("://"), self.base.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
            _ => self.base.clone(),
        }
    }

    /// The machine it is, such as `api.nutrient.io`.
    pub(crate) fn host(&self) -> String {
        let host = Url::parse(&self.base).ok().and_then(|url| Some(url.host_str()?.to_owned()));
        host.unwrap_or_else(|| self.shown())
    }

    /// How long it is left alone, if it failed too often lately.
    pub(crate) fn resting(&self) -> Option<Duration> {
        self.breaker().resting(Instant::now())
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// That it may be asked now.
    ///
    /// # Errors
    /// `EngineDown` while it is left alone.
    pub(crate) fn admit(&self) -> Result<(), Error> {
        match self.breaker().admit(Instant::now()) {
            None => Ok(()),
            Some(rest) => {
                let seconds = rest.as_secs() + 1;
                Err(self.down(format!("it failed too often, and is asked again in {seconds} s")))
            }
        }
    }

    /// Has the document converted, once it was admitted, and puts what the server answers into `made`, unseen.
    ///
    /// # Errors
    /// `EngineDown` when it is busy or broken, `Timeout` after `limit`, `Corrupt` when it refuses the document.
    pub(crate) async fn convert(&self, req: &Request, made: &Path, limit: Duration) -> Result<(), Error> {
        let done = match tokio::time::timeout(limit, self.ask(req, made, Instant::now() + limit)).await {
            Ok(done) => done,
            Err(_) => Err(Error::Timeout { seconds: limit.as_secs() }),
        };
        let failed = matches!(done, Err(Error::EngineDown { .. } | Error::Timeout { .. }));
        self.breaker().learned(!failed, Instant::now());
        done
    }

    async fn ask(&self, req: &Request, made: &Path, deadline: Instant) -> Result<(), Error> {
        match self.service {
            Service::Gotenberg => self.patiently(deadline, || gotenberg::once(self, req, made)).await,
            Service::Nutrient => self.patiently(deadline, || nutrient::once(self, req, made)).await,
            Service::Cloudconvert => cloudconvert::convert(self, req, made, deadline).await,
        }
    }

    /// Tries until something comes of it, or there is no time left for another try.
    async fn patiently<T, F>(&self, deadline: Instant, attempt: impl Fn() -> F + Send) -> Result<T, Error>
    where
        F: Future<Output = Result<Tried<T>, Error>> + Send,
    {
        let mut pause = PAUSE;
        let mut left = TRIES;
        loop {
            left -= 1;
            let (why, after) = match attempt().await? {
                Tried::Done(done) => return Ok(done),
                Tried::Refused(error) => return Err(error),
                Tried::Busy { why, after } => (why, after),
            };
            // Half to one and a half times: what failed together does not come back together.
            let wait = after.unwrap_or_else(|| pause.mul_f64(rand::random_range(0.5..1.5)));
            // Not `now + wait`: a server may ask for more than a clock can count.
            if left == 0 || wait >= deadline.saturating_duration_since(Instant::now()) {
                return Err(self.down(why));
            }
            tokio::time::sleep(wait).await;
            pause *= 4;
        }
    }

    /// A request to a route of it, with the key.
    fn request(&self, method: Method, route: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{route}", self.base));
        match &self.key {
            Some(key) => request.bearer_auth(key.shown()),
            None => request,
        }
    }

    fn down(&self, detail: String) -> Error {
        Error::EngineDown { engine: self.engine().to_string(), detail }
    }
}

/// The document under a name that tells nothing but its format.
async fn document(req: &Request) -> Result<Part, Error> {
    let name = format!("input.{}", req.from.extension());
    Ok(Part::file(&req.input).await?.file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pause_longer_than_a_clock_can_count_is_too_long() {
        let remote = Remote::at(Service::Gotenberg, "http://127.0.0.1:9", None).unwrap();
        let busy = || async { Ok(Tried::<()>::Busy { why: "later".into(), after: Some(Duration::MAX) }) };

        let tried = remote.patiently(Instant::now() + Duration::from_secs(60), busy).await;

        assert!(matches!(tried, Err(Error::EngineDown { .. })), "{tried:?}");
    }
}
