//! Settings of the gateway, as values, and as the flags and environment of the program on its own.

use std::{net::SocketAddr, num::NonZeroU32};

use clap::Parser;
use platform::{
    config::{BusFlags, DatabaseFlags, FanoutFlags, MailFlags, ObjectsFlags, ServiceFlags},
    engines::{OpenError, Urls},
};
use url::Url;

use crate::{TrustedProxy, live::Patience};

/// Ten GiB of files in rooms.
pub const MAX_USER_FILES: u64 = 10 * 1024 * 1024 * 1024;

/// The gateway of MicroServiceHub: accounts, rooms, live sockets, uploads, and the web page.
#[derive(Clone, Debug, Parser)]
#[command(name = "mshub-server", version)]
pub struct Flags {
    /// Where the API listens
    #[arg(long, env = "MSHUB_LISTEN", default_value = "127.0.0.1:8000", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Where the web page (and the same API) listens; without it there is no page
    #[arg(long, env = "MSHUB_WEB_LISTEN", value_name = "ADDRESS:PORT")]
    pub web_listen: Option<SocketAddr>,
    /// Where readiness and metrics are told; not for users
    #[arg(long, env = "MSHUB_ADMIN_LISTEN", default_value = "127.0.0.1:9000", value_name = "ADDRESS:PORT")]
    pub admin_listen: SocketAddr,
    /// Where a chat-worker answers; of several, separated by commas, whoever is there is asked
    #[arg(long, env = "MSHUB_CHAT_WORKER", default_value = "http://127.0.0.1:8002", value_name = "URL")]
    #[arg(value_delimiter = ',')]
    pub chat_worker: Vec<Url>,
    /// Where a convert-worker answers; of several, separated by commas, whoever is there is asked
    #[arg(long, env = "MSHUB_CONVERT_WORKER", default_value = "http://127.0.0.1:8001", value_name = "URL")]
    #[arg(value_delimiter = ',')]
    pub convert_worker: Vec<Url>,
    /// Where people reach the hub: links in mail begin with this
    #[arg(long, env = "MSHUB_PUBLIC_URL", value_name = "URL")]
    pub public_url: Url,
    /// A proxy, or a network of proxies, that is believed where a request comes from (X-Forwarded-For); repeatable
    #[arg(long, env = "MSHUB_TRUSTED_PROXY", value_name = "ADDRESS", value_delimiter = ',')]
    pub trusted_proxy: Vec<TrustedProxy>,
    /// The account with this address becomes admin; without it, the first verified account does
    #[arg(long, env = "MSHUB_ADMIN_EMAIL", value_name = "EMAIL")]
    pub admin_email: Option<String>,
    /// The largest upload in bytes
    #[arg(long, env = "MSHUB_MAX_UPLOAD_BYTES", default_value_t = 100 * 1024 * 1024, value_name = "BYTES")]
    pub max_upload_bytes: u64,
    /// Bytes that the files of one person in rooms may take together
    #[arg(long, env = "MSHUB_MAX_USER_FILES_BYTES", default_value_t = MAX_USER_FILES, value_name = "BYTES")]
    pub max_user_files_bytes: u64,
    /// Messages a second that one person may send, with bursts of twice as many
    #[arg(long, env = "MSHUB_SENDS_PER_SECOND", default_value = "20", value_name = "N")]
    pub sends_per_second: NonZeroU32,
    /// What all services take.
    #[command(flatten)]
    pub service: ServiceFlags,
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(flatten)]
    bus: BusFlags,
    #[command(flatten)]
    fanout: FanoutFlags,
    #[command(flatten)]
    objects: ObjectsFlags,
    #[command(flatten)]
    mail: MailFlags,
}

impl Flags {
    /// Where its engines are.
    pub fn urls(&self) -> Result<Urls, OpenError> {
        Ok(Urls {
            database: self.database.read()?,
            bus: self.bus.read()?,
            fanout: self.fanout.read()?,
            objects: self.objects.read()?,
            mail: self.mail.read()?,
            ..Urls::default()
        })
    }

    /// The settings, for a hub with this secret.
    pub fn config(self, secret: Vec<u8>) -> Config {
        Config {
            public_url: self.public_url,
            issuer: None,
            trusted_proxies: self.trusted_proxy,
            chat_workers: self.chat_worker,
            convert_workers: self.convert_worker,
            secret: Secret(secret),
            admin_email: self.admin_email,
            max_upload_bytes: self.max_upload_bytes,
            max_user_files_bytes: self.max_user_files_bytes,
            sends_per_second: self.sends_per_second,
            patience: Patience::default(),
        }
    }
}

/// Settings of the gateway.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where people reach it: links in mail begin with this.
    pub public_url: Url,
    /// What access tokens name as their issuer; without it, the public URL. Tokens of another issuer are not taken.
    pub issuer: Option<String>,
    /// Who is believed where a request comes from. Nobody else is: a header is quickly written.
    pub trusted_proxies: Vec<TrustedProxy>,
    /// Where the chat-workers answer: each has the same history.
    pub chat_workers: Vec<Url>,
    /// Where the convert-workers answer: each knows every conversion.
    pub convert_workers: Vec<Url>,
    /// The hub's secret: 32 random bytes or more, shared by all its parts.
    pub secret: Secret,
    /// The account with this address becomes admin when it is verified; without it, the first verified account does.
    pub admin_email: Option<String>,
    /// The largest upload in bytes.
    pub max_upload_bytes: u64,
    /// Bytes that the files of one person in rooms may take together.
    pub max_user_files_bytes: u64,
    /// Messages a second that one person may send, with bursts of twice as many.
    pub sends_per_second: NonZeroU32,
    /// How long a live socket is waited for.
    pub patience: Patience,
}

/// Bytes that never show themselves.
#[derive(Clone)]
pub struct Secret(pub Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(…)")
    }
}
