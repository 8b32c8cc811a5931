//! The access token: renewed before it expires, once at a time, across the tasks and processes of a person.

use std::sync::Mutex as StdMutex;

use base64::Engine as _;
use reqwest::StatusCode;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use url::Url;
use wire::{Code, Timestamp, accounts, paths};

use crate::{
    ask::Ask,
    error::Error,
    hub::{Hub, SignedIn},
    session::{Place, Session, SessionStore, Storage},
};

/// A token with less time left than this is renewed first.
const MARGIN_SECONDS: i64 = 30;

pub(crate) struct Tokens {
    source: Source,
    warning: StdMutex<Option<String>>,
}

/// The session, and where it is kept.
#[derive(Clone)]
struct Cached {
    session: Session,
    storage: Storage,
    /// The refresh token that is kept there although it is spent: the session after it could not be written.
    spent: Option<String>,
}

impl Cached {
    fn of((session, storage): (Session, Storage)) -> Self {
        Self { session, storage, spent: None }
    }
}

enum Source {
    Fixed(String),
    /// The lock is held while a session is renewed, across the request: a refresh token works once, so the
    /// others have to wait for the one that asks. Every wait inside has a deadline.
    Kept {
        place: Place,
        cache: Box<Mutex<Option<Cached>>>,
    },
}

/// The access token and, where known, when it expires.
pub(crate) struct Current {
    pub(crate) token: String,
    pub(crate) expires_at: Option<Timestamp>,
}

impl Current {
    fn of(session: &Session) -> Self {
        Self { token: session.access_token.clone(), expires_at: Some(session.expires_at) }
    }
}

impl Tokens {
    pub(crate) fn stored(server: &Url, store: SessionStore) -> Self {
        let place = Place::of(server, store);
        Self { source: Source::Kept { place, cache: Box::default() }, warning: StdMutex::new(None) }
    }

    pub(crate) fn fixed(token: String) -> Self {
        Self { source: Source::Fixed(token), warning: StdMutex::new(None) }
    }

    pub(crate) fn take_warning(&self) -> Option<String> {
        self.warning.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }

    pub(crate) async fn signed_in(&self) -> Option<SignedIn> {
        match &self.source {
            Source::Fixed(_) => Some(SignedIn { user: None, expires_at: None, storage: Storage::Given }),
            Source::Kept { place, cache } => {
                let mut cache = cache.lock().await;
                if cache.is_none() {
                    *cache = place.read().await.ok().flatten().map(Cached::of);
                }
                let Cached { session, storage, .. } = cache.as_ref()?;
                Some(SignedIn {
                    user: Some(session.user.clone()),
                    expires_at: Some(session.expires_at),
                    storage: storage.clone(),
                })
            }
        }
    }

    /// Who this is, as a name among files: known without asking.
    pub(crate) async fn account(&self) -> Option<String> {
        if let Source::Fixed(token) = &self.source {
            return Some(subject(token).unwrap_or_else(|| fingerprint(token)));
        }
        Some(self.signed_in().await?.user?.id.to_string())
    }

    /// Keeps the tokens of a login.
    pub(crate) async fn begin(&self, tokens: accounts::Tokens) -> Result<(), Error> {
        let Source::Kept { place, cache } = &self.source else {
            return Err(Error::Protocol(
                "a token from outside is in use; take it away to sign in".to_owned(),
            ));
        };
        let mut cache = cache.lock().await;
        let _lock = place.lock().await?;
        let session = Session::begun(tokens, now());
        let (storage, warning) = place.write(&session).await?;
        *self.warning.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = warning;
        *cache = Some(Cached::of((session, storage)));
        Ok(())
    }

    /// Forgets the session on this machine and returns what was kept.
    pub(crate) async fn end(&self) -> Result<Option<Session>, Error> {
        let Source::Kept { place, cache } = &self.source else { return Ok(None) };
        let mut cache = cache.lock().await;
        let _lock = place.lock().await?;
        let kept = place.read().await.ok().flatten().map(Cached::of);
        // What could not be written is newer than what was.
        let kept = cache.take_if(|cached| cached.spent.is_some()).or(kept).or_else(|| cache.clone());
        place.remove().await?;
        *cache = None;
        Ok(kept.map(|kept| kept.session))
    }
}

