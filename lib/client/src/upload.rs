//! Uploading: a body that streams from where it is, watched for silence, and refusals that come while it is sent.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::TryStreamExt;
use reqwest::{Body, Response, header};
use tokio::{fs::File, time::Instant};
use tokio_util::io::ReaderStream;
use uuid::Uuid;
use wire::{
    conversions::{Job, NewConversion},
    paths,
};

use crate::{
    error::Error,
    http::{Failure, Signature},
    hub::Hub,
};

/// One read of a file; large enough that a fast disk is not the limit.
const CHUNK: usize = 128 * 1024;
/// How often a running upload is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// A file to convert and what to make of it.
pub struct Upload {
    /// What is wanted.
    pub query: NewConversion,
    /// The file.
    pub bytes: UploadBody,
}

/// Where the bytes come from. Nothing is held in memory as a whole except [`UploadBody::Bytes`].
pub enum UploadBody {
    /// A file, streamed.
    File(PathBuf),
    /// What is in memory already.
    Bytes(Bytes),
    /// Anything else, with its length where it is known. Sent once: it cannot be read again.
    Stream(Body, Option<u64>),
}

type Progress = Arc<dyn Fn(u64, Option<u64>) + Send + Sync>;

impl Hub {
    /// Uploads a file and starts its conversion. `progress` hears how many bytes were sent, of how many.
    ///
    /// A refusal that arrives while the body is still being sent is returned as that [`Error::Problem`]. The key
    /// that names this upload stays the same when it is repeated, so that a lost answer makes no second job.
    pub async fn convert(
        &self,
        upload: Upload,
        progress: impl Fn(u64, Option<u64>) + Send + Sync + 'static,
    ) -> Result<Job, Error> {
        let Upload { query, mut bytes } = upload;
        let progress: Progress = Arc::new(progress);
        let key = Uuid::now_v7().to_string();
        let mut renewed = false;
        let mut attempt = 0;
        loop {
            let token = self.token_for(Signature::Required).await?.unwrap_or_default();
            let (body, length) = bytes.open().await?;
            let failure = match self.upload_once(&query, body, length, &token, &key, progress.clone()).await {
                Ok(answer) => return self.read_json(paths::CONVERSIONS, answer).await,
                Err(failure) => failure,
            };
            if !bytes.is_repeatable() {
                return Err(failure.error);
            }
            if failure.wants_new_token() && !renewed {
                if !self.renew(&token).await? {
                    return Err(failure.error);
                }
                renewed = true;
                continue;
            }
            match failure.wait(attempt, false).filter(|_| attempt < self.inner.options.retries) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(failure.error),
            }
            attempt += 1;
        }
    }

    async fn upload_once(
        &self,
        query: &NewConversion,
        body: Body,
        length: Option<u64>,
        token: &str,
        key: &str,
        progress: Progress,
    ) -> Result<Response, Failure> {
        let sent = Arc::new(AtomicU64::new(0));
        let body = counted(body, length, sent.clone(), progress);
        let mut request = self
            .inner
            .uploads
            .post(self.url(paths::CONVERSIONS)?)
            .query(query)
            .bearer_auth(token)
            .header("idempotency-key", key)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .body(body);
        if let Some(length) = length {
            request = request.header(header::CONTENT_LENGTH, length);
        }
        let answer = tokio::select! {
            answer = request.send() => answer.map_err(|why| self.broken(&why))?,
            () = silence(&sent, self.inner.options.timeout) => return Err(Failure {
                error: Error::Timeout,
                maybe_done: true,
                after: None,
            }),
        };
        self.accept(answer).await
    }
}

impl UploadBody {
    fn is_repeatable(&self) -> bool {
        !matches!(self, Self::Stream(..))
    }

    /// The body from its beginning, and its length.
    async fn open(&mut self) -> Result<(Body, Option<u64>), Error> {
        match self {
            Self::Bytes(bytes) => Ok((Body::from(bytes.clone()), Some(bytes.len() as u64))),
            Self::Stream(body, length) => Ok((std::mem::take(body), *length)),
            Self::File(path) => {
                let failed = || format!("cannot read {}", path.display());
                let file = File::open(&path).await.map_err(Error::io(failed()))?;
                let about = file.metadata().await.map_err(Error::io(failed()))?;
                // A pipe or a device has no length; a folder fails at the first read.
                let length = about.is_file().then_some(about.len());
                Ok((Body::wrap_stream(ReaderStream::with_capacity(file, CHUNK)), length))
            }
        }
    }
}

/// The same body, telling how much of it has left.
fn counted(body: Body, length: Option<u64>, sent: Arc<AtomicU64>, progress: Progress) -> Body {
    use http_body_util::BodyExt as _;
    let chunks = body.into_data_stream().inspect_ok(move |chunk: &Bytes| {
        let so_far = sent.fetch_add(chunk.len() as u64, Ordering::Relaxed) + chunk.len() as u64;
        progress(so_far, length);
    });
    Body::wrap_stream(chunks)
}

/// Ends when nothing has been sent for the whole of `patience`.
async fn silence(sent: &AtomicU64, patience: Duration) {
    let mut seen = 0;
    let mut since = Instant::now();
    while since.elapsed() < patience {
        tokio::time::sleep(LOOK.min(patience)).await;
        let now = sent.load(Ordering::Relaxed);
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
    }
}
