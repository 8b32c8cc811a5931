//! Session files: written whole, readable by their owner only, and locked while a session is renewed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::Session;
use crate::error::Error;

const LOCK_PATIENCE: Duration = Duration::from_secs(15);
const LOCK_LOOK: Duration = Duration::from_millis(25);

/// What a session file holds.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kept", rename_all = "snake_case")]
pub(super) enum Kept {
    /// The session itself.
    Here(Box<Session>),
    /// A pointer: the session is in the keyring.
    Keyring,
}

/// The file of an origin: every byte that could mean something to a file system becomes `_`.
pub(super) fn path(dir: &Path, origin: &str) -> PathBuf {
    dir.join(format!("{}.session.json", file_stem(origin)))
}

fn file_stem(origin: &str) -> String {
    let plain = origin.replace("://", "_");
    plain.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' }).collect()
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

pub(super) fn write(path: &Path, kept: &Kept) -> Result<(), Error> {
    let text = serde_json::to_vec_pretty(kept).map_err(|why| Error::Protocol(why.to_string()))?;
    replace(path, &text).map_err(Error::io(format!("cannot write {}", path.display())))
}

pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io(format!("cannot remove {}", path.display()))(error))
        }
        _ => Ok(()),
    }
}

/// Writes beside and renames: a refresh token works once, so half a file would end the session.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    make_private_dir(dir)?;
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = private().write(true).create(true).truncate(true).open(&beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(unix)]
fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(not(unix))]
fn private() -> OpenOptions {
    OpenOptions::new()
}

#[cfg(unix)]
fn make_private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(not(unix))]
fn make_private_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

/// Held while a session is renewed; closing the file lets go.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Looks again and again instead of blocking a thread, so that a deadline can end it.
    pub(super) async fn take(dir: &Path, origin: &str) -> Result<Self, Error> {
        let path = dir.join(format!("{}.lock", file_stem(origin)));
        let failed = || format!("cannot lock {}", path.display());
        make_private_dir(dir).map_err(Error::io(failed()))?;
        let file =
            private().write(true).create(true).truncate(false).open(&path).map_err(Error::io(failed()))?;
        let deadline = tokio::time::Instant::now() + LOCK_PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(fs::TryLockError::Error(error)) => return Err(Error::io(failed())(error)),
                Err(fs::TryLockError::WouldBlock) if tokio::time::Instant::now() > deadline => {
                    let error = io::Error::new(io::ErrorKind::TimedOut, "another mshub holds it");
                    return Err(Error::io(failed())(error));
                }
                Err(fs::TryLockError::WouldBlock) => tokio::time::sleep(LOCK_LOOK).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_becomes_one_file_name() {
        assert_eq!(file_stem("http://127.0.0.1:8000"), "http_127.0.0.1_8000");
        assert_eq!(file_stem("https://../../etc"), "https_.._.._etc");
    }

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

    #[tokio::test]
    async fn a_lock_is_held_by_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path(), "http://127.0.0.1:8000").await.unwrap();

        let second =
            tokio::time::timeout(LOCK_LOOK * 4, Lock::take(dir.path(), "http://127.0.0.1:8000")).await;
        assert!(second.is_err(), "the lock was given twice");

        drop(first);
        Lock::take(dir.path(), "http://127.0.0.1:8000").await.unwrap();
    }
}
