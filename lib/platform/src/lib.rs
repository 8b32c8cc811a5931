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

/// A URL without its password, for logs and messages.
pub fn redacted(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => {
            // Only URLs that cannot have a password refuse one, and this one has.
            let _ = parsed.set_password(Some("***"));
            parsed.to_string()
        }
        Ok(_) => url.to_owned(),
        // It may be none because of the password: an unquoted `/` in it, for example.
        Err(_) => match (url.split_once("://"), url.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, place))) => format!("{scheme}://***@{place}"),
            _ => url.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn a_password_is_hidden_even_where_it_makes_the_url_none() {
        assert_eq!(redacted("redis://:secret@host:6379/?prefix=x"), "redis://:***@host:6379/?prefix=x");
        assert_eq!(redacted("s3://key:a/b@c@bucket/x"), "s3://***@bucket/x");
        assert_eq!(redacted("sqlite:/data/a@b"), "sqlite:/data/a@b");
    }
}
