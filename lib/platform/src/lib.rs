//! The outside world: port = folder, engine = file, and one constructor per port that chooses by URL.
//!
//! Nothing here knows a user, a room or a job: only rows, records, subjects, objects and mails.

pub mod bus;
pub mod clock;
pub mod db;
pub mod fanout;
pub mod mail;
pub mod objects;
pub mod service;
#[cfg(feature = "testing")]
pub mod testing;

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

/// A URL without its password, for logs and messages. It may name several hosts, which a strict URL may not.
pub fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    // A password may hold a `/` or `?` that nobody encoded: then the first `@` ends it.
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let login = authority.rsplit_once('@').or_else(|| rest.split_once('@')).map(|(login, _)| login);
    match login.and_then(|login| Some((login.len(), login.split_once(':')?.0))) {
        Some((end, user)) => format!("{scheme}://{user}:***{}", &rest[end..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn passwords_are_never_shown() {
        for (url, shown) in [
            ("kafka://user:secret@one:9092,two:9092?tls", "kafka://user:***@one:9092,two:9092?tls"),
            ("postgres://user:sec@ret@host/db", "postgres://user:***@host/db"),
            ("postgres://user:sec/ret@host/db", "postgres://user:***@host/db"),
            ("redis://:secret@host", "redis://:***@host"),
            ("smtp://host:25?from=a@b", "smtp://host:***@b"),
            ("smtp://user@host?from=a@b", "smtp://user@host?from=a@b"),
            ("kafka://one:9092", "kafka://one:9092"),
            ("embedded:/a/b", "embedded:/a/b"),
        ] {
            assert_eq!(redacted(url), shown);
        }
    }
}
