//! Kept mail, for the person at the hub's own machine: without SMTP this is where verification mail is read.

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, header},
};
use platform::service::{ApiError, ApiJson, ApiQuery, Outcome, Peer};
use serde::Deserialize;
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

/// Lists kept mail, newest first. It is readable on the hub's own machine only, and not at all where mail is sent.
#[utoipa::path(get, path = paths::MAIL, tag = "accounts", params(Wanted),
    responses((status = 200, body = KeptMails), (status = 403, body = wire::Problem), (status = 404, body = wire::Problem)))]
pub(crate) async fn list(
    State(state): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    ApiQuery(Wanted { to }): ApiQuery<Wanted>,
) -> Outcome<ApiJson<KeptMails>> {
    if state.mail.route() != MailRoute::Kept {
        return Err(ApiError::new(Code::NotFound, "this hub sends its mail and keeps none"));
    }
    if !is_at_home(peer.map(|Extension(peer)| peer), &headers, state.config.public_url.host_str()) {
        return Err(ApiError::new(
            Code::LoopbackOnly,
            "kept mail is readable from the hub's own machine only",
        )
        .hint("sign in to that machine and ask there, or start the hub with `--mail-url smtp://…`"));
    }
    let items = state.mail.kept(to.as_deref().map(str::trim)).await;
    Ok(ApiJson(KeptMails { items }))
}

/// Whether somebody on this machine asks, for themselves.
///
/// A proxy on this machine asks for others: what it adds to a request gives it away. And a web page whose name was
/// made to point here (DNS rebinding) asks under that name.
fn is_at_home(peer: Option<Peer>, headers: &HeaderMap, hub: Option<&str>) -> bool {
    const PROXIED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(without_port);
    let is_ours = |host: &str| {
        host == "localhost"
            || Some(host) == hub
            || bare(host).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    };
    peer.is_some_and(Peer::is_local)
        && !PROXIED.iter().any(|name| headers.contains_key(*name))
        // HTTP/2 has no `Host`, and no browser speaks it without TLS.
        && host.is_none_or(is_ours)
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
        is_at_home(peer.map(|peer| Peer(peer.parse().unwrap())), &headers, Some("hub.test"))
    }

    #[test]
    fn only_somebody_on_this_machine_reads_kept_mail() {
        assert!(ask(Some("127.0.0.1:5"), &[]));
        assert!(ask(Some("127.0.0.1:5"), &[("host", "127.0.0.1:8000")]));
        assert!(ask(Some("[::1]:5"), &[("host", "[::1]:8000")]));
        assert!(ask(Some("[::ffff:127.0.0.1]:5"), &[("host", "localhost")]));
        assert!(ask(Some("127.0.0.1:5"), &[("host", "hub.test:8000")]));

        assert!(!ask(None, &[]), "nobody knows who asks");
        assert!(!ask(Some("192.0.2.7:5"), &[("host", "127.0.0.1:8000")]));
        assert!(!ask(Some("192.0.2.7:5"), &[("x-forwarded-for", "127.0.0.1")]));
        assert!(!ask(Some("127.0.0.1:5"), &[("x-forwarded-for", "192.0.2.7")]), "a proxy asks for somebody");
        assert!(!ask(Some("127.0.0.1:5"), &[("forwarded", "for=192.0.2.7")]));
        assert!(!ask(Some("127.0.0.1:5"), &[("host", "evil.test:8000")]), "a rebound name");
    }
}
