//! Which addresses are nobody's but ours: what a stranger names must not lead us there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Bytes of a URL.
const LONGEST: usize = 2048;
const TOO_LONG: &str = "must have at most 2048 bytes";

/// A name of which no address is one of the internet.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to no public address")]
pub(crate) struct NotPublic;

/// Looks names up and forgets the private addresses among the answers. It is asked for every connection, so that a name
/// cannot lead elsewhere later.
pub(crate) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// A URL that a stranger names and that may be asked, or the rule that it breaks. Whose name leads home is found out by
/// [`PublicOnly`], when it is asked.
pub(crate) fn outward(url: &str, allow_private: bool) -> Result<Url, &'static str> {
    if url.len() > LONGEST {
        return Err(TOO_LONG);
    }
    let url: Url = url.parse().map_err(|_| "must be a URL")?;
    // Written out it is longer where it has letters that a URL cannot have.
    if url.as_str().len() > LONGEST {
        return Err(TOO_LONG);
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a name or a password");
    }
    match url.host() {
        None => Err("must name a host"),
        Some(host) if !allow_private && is_private(&host) => Err("must lead to a public address"),
        Some(_) => Ok(url),
    }
}

/// Whether a host leads into a private network without being looked up.
fn is_private(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => !is_public(IpAddr::V4(*address)),
        Host::Ipv6(address) => !is_public(IpAddr::V6(*address)),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            ["localhost", "local", "internal"]
                .iter()
                .any(|ending| name == *ending || name.ends_with(&format!(".{ending}")))
        }
    }
}

/// Whether an address is one of the internet (the special ones are those of IANA's registries, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // This network, shared (RFC 6598), protocol assignments, benchmarking, reserved.
        [0, ..] | [240..=255, ..] => true,
        [100, 64..=127, ..] => true,
        [192, 0, 0, _] => true,
        [192, 88, 99, _] => true,
        [198, 18..=19, ..] => true,
        _ => false,
    };
    !(special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || address.is_broadcast())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [first, second, third, .., high, low] = address.segments();
    let embedded = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (first, second) {
        // NAT64 and 6to4 lead to the IPv4 address in them; with a third part NAT64 is a network's own.
        (0x64, 0xff9b) => third == 0 && is_public_v4(embedded(high, low)),
        (0x2002, _) => is_public_v4(embedded(second, third)),
        // Protocol assignments (Teredo, benchmarking, …), documentation.
        (0x2001, 0..=0x1ff) | (0x2001, 0xdb8) | (0x3fff, _) => false,
        // What is global unicast is public.
        _ => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_is_whatever_is_not_the_internet() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.31.0.1",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::101:101",
            "2002:7f00:1::",
            "2001::1",
            "2001:2::1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:8.8.8.8"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_url_that_leads_into_our_own_network_is_refused() {
        for url in [
            "http://127.0.0.1/x",
            "http://localhost:8000",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://169.254.169.254/latest",
            "http://100.64.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://printer.local/",
            "https://me:secret@example.org/",
            "https://me@example.org/",
            "ftp://example.org/",
            "file:///etc/passwd",
            "example.org",
            "https://",
        ] {
            assert!(outward(url, false).is_err(), "{url}");
        }
        assert!(outward("https://example.org/hook?x=1", false).is_ok());
        assert!(outward("http://93.184.216.34:8080/", false).is_ok());
        assert!(outward("http://127.0.0.1/x", true).is_ok());
        assert!(outward("http://me@127.0.0.1/x", true).is_err());
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_not_found() {
        let found = PublicOnly.resolve("localhost".parse().unwrap()).await;

        assert!(found.err().unwrap().is::<NotPublic>());
    }
}
