//! The data directory: one hub at a time, its secret, and the name under which it issues tokens.

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
    /// Whether it was not there before.
    is_new: bool,
    _lock: File,
}

impl DataDir {
    /// Makes the directory (readable by its owner only) and holds it.
    pub(crate) fn lock(path: &Path) -> Result<Self, Failure> {
        let unusable = |why: std::io::Error| Failure::DataDir { path: path.to_owned(), why: why.to_string() };
        let is_new = !path.exists();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), is_new, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Failure::Busy(path.to_owned())),
            Err(TryLockError::Error(why)) => Err(unusable(why)),
        }
    }

    /// Takes back a directory that was made for a hub which never ran. One that was there before stays as it is.
    pub(crate) fn discard(&self) {
        if self.is_new {
            // What cannot be removed does no harm: the next start takes it.
            let _ = fs::remove_dir_all(&self.path);
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
                let secret = fresh_secret();
                write(&path, &secret).map_err(|error| unusable(error.to_string()))?;
                Ok(secret)
            }
            Err(error) => Err(unusable(error.to_string())),
        }
    }

    /// What tokens of a hub without a public URL name as their issuer: its address at the first start, for good.
    pub(crate) fn issuer(&self, address: &str) -> Result<String, Failure> {
        let path = self.path.join("issuer");
        let unusable = |why: std::io::Error| Failure::DataDir { path: path.clone(), why: why.to_string() };
        match fs::read_to_string(&path) {
            Ok(issuer) if !issuer.trim().is_empty() => Ok(issuer.trim().to_owned()),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(unusable(error)),
            _ => {
                write(&path, format!("{address}\n").as_bytes()).map_err(unusable)?;
                Ok(address.to_owned())
            }
        }
    }
}

fn fresh_secret() -> Vec<u8> {
    let random = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    random.iter().flat_map(|random| *random.as_bytes()).collect()
}

/// Written beside and renamed: a hub that is killed here has the whole file or none.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = path.with_extension("part");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)
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
        first.discard();
        drop(first);
        DataDir::lock(folder.path()).unwrap();
    }

    #[test]
    fn the_issuer_is_the_address_of_the_first_start() {
        let folder = tempfile::tempdir().unwrap();
        let held = DataDir::lock(folder.path()).unwrap();

        let issuers = ["http://127.0.0.1:4001", "http://127.0.0.1:4002"].map(|at| held.issuer(at).unwrap());

        assert_eq!(issuers, ["http://127.0.0.1:4001"; 2]);
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
