//! Access tokens: JWTs by RFC 9068, signed with Ed25519, ten minutes long, checked exactly.

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use platform::service::{ApiError, Outcome};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wire::{Code, Timestamp, UserId, accounts::Role};

use super::Keys;

/// Seconds that an access token works.
pub(super) const LIFE: i64 = 10 * 60;
/// Seconds that clocks of gateways may differ.
const LEEWAY: i64 = 5;
/// Ours are a few hundred bytes; nothing longer is even parsed.
const LONGEST: usize = 4 * 1024;
const TYPE: &str = "at+jwt";
const AUDIENCE: &str = "mshub";

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) sub: UserId,
    /// The session: it is looked up at every use, so that ending it ends the token.
    pub(super) sid: Uuid,
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) iat: i64,
    pub(super) nbf: i64,
    pub(super) exp: i64,
}

impl Claims {
    /// When the token stops working.
    pub(super) fn expires_at(&self) -> Timestamp {
        Timestamp::from_micros(0).plus_seconds(self.exp)
    }
}

impl Keys {
    /// A fresh access token of a session.
    pub(super) fn issue(
        &self,
        sub: UserId,
        sid: Uuid,
        name: &str,
        role: Role,
        now: Timestamp,
    ) -> anyhow::Result<String> {
        let iat = now.seconds();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub,
            sid,
            name: name.to_owned(),
            role,
            iat,
            nbf: iat,
            exp: iat + LIFE,
        };
        let header =
            Header { typ: Some(TYPE.into()), kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        Ok(encode(&header, &claims, &self.signing)?)
    }

    /// What a token says, if it is one of ours and its time is now. Whether its session lives is another question.
    pub(super) fn check(&self, token: &str, now: Timestamp) -> Outcome<Claims> {
        let claims = self.signed(token).ok_or_else(unreadable)?;
        let now = now.seconds();
        if claims.nbf > now + LEEWAY {
            return Err(unreadable());
        }
        if claims.exp + LEEWAY <= now {
            return Err(ApiError::new(Code::TokenExpired, "the access token has expired")
                .hint("refresh the session, or sign in again with `mshub auth login`"));
        }
        Ok(claims)
    }

    fn signed(&self, token: &str) -> Option<Claims> {
        if token.len() > LONGEST || !self.is_our_header(&decode_header(token).ok()?) {
            return None;
        }
        let mut exact = Validation::new(Algorithm::EdDSA);
        exact.set_issuer(&[&self.issuer]);
        exact.set_audience(&[AUDIENCE]);
        exact.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // Time is compared with the hub's clock, by the caller.
        exact.validate_exp = false;
        exact.validate_nbf = false;
        decode(token, &self.checking, &exact).ok().map(|read| read.claims)
    }

    /// We issue one form only (RFC 8725 §3): nothing in a header chooses an algorithm, a key or a meaning.
    fn is_our_header(&self, header: &Header) -> bool {
        header.alg == Algorithm::EdDSA
            && header.typ.as_deref() == Some(TYPE)
            && header.kid.as_deref() == Some(&*self.kid)
            && header.crit.is_none()
            && header.cty.is_none()
            && header.jku.is_none()
            && header.jwk.is_none()
            && header.x5u.is_none()
            && header.x5c.is_none()
            && header.extras.inner().is_empty()
    }
}

