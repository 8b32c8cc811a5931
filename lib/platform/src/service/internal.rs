//! Calls between the gateway and the workers: a shared key, and on whose behalf.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use wire::{Code, UserId, paths::internal::USER_HEADER};

use super::ApiError;
use crate::traces::{self, TRACEPARENT};

/// The key that our own parts show each other. It is derived, so that the hub's secret itself never travels.
#[derive(Clone)]
pub struct InternalKey(String);

impl std::fmt::Debug for InternalKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("InternalKey(…)")
    }
}

impl InternalKey {
    /// From the hub's secret.
    pub fn derive(secret: &[u8]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of every length");
        mac.update(b"mshub internal calls v1");
        Self(hex::encode(mac.finalize().into_bytes()))
    }

    /// A request to one of our parts on behalf of a person, for the trace that the running code works for.
    pub fn sign(&self, request: reqwest::RequestBuilder, user: UserId) -> reqwest::RequestBuilder {
        let request = request.bearer_auth(&self.0).header(USER_HEADER, user.to_string());
        match traces::current() {
            Some(trace) => request.header(TRACEPARENT, trace.to_string()),
            None => request,
        }
    }

    fn opens(&self, headers: &HeaderMap) -> bool {
        headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .is_some_and(|shown| bool::from(shown.as_bytes().ct_eq(self.0.as_bytes())))
    }
}

/// The person on whose behalf the gateway calls. A worker's state gives the key by `AsRef<InternalKey>`.
#[derive(Clone, Copy, Debug)]
pub struct OnBehalfOf(pub UserId);

impl<S: AsRef<InternalKey> + Send + Sync> FromRequestParts<S> for OnBehalfOf {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        if !state.as_ref().opens(&parts.headers) {
            return Err(ApiError::new(Code::Unauthenticated, "only the gateway calls this"));
        }
        let user = parts.headers.get(USER_HEADER).and_then(|value| value.to_str().ok());
        user.and_then(|user| user.parse().ok())
            .map(Self)
            .ok_or_else(|| ApiError::new(Code::BadRequest, "the call does not say on whose behalf it is"))
    }
}
