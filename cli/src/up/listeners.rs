//! Ports: bound before anything else starts, so that a taken one is said at once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

use super::Failure;

/// Where to listen. A port of 0 takes a free one.
pub(crate) struct Ports {
    pub(crate) host: IpAddr,
    pub(crate) api: u16,
    pub(crate) convert: u16,
    pub(crate) chat: u16,
    pub(crate) web: u16,
    /// Readiness and metrics, on an address of its own.
    pub(crate) admin: SocketAddr,
}

/// Listeners that are open.
pub(super) struct Bound {
    pub(super) api: TcpListener,
    pub(super) convert: TcpListener,
    pub(super) chat: TcpListener,
    pub(super) web: TcpListener,
    pub(super) admin: TcpListener,
}

impl Bound {
    pub(super) async fn bind(ports: &Ports) -> Result<Self, Failure> {
        // The workers answer the gateway only, which is in this process.
        let loopback = if ports.host.is_ipv6() {
            IpAddr::V6(Ipv6Addr::LOCALHOST)
        } else {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        };
        Ok(Self {
            api: listen("API", ports.host, ports.api).await?,
            convert: listen("convert-worker", loopback, ports.convert).await?,
            chat: listen("chat-worker", loopback, ports.chat).await?,
            web: listen("web page", ports.host, ports.web).await?,
            admin: listen("admin listener", ports.admin.ip(), ports.admin.port()).await?,
        })
    }
}

/// How a listener is reached from this machine.
pub(super) fn url(listener: &TcpListener) -> String {
    format!("http://{}", reachable(listener))
}

async fn listen(part: &'static str, host: IpAddr, port: u16) -> Result<TcpListener, Failure> {
    TcpListener::bind(SocketAddr::new(host, port)).await.map_err(|why| Failure::Port { part, port, why })
}

/// The address of a listener; one that listens everywhere is reached over loopback.
fn reachable(listener: &TcpListener) -> SocketAddr {
    let mut address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 0)));
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv6() {
            IpAddr::V6(Ipv6Addr::LOCALHOST)
        } else {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        });
    }
    address
}
