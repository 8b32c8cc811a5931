//! Uploading a file, to convert it or into a room: a body that streams from where it is, watched for silence, and refusals that come while it is sent.

use std::{
    io,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use reqwest::{Body, Response, header};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{fs::File, io::AsyncRead, time::Instant};
use tokio_util::io::ReaderStream;
use uuid::Uuid;
use wire::{
    Code,
    conversions::{Job, NewConversion},
    document_password::{DOCUMENT_PASSWORD, to_header},
    files::NewFile,
    paths,
};

use crate::{ask::Signature, error::Error, http::Failure, hub::Hub, pieces, rooms};

/// One read of a file; large enough that a fast disk is not the limit.
pub(crate) const CHUNK: usize = 128 * 1024;
/// How long a hub may fetch a document; it gives up a little earlier, and says so.
const FETCHING: Duration = Duration::from_secs(110);
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
    Stream(Chunks, Option<u64>),
}

/// A body piece by piece.
pub type Chunks = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Where an upload goes, and what names it: the key stays the same when it is repeated, so that a lost answer makes no
/// second job and no second file.
struct Target<'a, Q> {
    path: &'a str,
    query: &'a Q,
    key: &'a str,
    password: Option<&'a str>,
    /// How long the hub may be silent once all is sent.
    patience: Duration,
}

pub(crate) type Progress = Arc<dyn Fn(u64, Option<u64>) + Send + Sync>;

impl Hub {
    /// Uploads a file and starts its conversion; a password goes in a header. `progress` hears how many bytes were sent, of how many.
    ///
    /// A large [`UploadBody::File`] that is cut off goes on where the hub has it, and `progress` from there; so does the
    /// same upload in another run, within a day.
    ///
    /// A refusal that arrives while the body is still being sent is returned as that [`Error::Problem`].
    pub async fn convert(
        &self,
        upload: Upload,
        progress: impl Fn(u64, Option<u64>) + Send + Sync + 'static,
    ) -> Result<Job, Error> {
        let Upload { mut query, bytes } = upload;
        let progress: Progress = Arc::new(progress);
        if let UploadBody::File(path) = &bytes
            && pieces::is_large(path).await
        {
            match self.convert_in_pieces(query.clone(), path, progress.clone()).await {
                // An older hub.
                Err(error) if error.is_code(Code::NotFound) || error.is_code(Code::MethodNotAllowed) => {}
                done => return done,
            }
        }
        let password = query.password.take();
        let key = Uuid::now_v7().to_string();
        let usual = self.inner.options.timeout;
        let target = Target {
            path: paths::CONVERSIONS,
            query: &query,
            key: &key,
            password: password.as_deref(),
            patience: if query.url.is_some() { usual.max(FETCHING) } else { usual },
        };
        self.upload(target, bytes, progress).await
    }

    /// Uploads a file into a room one is in, for a message that is still to be said. `key` names the upload: sent
    /// again with the same one, it makes no second file. `progress` hears how many bytes were sent, of how many.
    pub async fn upload_file(
        &self,
        room: &str,
        file: NewFile,
        bytes: UploadBody,
        key: &str,
        progress: impl Fn(u64, Option<u64>) + Send + Sync + 'static,
    ) -> Result<wire::files::File, Error> {
        let patience = self.inner.options.timeout;
        let path = rooms::of(paths::ROOM_FILES, room);
        let target = Target { path: &path, query: &file, key, password: None, patience };
        self.upload(target, bytes, Arc::new(progress)).await
    }

    async fn upload<T: DeserializeOwned>(
        &self,
        target: Target<'_, impl Serialize>,
        mut bytes: UploadBody,
        progress: Progress,
    ) -> Result<T, Error> {
        let mut renewed = false;
        let mut attempt = 0;
        loop {
            let token = self.token_for(Signature::Required).await?.unwrap_or_default();
            let (chunks, length) = bytes.open().await?;
            let sent = self.upload_once(&target, chunks, length, &token, progress.clone()).await;
            let failure = match sent {
                Ok(answer) => return self.read_json(target.path, answer).await,
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
        target: &Target<'_, impl Serialize>,
        chunks: Chunks,
        length: Option<u64>,
        token: &str,
        progress: Progress,
    ) -> Result<Response, Failure> {
        let sent = Arc::new(AtomicU64::new(0));
        let body = counted(chunks, length, sent.clone(), progress);
        let mut request = self
            .inner
            .uploads
            .post(self.url(target.path)?)
            .query(target.query)
            .bearer_auth(token)
            .header("idempotency-key", target.key)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .body(body);
        if let Some(length) = length {
            request = request.header(header::CONTENT_LENGTH, length);
        }
        if let Some(password) = target.password {
            request = request.header(DOCUMENT_PASSWORD, to_header(password));
        }
        let answer = tokio::select! {
            answer = request.send() => answer.map_err(|why| self.broken(&why))?,
            () = silence(&sent, target.patience) => return Err(Failure {
                error: Error::Timeout,
                maybe_done: true,
                after: None,
            }),
        };
        self.accept(answer).await
    }
}

impl UploadBody {
    /// Reads from anything, such as standard input.
    pub fn reader(reader: impl AsyncRead + Send + 'static, length: Option<u64>) -> Self {
        Self::Stream(Box::pin(ReaderStream::with_capacity(reader, CHUNK)), length)
    }

    fn is_repeatable(&self) -> bool {
        !matches!(self, Self::Stream(..))
    }

    /// The body from its beginning, and its length.
    async fn open(&mut self) -> Result<(Chunks, Option<u64>), Error> {
        match self {
            Self::Bytes(bytes) => Ok((cut(bytes.clone()), Some(bytes.len() as u64))),
            Self::Stream(chunks, length) => {
                Ok((std::mem::replace(chunks, Box::pin(stream::empty())), *length))
            }
            Self::File(path) => {
                let failed = || format!("cannot read {}", path.display());
                let file = File::open(&path).await.map_err(Error::io(failed()))?;
                let about = file.metadata().await.map_err(Error::io(failed()))?;
                if about.is_dir() {
                    return Err(Error::io(failed())(io::Error::from(io::ErrorKind::IsADirectory)));
                }
                // A pipe or a device has no length.
                let length = about.is_file().then_some(about.len());
                Ok((Box::pin(ReaderStream::with_capacity(file, CHUNK)), length))
            }
        }
    }
}

/// Cuts what is in memory, without copying it, so that progress can be told.
fn cut(bytes: Bytes) -> Chunks {
    let pieces =
        (0..bytes.len()).step_by(CHUNK).map(move |at| Ok(bytes.slice(at..bytes.len().min(at + CHUNK))));
    Box::pin(stream::iter(pieces))
}

/// The same chunks as a body, telling how much of it has left.
pub(crate) fn counted(chunks: Chunks, length: Option<u64>, sent: Arc<AtomicU64>, progress: Progress) -> Body {
    let chunks = chunks.inspect_ok(move |chunk| {
        let so_far = sent.fetch_add(chunk.len() as u64, Ordering::Relaxed) + chunk.len() as u64;
        progress(so_far, length);
    });
    Body::wrap_stream(chunks.boxed())
}

/// Ends when nothing has been sent for the whole of `patience`.
pub(crate) async fn silence(sent: &AtomicU64, patience: Duration) {
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
