//! Mail over SMTP: plain text, over TLS unless the URL or a loopback address says otherwise.

use std::{
    net::IpAddr,
    time::{Duration, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error, PoolConfig,
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::{Mail, SendError};
use crate::Clock;

/// How long one mail may take, unless the URL says otherwise: less than a task of the gateway may. The library bounds
/// connecting only, so this bounds the rest.
const PATIENCE: Duration = Duration::from_secs(18);
/// Connections at once.
const CONNECTIONS: u32 = 4;
/// A connection that nobody uses is closed before servers usually do it.
const IDLE: Duration = Duration::from_secs(30);
/// What a server says that will never take this mail (RFC 5321 §4.2.3): no such mailbox, too large, refused, unknown
/// parameter, no mail accepted there. Every other refusal is about the hub's own account or the server itself, which
/// somebody can mend.
const NEVER: std::ops::RangeInclusive<u16> = 550..=556;

/// A mail server.
#[derive(Clone)]
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    patience: Duration,
    clock: Clock,
}

impl Smtp {
    /// Reads the URL; whether the server is there is found out when mail is sent.
    pub(super) fn open(url: &str, clock: Clock) -> anyhow::Result<Self> {
        Self::read(url, clock)
            .with_context(|| format!("the mail server {} cannot be used", crate::redacted(url)))
    }

    fn read(text: &str, clock: Clock) -> anyhow::Result<Self> {
        let url = Url::parse(text).context("it is no URL; write `/` and `@` in a password as %2F and %40")?;
        let host = url.host_str().filter(|host| !host.is_empty()).context("it names no host")?;
        let Options { tls, from, patience } = options(&url, host)?;
        let port = url.port().unwrap_or(if url.scheme() == "smtps" { 465 } else { 587 });
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.trim_matches(['[', ']']))
                .port(port)
                .tls(tls)
                .timeout(Some(patience))
                .pool_config(PoolConfig::new().max_size(CONNECTIONS).idle_timeout(IDLE));
        if let Some(password) = url.password() {
            builder = builder.credentials(Credentials::new(decoded(url.username()), decoded(password)));
        }
        Ok(Self { transport: builder.build(), from, patience, clock })
    }

    pub(super) async fn send(&self, id: uuid::Uuid, mail: &Mail) -> Result<(), SendError> {
        let message = self.message(id, mail)?;
        match tokio::time::timeout(self.patience, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if is_final(&error) => Err(SendError::Refused(said(&error, mail))),
            Ok(Err(error)) => Err(SendError::Later(said(&error, mail))),
            Err(_) => Err(SendError::Later(format!("no answer within {} s", self.patience.as_secs()))),
        }
    }

    fn message(&self, id: uuid::Uuid, mail: &Mail) -> Result<Message, SendError> {
        let unusable = |why: String| SendError::Refused(why);
        let to = mail.to.parse().map_err(|error| unusable(format!("the address cannot be used: {error}")))?;
        let now = UNIX_EPOCH + Duration::from_micros(self.clock.now().micros().unsigned_abs());
        Message::builder()
            // The same for every attempt: a mailbox that gets a mail twice can tell.
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .date(now)
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&mail.subject)
            // RFC 3834: no out-of-office answers to this.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.clone())
            .map_err(|error| unusable(error.to_string()))
    }
}

/// What stands behind the `?`.
struct Options {
    tls: Tls,
    from: Mailbox,
    patience: Duration,
}

/// `tls=`, `from=` and `timeout=`, or what is right without them.
fn options(url: &Url, host: &str) -> anyhow::Result<Options> {
    let (mut tls, mut from, mut patience) = (None, None, PATIENCE);
    for (option, value) in url.query_pairs() {
        match option.as_ref() {
            "tls" => tls = Some(value.into_owned()),
            "from" => from = Some(value.into_owned()),
            "timeout" => {
                patience = Duration::from_secs(value.parse().context("`timeout` is in whole seconds")?)
            }
            _ => bail!("`{option}` is no option: tls, from and timeout are"),
        }
    }
    let from = from.unwrap_or_else(|| sender(url, host));
    let from = from.parse().with_context(|| format!("`from={from}` is no address"))?;
    Ok(Options { tls: encryption(url, host, tls.as_deref())?, from, patience })
}

fn encryption(url: &Url, host: &str, wish: Option<&str>) -> anyhow::Result<Tls> {
    let parameters = || TlsParameters::new(host.to_owned()).context("TLS cannot be set up");
    Ok(match wish {
        _ if url.scheme() == "smtps" => Tls::Wrapper(parameters()?),
        Some("none") => Tls::None,
        Some("opportunistic") => Tls::Opportunistic(parameters()?),
        None if is_loopback(url) => Tls::Opportunistic(parameters()?),
        Some("required") | None => Tls::Required(parameters()?),
        Some(other) => bail!("`tls={other}` is neither required, opportunistic nor none"),
    })
}

/// The user, where that is an address; otherwise one of the host's.
fn sender(url: &Url, host: &str) -> String {
    let user = decoded(url.username());
    if user.contains('@') {
        return user;
    }
    if is_loopback(url) { "mshub@localhost".to_owned() } else { format!("mshub@{host}") }
}

fn is_loopback(url: &Url) -> bool {
    // Of a scheme that the URL standard does not know, an address is read as a name.
    match url.host() {
        Some(Host::Domain(name)) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn is_final(error: &Error) -> bool {
    error.status().is_some_and(|code| NEVER.contains(&u16::from(code)))
}

/// What the server said, without the address that servers like to repeat: it ends up in logs.
fn said(error: &Error, mail: &Mail) -> String {
    error.to_string().replace(&mail.to, "…")
}
