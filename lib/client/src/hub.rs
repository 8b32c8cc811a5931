//! One hub as one person sees it: its address, how to speak to it, and who is signed in.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use url::{Host, Url};
use wire::{Timestamp, accounts::HubInfo, accounts::Me, paths};

use crate::{
    ask::Ask,
    error::Error,
    session::{SessionStore, Storage},
    tokens::Tokens,
};

/// How patient calls are.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long the hub may stay silent; connecting takes at most 5 s of it.
    pub timeout: Duration,
    /// How often a call that can be repeated is repeated.
    pub retries: u32,
    /// What the client calls itself.
    pub user_agent: String,
    /// Where the hub's name leads, instead of where the network says: to somebody who stands in between. Only for a hub
    /// that is given by its name, and without a port.
    pub at: Option<SocketAddr>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            retries: 3,
            user_agent: concat!("mshub/", env!("CARGO_PKG_VERSION")).to_owned(),
            at: None,
        }
    }
}

/// Who is signed in, as far as this machine knows without asking.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The account at the time of the last login or refresh; absent with a token handed in from outside.
    pub user: Option<Me>,
    /// When the access token expires; it is renewed before.
    pub expires_at: Option<Timestamp>,
    /// Where the session is kept.
    pub storage: Storage,
}

/// A hub. Cheap to clone: clones share connections and session.
#[derive(Clone)]
pub struct Hub {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) server: Url,
    pub(crate) options: Options,
    /// Gives up on silence.
    pub(crate) calls: reqwest::Client,
    /// For uploads, where the hub is silent for as long as the file takes; `upload` watches those itself.
    pub(crate) uploads: reqwest::Client,
    pub(crate) tokens: Tokens,
}

impl Hub {
    /// A hub whose session is kept in `sessions`. Nothing is sent yet.
    pub fn new(server: Url, sessions: SessionStore, options: Options) -> Result<Self, Error> {
        let tokens = Tokens::stored(&server, sessions);
        Self::with(server, tokens, options)
    }

    /// A hub with an access token from outside: it is never refreshed and never stored.
    pub fn with_token(server: Url, token: String, options: Options) -> Result<Self, Error> {
        Self::with(server, Tokens::fixed(token), options)
    }

    fn with(server: Url, tokens: Tokens, options: Options) -> Result<Self, Error> {
        check(&server)?;
        // A process may hold two TLS providers; the first to install one wins, and either will do.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let calls = build(&server, &options, Some(options.timeout))?;
        let uploads = build(&server, &options, None)?;
        Ok(Self { inner: Arc::new(Inner { server, options, calls, uploads, tokens }) })
    }

    /// The hub's address as it was given.
    pub fn server(&self) -> &Url {
        &self.inner.server
    }

    /// What the hub says of itself to anybody.
    pub async fn info(&self) -> Result<HubInfo, Error> {
        let info: HubInfo = self.ask(Ask::get(paths::HUB_INFO).anonymous()).await?;
        if info.product != "mshub" {
            return Err(Error::Protocol(format!("{} is not a hub", self.inner.server)));
        }
        Ok(info)
    }

    /// Who is signed in, without asking the hub.
    pub async fn signed_in(&self) -> Option<SignedIn> {
        self.inner.tokens.signed_in().await
    }

    /// A sentence for the person when a session could not be kept where it should be; given once.
    pub fn take_warning(&self) -> Option<String> {
        self.inner.tokens.take_warning()
    }

    /// The absolute address of a path of this hub.
    pub(crate) fn url(&self, path: &str) -> Result<Url, Error> {
        let base = self.inner.server.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}{path}")).map_err(|why| Error::Protocol(format!("{path}: {why}")))
    }
}

fn check(server: &Url) -> Result<(), Error> {
    let wrong = |why: &str| Error::InvalidServer { server: server.to_string(), why: why.to_owned() };
    match server.scheme() {
        "http" | "https" => {}
        other => return Err(wrong(&format!("it begins with {other}:, not with http: or https:"))),
    }
    if server.host().is_none() {
        return Err(wrong("it names no machine"));
    }
    if !server.username().is_empty() || server.password().is_some() {
        return Err(wrong("it holds a name or a password; use `mshub auth login`"));
    }
    Ok(())
}

fn build(server: &Url, options: &Options, silence: Option<Duration>) -> Result<reqwest::Client, Error> {
    let mut builder = reqwest::Client::builder()
        .user_agent(&options.user_agent)
        .connect_timeout(options.timeout.min(Duration::from_secs(5)))
        .redirect(reqwest::redirect::Policy::limited(3))
        .tcp_nodelay(true);
    if let Some(silence) = silence {
        builder = builder.read_timeout(silence);
    }
    if is_loopback(server) || options.at.is_some() {
        // A proxy of the environment would look for the hub on its own machine.
        builder = builder.no_proxy();
    }
    if let Some((name, at)) = server.domain().zip(options.at) {
        builder = builder.resolve(name, at);
    }
    builder.build().map_err(|why| Error::Protocol(format!("cannot set up HTTP: {why}")))
}

fn is_loopback(server: &Url) -> bool {
    match server.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(server: &str) -> Result<Hub, Error> {
        Hub::new(server.parse().unwrap(), SessionStore::Memory, Options::default())
    }

    #[test]
    fn only_addresses_that_can_be_a_hub_are_taken() {
        assert!(hub("http://127.0.0.1:8000").is_ok());
        assert!(hub("https://hub.example.org/team").is_ok());
        for wrong in ["ftp://hub.example.org", "mailto:ann@example.org", "https://ann:pw@hub.example.org"] {
            assert!(matches!(hub(wrong), Err(Error::InvalidServer { .. })), "{wrong}");
        }
    }

    #[test]
    fn a_hub_may_live_under_a_path() {
        let at_root = hub("http://127.0.0.1:8000").unwrap();
        let below = hub("https://example.org/hub/").unwrap();

        assert_eq!(at_root.url("/api/v1/me").unwrap().as_str(), "http://127.0.0.1:8000/api/v1/me");
        assert_eq!(below.url("/api/v1/me").unwrap().as_str(), "https://example.org/hub/api/v1/me");
    }
}
