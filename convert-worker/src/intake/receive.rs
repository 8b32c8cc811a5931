//! Receiving a body into a file, with a limit and without waiting for ever.

use std::{path::Path, time::Duration};

use futures_util::{Stream, StreamExt};
use platform::service::{ApiError, Outcome, upload::too_large};
use sha2::{Digest as _, Sha256};
use tokio::{
    fs::File,
    io::{AsyncWriteExt, BufWriter},
    time::timeout,
};
use wire::Code;

/// How long a sender may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// How long one upload may take.
const UPLOAD: Duration = Duration::from_secs(3600);

/// What arrived.
pub(super) struct Bytes {
    /// How many.
    pub(super) bytes: u64,
    /// Their SHA-256, 64 hex digits.
    pub(super) sha256: String,
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
            return Err(too_large(format!("the file is larger than the {limit} bytes that are allowed")));
        }
        hash.update(&chunk);
        file.write_all(&chunk).await.map_err(ours)?;
    }
    file.flush().await.map_err(ours)?;
    Ok(Bytes { bytes, sha256: hex::encode(hash.finalize()) })
}

fn broken(why: &str) -> ApiError {
    ApiError::new(Code::BadRequest, format!("the upload was cut off: {why}")).hint("send it again")
}
