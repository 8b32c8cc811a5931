//! The folders of a LibreOffice that is kept: one for the document at hand, one for everything of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Format;
use crate::libreoffice::profile;

/// Names of such folders begin with it.
const PREFIX: &str = "mshub-office-";
/// Locked for as long as the process that keeps it is alive.
const LOCK: &str = "lock";

/// Where it works. It may write to `job`, where the document and the result lie, and do as it likes in `own`.
pub(super) struct Place(PathBuf);

impl Place {
    /// The one in this folder.
    pub(super) fn at(folder: &Path) -> Place {
        Place(folder.to_owned())
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    /// Only regular files can be in it, so nothing in it leads elsewhere.
    pub(super) fn job(&self) -> PathBuf {
        self.0.join("job")
    }

    pub(super) fn own(&self) -> PathBuf {
        self.0.join("own")
    }

    pub(super) fn input(&self, from: Format) -> PathBuf {
        self.job().join(format!("input.{}", from.extension()))
    }

    pub(super) fn result(&self, to: Format) -> PathBuf {
        self.job().join(format!("result.{}", to.extension()))
    }
}

/// A place of ours, gone with it.
pub(super) struct Held {
    pub(super) place: Place,
    /// What LibreOffice says goes here.
    pub(super) log: fs::File,
    _lock: fs::File,
    _folder: tempfile::TempDir,
}

impl Held {
    /// A new place in this folder, or among the system's temporary files.
    pub(super) fn open(within: Option<&Path>) -> io::Result<Held> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        let folder = match within {
            Some(within) => {
                fs::create_dir_all(within)?;
                builder.tempdir_in(fs::canonicalize(within)?)?
            }
            None => builder.tempdir()?,
        };
        folder.path().parent().into_iter().for_each(sweep);
        let place = Place::at(&fs::canonicalize(folder.path())?);
        // Locked before it has its name: whoever sweeps never finds it unlocked.
        let unnamed = place.0.join("locked");
        let lock = fs::File::create_new(&unnamed)?;
        lock.lock()?;
        fs::rename(unnamed, place.0.join(LOCK))?;
        for folder in [place.job(), place.own(), place.own().join("home"), place.own().join("tmp")] {
            fs::create_dir(folder)?;
        }
        profile::write(&place.own())?;
        let log =
            fs::OpenOptions::new().read(true).append(true).create_new(true).open(place.0.join("log"))?;
        Ok(Held { place, log, _lock: lock, _folder: folder })
    }

    /// Puts the document where LibreOffice opens it.
    pub(super) fn put(&self, document: &Path, from: Format) -> io::Result<()> {
        self.clear()?;
        fs::copy(document, self.place.input(from)).map(drop)
    }

    /// Takes a copy of the result, which nobody else has open; `false` if there is none.
    pub(super) fn take(&self, to: Format, made: &Path) -> io::Result<bool> {
        let result = self.place.result(to);
        if !fs::symlink_metadata(&result).is_ok_and(|about| about.is_file()) {
            return Ok(false);
        }
        fs::copy(&result, made)?;
        self.clear()?;
        Ok(true)
    }

    /// Takes everything of the last document away from the next.
    fn clear(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.place.job())? {
            fs::remove_file(entry?.path())?;
        }
        Ok(())
    }
}

/// Removes the places of processes that died before they could.
fn sweep(within: &Path) {
    let Ok(entries) = fs::read_dir(within) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let lock = entry.path().join(LOCK);
        // One without a lock is being made, or not ours.
        if ours && fs::File::open(lock).is_ok_and(|lock| lock.try_lock().is_ok()) {
            // Somebody else may be faster.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_left_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let alive = Held::open(Some(folder.path())).unwrap();
        let dead = folder.path().join("mshub-office-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        let (making, foreign) = (folder.path().join("mshub-office-new"), folder.path().join("holiday"));
        fs::create_dir(&making).unwrap();
        fs::create_dir(&foreign).unwrap();

        let next = Held::open(Some(folder.path())).unwrap();

        assert!(!dead.exists() && making.exists() && foreign.exists());
        assert!(alive.place.own().exists() && next.place.own().exists());
        let path = alive.place.folder().to_owned();
        drop(alive);
        assert!(!path.exists());
    }

    #[test]
    fn the_next_document_finds_nothing_of_the_last() {
        let held = Held::open(None).unwrap();
        let outside = tempfile::tempdir().unwrap();
        let (document, made) = (outside.path().join("a.doc"), outside.path().join("made"));
        fs::write(&document, "secret").unwrap();
        held.put(&document, Format::Doc).unwrap();
        assert!(!held.take(Format::Pdf, &made).unwrap());
        fs::write(held.place.result(Format::Pdf), "pages").unwrap();
        assert!(held.take(Format::Pdf, &made).unwrap());

        assert_eq!(fs::read_to_string(&made).unwrap(), "pages");
        assert_eq!(fs::read_dir(held.place.job()).unwrap().count(), 0);
        // A link is no result, whoever could make one.
        #[cfg(unix)]
        std::os::unix::fs::symlink(&document, held.place.result(Format::Pdf)).unwrap();
        assert!(!held.take(Format::Pdf, &made).unwrap());
    }
}
