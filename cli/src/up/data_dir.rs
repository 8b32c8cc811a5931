//! The data directory: one hub at a time, and its secret.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::Failure;

const SECRET_BYTES: usize = 32;

/// A data directory that this process holds. The lock goes with the process, however it ends.
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory (readable by its owner only) and holds it.
    pub(crate) fn lock(path: &Path) -> Result<Self, Failure> {
        let unusable = |why: std::io::Error| Failure::DataDir { path: path.to_owned(), why: why.to_string() };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Failure::Busy(path.to_owned())),
            Err(TryLockError::Error(why)) => Err(unusable(why)),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The hub's secret, made at the first start. Tokens and links of the hub are worth nothing without it.
    pub(crate) fn secret(&self) -> Result<Vec<u8>, Failure> {
        let path = self.path.join("secret");
        let unusable = |why: String| Failure::DataDir { path: path.clone(), why };
        match fs::read(&path) {
            Ok(secret) if secret.len() >= SECRET_BYTES => Ok(secret),
            Ok(_) => Err(unusable("the file `secret` is too short to be one; put the real one back".into())),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_secret(&path).map_err(|error| unusable(error.to_string()))
            }
            Err(error) => Err(unusable(error.to_string())),
        }
    }
}

/// Written beside and renamed: a hub that is killed here has a whole secret or none.
fn make_secret(path: &Path) -> std::io::Result<Vec<u8>> {
    let secret: Vec<u8> = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4(), uuid::Uuid::new_v4()]
        .iter()
        .flat_map(|random| *random.as_bytes())
        .collect();
    let part = path.with_extension("part");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&part)?;
    file.write_all(&secret)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_hub_on_the_same_directory_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataDir::lock(folder.path()).unwrap();

        let second = DataDir::lock(folder.path());

        assert!(matches!(second, Err(Failure::Busy(_))));
        drop(first);
        DataDir::lock(folder.path()).unwrap();
    }

    #[test]
    fn the_secret_stays_and_is_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let held = DataDir::lock(folder.path()).unwrap();

        let secret = held.secret().unwrap();

        assert_eq!(held.secret().unwrap(), secret);
        let mode = fs::metadata(folder.path().join("secret")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may read the secret");
    }
}
