//! Where a request comes from: the other end of its connection, or whom a trusted proxy there speaks for.

use std::{convert::Infallible, fmt, net::IpAddr, str::FromStr};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use ipnet::IpNet;
use platform::service::Peer;

use crate::state::App;

/// A proxy, or a network of them, whose word is taken for where requests come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedProxy(IpNet);

impl TrustedProxy {
    fn has(self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl FromStr for TrustedProxy {
    type Err = String;

    /// An address such as `10.0.0.7`, or a network such as `10.0.0.0/8`.
    fn from_str(text: &str) -> Result<Self, String> {
        let network =
            text.parse().or_else(|_| text.parse().map(|address: IpAddr| IpNet::from(address.to_canonical())));
        network.map(Self).map_err(|_| {
            format!("`{text}` is no address such as 10.0.0.7, and no network such as 10.0.0.0/8")
        })
    }
}

impl fmt::Display for TrustedProxy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Where a request comes from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The address; of IPv6 its /64, which one household or server has to itself.
    pub(super) place: String,
    /// Whether that is this machine.
    pub(super) is_local: bool,
}

impl FromRequestParts<App> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &App) -> Result<Self, Infallible> {
        let Some(Peer(peer)) = parts.extensions.get() else {
            return Ok(Self { place: "unknown".to_owned(), is_local: false });
        };
        let (address, is_certain) = behind(peer.ip(), &parts.headers, &state.config.trusted_proxies);
        Ok(Self { place: place(address), is_local: is_certain && address.is_loopback() })
    }
}

/// The last address that no trusted proxy has, and whether it asks for itself: a proxy whose word cannot be read asks
/// for somebody unknown. Each proxy appends to `X-Forwarded-For` whom it was asked by, so that all before the word of the
/// first one that is not trusted may be made up.
fn behind(peer: IpAddr, headers: &HeaderMap, trusted: &[TrustedProxy]) -> (IpAddr, bool) {
    let lines = headers.get_all("x-forwarded-for").iter();
    // Each word by itself: what a stranger wrote into the line must not hide what a proxy appended to it.
    let mut told: Vec<&[u8]> = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).collect();
    let mut address = peer.to_canonical();
    while trusted.iter().any(|proxy| proxy.has(address)) {
        let Some(word) = told.pop() else { break };
        let Some(before) = read(word) else { return (address, false) };
        address = before;
    }
    (address, true)
}

/// An address as proxies write it, some of them with a port.
fn read(told: &[u8]) -> Option<IpAddr> {
    let told = std::str::from_utf8(told).ok()?.trim();
    let address = told.parse().or_else(|_| told.parse().map(|address: std::net::SocketAddr| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

fn place(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind_of(peer: &str, told: &[&str], trusted: &[&str]) -> String {
        let told: Vec<&[u8]> = told.iter().map(|line| line.as_bytes()).collect();
        found(peer, &told, trusted).0.to_string()
    }

    fn found(peer: &str, told: &[&[u8]], trusted: &[&str]) -> (IpAddr, bool) {
        let mut headers = HeaderMap::new();
        for line in told {
            headers.append("x-forwarded-for", axum::http::HeaderValue::from_bytes(line).unwrap());
        }
        let trusted: Vec<TrustedProxy> = trusted.iter().map(|proxy| proxy.parse().unwrap()).collect();
        behind(peer.parse().unwrap(), &headers, &trusted)
    }

    #[test]
    fn only_a_trusted_proxy_says_where_a_request_comes_from() {
        assert_eq!(behind_of("192.0.2.9", &["198.51.100.1"], &[]), "192.0.2.9");
        assert_eq!(behind_of("192.0.2.9", &["198.51.100.1"], &["10.0.0.0/8"]), "192.0.2.9");
        assert_eq!(behind_of("10.1.2.3", &["198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(behind_of("10.1.2.3", &["198.51.100.1"], &["10.1.2.3"]), "198.51.100.1");
        assert_eq!(behind_of("::ffff:10.1.2.3", &["198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn what_the_first_stranger_claims_is_not_believed() {
        let proxies = ["10.0.0.0/8", "2001:db8::7"];

        assert_eq!(behind_of("10.0.0.1", &["203.0.113.5, 198.51.100.1, 10.0.0.2"], &proxies), "198.51.100.1");
        assert_eq!(
            behind_of("10.0.0.1", &["203.0.113.5", "198.51.100.1:443", "[2001:db8::7]:80"], &proxies),
            "198.51.100.1"
        );
        assert_eq!(behind_of("10.0.0.1", &["203.0.113.5, nonsense"], &proxies), "10.0.0.1");
        assert_eq!(behind_of("10.0.0.1", &[], &proxies), "10.0.0.1");
        assert_eq!(behind_of("10.0.0.1", &["10.0.0.3, 10.0.0.2"], &proxies), "10.0.0.3");
    }

    #[test]
    fn nobody_becomes_the_hubs_own_machine_by_what_cannot_be_read() {
        let of = |told: &[&[u8]]| found("127.0.0.1", told, &["127.0.0.1"]);
        let (own, stranger) = ("127.0.0.1".parse().unwrap(), "203.0.113.9".parse().unwrap());

        assert_eq!(of(&[b"\xff, 203.0.113.9"]), (stranger, true), "what the proxy appended is read");
        assert_eq!(of(&[b"203.0.113.9, \xff"]), (own, false));
        assert_eq!(of(&[b"unknown"]), (own, false));
        assert_eq!(of(&[]), (own, true), "nobody is spoken for");
    }

    #[test]
    fn what_is_no_address_is_no_proxy() {
        assert!(["", "hub.test", "10.0.0.0/33"].iter().all(|text| text.parse::<TrustedProxy>().is_err()));
    }

    #[test]
    fn one_ipv6_network_is_one_place() {
        assert_eq!(place("2001:db8:1:2::1".parse().unwrap()), place("2001:db8:1:2:ffff::9".parse().unwrap()));
        assert_ne!(place("2001:db8:1:2::1".parse().unwrap()), place("2001:db8:1:3::1".parse().unwrap()));
    }
}
