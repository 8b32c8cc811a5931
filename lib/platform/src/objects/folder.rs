//! Objects in a folder: written beside, flushed, and renamed into place, so that a name means whole bytes.

use std::{
    io,
    path::{Path, PathBuf},
};

use futures_util::StreamExt;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use sha2::{Digest, Sha256};
use tokio::{
    fs,
    io::{AsyncSeekExt, AsyncWriteExt},
};
use wire::Timestamp;

use super::{Body, Error, LinkKey, LinkTerms, Object, SignedLink, Stored, key};
use crate::disk;

/// How often an object is given its name, when others remove the folder meanwhile.
const RENAMES: u32 = 10;
/// Bytes of one read.
const CHUNK: usize = 64 * 1024;
const QUERY: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'&').add(b'+').add(b'%').add(b'=').add(b'<').add(b'>');

/// A folder with a file an object.
#[derive(Clone)]
pub struct Folder {
    root: PathBuf,
    links: LinkKey,
}

impl Folder {
    pub(super) async fn open(root: &str, links: LinkKey) -> anyhow::Result<Self> {
        let root = PathBuf::from(root);
        fs::create_dir_all(root.join("part")).await.map_err(|error| {
            anyhow::anyhow!("the object folder {} cannot be used: {error}", root.display())
        })?;
        let folder = Self { root, links };
        folder.sweep().await?;
        Ok(folder)
    }

    /// Removes what an earlier process had begun and not finished.
    async fn sweep(&self) -> io::Result<()> {
        let mut parts = fs::read_dir(self.root.join("part")).await?;
        while let Some(part) = parts.next_entry().await? {
            let old = part.metadata().await?.modified()?.elapsed().is_ok_and(|age| age.as_secs() > 24 * 3600);
            if old {
                fs::remove_file(part.path()).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn put(&self, key: &str, body: Body, limit: u64) -> Result<Stored, Error> {
        let target = self.path(key)?;
        let part = Part(self.root.join("part").join(uuid::Uuid::new_v4().to_string()));
        let stored = write(&part.0, body, limit).await.map_err(|failure| failure.on(key))?;
        self.place(&part.0, &target).await.map_err(|source| Error::Store { key: key.to_owned(), source })?;
        Ok(stored)
    }

    async fn place(&self, part: &Path, target: &Path) -> io::Result<()> {
        let folder = target.parent().unwrap_or(&self.root);
        for left in (0..RENAMES).rev() {
            fs::create_dir_all(folder).await?;
            match fs::rename(part, target).await {
                // Whoever deleted the last object of the folder has just removed it.
                Err(error) if error.kind() == io::ErrorKind::NotFound && left > 0 => {}
                renamed => {
                    renamed?;
                    break;
                }
            }
        }
        // A name is durable only when its folder is, and that folder's name as well.
        for folder in folder.ancestors().take_while(|folder| folder.starts_with(&self.root)) {
            fs::File::open(folder).await?.sync_all().await?;
        }
        Ok(())
    }

    pub(super) async fn get(&self, key: &str, from: u64) -> Result<Object, Error> {
        let path = self.path(key)?;
        let broken = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => Error::NotFound(key.to_owned()),
            _ => Error::Store { key: key.to_owned(), source },
        };
        let mut file = fs::File::open(&path).await.map_err(broken)?;
        let bytes = file.metadata().await.map_err(broken)?.len();
        if from > 0 {
            file.seek(io::SeekFrom::Start(from)).await.map_err(broken)?;
        }
        Ok(Object { bytes, body: Box::pin(tokio_util::io::ReaderStream::with_capacity(file, CHUNK)) })
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), Error> {
        let path = self.path(key)?;
        match fs::remove_file(&path).await {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Error::Store { key: key.to_owned(), source });
            }
            _ => {}
        }
        // A folder of one job or person goes with its last object; one that still has some refuses to.
        let depth = self.root.components().count() + 1;
        for folder in path.ancestors().skip(1).take_while(|folder| folder.components().count() > depth) {
            if fs::remove_dir(folder).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn signed_link(&self, key: &str, terms: &LinkTerms) -> String {
        let link = self.links.sign(key, terms);
        let quoted = |text: &str| utf8_percent_encode(text, QUERY).to_string();
        format!(
            "/objects/{key}?name={}&media={}&exp={}&sig={}",
            quoted(&link.name),
            quoted(&link.media),
            link.exp,
            link.sig
        )
    }

    pub(super) fn open_link(&self, key: &str, link: &SignedLink, now: Timestamp) -> Option<LinkTerms> {
        self.links.open(key, link, now)
    }

    pub(super) fn keys(&self) -> Vec<String> {
        let (mut keys, mut folders) = (Vec::new(), vec![self.root.clone()]);
        while let Some(next) = folders.pop() {
            let entries = std::fs::read_dir(next).into_iter().flatten().flatten();
            for path in entries.map(|entry| entry.path()) {
                match path.strip_prefix(&self.root) {
                    _ if path.is_dir() => folders.push(path),
                    Ok(key) => keys.push(key.display().to_string()),
                    Err(_) => {}
                }
            }
        }
        keys.sort();
        keys
    }

    pub(super) async fn ping(&self) -> Result<(), Error> {
        fs::metadata(self.root.join("part"))
            .await
            .and_then(|_| disk::takes_more(&self.root))
            .map_err(|source| Error::Store { key: "part".into(), source })
    }

    fn path(&self, key: &str) -> Result<PathBuf, Error> {
        key::check(key)?;
        Ok(self.root.join(key))
    }
}

/// Bytes that have no name yet: they go when nobody waits for them any more, in whatever way that came about.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // Renamed, it is not there. If it cannot be removed now, the next start sweeps it.
        let _ = std::fs::remove_file(&self.0);
    }
}

enum Failure {
    TooLarge(u64),
    Body(io::Error),
    Disk(io::Error),
}

impl Failure {
    fn on(self, key: &str) -> Error {
        match self {
            Self::TooLarge(limit) => Error::TooLarge { limit },
            Self::Body(source) => Error::Body(source),
            Self::Disk(source) => Error::Store { key: key.to_owned(), source },
        }
    }
}

async fn write(part: &Path, mut body: Body, limit: u64) -> Result<Stored, Failure> {
    let file = fs::File::create(part).await.map_err(Failure::Disk)?;
    let mut file = tokio::io::BufWriter::with_capacity(256 * 1024, file);
    let mut hash = Sha256::new();
    let mut bytes = 0_u64;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(Failure::Body)?;
        bytes += chunk.len() as u64;
        if bytes > limit {
            return Err(Failure::TooLarge(limit));
        }
        hash.update(&chunk);
        file.write_all(&chunk).await.map_err(Failure::Disk)?;
    }
    file.flush().await.map_err(Failure::Disk)?;
    file.get_ref().sync_all().await.map_err(Failure::Disk)?;
    Ok(Stored { bytes, sha256: hex::encode(hash.finalize()) })
}
