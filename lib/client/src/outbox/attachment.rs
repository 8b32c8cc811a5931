//! A file of this machine that goes with a message: where it is, and what was in it when Enter was pressed.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wire::{Code, Problem};

use crate::error::Error;

/// A file as it was when the message was written. The outbox keeps this and not the file: what is uploaded later is
/// the same content, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Where it is; absolute, because another process may send it from elsewhere.
    pub path: PathBuf,
    /// What others see it called.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// 64 hex digits.
    pub sha256: String,
}

impl Attachment {
    /// Reads a file to the end.
    ///
    /// [`Error::Io`] when it cannot be read, is a folder, or has a path that is not UTF-8.
    pub async fn of(path: &Path) -> Result<Self, Error> {
        let failed = format!("cannot read {}", path.display());
        let path = path.to_owned();
        let looked = tokio::task::spawn_blocking(move || look(&path)).await;
        looked.map_err(io::Error::other).flatten().map_err(Error::io(failed))
    }

    /// The problem with it now, if it is not what it was.
    pub(crate) async fn trouble(&self) -> Option<Problem> {
        match Self::of(&self.path).await {
            Ok(now) if now.sha256 == self.sha256 => None,
            Ok(_) => Some(self.changed()),
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let detail = format!("{} is not there any more", self.path.display());
                Some(Problem::new(Code::NotFound, detail).hint(AGAIN))
            }
            Err(error) => Some(Problem::new(Code::Conflict, error.to_string()).hint(AGAIN)),
        }
    }

    /// What is said of a file that is another one now.
    pub(crate) fn changed(&self) -> Problem {
        let detail = format!("{} has changed since the message was written", self.path.display());
        Problem::new(Code::Conflict, detail).hint(AGAIN)
    }
}

const AGAIN: &str = "put it back and send the message again, or drop it and send the file as it is now";

fn look(path: &Path) -> io::Result<Attachment> {
    let path = std::path::absolute(path)?;
    if path.to_str().is_none() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "its path is not UTF-8"));
    }
    let (mut file, mut hash) = (File::open(&path)?, Sha256::new());
    let bytes = io::copy(&mut file, &mut hash)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Attachment { path, name, bytes, sha256: hex::encode(hash.finalize()) })
}
