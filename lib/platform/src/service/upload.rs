//! What a service asks of an upload before it takes it, and how one that it refuses is heard out.

use std::time::Duration;

use axum::http::{HeaderMap, header};
use futures_util::{Stream, StreamExt as _};
use wire::Code;

use super::{ApiError, Outcome, Tasks};

/// The header that names an upload, or another wish: sent again under the same name, it is made once.
pub const REQUEST_KEY: &str = "idempotency-key";
/// How long the rest of a refused body is still read.
const LINGER: Duration = Duration::from_secs(10);

/// What names an upload, or another wish, if something does.
pub fn request_key(headers: &HeaderMap) -> Outcome<Option<&str>> {
    let Some(value) = headers.get(REQUEST_KEY) else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=128).contains(&key.len()) => Ok(Some(key)),
        _ => Err(ApiError::new(
            Code::BadRequest,
            format!("the header {REQUEST_KEY} is not 1 to 128 ASCII characters"),
        )),
    }
}

/// The length that a body announces, in bytes.
pub fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The same, and a refusal of one that is over the limit.
pub fn announced(headers: &HeaderMap, limit: u64) -> Outcome<Option<u64>> {
    let length = length(headers);
    length.map_or(Ok(()), |length| fits(length, limit))?;
    Ok(length)
}

/// Refuses a file that has too many bytes.
pub fn fits(bytes: u64, limit: u64) -> Outcome<()> {
    if bytes > limit {
        return Err(too_large(format!("the file has {bytes} bytes, and {limit} are allowed")));
    }
    Ok(())
}

/// What whoever sends too much is told.
pub fn too_large(detail: impl Into<String>) -> ApiError {
    ApiError::new(Code::TooLarge, detail.into())
        .hint("split it, or ask whoever runs the hub to raise the limit")
}

/// Reads what is left of a refused body, such as with [`drain`], so that the sender finds our answer: a connection that
/// is closed with unread bytes is reset, and the answer may be lost with it.
pub fn linger(tasks: &Tasks, rest: impl Future<Output = ()> + Send + 'static) {
    let stop = tasks.stop_signal();
    tasks.spawn("linger", async move {
        tokio::select! {
            _ = tokio::time::timeout(LINGER, rest) => {}
            () = stop.cancelled() => {}
        }
    });
}

/// Reads to the end, or until it breaks.
pub async fn drain<T, E>(mut body: impl Stream<Item = Result<T, E>> + Unpin) {
    while let Some(Ok(_)) = body.next().await {}
}