impl Hub {
    /// An access token that is good for at least 30 s. Renews it when it is not, once at a time across tasks and
    /// processes, because a refresh token works once. [`Error::SignedOut`] when there is no session.
    pub async fn access_token(&self) -> Result<String, Error> {
        self.current_token(None).await.map(|current| current.token)
    }

    /// Renews a token that the hub refused. Whether there is a newer one now.
    pub(crate) async fn renew(&self, stale: &str) -> Result<bool, Error> {
        let current = self.current_token(Some(stale)).await?;
        Ok(current.token != stale)
    }

    /// The newest token, other than `stale`.
    pub(crate) async fn current_token(&self, stale: Option<&str>) -> Result<Current, Error> {
        let tokens = &self.inner.tokens;
        let (place, cache) = match &tokens.source {
            Source::Fixed(token) => return Ok(Current { token: token.clone(), expires_at: None }),
            Source::Kept { place, cache } => (place, cache),
        };
        let mut cache = cache.lock().await;
        if cache.is_none() {
            *cache = place.read().await?.map(Cached::of);
        }
        if let Some(current) = usable(cache.as_ref(), stale) {
            return Ok(current);
        }
        if cache.is_none() {
            return Err(Error::SignedOut);
        }

        // Another process may have renewed, or ended, the session while this one looked away.
        let lock = place.lock().await?;
        if lock.is_some() {
            let kept = place.read().await?;
            let unwritten = cache.as_ref().and_then(|cached| cached.spent.as_ref());
            if unwritten
                .is_none_or(|spent| kept.as_ref().is_none_or(|(kept, _)| kept.refresh_token != *spent))
            {
                *cache = kept.map(Cached::of);
            }
        }
        if let Some(current) = usable(cache.as_ref(), stale) {
            return Ok(current);
        }
        let Some(Cached { session, mut storage, spent }) = cache.clone() else {
            return Err(Error::SignedOut);
        };
        let used = session.refresh_token;
        match self.refresh(used.clone()).await {
            Ok(renewed) => {
                let session = Session::begun(renewed, now());
                let current = Current::of(&session);
                let spent = match place.rewrite(&session).await {
                    Ok(kept) => {
                        storage = kept;
                        None
                    }
                    // The hub has spent the old token: lose the new one, and the session is over.
                    Err(error) => {
                        tracing::warn!(%error, "a renewed session is kept in memory only");
                        Some(spent.unwrap_or(used))
                    }
                };
                *cache = Some(Cached { session, storage, spent });
                Ok(current)
            }
            Err(Error::SignedOut) => {
                place.remove().await?;
                *cache = None;
                Err(Error::SignedOut)
            }
            Err(error) => Err(error),
        }
    }

    async fn refresh(&self, refresh_token: String) -> Result<accounts::Tokens, Error> {
        let body = accounts::Refresh { refresh_token };
        // Boxed because asking may need a token, and getting a token asks.
        let answer = Box::pin(self.ask(Ask::post(paths::REFRESH).anonymous().json(&body)?)).await;
        answer.map_err(|error| match error.problem() {
            Some(problem)
                if problem.known() == Some(Code::InvalidRefresh)
                    || problem.status == StatusCode::UNAUTHORIZED.as_u16() =>
            {
                Error::SignedOut
            }
            _ => error,
        })
    }
}

/// The cached token, when it has time left and is not the one that was refused.
fn usable(cached: Option<&Cached>, stale: Option<&str>) -> Option<Current> {
    let session = &cached?.session;
    let fresh = session.expires_at > now().plus_seconds(if stale.is_some() { 0 } else { MARGIN_SECONDS });
    let refused = stale == Some(session.access_token.as_str());
    (fresh && !refused).then(|| Current::of(session))
}

/// Whose a JSON web token says it is. Nobody relies on it but the name of a folder.
fn subject(token: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Claims {
        sub: String,
    }
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Claims>(&claims).ok().map(|claims| claims.sub)
}

/// A token that says nothing stands for itself, without being written anywhere.
fn fingerprint(token: &str) -> String {
    format!("token-{}", hex::encode(&Sha256::digest(token)[..8]))
}

pub(crate) fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}
