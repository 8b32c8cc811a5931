//! Somebody else's hub: where it is, and how clients call it when a link that can be broken lies in between.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use client::Url;

/// A hub by its address: `https://chat.example.org`, `http://10.0.0.7:8000/hub`, or `10.0.0.7:8000`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Foreign(Url);

/// How a client reaches a hub.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Way {
    pub(crate) server: Url,
    /// Where its name leads, so that it is called by it and shows its certificate.
    pub(crate) at: Option<SocketAddr>,
}

impl std::str::FromStr for Foreign {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url: Url = url.parse().with_context(|| format!("{text} is no address"))?;
        ensure!(matches!(url.scheme(), "http" | "https"), "a hub begins with http: or https:");
        let is_named = url.domain().is_some();
        ensure!(is_named || url.scheme() == "http", "of a hub with https its name is needed");
        Ok(Self(url))
    }
}

impl Foreign {
    /// Where it is now.
    pub(crate) async fn find(&self) -> anyhow::Result<SocketAddr> {
        let port = self.0.port_or_known_default().context("the hub has no port")?;
        let host = self.0.host_str().context("the hub has no name")?.trim_matches(['[', ']']);
        let mut found = tokio::net::lookup_host((host, port)).await;
        let found = found.as_mut().map_err(|why| anyhow::anyhow!("{host}: {why}"))?;
        found.next().with_context(|| format!("{host} leads nowhere"))
    }

    /// By a link that begins here.
    pub(crate) fn by(&self, link: SocketAddr) -> anyhow::Result<Way> {
        let mut server = self.0.clone();
        let (changed, at) = match server.domain() {
            // A port in the address would be taken instead of the link's.
            Some(_) => (server.set_port(None), Some(link)),
            None => (server.set_ip_host(link.ip()).and_then(|()| server.set_port(Some(link.port()))), None),
        };
        if changed.is_err() {
            bail!("{server} cannot be reached by a link");
        }
        Ok(Way { server, at })
    }
}

impl Way {
    /// To a hub of our own.
    pub(crate) fn to(link: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self { server: format!("http://{link}").parse()?, at: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(hub: &str) -> (String, Option<SocketAddr>) {
        let way = hub.parse::<Foreign>().unwrap().by("127.0.0.1:77".parse().unwrap()).unwrap();
        (way.server.into(), way.at)
    }

    #[test]
    fn a_hub_with_a_name_keeps_it_and_one_without_is_called_by_the_link() {
        let link = "127.0.0.1:77".parse().ok();

        assert_eq!(by("https://chat.example.org"), ("https://chat.example.org/".into(), link));
        assert_eq!(by("https://example.org:8443/hub"), ("https://example.org/hub".into(), link));
        assert_eq!(by("localhost:8000"), ("http://localhost/".into(), link));
        assert_eq!(by("10.0.0.7:8000"), ("http://127.0.0.1:77/".into(), None));
        assert_eq!(by("http://[::1]:8000/hub"), ("http://127.0.0.1:77/hub".into(), None));
    }

    #[test]
    fn what_cannot_be_a_hub_is_refused() {
        for wrong in ["ftp://example.org", "https://10.0.0.7", "http://"] {
            assert!(wrong.parse::<Foreign>().is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_hub_is_found_by_its_name() {
        let found = "http://localhost:8000".parse::<Foreign>().unwrap().find().await.unwrap();

        assert!(found.ip().is_loopback() && found.port() == 8000, "{found}");
    }
}