fn unreadable() -> ApiError {
    ApiError::new(Code::Unauthenticated, "the access token is none of this hub's")
        .hint("sign in again with `mshub auth login`")
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    use jsonwebtoken::EncodingKey;
    use serde_json::{Value, json};

    use super::{super::keys::tests::test_config, *};

    fn keys() -> Keys {
        Keys::derive(&test_config(&[7; 32])).unwrap()
    }

    fn now() -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000)
    }

    fn token(keys: &Keys) -> String {
        keys.issue(UserId::new(), Uuid::now_v7(), "Ann", Role::User, now()).unwrap()
    }

    fn part(value: &Value) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn json_of(token: &str, index: usize) -> Value {
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    /// The token with other claims and header, signed properly with the hub's own key.
    fn resigned(keys: &Keys, header: &Value, claims: &Value) -> String {
        use aws_lc_rs::signature::Ed25519KeyPair;
        let pair = Ed25519KeyPair::from_pkcs8(keys.signing.as_bytes()).unwrap();
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    #[test]
    fn a_token_of_ours_says_who_it_is_for() {
        let keys = keys();
        let (user, session) = (UserId::new(), Uuid::now_v7());

        let token = keys.issue(user, session, "Ann", Role::Admin, now()).unwrap();
        let claims = keys.check(&token, now()).unwrap();

        assert_eq!((claims.sub, claims.sid, claims.role), (user, session, Role::Admin));
        assert_eq!(claims.expires_at(), now().plus_seconds(600));
        assert_eq!(json_of(&token, 0), json!({"typ": "at+jwt", "alg": "EdDSA", "kid": keys.kid}));
    }

    #[test]
    fn an_expired_token_is_told_apart_so_that_clients_refresh() {
        let keys = keys();
        let token = token(&keys);

        let just_in_time = keys.check(&token, now().plus_seconds(LIFE + LEEWAY - 1));
        let late = keys.check(&token, now().plus_seconds(LIFE + LEEWAY)).unwrap_err();

        assert!(just_in_time.is_ok());
        assert_eq!(late.problem().known(), Some(Code::TokenExpired));
    }

    #[test]
    fn nothing_but_our_exact_form_is_accepted() {
        let keys = keys();
        let good = token(&keys);
        let (header, claims) = (json_of(&good, 0), json_of(&good, 1));
        assert!(keys.check(&resigned(&keys, &header, &claims), now()).is_ok(), "the corpus signs properly");
        let with = |base: &Value, key: &str, value: Value| {
            let mut changed = base.clone();
            changed[key] = value;
            changed
        };
        let without = |base: &Value, key: &str| {
            let mut changed = base.clone();
            changed.as_object_mut().unwrap().remove(key);
            changed
        };
        let mut corpus = vec![
            String::new(),
            "..".into(),
            "a.b.c".into(),
            good.replace('.', ""),
            format!("{good}.{good}"),
            format!("{good}x"),
            "x".repeat(1_000_000),
        ];

        for (key, value) in [
            ("alg", json!("none")),
            ("alg", json!("NONE")),
            ("alg", json!("HS256")),
            ("alg", json!("ES256")),
            ("alg", json!("RS256")),
            ("typ", json!("JWT")),
            ("typ", json!("id_token")),
            ("typ", json!(null)),
            ("kid", json!("other")),
            ("kid", json!("../../etc/passwd")),
            ("kid", json!(null)),
            ("crit", json!(["exp"])),
            ("jku", json!("https://evil.test/jwks")),
            ("x5u", json!("https://evil.test/x5u")),
            ("cty", json!("JWT")),
            ("b64", json!(false)),
        ] {
            corpus.push(resigned(&keys, &with(&header, key, value), &claims));
        }
        for (key, value) in [
            ("iss", json!("http://evil.test")),
            ("iss", json!(["http://hub.test:8000", "x"])),
            ("aud", json!("other")),
            ("aud", json!(["mshub", "other"])),
            ("sub", json!("nobody")),
            ("sid", json!(1)),
            ("role", json!("root")),
            ("exp", json!("never")),
            ("exp", json!(-1)),
            ("exp", json!(1e300)),
            ("exp", json!(now().seconds() - 3600)),
            ("nbf", json!(now().seconds() + 3600)),
        ] {
            corpus.push(resigned(&keys, &header, &with(&claims, key, value)));
        }
        for key in ["iss", "aud", "sub", "sid", "exp", "nbf", "iat", "role"] {
            corpus.push(resigned(&keys, &header, &without(&claims, key)));
        }

        // Signed by somebody else, not at all, or with the public key taken for a shared secret.
        let signed = good.rsplit_once('.').unwrap().0;
        corpus.push(format!("{signed}."));
        corpus.push(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode([0_u8; 64])));
        let stranger = Keys::derive(&test_config(&[9; 32])).unwrap();
        corpus.push(resigned(&stranger, &header, &claims));
        corpus.push(token(&stranger));
        let shared = EncodingKey::from_secret(keys.checking.try_get_as_bytes().unwrap());
        let confused =
            Header { typ: Some(TYPE.into()), kid: Some(keys.kid.clone()), ..Header::new(Algorithm::HS256) };
        corpus.push(encode(&confused, &claims, &shared).unwrap());
        for index in 0..3 {
            let mut parts: Vec<String> = good.split('.').map(str::to_owned).collect();
            let flipped = if parts[index].starts_with('A') { "B" } else { "A" };
            parts[index].replace_range(..1, flipped);
            corpus.push(parts.join("."));
        }

        for bad in corpus {
            let refused = keys.check(&bad, now());
            let status = refused.as_ref().map_or_else(|error| error.problem().status, |_| 200);
            assert_eq!(status, 401, "{}", bad.chars().take(300).collect::<String>());
        }
    }
}
