//! Errors on the wire: RFC 9457 `application/problem+json` with a stable code from one closed catalogue.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $status:literal, $title:literal;)*) => {
        /// Every error that a part of mshub answers with. The number never changes meaning once released.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name),* }

        impl Code {
            /// The whole catalogue, in order of number.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The stable name, such as `MSH-4010`.
            pub fn name(self) -> &'static str {
                match self { $(Code::$name => concat!("MSH-", stringify!($number))),* }
            }

            /// The HTTP status it travels under.
            pub fn status(self) -> u16 {
                match self { $(Code::$name => $status),* }
            }

            /// What it means, in one sentence that holds for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title),* }
            }

            /// The code of that stable name, if it is in the catalogue.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.name() == name)
            }
        }
    };
}

codes! {
    /// The request cannot be read: not JSON, a wrong type, an unknown field.
    BadRequest = 4000, 400, "The request cannot be read.";
    /// One or more fields break a rule; `errors` names them.
    InvalidField = 4001, 422, "A field of the request breaks a rule.";
    /// The password is too easy to guess.
    WeakPassword = 4002, 422, "The password is too easy to guess.";
    /// The verification link or code is unknown, used or expired. Which of these is not said.
    InvalidVerification = 4003, 422, "The verification link or code does not work (any more).";
    /// No access token, or one that cannot be read.
    Unauthenticated = 4010, 401, "Sign in first.";
    /// E-mail or password is wrong. Which of these is not said.
    WrongCredentials = 4011, 401, "The e-mail address or the password is wrong.";
    /// The access token has expired.
    TokenExpired = 4012, 401, "The access token has expired.";
    /// The refresh token is unknown, expired, revoked or was used twice.
    InvalidRefresh = 4013, 401, "The session has ended; sign in again.";
    /// The password was right, but the e-mail address is not verified yet.
    Unverified = 4030, 403, "Verify your e-mail address first.";
    /// Signed in, but not allowed.
    Forbidden = 4031, 403, "You are not allowed to do this.";
    /// Kept mail is readable from the hub's own machine only.
    LoopbackOnly = 4032, 403, "This is readable from the hub's own machine only.";
    /// A signed link was changed or has expired.
    InvalidLink = 4033, 403, "This download link has expired or was changed.";
    /// Only a service of somebody else could do it, and the account of whoever's file it is does not allow that.
    ConsentNeeded = 4034, 403, "A service of somebody else would get the file, and its owner does not allow it.";
    /// Whoever runs the hub has not allowed it to fetch documents by URL.
    FetchingOff = 4035, 403, "This hub fetches no documents by URL.";
    /// Nothing there, or nothing that the caller may know of.
    NotFound = 4040, 404, "There is nothing here, or nothing that you may see.";
    /// The path exists, the method does not.
    MethodNotAllowed = 4050, 405, "This method is not allowed here.";
    /// Somebody else changed or holds it.
    Conflict = 4090, 409, "This is in conflict with what is there.";
    /// The name is taken.
    NameTaken = 4091, 409, "This name is taken.";
    /// The conversion is in a state in which this cannot be done.
    WrongState = 4092, 409, "The conversion is not in a state for this.";
    /// The bytes that were sent do not follow those that the upload has.
    OffsetMismatch = 4094, 409, "The upload is not at this place.";
    /// The id of a message is too old to know whether it was sent before, or from the future.
    StaleId = 4097, 409, "The message's id is too old, or from the future.";
    /// The upload has expired, or was given up.
    UploadGone = 4100, 410, "The upload is not kept any more.";
    /// The request speaks no version of tus that the hub speaks.
    TusVersion = 4120, 412, "The hub speaks tus 1.0.0.";
    /// The body is larger than the limit.
    TooLarge = 4130, 413, "This is larger than the limit.";
    /// No engine converts this pair.
    UnsupportedPair = 4150, 415, "No engine here converts this pair of formats.";
    /// The content is not what the name or the request says.
    Mislabelled = 4151, 415, "The content is not what its name says.";
    /// The body is of a type that is not taken here.
    WrongBody = 4152, 415, "The body is of a type that is not taken here.";
    /// The range that was asked for lies behind the end of the file.
    BadRange = 4160, 416, "The file has nothing in this range.";
    /// The file is empty.
    EmptyFile = 4220, 422, "The file is empty.";
    /// The document is encrypted, and no password or a wrong one was given.
    EncryptedFile = 4221, 422, "The document is encrypted.";
    /// The document is damaged.
    CorruptFile = 4222, 422, "The document is damaged.";
    /// The document would unfold into more than the limits allow.
    BombFile = 4223, 422, "The document unfolds into more than the limits allow.";
    /// The picture cannot be used as a profile photo.
    BadPhoto = 4224, 422, "This picture cannot be used.";
    /// The URL is none that the hub asks: another scheme, a password in it, a private address on the way.
    UrlRefused = 4225, 422, "The hub does not ask this URL.";
    /// Nothing came from the URL, or not all of it.
    UrlFailed = 4226, 422, "The document cannot be fetched from its URL.";
    /// Too many requests; `after_ms` or `Retry-After` says when to come back.
    RateLimited = 4290, 429, "Too many requests.";
    /// The bytes that arrived are not those of the checksum; none of them was kept.
    ChecksumMismatch = 4600, 460, "The bytes that arrived are not those that were sent.";
    /// A bug or a failure of ours.
    Internal = 5000, 500, "The hub failed to do this.";
    /// A part of the hub does not answer.
    UpstreamDown = 5020, 502, "A part of the hub does not answer.";
    /// The log cannot be written; nothing was accepted.
    LogUnavailable = 5030, 503, "Messages cannot be stored right now; nothing was lost.";
    /// The hub is stopping or starting.
    Unavailable = 5031, 503, "The hub is starting or stopping.";
    /// The outcome is unknown: it may or may not have happened. Send again with the same id.
    OutcomeUnknown = 5040, 504, "It is not known whether this was done; send it again with the same id.";
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// One field of a request that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the field, such as `/email`.
    pub pointer: String,
    /// What is wrong with it, as a sentence.
    pub detail: String,
}

/// The body of every error answer (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Where the code is explained, relative to the hub, such as `/docs/errors#MSH-4010`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The sentence of the catalogue.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What failed this time, and on what.
    pub detail: String,
    /// The stable code, such as `MSH-4010`.
    pub code: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether sending the same request again later can help.
    #[serde(default)]
    pub retryable: bool,
    /// The fields that break a rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The request this answers; give it to whoever runs the hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// The media type of a problem body (RFC 9457 §3).
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// A problem of the catalogue with what happened this time.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/docs/errors#{}", code.name()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code: code.name().to_owned(),
            hint: None,
            retryable: matches!(code.status(), 429 | 502 | 503 | 504),
            errors: Vec::new(),
            request_id: None,
        }
    }

    /// The same problem with what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same problem with one more field that breaks a rule.
    pub fn field(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// The entry of the catalogue, if this program knows it.
    pub fn known(&self) -> Option<Code> {
        Code::from_name(&self.code)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} [{}]", self.detail, self.code)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_carries_its_status_in_its_number_family_and_is_unique() {
        let mut seen = std::collections::HashSet::new();

        for code in Code::ALL {
            assert!(seen.insert(code.name()), "{code} stands twice");
            assert_eq!(code.name().as_bytes()[4], b'0' + (code.status() / 100) as u8, "{code}");
            assert_eq!(Code::from_name(code.name()), Some(*code));
        }
    }
}
