//! Passwords: how hard they are to guess, and Argon2id off the runtime's threads, as many at once as there are cores.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use platform::service::{ApiError, Outcome};
use tokio::sync::Semaphore;
use wire::Code;
use zxcvbn::{Score, zxcvbn};

/// Hashes that may wait for a core: at about 30 ms each this is a wait of a few seconds, and 256 × 19 MiB is never
/// used, because waiting takes no memory.
const QUEUE: usize = 256;

/// Hashes and checks passwords.
pub(super) struct Hasher {
    queue: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    /// A hash of nothing in particular, so that an account that is not there costs the same.
    dummy: String,
}

impl Hasher {
    pub(super) fn new() -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            queue: Arc::new(Semaphore::new(QUEUE)),
            cores: Arc::new(Semaphore::new(cores)),
            dummy: hashed("nobody has this password")?,
        })
    }

    /// A PHC string of a password. Refused when it is easy to guess for somebody who knows the other words.
    pub(super) async fn hash(&self, password: String, known_words: Vec<String>) -> Outcome<String> {
        self.work(move || {
            hard_to_guess(&password, &known_words)?;
            Ok(hashed(&password)?)
        })
        .await?
    }

    /// Whether a password is the one of a PHC string; without one the same work is done, and the answer is no.
    pub(super) async fn matches(&self, password: String, hash: Option<String>) -> Outcome<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy.clone());
        let matches = self
            .work(move || {
                let hash = PasswordHash::new(&hash)
                    .map_err(|error| anyhow::anyhow!("a stored password: {error}"))?;
                Ok::<_, ApiError>(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await??;
        Ok(matches && known)
    }

    /// Does work that blocks, in turn with the hashes.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Outcome<T> {
        let place = self.queue.clone().try_acquire_owned().map_err(|_| {
            ApiError::new(Code::Unavailable, "too many people sign in or up at this moment").retry_after(2)
        })?;
        let core = self.cores.clone().acquire_owned().await.map_err(anyhow::Error::from)?;
        // Both go with the work: a caller who hangs up must not make room for one hash more than there are cores.
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop((core, place));
            result
        });
        Ok(done.await.map_err(anyhow::Error::from)?)
    }
}

/// Argon2id with m=19456, t=2, p=1: the library's defaults and the minimum of OWASP's cheat sheet.
fn hashed(password: &str) -> anyhow::Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(|error| anyhow::anyhow!("a password could not be hashed: {error}"))?.to_string())
}

fn hard_to_guess(password: &str, known_words: &[String]) -> Outcome<()> {
    let words = words(known_words);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let guess = zxcvbn(password, &words);
    if guess.score() >= Score::Three {
        return Ok(());
    }
    let mut refusal = ApiError::new(Code::WeakPassword, "the password is too easy to guess");
    let mut advice = Vec::new();
    if let Some(feedback) = guess.feedback() {
        advice.extend(feedback.warning().map(|warning| warning.to_string()));
        advice.extend(feedback.suggestions().iter().map(ToString::to_string));
    }
    if advice.is_empty() {
        advice.push("Use a few uncommon words that nobody would connect with you.".to_owned());
    }
    for detail in advice {
        refusal = refusal.field("/password", detail);
    }
    Err(refusal.hint("take a few uncommon words, or let a password manager make one"))
}

/// What is known, whole, in pieces, and written as one word: zxcvbn takes three known pieces in a row for a good
/// password.
fn words(known: &[String]) -> Vec<String> {
    let mut words = vec!["mshub".to_owned(), "microservicehub".to_owned()];
    for known in known {
        let local = known.split('@').next().unwrap_or_default();
        words.push(known.clone());
        words.push(local.chars().filter(|sign| sign.is_alphanumeric()).collect());
        let pieces = known.split(|sign: char| !sign.is_alphanumeric()).filter(|piece| piece.len() > 2);
        words.extend(pieces.map(str::to_owned));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_made_of_what_is_known_are_weak() {
        let known = ["anna.kowalska@example.com".to_owned(), "Anna Kowalska".to_owned()];

        for weak in
            ["password123", "annakowalska1", "anna.kowalska@example.com", "microservicehub", "aaaaaaaaaaaa"]
        {
            let refusal =
                hard_to_guess(weak, &known).err().unwrap_or_else(|| panic!("{weak} is taken for strong"));
            assert_eq!(refusal.problem().known(), Some(Code::WeakPassword), "{weak}");
            assert!(!refusal.problem().errors.is_empty(), "{weak}");
        }
        assert!(hard_to_guess("tangerine-orbit-42-velvet", &known).is_ok());
    }

    #[tokio::test]
    async fn a_hash_opens_with_its_password_only_and_nobody_opens_with_none() {
        let hasher = Hasher::new().unwrap();
        let hash = hasher.hash("tangerine-orbit-42-velvet".into(), Vec::new()).await.unwrap();

        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.matches("tangerine-orbit-42-velvet".into(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.matches("tangerine-orbit-42-velveT".into(), Some(hash)).await.unwrap());
        assert!(!hasher.matches("nobody has this password".into(), None).await.unwrap());
    }
}
