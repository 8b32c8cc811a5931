//! Where a bucket is and who asks for it: from the URL, and what that leaves open from the usual `AWS_*` variables.

use anyhow::{Context as _, bail};
use percent_encoding::percent_decode_str;
use url::Url;

/// Regions mean nothing to most stores that are not Amazon's, and every request has to name one.
const REGION: &str = "us-east-1";

/// `s3://[KEY:SECRET@]BUCKET[/PREFIX]?endpoint=…&region=…&path_style=true&public_endpoint=…&checksums=false`, taken
/// apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) name: String,
    /// Before every key; empty, or ends with `/`.
    pub(super) prefix: String,
    /// Of a store that is not Amazon's.
    pub(super) endpoint: Option<String>,
    /// Where browsers and clients reach the same store, when that is elsewhere.
    pub(super) public_endpoint: Option<String>,
    pub(super) region: String,
    /// `http://HOST/BUCKET/KEY` instead of `http://BUCKET.HOST/KEY`.
    pub(super) path_style: bool,
    /// Whether the store keeps and compares checksums.
    pub(super) checksums: bool,
    pub(super) credentials: Credentials,
}

/// Who asks.
#[derive(PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) key: String,
    pub(super) secret: String,
    /// Of credentials that were lent for a while.
    pub(super) session: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Credentials({}, …)", self.key)
    }
}

impl Bucket {
    /// Reads a URL; what it leaves open is asked of the environment.
    pub(super) fn from_url(url: &str) -> anyhow::Result<Self> {
        Self::parse(url, |name| std::env::var(name).ok())
    }

    fn parse(text: &str, env: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let url = Url::parse(text)
            .context("it is no URL; write `/`, `+` and `@` in a secret as %2F, %2B and %40")?;
        let name =
            url.host_str().filter(|name| !name.is_empty()).context("it names no bucket: s3://BUCKET")?;
        let prefix = url.path().trim_matches('/');
        let mut bucket = Self {
            name: name.to_owned(),
            prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") },
            endpoint: None,
            public_endpoint: None,
            region: env("AWS_REGION").unwrap_or_else(|| REGION.to_owned()),
            path_style: false,
            checksums: true,
            credentials: Credentials::of(&url, env)?,
        };
        for (option, value) in url.query_pairs() {
            let value = value.into_owned();
            match option.as_ref() {
                "endpoint" => bucket.endpoint = Some(http(&value)?),
                "public_endpoint" => bucket.public_endpoint = Some(http(&value)?),
                "region" => bucket.region = value,
                "path_style" => {
                    bucket.path_style = value.parse().context("path_style is `true` or `false`")?
                }
                "checksums" => bucket.checksums = value.parse().context("checksums is `true` or `false`")?,
                _ => bail!(
                    "`{option}` is no option: endpoint, public_endpoint, region, path_style and checksums are"
                ),
            }
        }
        Ok(bucket)
    }
}

impl Credentials {
    fn of(url: &Url, env: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        if let Some(secret) = url.password() {
            return Ok(Self { key: decoded(url.username()), secret: decoded(secret), session: None });
        }
        match (env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")) {
            (Some(key), Some(secret)) => Ok(Self { key, secret, session: env("AWS_SESSION_TOKEN") }),
            _ => bail!(
                "it has no credentials: s3://KEY:SECRET@BUCKET, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ),
        }
    }
}

fn http(endpoint: &str) -> anyhow::Result<String> {
    match Url::parse(endpoint) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(endpoint.trim_end_matches('/').to_owned()),
        _ => bail!("the endpoint `{endpoint}` is not http://… or https://…"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Bucket, String> {
        Bucket::parse(url, |_| None).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_url_says_everything() {
        let bucket = parse(
            "s3://me:a%2Fb%2Bc@team/hub/one?endpoint=http://127.0.0.1:8333/&region=eu&path_style=true\
             &public_endpoint=https://files.example.org&checksums=false",
        )
        .unwrap();

        assert_eq!((bucket.name.as_str(), bucket.prefix.as_str()), ("team", "hub/one/"));
        assert_eq!(bucket.endpoint.as_deref(), Some("http://127.0.0.1:8333"));
        assert_eq!(bucket.public_endpoint.as_deref(), Some("https://files.example.org"));
        assert_eq!((bucket.region.as_str(), bucket.path_style, bucket.checksums), ("eu", true, false));
        assert_eq!(bucket.credentials.secret, "a/b+c");
        assert!(!format!("{bucket:?}").contains("a/b"), "{bucket:?}");
    }

    #[test]
    fn credentials_and_region_may_come_from_the_environment() {
        let bucket = Bucket::parse("s3://team", |name| Some(name.to_lowercase())).unwrap();

        assert_eq!(bucket.region, "aws_region");
        assert_eq!(bucket.credentials.key, "aws_access_key_id");
        assert_eq!(bucket.credentials.session.as_deref(), Some("aws_session_token"));
        assert_eq!((bucket.prefix.as_str(), bucket.path_style, bucket.checksums), ("", false, true));
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said() {
        for (url, part) in [
            ("s3://me:a@team?endpoint=127.0.0.1:8333", "http://"),
            ("s3://me:a@team?pathstyle=true", "pathstyle"),
            ("s3://me:a@team?checksums=md5", "checksums"),
            ("s3://team", "credentials"),
            ("s3://me:a/b@team", "%2F"),
        ] {
            let said = parse(url).unwrap_err();
            assert!(said.contains(part), "{url}: {said}");
        }
    }
}
