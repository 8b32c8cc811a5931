//! Objects: named bytes that are there whole or not at all, with links that expire.

#[cfg(feature = "s3")]
mod checksum;
#[cfg(feature = "s3")]
mod config;
mod disposition;
mod folder;
mod key;
mod link;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "s3")]
mod s3_upload;

use std::{io, path::Path, pin::Pin, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt as _, Stream, StreamExt as _, future, future::BoxFuture};
use sha2::{Digest as _, Sha256};
use tokio::fs::{File, OpenOptions};
use wire::Timestamp;

pub use disposition::attachment;
pub use link::{LinkKey, SignedLink};

use crate::UnknownEngine;

/// What this build understands.
const EXPECTED: &str = if cfg!(feature = "s3") {
    "file:FOLDER or s3://[KEY:SECRET@]BUCKET[/PREFIX][?endpoint=URL&region=NAME&path_style=true&public_endpoint=URL&checksums=false]"
} else {
    "file:FOLDER"
};

/// A body that arrives piece by piece.
pub type Body = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// What was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256, 64 hex digits.
    pub sha256: String,
}

/// An object that is being read.
pub struct Object {
    /// Size of the whole object in bytes.
    pub bytes: u64,
    /// The asked part of it.
    pub body: Body,
}

/// What a signed link promises to whoever opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkTerms {
    /// What the file is called when it is saved.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Until when the link works.
    pub expires_at: Timestamp,
}

/// Why an object could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such object.
    #[error("there is no object `{0}`")]
    NotFound(String),
    /// The key is not one of ours: empty, absolute, or climbing out.
    #[error("`{0}` is no object key")]
    BadKey(String),
    /// The body is larger than it may be; nothing was stored.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The body broke off; nothing was stored.
    #[error("the body broke off: {0}")]
    Body(std::io::Error),
    /// The store failed.
    #[error("the object store failed on `{key}`: {source}")]
    Store {
        /// The object concerned.
        key: String,
        /// Why.
        source: std::io::Error,
    },
}

/// A store of objects. Cheap to clone.
#[derive(Clone)]
pub enum Objects {
    /// A folder on this machine.
    Folder(folder::Folder),
    /// A bucket of S3.
    #[cfg(feature = "s3")]
    S3(s3::S3),
}

impl Objects {
    /// Opens the store: `file:FOLDER` keeps a file an object.
    ///
    /// `s3://[KEY:SECRET@]BUCKET[/PREFIX]` keeps them in a bucket, which is made if it is not there. For a store other
    /// than Amazon's, `?endpoint=http://HOST:PORT` says where it is, `path_style=true` that it knows buckets by path, and
    /// `public_endpoint=` where clients reach it, when that is elsewhere. What goes up and comes down is compared with its
    /// SHA-256, unless `checksums=false` says that the store does not know that. Without `KEY:SECRET@` (each percent-encoded) the
    /// usual `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` are used.
    pub async fn open(url: &str, links: LinkKey) -> anyhow::Result<Self> {
        match crate::split_scheme(url) {
            ("file", folder) => Ok(Self::Folder(folder::Folder::open(folder, links).await?)),
            #[cfg(feature = "s3")]
            ("s3", _) => Ok(Self::S3(s3::S3::open(url).await?)),
            _ => Err(UnknownEngine { port: "objects", url: crate::redacted(url), expected: EXPECTED }.into()),
        }
    }

    /// Stores a body of at most `limit` bytes under a key. Durable when it answers; a body that breaks off or is
    /// too large leaves nothing behind.
    pub fn put<'a>(&'a self, key: &'a str, body: Body, limit: u64) -> BoxFuture<'a, Result<Stored, Error>> {
        match self {
            Self::Folder(folder) => folder.put(key, body, limit).boxed(),
            #[cfg(feature = "s3")]
            Self::S3(s3) => s3.put(key, body, limit).boxed(),
        }
    }

