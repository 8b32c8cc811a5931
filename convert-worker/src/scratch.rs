//! The work folder: a private folder for each upload and each attempt, gone when its owner lets go of it.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;
use tokio::fs;
use wire::JobId;

/// How long a folder of a process that died stays. Nothing alive is ever this old: uploads and attempts have deadlines.
const LEFTOVER: Duration = Duration::from_secs(2 * 3600);
const UPLOAD: &str = "upload-";
const ATTEMPT: &str = "attempt-";

/// The work folder.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) async fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder).await?;
        // Absolute, because a job child starts elsewhere.
        Ok(Self(fs::canonicalize(folder).await?))
    }

    /// A folder for the upload that becomes this job.
    pub(crate) fn upload(&self, job: JobId) -> io::Result<TempDir> {
        self.folder(UPLOAD, job)
    }

    /// A folder for one attempt at this job.
    pub(crate) fn attempt(&self, job: JobId) -> io::Result<TempDir> {
        self.folder(ATTEMPT, job)
    }

    fn folder(&self, kind: &str, job: JobId) -> io::Result<TempDir> {
        tempfile::Builder::new().prefix(&format!("{kind}{job}-")).tempdir_in(&self.0)
    }

    /// What processes that died left behind.
    pub(crate) async fn leftovers(&self) -> io::Result<Vec<Leftover>> {
        let mut leftovers = Vec::new();
        let mut entries = fs::read_dir(&self.0).await?;
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            let Some((kind, job)) = name.to_str().and_then(parse) else { continue };
            if !entry.metadata().await?.modified()?.elapsed().is_ok_and(|age| age > LEFTOVER) {
                continue;
            }
            let unfinished = (kind == UPLOAD).then_some(job);
            leftovers.push(Leftover { folder: entry.path(), unfinished });
        }
        Ok(leftovers)
    }

    /// Answers when the folder can be used: for readiness.
    pub(crate) async fn ping(&self) -> io::Result<()> {
        fs::metadata(&self.0).await.map(drop)
    }
}

/// A folder that nobody works in any more.
#[derive(Debug)]
pub(crate) struct Leftover {
    folder: PathBuf,
    /// The job that an upload was to become.
    pub(crate) unfinished: Option<JobId>,
}

impl Leftover {
    /// Removes the folder; only now it is forgotten.
    pub(crate) async fn remove(self) -> io::Result<()> {
        fs::remove_dir_all(self.folder).await
    }
}

/// Only what is certainly ours is ever removed: somebody may point us at a folder with other things in it.
fn parse(name: &str) -> Option<(&'static str, JobId)> {
    let (kind, rest) =
        [UPLOAD, ATTEMPT].into_iter().find_map(|kind| Some((kind, name.strip_prefix(kind)?)))?;
    let job = rest.get(..36)?.parse().ok()?;
    rest.get(36..)?.starts_with('-').then_some((kind, job))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_our_own_old_folders_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(folder.path()).await.unwrap();
        let (old, fresh) = (JobId::new(), JobId::new());
        let long_ago = std::fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
        let kept = scratch.upload(fresh).unwrap();
        let left = scratch.upload(old).unwrap().keep();
        let foreign = folder.path().join("upload-of-my-holiday");
        std::fs::create_dir(&foreign).unwrap();
        for path in [&left, &foreign] {
            std::fs::File::open(path).unwrap().set_times(long_ago).unwrap();
        }

        let mut found = scratch.leftovers().await.unwrap();
        let [leftover] = &found[..] else { panic!("{found:?}") };
        assert_eq!(leftover.unfinished, Some(old));
        assert!(left.exists(), "it names the job until that is cleared away");
        found.remove(0).remove().await.unwrap();

        assert!(!left.exists() && kept.path().exists() && foreign.exists());
    }
}
