//! `kafka://[USER:PASS@]HOST[:PORT][,HOST[:PORT]…][?OPTION=…&…]`, read and checked.

use percent_encoding::percent_decode_str;
use rdkafka::{ClientConfig, config::RDKafkaLogLevel};

/// Partitions of a topic that the hub makes itself.
const PARTITIONS: i32 = 12;
/// Copies of a topic that the hub makes itself, if the cluster has that many brokers.
const COPIES: i32 = 3;
/// Characters of a topic's name, prefix included; Kafka allows 249.
const PREFIX_MAX: usize = 200;
const KNOWN: &str = "partitions, replication, prefix, tls, sasl";

/// Which cluster, how to get in, and how a topic that is not there yet is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// `HOST:PORT,…`, where a client asks first.
    pub(super) brokers: String,
    /// Before the name of every topic, so that several hubs share a cluster.
    pub(super) prefix: String,
    partitions: Option<i32>,
    replication: Option<i32>,
    tls: bool,
    login: Option<Login>,
}

#[derive(Clone, PartialEq, Eq)]
struct Login {
    mechanism: &'static str,
    user: String,
    password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} as {}", self.mechanism, self.user)
    }
}

impl Options {
    /// Reads a URL; the error is a sentence about what is wrong with it, without secrets.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        Self::parse_with(url, cfg!(feature = "kafka-tls"))
    }

    fn parse_with(url: &str, has_tls: bool) -> Result<Self, String> {
        let (_, rest) = url.split_once("://").ok_or("a Kafka URL begins with kafka://HOST:PORT")?;
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (login, brokers) = match authority.trim_end_matches('/').rsplit_once('@') {
            Some((login, brokers)) => (Some(login), brokers),
            None => (None, authority.trim_end_matches('/')),
        };
        let mut options = Self {
            brokers: brokers.to_owned(),
            prefix: String::new(),
            partitions: None,
            replication: None,
            tls: false,
            login: None,
        };
        let mut mechanism = None;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "partitions" => options.partitions = Some(count(&name, &value, 9_999)?),
                "replication" => options.replication = Some(count(&name, &value, 99)?),
                "prefix" => options.prefix = prefix(&value)?,
                "tls" => options.tls = yes(&value)?,
                "sasl" => mechanism = Some(sasl(&value)?),
                other => return Err(format!("it has no option `{other}`: use {KNOWN}")),
            }
        }
        options.login = read_login(login, mechanism)?;
        options.checked(has_tls)
    }

    fn checked(self, has_tls: bool) -> Result<Self, String> {
        let is_none = |broker: &str| broker.is_empty() || broker.contains(['/', ' ']);
        if self.brokers.split(',').any(is_none) {
            return Err(
                "it names no broker: use kafka://HOST:PORT,HOST:PORT, with options after a `?`".into()
            );
        }
        let scram = self.login.as_ref().filter(|login| login.mechanism != "PLAIN");
        let needs = self.tls.then_some("tls").or(scram.map(|login| login.mechanism));
        match needs {
            Some(asked) if !has_tls => {
                Err(format!("{asked} is not in this build: build with `--features kafka-tls`"))
            }
            _ => Ok(self),
        }
    }

    /// How many partitions a topic gets that is not there yet.
    pub(super) fn partitions(&self) -> i32 {
        self.partitions.unwrap_or(PARTITIONS)
    }

    /// How many partitions the URL insists on.
    pub(super) fn partitions_asked(&self) -> Option<i32> {
        self.partitions
    }

    /// How many copies a topic gets that is not there yet, in a cluster of so many brokers.
    pub(super) fn replication(&self, brokers: usize) -> i32 {
        let brokers = i32::try_from(brokers).unwrap_or(COPIES);
        self.replication.unwrap_or(COPIES.min(brokers).max(1))
    }

    /// How many copies the URL insists on.
    pub(super) fn replication_asked(&self) -> Option<i32> {
        self.replication
    }

    /// What every client of this cluster is configured with.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "mshub")
            .set("allow.auto.create.topics", "false")
            // Back within a second of the broker's return, not ten.
            .set("reconnect.backoff.max.ms", "1000")
            // A broker that hangs without closing its connections is left after this long.
            .set("socket.timeout.ms", "10000")
            // One that cannot be connected to is tried anew after this long, so that it is found soon when it is back.
            .set("socket.connection.setup.timeout.ms", "3000")
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true")
            .set("log.connection.close", "false")
            .set_log_level(RDKafkaLogLevel::Warning);
        config.set(
            "security.protocol",
            match (self.tls, self.login.is_some()) {
                (false, false) => "plaintext",
                (false, true) => "sasl_plaintext",
                (true, false) => "ssl",
                (true, true) => "sasl_ssl",
            },
        );
        if let Some(login) = &self.login {
            config
                .set("sasl.mechanism", login.mechanism)
                .set("sasl.username", &login.user)
                .set("sasl.password", &login.password);
        }
        config
    }
}

