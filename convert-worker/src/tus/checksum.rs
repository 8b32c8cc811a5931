//! The digest that a sender announces for the bytes of one request, reckoned while they come.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use axum::http::HeaderMap;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use platform::service::{ApiError, Outcome};
use wire::{Code, uploads::UPLOAD_CHECKSUM};

/// What was announced, and what has come so far.
pub(super) struct Checksum {
    announced: Vec<u8>,
    found: Context,
}

impl Checksum {
    /// The one of a request: `sha256` or `sha1`, a space, and the digest in base64.
    pub(super) fn of_request(headers: &HeaderMap) -> Outcome<Option<Self>> {
        let Some(value) = headers.get(UPLOAD_CHECKSUM) else { return Ok(None) };
        let read = value.to_str().ok().and_then(|text| text.trim().split_once(' ')).and_then(Self::read);
        read.map(Some).ok_or_else(|| {
            ApiError::new(Code::BadRequest, "the header Upload-Checksum cannot be read")
                .hint("write sha256 or sha1, a space, and the digest in base64")
        })
    }

    fn read((algorithm, digest): (&str, &str)) -> Option<Self> {
        let algorithm = match algorithm {
            "sha256" => &SHA256,
            "sha1" => &SHA1_FOR_LEGACY_USE_ONLY,
            _ => return None,
        };
        let announced = BASE64_STANDARD.decode(digest.trim()).ok()?;
        (announced.len() == algorithm.output_len())
            .then(|| Self { announced, found: Context::new(algorithm) })
    }

    /// More has come.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.found.update(bytes);
    }

    /// Whether what has come is what was announced.
    pub(super) fn holds(&self) -> bool {
        self.found.clone().finish().as_ref() == self.announced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_algorithms_are_reckoned_and_others_refused() {
        let read = |value: &'static str| {
            Checksum::of_request(&HeaderMap::from_iter([(
                UPLOAD_CHECKSUM.parse().unwrap(),
                value.parse().unwrap(),
            )]))
        };
        // Of "hello world", as the protocol's own example has it for SHA-1.
        for good in
            ["sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="]
        {
            let mut checksum = read(good).unwrap().unwrap();
            checksum.update(b"hello ");
            assert!(!checksum.holds());
            checksum.update(b"world");
            assert!(checksum.holds(), "{good}");
        }
        for bad in ["md5 XrY7u+Ae7tCTyyK7j1rNww==", "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "sha1", "sha1 *"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(Checksum::of_request(&HeaderMap::new()).unwrap().is_none());
    }
}
