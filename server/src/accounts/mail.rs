//! Kept mail, for the person at the hub's own machine: without SMTP this is where verification mail is read.

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, Uri, header},
};
use platform::service::{ApiError, ApiJson, ApiQuery, Outcome, Peer};
use serde::Deserialize;
use url::{Host, Url};
use utoipa::IntoParams;
use wire::{
    Code,
    accounts::{KeptMails, MailRoute},
    paths,
};

use crate::state::App;

/// Which mail is asked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Only mail to this address.
    to: Option<String>,
}

/// Lists kept mail, newest first. It is readable on the hub's own machine only, and not at all where mail is sent or
/// where the hub has a public address: there a proxy may ask for others.
#[utoipa::path(get, path = paths::MAIL, tag = "accounts", params(Wanted),
    responses((status = 200, body = KeptMails), (status = 403, body = wire::Problem), (status = 404, body = wire::Problem)))]
pub(crate) async fn list(
    State(state): State<App>,
    peer: Option<Extension<Peer>>,
    uri: Uri,
    headers: HeaderMap,
    ApiQuery(Wanted { to }): ApiQuery<Wanted>,
) -> Outcome<ApiJson<KeptMails>> {
    if state.mail.route() != MailRoute::Kept {
        return Err(ApiError::new(Code::NotFound, "this hub sends its mail and keeps none"));
    }
    if !shows_kept_mail(&state.config.public_url) {
        return Err(ApiError::new(
            Code::LoopbackOnly,
            "this hub has a public address, where its kept mail is shown to nobody",
        )
        .hint(
            "read it in the folder `mail` of the hub's data, or start the hub with `--mail-url smtp://…`",
        ));
    }
    if !is_at_home(peer.map(|Extension(peer)| peer), &uri, &headers) {
        return Err(ApiError::new(
            Code::LoopbackOnly,
            "kept mail is readable from the hub's own machine only",
        )
        .hint("sign in to that machine and ask there, or start the hub with `--mail-url smtp://…`"));
    }
    let items = state.mail.kept(to.as_deref().map(str::trim)).await;
    Ok(ApiJson(KeptMails { items }))
}

/// Whether a hub with this public URL shows its kept mail: if people reach it under a name of its own machine only. Under every other name there is, or may be, a
/// proxy before it, and then every peer is local whoever asks: what a proxy adds to a request is up to the proxy.
pub fn shows_kept_mail(hub: &Url) -> bool {
    match hub.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

/// Whether somebody on this machine asks, for themselves.
///
/// A second look, for a hub that was not told its public address: most proxies give themselves away by what they add
/// to a request, or by the name under which they were asked. A web page whose name was made to point here (DNS
/// rebinding) asks under that name.
fn is_at_home(peer: Option<Peer>, uri: &Uri, headers: &HeaderMap) -> bool {
    const PROXIED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];
    // HTTP/2 has no `Host`: there the name is in the address.
    let host = match headers.get(header::HOST) {
        Some(host) => host.to_str().ok().map(without_port),
        None => uri.host(),
    };
    let is_ours = |host: &str| {
        host == "localhost"
            || bare(host).parse().is_ok_and(|ip: std::net::IpAddr| ip.to_canonical().is_loopback())
    };
    peer.is_some_and(Peer::is_local)
        && !PROXIED.iter().any(|name| headers.contains_key(*name))
        && host.is_some_and(is_ours)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    }
}

fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn ask(peer: Option<&str>, headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        is_at_home(peer.map(|peer| Peer(peer.parse().unwrap())), &Uri::from_static("/api/v1/mail"), &headers)
    }

    #[test]
    fn only_somebody_on_this_machine_reads_kept_mail() {
        assert!(ask(Some("127.0.0.1:5"), &[("host", "127.0.0.1:8000")]));
        assert!(ask(Some("[::1]:5"), &[("host", "[::1]:8000")]));
        assert!(ask(Some("[::ffff:127.0.0.1]:5"), &[("host", "localhost")]));
        let http2 = Uri::from_static("http://127.0.0.1:8000/api/v1/mail");
        assert!(is_at_home(Some(Peer("127.0.0.1:5".parse().unwrap())), &http2, &HeaderMap::new()));

        let home = ("host", "127.0.0.1:8000");
        assert!(!ask(None, &[home]), "nobody knows who asks");
        assert!(!ask(Some("192.0.2.7:5"), &[home]));
        assert!(!ask(Some("192.0.2.7:5"), &[home, ("x-forwarded-for", "127.0.0.1")]));
        assert!(
            !ask(Some("127.0.0.1:5"), &[home, ("x-forwarded-for", "192.0.2.7")]),
            "a proxy asks for somebody"
        );
        assert!(!ask(Some("127.0.0.1:5"), &[home, ("forwarded", "for=192.0.2.7")]));
        assert!(
            !ask(Some("127.0.0.1:5"), &[("host", "hub.test:8000")]),
            "a rebound name, or one a proxy hands on"
        );
        assert!(!ask(Some("127.0.0.1:5"), &[]), "nobody knows under which name");
    }

    #[test]
    fn a_hub_with_a_public_address_shows_no_mail() {
        let of = |url: &str| shows_kept_mail(&url.parse().unwrap());

        assert!(["http://127.0.0.1:8000", "http://[::1]:8000", "http://localhost"].into_iter().all(of));
        assert!(!["http://hub.test", "https://192.0.2.7", "http://localhost.hub.test"].into_iter().any(of));
    }
}
