//! Whether the disk under a file or folder of ours takes anything more.

use std::{io, path::Path};

/// Less is none: a log, a database and an object each write many pages at once, and fail with the last of them.
const LEAST: u64 = 1024 * 1024;

/// Refuses when the disk is full or can only be read. What nobody can say of a disk is no refusal.
#[cfg(unix)]
pub(crate) fn takes_more(path: &Path) -> io::Result<()> {
    use rustix::fs::StatVfsMountFlags;

    let Ok(disk) = rustix::fs::statvfs(path) else { return Ok(()) };
    // Disks without blocks are none that can be filled, or do not say.
    let free = (disk.f_blocks > 0).then(|| disk.f_bavail.saturating_mul(disk.f_frsize));
    judged(path, free, disk.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// Nobody says it here.
#[cfg(not(unix))]
pub(crate) fn takes_more(path: &Path) -> io::Result<()> {
    judged(path, None, false)
}

/// `free` is in bytes, where that is known.
fn judged(path: &Path, free: Option<u64>, only_read: bool) -> io::Result<()> {
    let place = path.display();
    if only_read {
        let why = format!("the disk of {place} can only be read");
        return Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, why));
    }
    match free {
        Some(free) if free < LEAST => {
            let why = format!("the disk of {place} is full ({free} bytes are free): make room on it");
            Err(io::Error::new(io::ErrorKind::StorageFull, why))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_full_before_its_last_byte() {
        let kind =
            |free, only_read| judged(Path::new("/data"), free, only_read).map_err(|error| error.kind());

        assert_eq!(kind(Some(LEAST), false), Ok(()));
        assert_eq!(kind(Some(LEAST - 1), false), Err(io::ErrorKind::StorageFull));
        assert_eq!(kind(Some(LEAST), true), Err(io::ErrorKind::ReadOnlyFilesystem));
        assert_eq!(kind(None, false), Ok(()), "nobody knows");
    }

    #[test]
    fn what_is_not_there_and_what_has_no_size_is_not_full() {
        assert!(["/nowhere/at/all", "/proc"].iter().all(|path| takes_more(Path::new(path)).is_ok()));
    }
}
