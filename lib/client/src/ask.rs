//! A request before it is sent: what is asked for, by whom, and whether it may be asked twice.

use bytes::Bytes;
use reqwest::Method;
use serde::Serialize;

use crate::error::Error;

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    /// Nobody's: no token is sent.
    Anonymous,
    /// The person's who is signed in, if anybody is.
    IfAny,
    /// The person's who must be signed in.
    Required,
}

/// One request, before it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Its media type and itself.
    pub(crate) body: Option<(&'static str, Bytes)>,
    pub(crate) signature: Signature,
    /// Whether doing it twice is the same as doing it once.
    pub(crate) repeatable: bool,
}

impl Ask {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        let repeatable = method.is_idempotent();
        let signature = Signature::Required;
        let (query, headers) = (Vec::new(), Vec::new());
        Self { method, path: path.into(), query, headers, body: None, signature, repeatable }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    pub(crate) fn signature(mut self, signature: Signature) -> Self {
        self.signature = signature;
        self
    }

    pub(crate) fn anonymous(self) -> Self {
        self.signature(Signature::Anonymous)
    }

    /// Says that a `POST` may be sent again when its answer was lost.
    pub(crate) fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn bytes(mut self, media_type: &'static str, bytes: Bytes) -> Self {
        self.body = Some((media_type, bytes));
        self
    }

    pub(crate) fn json(self, body: &impl Serialize) -> Result<Self, Error> {
        let bytes = serde_json::to_vec(body).map_err(|why| Error::Protocol(format!("cannot send: {why}")))?;
        Ok(self.bytes("application/json", bytes.into()))
    }
}
