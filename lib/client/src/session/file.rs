//! Session files: written whole, readable by their owner only, and locked while a session is renewed.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::Session;
use crate::{
    disk::{self, Lock, file_stem},
    error::Error,
};

const LOCK_PATIENCE: Duration = Duration::from_secs(15);

/// What a session file holds.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kept", rename_all = "snake_case")]
pub(super) enum Kept {
    /// The session itself.
    Here(Box<Session>),
    /// A pointer: the session is in the keyring.
    Keyring,
}

/// The file of an origin.
pub(super) fn path(dir: &Path, origin: &str) -> PathBuf {
    dir.join(format!("{}.session.json", file_stem(origin)))
}

pub(super) fn read(path: &Path) -> Result<Option<Kept>, Error> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(format!("cannot read {}", path.display()))(error)),
    };
    let Ok(kept) = serde_json::from_slice(&text) else {
        // Signing in again repairs it; refusing to start would not.
        tracing::warn!(path = %path.display(), "a session file cannot be read and is left out");
        return Ok(None);
    };
    Ok(Some(kept))
}

/// Writes the file whole: a refresh token works once, so half a file would end the session.
pub(super) fn write(path: &Path, kept: &Kept) -> Result<(), Error> {
    let text = serde_json::to_vec_pretty(kept).map_err(|why| Error::Protocol(why.to_string()))?;
    disk::replace(path, &text).map_err(Error::io(format!("cannot write {}", path.display())))
}

pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io(format!("cannot remove {}", path.display()))(error))
        }
        _ => Ok(()),
    }
}

/// Held while a session is renewed.
pub(super) async fn lock(dir: &Path, origin: &str) -> Result<Lock, Error> {
    Lock::take(&dir.join(format!("{}.lock", file_stem(origin))), LOCK_PATIENCE).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_a_session() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = path(&dir.path().join("deep/er"), "http://127.0.0.1:8000");

        write(&path, &Kept::Keyring).unwrap();

        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(matches!(read(&path).unwrap(), Some(Kept::Keyring)));
    }

    #[test]
    fn a_file_that_cannot_be_read_as_a_session_is_no_session() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), "http://127.0.0.1:8000");
        fs::write(&path, "{").unwrap();

        assert!(read(&path).unwrap().is_none());
    }
}
