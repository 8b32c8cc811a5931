//! Where a session is kept between two runs: in memory, in a file that only its owner reads, or in the keyring.

mod file;
#[cfg(feature = "keyring")]
mod keyring;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;
use wire::{Timestamp, accounts::Me, accounts::Tokens};

use crate::{disk::Lock, error::Error};

/// Where sessions are kept. A session belongs to one origin (scheme, host, port) and is never sent to another.
#[derive(Clone, Debug)]
pub enum SessionStore {
    /// Nowhere: it ends with the process.
    Memory,
    /// A file for each origin in `dir`, mode 0600.
    File {
        /// The folder; made when missing, mode 0700.
        dir: PathBuf,
        /// Whether the secrets go to the system's keyring, where there is one.
        keyring: bool,
    },
}

/// Where a session is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "path", rename_all = "snake_case")]
pub enum Storage {
    /// In this process only.
    Memory,
    /// In the system's keyring.
    Keyring,
    /// In this file.
    File(PathBuf),
    /// An access token was handed in from outside.
    Given,
}

/// A session as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) user: Me,
    pub(crate) access_token: String,
    /// By this machine's clock.
    pub(crate) expires_at: Timestamp,
    pub(crate) refresh_token: String,
}

impl Session {
    pub(crate) fn begun(tokens: Tokens, now: Timestamp) -> Self {
        Self {
            user: tokens.user,
            access_token: tokens.access_token,
            expires_at: now.plus_seconds(i64::try_from(tokens.expires_in).unwrap_or(0)),
            refresh_token: tokens.refresh_token,
        }
    }
}

/// The place of one origin's session in a store.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    store: SessionStore,
    origin: String,
}

impl Place {
    pub(crate) fn of(server: &Url, store: SessionStore) -> Self {
        Self { store, origin: server.origin().ascii_serialization() }
    }

    /// Waits until no other process renews this session.
    pub(crate) async fn lock(&self) -> Result<Option<Lock>, Error> {
        match &self.store {
            SessionStore::Memory => Ok(None),
            SessionStore::File { dir, .. } => file::lock(dir, &self.origin).await.map(Some),
        }
    }

    /// The session that is kept here, and where exactly.
    pub(crate) async fn read(&self) -> Result<Option<(Session, Storage)>, Error> {
        let SessionStore::File { dir, .. } = &self.store else { return Ok(None) };
        let path = file::path(dir, &self.origin);
        match file::read(&path)? {
            None => Ok(None),
            Some(file::Kept::Here(session)) => Ok(Some((*session, Storage::File(path)))),
            Some(file::Kept::Keyring) => {
                Ok(self.read_keyring().await.map(|session| (session, Storage::Keyring)))
            }
        }
    }

    /// Keeps a new session; the warning says why it is not where it was wanted.
    pub(crate) async fn write(&self, session: &Session) -> Result<(Storage, Option<String>), Error> {
        let SessionStore::File { dir, keyring } = &self.store else { return Ok((Storage::Memory, None)) };
        self.keep(&file::path(dir, &self.origin), session, *keyring).await
    }

    /// Keeps a renewed session where it is: a keyring that failed at login is not asked, and waited for, every time.
    pub(crate) async fn rewrite(&self, session: &Session) -> Result<Storage, Error> {
        let SessionStore::File { dir, keyring } = &self.store else { return Ok(Storage::Memory) };
        let path = file::path(dir, &self.origin);
        let in_file = matches!(file::read(&path), Ok(Some(file::Kept::Here(_))));
        Ok(self.keep(&path, session, *keyring && !in_file).await?.0)
    }

    async fn keep(
        &self,
        path: &Path,
        session: &Session,
        keyring: bool,
    ) -> Result<(Storage, Option<String>), Error> {
        let refused = if keyring { self.write_keyring(session).await.err() } else { None };
        if keyring && refused.is_none() {
            file::write(path, &file::Kept::Keyring)?;
            return Ok((Storage::Keyring, None));
        }
        file::write(path, &file::Kept::Here(Box::new(session.clone())))?;
        let warning = refused.map(|why| {
            format!("no usable keyring here ({why}); the session is in plain text in {}", path.display())
        });
        Ok((Storage::File(path.to_owned()), warning))
    }

    /// Forgets the session.
    pub(crate) async fn remove(&self) -> Result<(), Error> {
        let SessionStore::File { dir, .. } = &self.store else { return Ok(()) };
        let path = file::path(dir, &self.origin);
        if matches!(file::read(&path), Ok(Some(file::Kept::Keyring))) {
            self.forget_in_keyring().await;
        }
        file::remove(&path)
    }

    #[cfg(feature = "keyring")]
    async fn read_keyring(&self) -> Option<Session> {
        let text = keyring::read(self.origin.clone()).await.ok()?;
        serde_json::from_str(&text).ok()
    }

    #[cfg(feature = "keyring")]
    async fn write_keyring(&self, session: &Session) -> Result<(), String> {
        let text = serde_json::to_string(session).map_err(|why| why.to_string())?;
        keyring::write(self.origin.clone(), text).await
    }

    #[cfg(feature = "keyring")]
    async fn forget_in_keyring(&self) {
        if let Err(why) = keyring::remove(self.origin.clone()).await {
            tracing::debug!(why, "the keyring keeps a session that has ended");
        }
    }

    #[cfg(not(feature = "keyring"))]
    async fn read_keyring(&self) -> Option<Session> {
        None
    }

    #[cfg(not(feature = "keyring"))]
    async fn write_keyring(&self, _session: &Session) -> Result<(), String> {
        Err("this build has no keyring".to_owned())
    }

    #[cfg(not(feature = "keyring"))]
    async fn forget_in_keyring(&self) {}
}
