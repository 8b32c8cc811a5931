//! The hub's keys, all derived from its one secret, and the public half of them for whoever checks access tokens.
//!
//! Nothing is kept in the database: every gateway that has the secret derives the same keys, a copied database holds
//! none, and a new secret signs everybody out. HMAC-SHA-256 with a label of its own gives each key.

use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use axum::{Json, extract::State, http::header, response::IntoResponse};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use wire::paths;

use crate::{Config, state::App};

/// What the gateway signs, checks and fingerprints with.
pub(crate) struct Keys {
    pub(super) signing: EncodingKey,
    pub(super) checking: DecodingKey,
    /// RFC 7638 thumbprint of the public key.
    pub(super) kid: String,
    /// Whose tokens these are: the hub's public URL, unless that is another one at each start.
    pub(super) issuer: String,
    /// What links in mail begin with.
    pub(super) links: String,
    /// For what is kept at rest instead of a token or a code.
    pub(super) prints: hmac::Key,
    /// For the refresh token that follows another.
    pub(super) successors: hmac::Key,
    public: String,
}

impl Keys {
    /// The keys of a hub.
    pub(crate) fn derive(config: &Config) -> anyhow::Result<Self> {
        let secret = &config.secret.0;
        anyhow::ensure!(
            secret.len() >= 32,
            "the hub's secret has {} bytes: give it 32 random bytes or more",
            secret.len()
        );
        let pair = Ed25519KeyPair::from_seed_unchecked(labelled(secret, "mshub access tokens v1").as_ref())
            .map_err(|_| anyhow::anyhow!("no signing key could be derived from the hub's secret"))?;
        let document = pair.to_pkcs8v1().map_err(|_| anyhow::anyhow!("the signing key cannot be encoded"))?;
        let public = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let links = config.public_url.as_str().trim_end_matches('/').to_owned();
        let mac = |label| hmac::Key::new(hmac::HMAC_SHA256, labelled(secret, label).as_ref());
        Ok(Self {
            signing: EncodingKey::from_ed_der(document.as_ref()),
            checking: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            kid: thumbprint(&public),
            issuer: config.issuer.clone().unwrap_or_else(|| links.clone()),
            links,
            prints: mac("mshub tokens at rest v1"),
            successors: mac("mshub refresh tokens v1"),
            public,
        })
    }
}

fn labelled(secret: &[u8], label: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), label.as_bytes())
}

/// RFC 7638: the required members of the key in the order of their names, without spaces.
fn thumbprint(x: &str) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

/// A set of public keys (RFC 7517).
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct KeySet {
    keys: Vec<PublicKey>,
}

/// An Ed25519 public key (RFC 8037).
#[derive(Serialize, utoipa::ToSchema)]
struct PublicKey {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    used_for: &'static str,
    kid: String,
    x: String,
}

/// The public keys that access tokens are checked with.
#[utoipa::path(get, path = paths::JWKS, tag = "hub", responses((status = 200, body = KeySet)))]
pub(crate) async fn jwks(State(state): State<App>) -> impl IntoResponse {
    let Keys { kid, public, .. } = &state.keys;
    let key = PublicKey {
        kty: "OKP",
        crv: "Ed25519",
        alg: "EdDSA",
        used_for: "sig",
        kid: kid.clone(),
        x: public.clone(),
    };
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(KeySet { keys: vec![key] }))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::Secret;

    pub(in crate::accounts) fn test_config(secret: &[u8]) -> Config {
        let url = |text: &str| text.parse().unwrap();
        Config {
            public_url: url("http://hub.test:8000/"),
            issuer: None,
            trusted_proxies: Vec::new(),
            chat_workers: Vec::new(),
            convert_workers: Vec::new(),
            secret: Secret(secret.to_vec()),
            admin_email: None,
            max_upload_bytes: 1,
            max_user_files_bytes: 1,
            sends_per_second: std::num::NonZeroU32::MIN,
            patience: crate::Patience::default(),
        }
    }

    #[test]
    fn one_secret_gives_the_same_keys_everywhere_and_another_gives_others() {
        let here = Keys::derive(&test_config(&[7; 32])).unwrap();
        let there = Keys::derive(&test_config(&[7; 32])).unwrap();
        let elsewhere = Keys::derive(&test_config(&[8; 32])).unwrap();

        assert_eq!((&here.kid, &here.public), (&there.kid, &there.public));
        assert_ne!(here.kid, elsewhere.kid);
    }

    #[test]
    fn the_thumbprint_is_that_of_the_rfcs_example() {
        // RFC 8037, appendix A.3.
        assert_eq!(
            thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(Keys::derive(&test_config(b"short")).is_err());
    }
}
