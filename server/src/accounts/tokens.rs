//! Opaque tokens and short codes: random, and at rest only as keyed fingerprints.
//!
//! A token of 256 random bits would be safe under a plain hash; a short code of 40 bits would not, for whoever copied
//! the database. One keyed fingerprint (HMAC-SHA-256) serves both.

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::Rng as _;

use super::Keys;

/// So that scanners for leaked secrets recognise one.
const REFRESH_PREFIX: &str = "mshr_";
/// No 0/O, 1/I/L, and no vowels that would spell words: 28 signs.
const SIGNS: &[u8] = b"23456789BCDFGHJKMNPQRSTVWXYZ";
const CODE_SIGNS: usize = 8;

/// What a fingerprint is for: that of a link never opens what a code opens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Link,
    Code,
    Refresh,
}

impl Purpose {
    fn label(self) -> &'static str {
        match self {
            Self::Link => "link:",
            Self::Code => "code:",
            Self::Refresh => "refresh:",
        }
    }
}

impl Keys {
    /// What is kept instead of a secret.
    pub(super) fn print(&self, purpose: Purpose, secret: &str) -> Vec<u8> {
        let mut mac = hmac::Context::with_key(&self.prints);
        mac.update(purpose.label().as_bytes());
        mac.update(secret.as_bytes());
        mac.sign().as_ref().to_vec()
    }

    /// The refresh token that follows another.
    ///
    /// It is derived and not drawn, so that a client whose answer was lost gets the very same token when it asks
    /// again, and two asking at once do not split the session in two.
    pub(super) fn successor(&self, refresh_token: &str) -> String {
        let tag = hmac::sign(&self.successors, refresh_token.as_bytes());
        format!("{REFRESH_PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(tag.as_ref()))
    }
}

/// The first refresh token of a session.
pub(super) fn refresh_token() -> String {
    format!("{REFRESH_PREFIX}{}", random())
}

/// The token of a mailed link.
pub(super) fn link_token() -> String {
    random()
}

fn random() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>())
}

/// A short code as it is mailed, such as `K7QM-2XRT`.
pub(super) fn code() -> String {
    let mut rng = rand::rng();
    let mut code: String =
        (0..CODE_SIGNS).map(|_| char::from(SIGNS[rng.random_range(0..SIGNS.len())])).collect();
    code.insert(CODE_SIGNS / 2, '-');
    code
}

/// A short code as it was mailed, whatever case, dashes or spaces it was typed with; `None` when it is none.
pub(super) fn normal_code(typed: &str) -> Option<String> {
    if typed.len() > 64 {
        return None;
    }
    let mut code: String = typed.chars().filter(|sign| !sign.is_whitespace() && *sign != '-').collect();
    code.make_ascii_uppercase();
    let is_code = code.len() == CODE_SIGNS && code.bytes().all(|sign| SIGNS.contains(&sign));
    is_code.then(|| {
        code.insert(CODE_SIGNS / 2, '-');
        code
    })
}

#[cfg(test)]
mod tests {
    use super::{super::keys::tests::test_config, *};

    #[test]
    fn a_code_is_recognised_however_it_is_typed() {
        let code = code();
        let typed = format!(" {} ", code.to_lowercase().replace('-', " "));

        assert_eq!(normal_code(&typed), Some(code));
        assert_eq!(normal_code("K7QM-2XR"), None);
        assert_eq!(normal_code("K7QM-2XR0"), None, "0 is not a sign of codes");
        assert_eq!(normal_code(&link_token()), None);
    }

    #[test]
    fn a_fingerprint_serves_one_purpose_and_one_hub() {
        let keys = Keys::derive(&test_config(&[7; 32])).unwrap();
        let others = Keys::derive(&test_config(&[8; 32])).unwrap();

        let print = keys.print(Purpose::Link, "x");

        assert_eq!(print, keys.print(Purpose::Link, "x"));
        assert_ne!(print, keys.print(Purpose::Code, "x"));
        assert_ne!(print, others.print(Purpose::Link, "x"));
    }

    #[test]
    fn the_successor_of_a_refresh_token_is_always_the_same_and_never_itself() {
        let keys = Keys::derive(&test_config(&[7; 32])).unwrap();
        let first = refresh_token();

        let second = keys.successor(&first);

        assert_eq!(second, keys.successor(&first));
        assert!(second.starts_with("mshr_") && second.len() == first.len() && second != first);
        assert_ne!(keys.successor(&second), second);
    }
}
