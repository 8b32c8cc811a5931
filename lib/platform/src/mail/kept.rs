//! Kept mail: a JSON file a mail, the newest thousand.

use std::path::{Path, PathBuf};

use tokio::fs;
use wire::accounts::KeptMail;

use super::{Mail, SendError};
use crate::Clock;

/// More than this many are not kept: the oldest go.
const KEEP: usize = 1_000;

/// A folder of kept mail.
#[derive(Clone)]
pub struct Kept {
    folder: PathBuf,
    clock: Clock,
}

impl Kept {
    pub(super) async fn open(folder: &str, clock: Clock) -> anyhow::Result<Self> {
        let folder = PathBuf::from(folder);
        fs::create_dir_all(&folder).await.map_err(|error| {
            anyhow::anyhow!("the mail folder {} cannot be used: {error}", folder.display())
        })?;
        Ok(Self { folder, clock })
    }

    pub(super) async fn send(&self, id: uuid::Uuid, mail: Mail) -> Result<(), SendError> {
        let Mail { to, subject, text, link, code } = mail;
        let kept = KeptMail { id, to, subject, text, link, code, at: self.clock.now() };
        let failed = |error: std::io::Error| SendError::Later(error.to_string());
        let body = serde_json::to_vec_pretty(&kept).map_err(|error| SendError::Later(error.to_string()))?;

        // Named by id: a mail that is sent again replaces itself. Written beside and renamed, so a reader sees it whole.
        let part = self.folder.join(format!("{id}.part"));
        fs::write(&part, body).await.map_err(failed)?;
        fs::rename(&part, self.folder.join(format!("{id}.json"))).await.map_err(failed)?;
        self.forget_old().await.map_err(failed)
    }

    pub(super) async fn list(&self, to: Option<&str>) -> Vec<KeptMail> {
        let mut mails = Vec::new();
        for path in self.paths().await.unwrap_or_default() {
            if let Some(mail) = read(&path).await
                && to.is_none_or(|to| mail.to.eq_ignore_ascii_case(to))
            {
                mails.push(mail);
            }
        }
        mails.sort_by_key(|mail| std::cmp::Reverse((mail.at, mail.id)));
        mails
    }

    /// Oldest first: ids are UUIDv7, so names sort by age.
    async fn paths(&self) -> std::io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        let mut entries = fs::read_dir(&self.folder).await?;
        while let Some(entry) = entries.next_entry().await? {
            if entry.path().extension().is_some_and(|ending| ending == "json") {
                paths.push(entry.path());
            }
        }
        paths.sort();
        Ok(paths)
    }

    async fn forget_old(&self) -> std::io::Result<()> {
        let paths = self.paths().await?;
        for old in paths.iter().take(paths.len().saturating_sub(KEEP)) {
            fs::remove_file(old).await?;
        }
        Ok(())
    }
}

async fn read(path: &Path) -> Option<KeptMail> {
    let body = fs::read(path).await.ok()?;
    serde_json::from_slice(&body)
        .inspect_err(|error| tracing::warn!(%error, "a kept mail cannot be read and is passed over"))
        .ok()
}
