//! Webhooks: whoever asked for it hears of the end of a conversion, signed, at least once, and not in a private network.
//!
//! Headers and signature are those of Standard Webhooks 1.0 (<https://www.standardwebhooks.com>), for which there are
//! libraries in every language.

mod deliver;
pub(crate) mod sql;

use aws_lc_rs::hmac;
use axum::extract::State;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use platform::service::{ApiError, ApiJson, Outcome, internal::OnBehalfOf};
use wire::{Code, UserId, conversions::WebhookSecret};

use crate::{address, state::App};

pub(crate) use deliver::{Post, start};

/// What signs the webhooks of one person. It is derived: nobody keeps it, and it changes with the hub's secret.
pub(crate) struct Signer(hmac::Key);

impl Signer {
    /// From the hub's secret.
    pub(crate) fn of(secret: &[u8]) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let key = hmac::sign(&secret, b"mshub webhooks v1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()))
    }

    /// The secret as receivers configure it.
    fn secret(&self, user: UserId) -> String {
        format!("whsec_{}", BASE64_STANDARD.encode(hmac::sign(&self.0, user.0.as_bytes())))
    }

    /// The signature of one delivery.
    fn sign(&self, user: UserId, id: &str, seconds: i64, body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.0, user.0.as_bytes()).as_ref());
        let signed = hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", BASE64_STANDARD.encode(signed))
    }
}

/// With what the caller's webhooks are signed.
pub(crate) async fn secret(State(app): State<App>, OnBehalfOf(user): OnBehalfOf) -> ApiJson<WebhookSecret> {
    ApiJson(WebhookSecret { secret: app.signer.secret(user) })
}

/// The URL as it is asked, in letters that every database takes; refused when nothing would ever be sent there.
pub(crate) fn check(url: &str, allow_private: bool) -> Outcome<String> {
    match address::outward(url, allow_private) {
        Ok(url) => Ok(url.into()),
        Err(rule) => {
            Err(ApiError::new(Code::InvalidField, "the webhook cannot be sent there").field("/webhook", rule))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_kept_as_it_will_be_asked() {
        let kept = check("https://example.com/a\0b ü", false).unwrap();
        assert_eq!(kept, "https://example.com/a%00b%20%C3%BC");
        assert!(check("https://localhost/", false).is_err());
    }

    /// The example of the specification's reference implementation.
    #[test]
    fn the_signature_is_that_of_standard_webhooks() {
        let key = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let text = r#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        let signed = BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        assert_eq!(signed, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");

        let (signer, user) = (Signer::of(b"secret"), UserId::new());
        let secret = signer.secret(user);
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let by_hand = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), b"id.7.body");
        assert_eq!(signer.sign(user, "id", 7, "body"), format!("v1,{}", BASE64_STANDARD.encode(by_hand)));
        assert_ne!(signer.secret(UserId::new()), secret);
    }
}
