//! Signed links of the folder store: HMAC-SHA256 over the key and everything the link promises.

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use wire::Timestamp;

use super::LinkTerms;

/// The key that links are signed with: 32 random bytes that all gateways of a hub share.
#[derive(Clone)]
pub struct LinkKey([u8; 32]);

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("LinkKey(…)")
    }
}

/// The query of a signed link.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedLink {
    /// What the file is called.
    pub name: String,
    /// Its media type.
    pub media: String,
    /// Unix seconds until when it works.
    pub exp: i64,
    /// HMAC-SHA256, 64 hex digits.
    pub sig: String,
}

impl LinkKey {
    /// From the hub's secret. The domain label keeps it apart from everything else made of the same secret.
    pub fn derive(secret: &[u8]) -> Self {
        let mut mac = keyed(secret);
        mac.update(b"mshub object links v1");
        Self(mac.finalize().into_bytes().into())
    }

    pub(super) fn sign(&self, key: &str, terms: &LinkTerms) -> SignedLink {
        let exp = terms.expires_at.seconds();
        let sig = hex::encode(self.mac(key, &terms.name, &terms.media_type, exp).finalize().into_bytes());
        SignedLink { name: terms.name.clone(), media: terms.media_type.clone(), exp, sig }
    }

    pub(super) fn open(&self, key: &str, link: &SignedLink, now: Timestamp) -> Option<LinkTerms> {
        let sig = hex::decode(&link.sig).ok()?;
        self.mac(key, &link.name, &link.media, link.exp).verify_slice(&sig).ok()?;
        (now.seconds() < link.exp).then(|| LinkTerms {
            name: link.name.clone(),
            media_type: link.media.clone(),
            expires_at: Timestamp::from_micros(link.exp.saturating_mul(1_000_000)),
        })
    }

    fn mac(&self, key: &str, name: &str, media: &str, exp: i64) -> Hmac<Sha256> {
        let mut mac = keyed(&self.0);
        for part in [key, name, media, &exp.to_string()] {
            // The length before each part, so that no two different links feed the same bytes.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }
}

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("HMAC takes keys of every length")
}
