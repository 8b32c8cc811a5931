//! Files that only their owner reads: made, replaced whole, and locked among the processes of one person.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
    time::Duration,
};

use crate::error::Error;

const LOOK: Duration = Duration::from_millis(2);
const RARE_LOOK: Duration = Duration::from_millis(25);

/// How to open a file that others may not read.
#[cfg(unix)]
pub(crate) fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// How to open a file that others may not read.
#[cfg(not(unix))]
pub(crate) fn private() -> OpenOptions {
    OpenOptions::new()
}

/// Makes a folder that others may not look into, with those above it.
#[cfg(unix)]
pub(crate) fn make_private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Makes a folder that others may not look into, with those above it.
#[cfg(not(unix))]
pub(crate) fn make_private_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

/// Writes beside and renames: after a crash there is the old file or the new one, whole.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    make_private_dir(dir)?;
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = private().write(true).create(true).truncate(true).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_dir(dir)
}

/// Makes names in a folder durable.
#[cfg(unix)]
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Makes names in a folder durable: elsewhere the file system does that by itself.
#[cfg(not(unix))]
pub(crate) fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}

/// The part of a file name that stands for some text: every byte that could mean something to a file system becomes
/// `_`.
pub(crate) fn file_stem(text: &str) -> String {
    let plain = text.replace("://", "_");
    plain.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' }).collect()
}

/// A lock on a file, held until it is dropped or its process is gone, however it went.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock if nobody has it. The file is made when it is missing.
    pub(crate) fn try_take(path: &Path) -> io::Result<Option<Self>> {
        if let Some(dir) = path.parent() {
            make_private_dir(dir)?;
        }
        let file = private().write(true).create(true).truncate(false).open(path)?;
        Self::on(file)
    }

    /// The same for a file that is there; an error when it is not.
    pub(crate) fn try_existing(path: &Path) -> io::Result<Option<Self>> {
        Self::on(private().write(true).open(path)?)
    }

    fn on(file: File) -> io::Result<Option<Self>> {
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(why)) => Err(why),
        }
    }

    /// Looks again and again instead of blocking a thread, so that a deadline can end it.
    pub(crate) async fn take(path: &Path, patience: Duration) -> Result<Self, Error> {
        let failed = || format!("cannot lock {}", path.display());
        let deadline = tokio::time::Instant::now() + patience;
        let mut look = LOOK;
        loop {
            if let Some(lock) = Self::try_take(path).map_err(Error::io(failed()))? {
                return Ok(lock);
            }
            if tokio::time::Instant::now() > deadline {
                let error = io::Error::new(io::ErrorKind::TimedOut, "another mshub holds it");
                return Err(Error::io(failed())(error));
            }
            tokio::time::sleep(look).await;
            look = (look * 2).min(RARE_LOOK);
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

    #[tokio::test]
    async fn a_lock_is_held_by_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/lock");
        let first = Lock::take(&path, Duration::from_secs(5)).await.unwrap();

        assert!(Lock::try_take(&path).unwrap().is_none(), "the lock was given twice");
        assert!(Lock::take(&path, LOOK).await.is_err(), "the lock was given twice");

        drop(first);
        Lock::take(&path, Duration::from_secs(5)).await.unwrap();
        assert!(Lock::try_existing(&dir.path().join("none")).is_err());
    }
}
