//! The outside world: port = folder, engine = file, and one constructor per port that chooses by URL.
//!
//! Nothing here knows a user, a room or a job: only rows, records, subjects, objects and mails.

pub mod bus;
pub mod clock;
pub mod config;
pub mod db;
mod disk;
pub mod engines;
pub mod fanout;
pub mod mail;
#[cfg(feature = "jemalloc")]
mod memory;
pub mod mutants;
pub mod objects;
pub mod service;
#[cfg(feature = "testing")]
pub mod testing;
pub mod traces;

pub use clock::Clock;
pub use sqlx;

/// A URL that no engine of a port understands.
#[derive(Debug, thiserror::Error)]
#[error("{port} URL `{url}` is not understood: use {expected}")]
pub struct UnknownEngine {
    /// The port, such as `bus`.
    pub port: &'static str,
    /// What was given, without secrets.
    pub url: String,
    /// What would be understood in this build.
    pub expected: &'static str,
}

/// The scheme of an engine URL and what follows it: `sqlite:/data` is `("sqlite", "/data")`.
pub(crate) fn split_scheme(url: &str) -> (&str, &str) {
    url.split_once(':').map_or((url, ""), |(scheme, rest)| (scheme, rest.strip_prefix("//").unwrap_or(rest)))
}

/// A URL without its password, for logs and messages.
///
/// It works on the text, because not every engine's URL is one by the book: Kafka's names several hosts.
pub fn redacted(url: &str) -> String {
    let shown = match userinfo(url) {
        Some((before, Some(password))) => format!("{before}***{}", &url[before.len() + password.len()..]),
        _ => url.to_owned(),
    };
    let Some((start, query)) = shown.split_once('?') else { return shown };
    let parts: Vec<_> = query.split('&').map(without_secret).collect();
    format!("{start}?{}", parts.join("&"))
}

/// What stands before the password, and the password, of a URL with a user.
fn userinfo(url: &str) -> Option<(&str, Option<&str>)> {
    let scheme = url.find(':')? + 1;
    let start = if url[scheme..].starts_with("//") { scheme + 2 } else { scheme };
    let rest = &url[start..];
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    // A password with an unescaped slash reaches beyond what should be the host: better to hide too much.
    let is_host = authority.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_ok());
    let at = authority.rfind('@').or_else(|| if is_host { None } else { rest.rfind('@') })?;
    Some(match rest[..at].find(':') {
        Some(colon) => (&url[..start + colon + 1], Some(&rest[colon + 1..at])),
        None => (&url[..start + at], None),
    })
}

fn without_secret(pair: &str) -> String {
    let Some((name, _)) = pair.split_once('=') else { return pair.to_owned() };
    let is_secret = ["pass", "secret", "token", "key"].iter().any(|word| name.to_lowercase().contains(word));
    if is_secret { format!("{name}=***") } else { pair.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn no_password_is_ever_shown() {
        for (given, shown) in [
            ("postgres://me:hunter2@db/hub", "postgres://me:***@db/hub"),
            ("kafka://me:hunter2@a:9092,b:9092", "kafka://me:***@a:9092,b:9092"),
            ("redis://:hunter2@cache:6379/0", "redis://:***@cache:6379/0"),
            ("smtp://me:hun@ter2@mail:587", "smtp://me:***@mail:587"),
            ("s3://id:hun/ter2@host/bucket", "s3://id:***@host/bucket"),
            ("s3://id:hun/t@er2@bucket/x", "s3://id:***@bucket/x"),
            ("redis://:hunter2@cache:6379/?prefix=x", "redis://:***@cache:6379/?prefix=x"),
            ("sqlite:/data/a@b", "sqlite:/data/a@b"),
            ("postgres://db/hub?user=me&password=hunter2", "postgres://db/hub?user=me&password=***"),
            ("s3://bucket?secret_access_key=hunter2&region=x", "s3://bucket?secret_access_key=***&region=x"),
        ] {
            assert_eq!(redacted(given), shown);
        }
    }

    #[test]
    fn what_has_no_password_stays_as_it_is() {
        for url in [
            "embedded:",
            "sqlite:/var/lib/mshub/db",
            "kafka://a:9092,b:9092",
            "smtp://me@mail:587?from=hub@example.org",
            "smtp://mail:587?from=hub@example.org",
            "sqlite:/data/a@b",
            "postgres://db:5432/hub?sslmode=require",
            "nonsense",
        ] {
            assert_eq!(redacted(url), url);
        }
    }
}
