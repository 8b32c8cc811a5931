//! Settings of the gateway, as values: whoever starts it reads flags and environment.

use std::num::NonZeroU32;

use url::Url;

/// Settings of the gateway.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where people reach it: links in mail begin with this.
    pub public_url: Url,
    /// Where the chat-worker answers.
    pub chat_worker: Url,
    /// Where the convert-worker answers.
    pub convert_worker: Url,
    /// The hub's secret: 32 random bytes or more, shared by all its parts.
    pub secret: Secret,
    /// The account with this address becomes admin when it is verified; without it, the first verified account does.
    pub admin_email: Option<String>,
    /// The largest upload in bytes.
    pub max_upload_bytes: u64,
    /// Messages a second that one person may send, with bursts of twice as many.
    pub sends_per_second: NonZeroU32,
}

/// Bytes that never show themselves.
#[derive(Clone)]
pub struct Secret(pub Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(…)")
    }
}