fn count(name: &str, value: &str, most: i32) -> Result<i32, String> {
    match value.parse() {
        Ok(count) if (1..=most).contains(&count) => Ok(count),
        _ => Err(format!("`{name}` is a number from 1 to {most}, not `{value}`")),
    }
}

/// What Kafka lets the name of a topic be made of.
fn prefix(value: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if value.len() <= PREFIX_MAX && value.chars().all(fits) {
        return Ok(value.to_owned());
    }
    Err(format!("`prefix` is made of letters, digits, `.`, `_` and `-`, at most {PREFIX_MAX}, not `{value}`"))
}

fn yes(value: &str) -> Result<bool, String> {
    match value {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        other => Err(format!("`tls` is true or false, not `{other}`")),
    }
}

fn sasl(value: &str) -> Result<&'static str, String> {
    ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(value))
        .ok_or_else(|| format!("`sasl` is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, not `{value}`"))
}

fn read_login(login: Option<&str>, mechanism: Option<&'static str>) -> Result<Option<Login>, String> {
    let decoded = |part: &str| {
        let decoded = percent_decode_str(part).decode_utf8();
        decoded.map(|text| text.into_owned()).map_err(|_| "its user or password is not UTF-8".to_owned())
    };
    match (login.and_then(|login| login.split_once(':')), mechanism) {
        (Some((user, password)), mechanism) => Ok(Some(Login {
            mechanism: mechanism.unwrap_or("PLAIN"),
            user: decoded(user)?,
            password: decoded(password)?,
        })),
        (None, None) if login.is_none() => Ok(None),
        _ => Err("signing in needs both: kafka://USER:PASS@HOST:PORT".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_how() {
        let options =
            Options::parse("kafka://a%40b:p%3Aw@one:9092,two:9093/?prefix=team.&partitions=6").unwrap();

        assert_eq!(options.brokers, "one:9092,two:9093");
        assert_eq!(options.prefix, "team.");
        assert_eq!(options.partitions(), 6);
        let config = options.client();
        assert_eq!(config.get("security.protocol"), Some("sasl_plaintext"));
        assert_eq!(config.get("sasl.username"), Some("a@b"));
        assert_eq!(config.get("sasl.password"), Some("p:w"));
        assert!(!format!("{options:?}").contains("p:w"));
    }

    #[test]
    fn a_topic_gets_as_many_copies_as_there_are_brokers_but_three_are_enough() {
        let unsaid = Options::parse("kafka://one").unwrap();
        let asked = Options::parse("kafka://one?replication=2").unwrap();

        assert_eq!([1, 2, 3, 9].map(|brokers| unsaid.replication(brokers)), [1, 2, 3, 3]);
        assert_eq!(asked.replication(9), 2);
        assert_eq!(unsaid.partitions(), 12);
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (url, named) in [
            ("kafka://", "no broker"),
            ("kafka://one,,two", "no broker"),
            ("kafka://one:9092/topic", "no broker"),
            ("kafka://one?compression=zstd", "`compression`"),
            ("kafka://one?partitions=0", "`partitions`"),
            ("kafka://one?replication=many", "`replication`"),
            ("kafka://one?prefix=a/b", "`prefix`"),
            ("kafka://one?tls=maybe", "`tls`"),
            ("kafka://user:secret@one?sasl=GSSAPI", "`sasl`"),
            ("kafka://one?sasl=PLAIN", "USER:PASS@"),
            ("kafka://secret@one", "USER:PASS@"),
        ] {
            let refused = Options::parse(url).unwrap_err();

            assert!(refused.contains(named), "{url}: {refused}");
            assert!(!refused.contains("secret"), "{url}: {refused}");
        }
    }

    #[test]
    fn tls_and_scram_name_the_feature_that_brings_them() {
        for url in ["kafka://one?tls", "kafka://user:secret@one?sasl=scram-sha-512"] {
            let refused = Options::parse_with(url, false).unwrap_err();

            assert!(refused.contains("--features kafka-tls"), "{refused}");
            assert!(!refused.contains("secret"), "{refused}");
            Options::parse_with(url, true).unwrap();
        }
        Options::parse_with("kafka://user:secret@one?sasl=PLAIN", false).unwrap();
    }
}
