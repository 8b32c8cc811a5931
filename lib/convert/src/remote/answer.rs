//! What a server answers: a document, a wish to be left alone for a while, or a refusal.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{RequestBuilder, Response, StatusCode};
use tokio::io::AsyncWriteExt;

use super::Remote;
use crate::Error;
use crate::limits::MIB;

/// The largest answer that is taken.
const ANSWER: u64 = 512 * MIB;
/// How much of a refusal is quoted.
const QUOTED: usize = 200;

/// What came of one try.
pub(super) enum Tried<T> {
    Done(T),
    /// Worth another try, not before this pause if the server named one.
    Busy {
        why: String,
        after: Option<Duration>,
    },
    /// The server did its part, and it is the document; or nothing will help before somebody has a look.
    Refused(Error),
}

/// Makes a request; what is no success is judged.
pub(super) async fn send(remote: &Remote, request: RequestBuilder) -> Tried<Response> {
    match request.send().await {
        Ok(response) if response.status().is_success() => Tried::Done(response),
        Ok(response) => judged(remote, response).await,
        // Without the URL: it may hold a password.
        Err(error) => Tried::Busy { why: error.without_url().to_string(), after: None },
    }
}

/// Makes a request and puts the answer into a file.
pub(super) async fn fetch(remote: &Remote, request: RequestBuilder, made: &Path) -> Result<Tried<()>, Error> {
    match send(remote, request).await {
        Tried::Done(response) if response.status() == StatusCode::OK => store(response, made).await,
        Tried::Done(response) => {
            let why = format!("it answers {} where a document should be", response.status());
            Ok(Tried::Refused(remote.down(why)))
        }
        Tried::Busy { why, after } => Ok(Tried::Busy { why, after }),
        Tried::Refused(error) => Ok(Tried::Refused(error)),
    }
}

/// What an answer that is no success means.
async fn judged(remote: &Remote, response: Response) -> Tried<Response> {
    let status = response.status();
    let after = retry_after(response.headers());
    let said = quote(response).await;
    let why = format!("it answers {status}{said}");
    match status.as_u16() {
        408 | 429 | 500..=599 => Tried::Busy { why, after },
        // Its operator and ours have to talk, or somebody has to pay: no document will do.
        300..=399 | 401..=405 => Tried::Refused(remote.down(why)),
        _ => Tried::Refused(Error::corrupt(format!("{} refuses it, {why}", remote.engine()))),
    }
}

/// How long the server wants to be left alone: in seconds, or until a moment of its own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let after = text(header::RETRY_AFTER)?;
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = |text: &str| httpdate::parse_http_date(text).ok();
    Some(moment(after)?.duration_since(moment(text(header::DATE)?)?).unwrap_or_default())
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

async fn store(mut response: Response, made: &Path) -> Result<Tried<()>, Error> {
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
    Ok(Tried::Done(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_a_number_or_a_moment_of_the_servers_own_clock() {
        let asked = |after: &'static str, date: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, after.parse().unwrap());
            headers.insert(header::DATE, date.parse().unwrap());
            retry_after(&headers).map(|pause| pause.as_secs())
        };
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";

        assert_eq!(asked("7", date), Some(7));
        assert_eq!(asked("Sun, 06 Nov 1994 08:50:07 GMT", date), Some(30));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:07 GMT", date), Some(0));
        assert_eq!((asked("soon", date), asked("Sun, 06 Nov 1994 08:50:07 GMT", "today")), (None, None));
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
