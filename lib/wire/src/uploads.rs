//! Files to convert that come in pieces: what travels of them, and the headers of tus 1.0 (<https://tus.io/protocols>).

use serde::{Deserialize, Serialize};

use crate::{JobId, Timestamp, UploadId, conversions::NewConversion};

/// The version of tus that the hub speaks.
pub const TUS_VERSION: &str = "1.0.0";
/// The media type of bytes that are appended.
pub const OFFSET_OCTETS: &str = "application/offset+octet-stream";
/// The header by which each side says its version.
pub const TUS_RESUMABLE: &str = "tus-resumable";
/// How many bytes the file has.
pub const UPLOAD_LENGTH: &str = "upload-length";
/// How many bytes of it the hub has; in a request, where the body belongs.
pub const UPLOAD_OFFSET: &str = "upload-offset";
/// What is wanted: pairs of a name and a value in base64.
pub const UPLOAD_METADATA: &str = "upload-metadata";
/// `sha256` or `sha1`, a space, and the digest of the body in base64.
pub const UPLOAD_CHECKSUM: &str = "upload-checksum";
/// Until when the hub keeps what it has, as an HTTP date.
pub const UPLOAD_EXPIRES: &str = "upload-expires";
/// The conversion that the upload became.
pub const UPLOAD_JOB: &str = "mshub-job";

/// A file that is going to come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUpload {
    /// Its size in bytes.
    pub length: u64,
    /// The header [`UPLOAD_METADATA`] as it was sent: whoever asks hears it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// What is wanted of it, without a password.
    pub wish: NewConversion,
}

/// Where bytes belong that are appended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Append {
    /// The number of bytes before them.
    pub at: u64,
}

/// How far an upload is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Upload {
    /// Names it.
    pub id: UploadId,
    /// The size of the file in bytes.
    pub length: u64,
    /// So many bytes of it are kept, whatever happens to the hub.
    pub offset: u64,
    /// What was said of it when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// Until when they are kept, if no more come.
    pub expires_at: Timestamp,
    /// The conversion that it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
}
