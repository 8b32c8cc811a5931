//! Uploading a large file to convert it: cut off, it goes on where the hub has it (tus 1.0), also in another run.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, SystemTime},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{Method, Response, header};
use sha2::{Digest as _, Sha256};
use tokio::{
    fs::File,
    io::{AsyncSeekExt as _, SeekFrom},
    time::Instant,
};
use tokio_util::io::ReaderStream;
use uuid::Uuid;
use wire::{
    Code, JobId, UploadId,
    conversions::{Job, NewConversion},
    document_password::{DOCUMENT_PASSWORD, to_header},
    paths,
    uploads::{
        OFFSET_OCTETS, TUS_RESUMABLE, TUS_VERSION, UPLOAD_JOB, UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET,
        Upload,
    },
};

use crate::{
    ask::{Ask, Signature},
    backoff,
    error::Error,
    http::Failure,
    hub::Hub,
    upload::{CHUNK, Progress, counted, silence},
};

/// A file of so many bytes is worth the two requests more: cut off, its upload goes on.
pub const LARGE: u64 = 8 * 1024 * 1024;
/// How long a hub may be away, for a restart, before the upload is given up.
const OUTAGE: Duration = Duration::from_secs(120);
/// How often the same file is looked for that was uploaded before.
const RUNS: u32 = 8;

/// A file of this machine as it was when its upload began.
struct Local {
    path: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
}

/// How far the hub is.
struct State {
    id: UploadId,
    offset: u64,
    job: Option<JobId>,
}

/// Whether it is a file, and not a pipe, of a size that is worth it.
pub(crate) async fn is_large(path: &Path) -> bool {
    tokio::fs::metadata(path).await.is_ok_and(|about| about.is_file() && about.len() >= LARGE)
}

impl Hub {
    /// The conversion of a file, however often the connection is lost on the way. A hub that knows no such uploads is
    /// [`Code::NotFound`].
    pub(crate) async fn convert_in_pieces(
        &self,
        mut query: NewConversion,
        path: &Path,
        progress: Progress,
    ) -> Result<Job, Error> {
        let password = query.password.take();
        let file = Local::look(path).await?;
        let metadata = metadata(&query)?;
        // Of a document with a password nobody can tell whether the one that the hub has is the same.
        let name = if password.is_some() { None } else { Some(self.name_of(&file, &metadata)?) };
        for run in 0..=RUNS {
            let key = match &name {
                Some(name) if run < RUNS => format!("{name}-{run}"),
                _ => Uuid::now_v7().to_string(),
            };
            let upload = match self.begin(&file, &metadata, &key, password.as_deref()).await {
                Err(error) if error.is_code(Code::UploadGone) => continue,
                upload => upload?,
            };
            let was_whole = upload.offset == file.length;
            if upload.job.is_some() {
                continue;
            }
            let upload = State { id: upload.id, offset: upload.offset, job: None };
            match self.send_all(upload, &file, &progress).await {
                // That was in another run: by now it may be taken.
                Err(Error::Problem(no)) if was_whole && !no.retryable => {}
                Err(error) => return Err(error),
                Ok(job) => return self.job(job).await,
            }
        }
        Err(Error::Protocol("the hub takes every new upload for an earlier one".to_owned()))
    }

    async fn begin(
        &self,
        file: &Local,
        metadata: &str,
        key: &str,
        password: Option<&str>,
    ) -> Result<Upload, Error> {
        let ask = Ask::post(paths::UPLOADS)
            .header(TUS_RESUMABLE, TUS_VERSION.to_owned())
            .header(UPLOAD_LENGTH, file.length.to_string())
            .header(UPLOAD_METADATA, metadata.to_owned())
            .header("idempotency-key", key.to_owned())
            .repeatable();
        self.ask(match password {
            Some(password) => ask.header(DOCUMENT_PASSWORD, to_header(password)),
            None => ask,
        })
        .await
    }

    /// Sends what the hub lacks until it has all, and answers with the conversion.
    async fn send_all(&self, mut state: State, file: &Local, progress: &Progress) -> Result<JobId, Error> {
        // Since when nothing got through.
        let mut away: Option<Instant> = None;
        let mut attempt = 0;
        let mut renewed = false;
        loop {
            if let Some(job) = state.job {
                return Ok(job);
            }
            let token = self.token_for(Signature::Required).await?.unwrap_or_default();
            let before = state.offset;
            match self.send_rest(&state, file, &token, progress).await {
                Ok(now) => state = now,
                Err(failure) if failure.wants_new_token() && !renewed => {
                    renewed = true;
                    if !self.renew(&token).await? {
                        return Err(failure.error);
                    }
                }
                Err(failure)
                    if is_cut(&failure.error) && away.get_or_insert_with(Instant::now).elapsed() < OUTAGE =>
                {
                    tracing::debug!(attempt, error = %failure.error, "an upload was cut off and goes on");
                    tokio::time::sleep(backoff::full_jitter(attempt)).await;
                    attempt += 1;
                    match self.how_far(state.id).await {
                        Ok(now) => state = now,
                        Err(error) if error.is_transient() => {}
                        Err(error) => return Err(error),
                    }
                }
                Err(failure) => return Err(failure.error),
            }
            if state.offset > before {
                (away, attempt, renewed) = (None, 0, false);
            }
        }
    }

