//! Receiving a body into a file, with a limit and without waiting for ever.

use std::{path::Path, time::Duration};

use axum::http::{HeaderMap, header};
use futures_util::{Stream, StreamExt};
use platform::service::{ApiError, Outcome};
use sha2::{Digest as _, Sha256};
use tokio::{
    fs::File,
    io::{AsyncWriteExt, BufWriter},
    time::timeout,
};
use wire::Code;

use crate::state::App;

/// How long a sender may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// How long one upload may take.
const UPLOAD: Duration = Duration::from_secs(3600);
/// How long the rest of a refused body is still read.
const LINGER: Duration = Duration::from_secs(10);

/// What arrived.
pub(super) struct Bytes {
    /// How many.
    pub(super) bytes: u64,
    /// Their SHA-256, 64 hex digits.
    pub(super) sha256: String,
}

/// Refuses a body by the length that it announces.
pub(crate) fn announced(headers: &HeaderMap, limit: u64) -> Outcome<()> {
    match length(headers) {
        Some(length) => fits(length, limit),
        None => Ok(()),
    }
}

/// The length that a body announces.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Refuses a file that has too many bytes.
pub(crate) fn fits(bytes: u64, limit: u64) -> Outcome<()> {
    if bytes > limit { Err(too_large(limit)) } else { Ok(()) }
}

/// Writes the whole body to `file` and tells what it was.
pub(super) async fn receive<E>(
    body: &mut (impl Stream<Item = Result<bytes::Bytes, E>> + Unpin),
    file: &Path,
    limit: u64,
) -> Outcome<Bytes> {
    timeout(UPLOAD, write(body, file, limit))
        .await
        .unwrap_or_else(|_| Err(broken("it took longer than an hour")))
}

async fn write<E>(
    body: &mut (impl Stream<Item = Result<bytes::Bytes, E>> + Unpin),
    file: &Path,
    limit: u64,
) -> Outcome<Bytes> {
    let ours = |error: std::io::Error| anyhow::Error::new(error).context("an upload could not be written");
    let mut file = BufWriter::with_capacity(256 * 1024, File::create(file).await.map_err(ours)?);
    let (mut bytes, mut hash) = (0_u64, Sha256::new());
    loop {
        let Ok(next) = timeout(SILENCE, body.next()).await else {
            return Err(broken("the sender fell silent"));
        };
        let Some(chunk) = next else { break };
        let chunk = chunk.map_err(|_| broken("the connection broke"))?;
        bytes += chunk.len() as u64;
        if bytes > limit {
            return Err(too_large(limit));
        }
        hash.update(&chunk);
        file.write_all(&chunk).await.map_err(ours)?;
    }
    file.flush().await.map_err(ours)?;
    Ok(Bytes { bytes, sha256: hex::encode(hash.finalize()) })
}

/// Reads what is left of a refused body, so that the sender finds our answer: a connection that is closed with unread
/// bytes is reset, and the answer may be lost with it.
pub(crate) fn linger(app: &App, rest: impl Future<Output = ()> + Send + 'static) {
    let stop = app.tasks.stop_signal();
    app.tasks.spawn("linger", async move {
        tokio::select! {
            _ = timeout(LINGER, rest) => {}
            () = stop.cancelled() => {}
        }
    });
}

fn broken(why: &str) -> ApiError {
    ApiError::new(Code::BadRequest, format!("the upload was cut off: {why}")).hint("send it again")
}

fn too_large(limit: u64) -> ApiError {
    ApiError::new(Code::TooLarge, format!("the file is larger than {limit} bytes"))
        .hint("split it, or ask whoever runs the hub to raise the limit")
}
