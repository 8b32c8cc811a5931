//! Fetching a result or a file of a room: streamed, counted, and checked against the SHA-256 that was promised.

use reqwest::Response;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use url::Url;
use wire::{conversions::ResultLink, files::File, paths};

use crate::{ask::Ask, error::Error, hub::Hub};

/// What was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downloaded {
    /// Its size.
    pub bytes: u64,
    /// 64 hex digits.
    pub sha256: String,
}

impl Hub {
    /// Fetches a result into `sink`. `progress` hears how many bytes there are so far.
    ///
    /// [`Error::Integrity`] when size or hash are not as promised: what was written must not be used then. The link
    /// carries its own signature; the access token is not sent along.
    pub async fn download(
        &self,
        link: &ResultLink,
        sink: &mut (impl AsyncWrite + Unpin),
        progress: impl FnMut(u64),
    ) -> Result<Downloaded, Error> {
        let request = self.inner.calls.get(self.link_url(&link.url)?);
        let answer = request.send().await.map_err(|why| self.broken(&why).error)?;
        let answer = self.accept(answer).await.map_err(|failure| failure.error)?;
        self.pour(answer, &link.name, &link.sha256, sink, progress).await
    }

    /// Fetches a file of a room into `sink`, as [`Hub::download`] does with a result.
    pub async fn fetch_file(
        &self,
        file: &File,
        sink: &mut (impl AsyncWrite + Unpin),
        progress: impl FnMut(u64),
    ) -> Result<Downloaded, Error> {
        let answer = self.send(Ask::get(paths::fill(paths::FILE, file.id))).await?;
        self.pour(answer, &file.name, &file.sha256, sink, progress).await
    }

    async fn pour(
        &self,
        mut answer: Response,
        name: &str,
        promised: &str,
        sink: &mut (impl AsyncWrite + Unpin),
        mut progress: impl FnMut(u64),
    ) -> Result<Downloaded, Error> {
        let mut hash = Sha256::new();
        let mut bytes = 0;
        while let Some(chunk) = answer.chunk().await.map_err(|why| self.broken(&why).error)? {
            hash.update(&chunk);
            bytes += chunk.len() as u64;
            sink.write_all(&chunk).await.map_err(Error::io(format!("cannot write {name}")))?;
            progress(bytes);
        }
        sink.flush().await.map_err(Error::io(format!("cannot write {name}")))?;

        let sha256 = hex::encode(hash.finalize());
        if sha256 != promised.to_ascii_lowercase() {
            return Err(Error::Integrity {
                what: name.to_owned(),
                expected: promised.to_owned(),
                actual: sha256,
            });
        }
        Ok(Downloaded { bytes, sha256 })
    }

    fn link_url(&self, link: &str) -> Result<Url, Error> {
        if link.starts_with('/') {
            return self.url(link);
        }
        Url::parse(link).map_err(|why| Error::Protocol(format!("the link to the result: {why}")))
    }
}