    async fn send_rest(
        &self,
        state: &State,
        file: &Local,
        token: &str,
        progress: &Progress,
    ) -> Result<State, Failure> {
        let (at, total, sent) = (state.offset, file.length, Arc::new(AtomicU64::new(0)));
        let chunks = ReaderStream::with_capacity(file.open(at).await?, CHUNK);
        let tell = progress.clone();
        let body = counted(
            Box::pin(chunks),
            Some(total - at),
            sent.clone(),
            Arc::new(move |bytes, _| tell(at + bytes, Some(total))),
        );
        let request = self
            .inner
            .uploads
            .patch(self.url(&paths::fill(paths::UPLOAD, state.id))?)
            .bearer_auth(token)
            .header(TUS_RESUMABLE, TUS_VERSION)
            .header(UPLOAD_OFFSET, at)
            .header(header::CONTENT_TYPE, OFFSET_OCTETS)
            .header(header::CONTENT_LENGTH, total - at)
            .body(body);
        let answer = tokio::select! {
            answer = request.send() => answer.map_err(|why| self.broken(&why))?,
            () = silence(&sent, self.inner.options.timeout) => return Err(Error::Timeout.into()),
        };
        Ok(read(state.id, &self.accept(answer).await?)?)
    }

    async fn how_far(&self, id: UploadId) -> Result<State, Error> {
        let ask = Ask::new(Method::HEAD, paths::fill(paths::UPLOAD, id))
            .header(TUS_RESUMABLE, TUS_VERSION.to_owned());
        read(id, &self.send(ask).await?)
    }

    /// Names a file as it is now, and what is wanted of it: another run of the same finds its upload by this.
    fn name_of(&self, file: &Local, metadata: &str) -> Result<String, Error> {
        let path = std::path::absolute(&file.path).map_err(Error::io(file.about()))?;
        let since = |moment: SystemTime| moment.duration_since(SystemTime::UNIX_EPOCH).ok();
        let age = file.modified.and_then(since).map_or(0, |age| age.as_nanos());
        let named = format!("{}\n{}\n{}\n{age}\n{metadata}", self.inner.server, path.display(), file.length);
        Ok(hex::encode(Sha256::digest(named)))
    }
}

impl Local {
    async fn look(path: &Path) -> Result<Self, Error> {
        let about = tokio::fs::metadata(path).await;
        let about = about.map_err(Error::io(format!("cannot read {}", path.display())))?;
        Ok(Self { path: path.to_owned(), length: about.len(), modified: about.modified().ok() })
    }

    fn about(&self) -> String {
        format!("cannot read {}", self.path.display())
    }

    /// The file from this byte on, as long as it is the one from the beginning.
    async fn open(&self, at: u64) -> Result<File, Error> {
        let now = Self::look(&self.path).await?;
        if (now.length, now.modified) != (self.length, self.modified) {
            let changed = io::Error::other("it changed while it was uploaded");
            return Err(Error::io(self.about())(changed));
        }
        let mut file = File::open(&self.path).await.map_err(Error::io(self.about()))?;
        file.seek(SeekFrom::Start(at)).await.map_err(Error::io(self.about()))?;
        Ok(file)
    }
}

/// Whether the upload can go on after this.
fn is_cut(error: &Error) -> bool {
    !error.is_code(Code::RateLimited) && (error.is_transient() || error.is_code(Code::OffsetMismatch))
}

/// `Upload-Metadata`: what is wanted, without what is usual.
fn metadata(query: &NewConversion) -> Result<String, Error> {
    let wrong = |why: &str| Error::Protocol(format!("cannot send: {why}"));
    let said = serde_json::to_value(query).map_err(|why| wrong(&why.to_string()))?;
    let said = said.as_object().ok_or_else(|| wrong("a wish has fields"))?;
    let pairs = said.iter().filter_map(|(name, value)| {
        let text = match value {
            serde_json::Value::Bool(false) | serde_json::Value::Null => return None,
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(format!("{name} {}", BASE64_STANDARD.encode(text)))
    });
    Ok(pairs.collect::<Vec<_>>().join(","))
}

fn read(id: UploadId, answer: &Response) -> Result<State, Error> {
    let said = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let offset = said(UPLOAD_OFFSET).and_then(|offset| offset.parse().ok());
    let offset =
        offset.ok_or_else(|| Error::Protocol("the hub does not say how far the upload is".to_owned()))?;
    Ok(State { id, offset, job: said(UPLOAD_JOB).and_then(|job| job.parse().ok()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_usual_is_said() {
        let query = NewConversion {
            to: "pdf".into(),
            name: "Grüße.docx".into(),
            width: Some(7),
            fresh: true,
            ..NewConversion::default()
        };

        let said = metadata(&query).unwrap();

        let mut pairs: Vec<_> = said.split(',').collect();
        pairs.sort_unstable();
        assert_eq!(pairs, ["fresh dHJ1ZQ==", "name R3LDvMOfZS5kb2N4", "to cGRm", "width Nw=="]);
    }
}
