//! A Gotenberg server: one document in, one PDF out, over HTTP, with a deadline and without trust in the answer.

mod breaker;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response, StatusCode, header};
use tokio::io::AsyncWriteExt;

use crate::limits::MIB;
use crate::{Error, Request};
use breaker::Breaker;

/// The route that its LibreOffice answers.
const ROUTE: &str = "forms/libreoffice/convert";
/// How often one document is sent, when the server says that it is busy or says nothing.
const TRIES: u32 = 3;
/// The pause before the second try, where the server names none; the third waits four times as long.
const PAUSE: Duration = Duration::from_millis(500);
/// The largest answer that is taken.
const ANSWER: u64 = 512 * MIB;
/// How much of a refusal is quoted.
const QUOTED: usize = 200;

/// A server, and how it did lately. Copies share that.
#[derive(Clone, Debug)]
pub(crate) struct Gotenberg {
    /// With a slash at the end.
    base: String,
    http: Client,
    breaker: Arc<Mutex<Breaker>>,
}

/// What came of one try.
enum Tried {
    Done,
    /// Worth another try, not before this pause if the server named one.
    Busy {
        why: String,
        after: Option<Duration>,
    },
    /// The server did its part, and it is the document.
    Refused(Error),
}

impl Gotenberg {
    /// A server by its URL, such as `http://gotenberg:3000`.
    ///
    /// # Errors
    /// `Io` when no HTTP client can be made.
    pub(crate) fn at(url: &str) -> Result<Gotenberg, Error> {
        let http = Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| Error::Io { detail: format!("no HTTP client: {error}") })?;
        let base = format!("{}/", url.trim_end_matches('/'));
        Ok(Gotenberg { base, http, breaker: Arc::default() })
    }

    /// Without a password, if there is one in it.
    pub(crate) fn shown(&self) -> String {
        match (self.base.split_once("://"), self.base.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
            _ => self.base.clone(),
        }
    }

    /// How long it is left alone, if it failed too often lately.
    pub(crate) fn resting(&self) -> Option<Duration> {
        self.breaker().resting(Instant::now())
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the document converted and puts what the server answers into `made`, unseen.
    ///
    /// # Errors
    /// `EngineDown` when it is resting, busy or broken, `Timeout` after `limit`, `Corrupt` when it refuses the document.
    pub(crate) async fn convert(&self, req: &Request, made: &Path, limit: Duration) -> Result<(), Error> {
        if let Some(rest) = self.breaker().admit(Instant::now()) {
            return Err(down(format!("it failed too often, and is asked again in {} s", rest.as_secs() + 1)));
        }
        let done = match tokio::time::timeout(limit, self.persist(req, made, Instant::now() + limit)).await {
            Ok(done) => done,
            Err(_) => Err(Error::Timeout { seconds: limit.as_secs() }),
        };
        let failed = matches!(done, Err(Error::EngineDown { .. } | Error::Timeout { .. }));
        self.breaker().learned(!failed, Instant::now());
        done
    }

    async fn persist(&self, req: &Request, made: &Path, deadline: Instant) -> Result<(), Error> {
        let mut pause = PAUSE;
        let mut left = TRIES;
        loop {
            left -= 1;
            let (why, after) = match self.once(req, made).await? {
                Tried::Done => return Ok(()),
                Tried::Refused(error) => return Err(error),
                Tried::Busy { why, after } => (why, after),
            };
            // Half to one and a half times: what failed together does not come back together.
            let wait = after.unwrap_or_else(|| pause.mul_f64(rand::random_range(0.5..1.5)));
            if left == 0 || Instant::now() + wait >= deadline {
                return Err(down(why));
            }
            tokio::time::sleep(wait).await;
            pause *= 4;
        }
    }

    async fn once(&self, req: &Request, made: &Path) -> Result<Tried, Error> {
        let name = format!("input.{}", req.from.extension());
        let file = Part::file(&req.input).await?.file_name(name);
        let request =
            self.http.post(format!("{}{ROUTE}", self.base)).multipart(Form::new().part("files", file));
        let response = match request.send().await {
            Ok(response) => response,
            // Without the URL: it may hold a password.
            Err(error) => return Ok(Tried::Busy { why: error.without_url().to_string(), after: None }),
        };
        if response.status() == StatusCode::OK {
            fetch(response, made).await
        } else {
            Ok(judged(response).await)
        }
    }
}

/// What an answer that is no document means.
async fn judged(response: Response) -> Tried {
    let status = response.status();
    let after =
        response.headers().get(header::RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
    let said = quote(response).await;
    let why = format!("it answers {status}{said}");
    match status.as_u16() {
        408 | 429 | 500..=599 => Tried::Busy { why, after: after.map(Duration::from_secs) },
        // Its operator and ours have to talk: no document will do.
        300..=399 | 401 | 403 | 404 | 405 => Tried::Refused(down(why)),
        _ => Tried::Refused(Error::corrupt(format!("the Gotenberg server refuses it, {why}"))),
    }
}

/// The first line of a refusal, and not all of that.
async fn quote(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= QUOTED {
            break;
        }
    }
    bytes.truncate(QUOTED);
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() { String::new() } else { format!(": {line}") }
}

async fn fetch(mut response: Response, made: &Path) -> Result<Tried, Error> {
    let mut file = tokio::fs::File::create(made).await?;
    let mut bytes = 0;
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                bytes += chunk.len() as u64;
                if bytes > ANSWER {
                    return Err(Error::limit(format!("the result has more than {} MiB", ANSWER / MIB)));
                }
                file.write_all(&chunk).await?;
            }
            Ok(None) => break,
            Err(error) => return Ok(Tried::Busy { why: error.without_url().to_string(), after: None }),
        }
    }
    file.flush().await?;
    Ok(Tried::Done)
}

fn down(detail: String) -> Error {
    Error::EngineDown { engine: "gotenberg".to_owned(), detail }
}