    /// Stores a local file under a key. A link, or anything else that is no file, is an error: whoever made it may want us
    /// to read what they cannot.
    pub async fn put_file(&self, key: &str, file: &Path) -> Result<Stored, Error> {
        let broken = |source| Error::Store { key: key.to_owned(), source };
        let opened = open_regular(file).await.map_err(broken)?;
        let body = Box::pin(tokio_util::io::ReaderStream::with_capacity(opened, 64 * 1024));
        self.put(key, body, u64::MAX).await
    }

    /// Reads an object from a byte on, to its end. From behind its end there is nothing, which is no error.
    pub fn get<'a>(&'a self, key: &'a str, from: u64) -> BoxFuture<'a, Result<Object, Error>> {
        match self {
            Self::Folder(folder) => folder.get(key, from).boxed(),
            #[cfg(feature = "s3")]
            Self::S3(s3) => s3.get(key, from).boxed(),
        }
    }

    /// Copies an object to a local file.
    pub async fn fetch_to(&self, key: &str, file: &Path) -> Result<(), Error> {
        let broken = |source| Error::Store { key: key.to_owned(), source };
        let object = self.get(key, 0).await?;
        let mut reader = tokio_util::io::StreamReader::new(object.body);
        let mut target = tokio::fs::File::create(file).await.map_err(broken)?;
        tokio::io::copy(&mut reader, &mut target).await.map_err(broken)?;
        Ok(())
    }

    /// The SHA-256 of an object, 64 hex digits, as it is there now.
    pub async fn sha256(&self, key: &str) -> Result<String, Error> {
        let (mut object, mut hash) = (self.get(key, 0).await?, Sha256::new());
        while let Some(chunk) = object.body.next().await {
            hash.update(chunk.map_err(|source| Error::Store { key: key.to_owned(), source })?);
        }
        Ok(hex::encode(hash.finalize()))
    }

    /// Removes an object. One that is not there is removed already.
    pub fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        match self {
            Self::Folder(folder) => folder.delete(key).boxed(),
            #[cfg(feature = "s3")]
            Self::S3(s3) => s3.delete(key).boxed(),
        }
    }

    /// A link to the object that works without a token until it expires. Of the folder store it is relative to the
    /// gateway, which serves [`wire::paths::OBJECT`]; of S3 it is absolute and leads to the store itself.
    pub fn signed_link<'a>(
        &'a self,
        key: &'a str,
        terms: &'a LinkTerms,
    ) -> BoxFuture<'a, Result<String, Error>> {
        match self {
            Self::Folder(folder) => future::ready(Ok(folder.signed_link(key, terms))).boxed(),
            #[cfg(feature = "s3")]
            Self::S3(s3) => s3.signed_link(key, terms).boxed(),
        }
    }

    /// The terms of a link of the folder store, if it was made here, not changed, and has not expired. S3 checks
    /// its links itself: here none of them opens.
    pub fn open_link(&self, key: &str, link: &SignedLink, now: Timestamp) -> Option<LinkTerms> {
        match self {
            Self::Folder(folder) => folder.open_link(key, link, now),
            #[cfg(feature = "s3")]
            Self::S3(_) => None,
        }
    }

    /// Every key, sorted, and after them what is not whole yet as `part/…`.
    pub async fn keys(&self) -> Result<Vec<String>, Error> {
        match self {
            Self::Folder(folder) => Ok(folder.keys()),
            #[cfg(feature = "s3")]
            Self::S3(s3) => s3.keys().await,
        }
    }

    /// Answers when the store does: for readiness.
    pub fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        match self {
            Self::Folder(folder) => folder.ping().boxed(),
            #[cfg(feature = "s3")]
            Self::S3(s3) => s3.ping().boxed(),
        }
    }
}

/// Opens a file that is one itself, and leads nowhere else.
async fn open_regular(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        // Not even to find out what it is does one wait for the other end of a pipe.
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }
    #[cfg(not(unix))]
    if tokio::fs::symlink_metadata(file).await?.is_symlink() {
        return Err(no_file(file));
    }
    let opened = options.open(file).await?;
    if opened.metadata().await?.is_file() { Ok(opened) } else { Err(no_file(file)) }
}

fn no_file(file: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{} is no regular file", file.display()))
}

/// How long a download link works.
pub const LINK_LIFE: Duration = Duration::from_secs(15 * 60);
