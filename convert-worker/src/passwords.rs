//! Passwords of encrypted documents: read from a header, sealed while the job is in the database, opened for its engine.

use anyhow::anyhow;
use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hmac,
};
use axum::http::HeaderMap;
use platform::service::{ApiError, Outcome};
use wire::{
    Code, JobId,
    document_password::{DOCUMENT_PASSWORD, from_header},
};

/// The key that seals passwords. It is derived, so that a database without the hub's secret gives none away.
pub(crate) struct Passwords(RandomizedNonceKey);

impl Passwords {
    /// From the hub's secret.
    pub(crate) fn of(secret: &[u8]) -> anyhow::Result<Self> {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let key = hmac::sign(&secret, b"mshub passwords of documents v1");
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, key.as_ref());
        Ok(Self(key.map_err(|_| anyhow!("no key for passwords can be made"))?))
    }

    /// The nonce, and the password in a form that only opens for this job.
    pub(crate) fn seal(&self, job: JobId, password: &str) -> anyhow::Result<Vec<u8>> {
        let mut sealed = password.as_bytes().to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(job.0.as_bytes()), &mut sealed);
        let nonce = nonce.map_err(|_| anyhow!("a password could not be sealed"))?;
        Ok([nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// The password, if it was sealed for this job under this secret.
    pub(crate) fn open(&self, job: JobId, sealed: &[u8]) -> Option<String> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let password = self.0.open_in_place(nonce, Aad::from(job.0.as_bytes()), &mut sealed).ok()?;
        String::from_utf8(password.to_vec()).ok()
    }
}

/// The password that comes with a request.
pub(crate) fn of_request(headers: &HeaderMap) -> Outcome<Option<String>> {
    let Some(value) = headers.get(DOCUMENT_PASSWORD) else { return Ok(None) };
    from_header(value.as_bytes()).map(Some).ok_or_else(|| {
        ApiError::new(Code::BadRequest, format!("the header {DOCUMENT_PASSWORD} holds no password"))
            .hint("percent-encode it as UTF-8, at most 1,024 bytes; `%` itself is `%25`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_opens_for_its_job_and_secret_only() {
        let (ours, theirs) = (Passwords::of(b"one secret").unwrap(), Passwords::of(b"another").unwrap());
        let (job, other) = (JobId::new(), JobId::new());

        let sealed = ours.seal(job, "correct horse").unwrap();

        assert!(!sealed.windows(7).any(|part| part == b"correct"));
        assert_eq!(ours.open(job, &sealed).as_deref(), Some("correct horse"));
        assert_ne!(ours.seal(job, "correct horse").unwrap(), sealed, "two that are the same look different");
        assert_eq!((ours.open(other, &sealed), theirs.open(job, &sealed)), (None, None));
        assert_eq!((ours.open(job, &[]), ours.open(job, &sealed[..20])), (None, None));
    }
}
