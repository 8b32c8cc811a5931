//! The real engines under a hub in parts, each a process of its own that can be ended and started again.

use anyhow::{Context as _, bail};
use platform::testing::{Engine, Kafka, Postgres, Redis, Server, Weed};

/// What is under a hub.
pub(crate) struct Ground {
    postgres: Postgres,
    redis: Redis,
    kafka: Kafka,
    weed: Weed,
}

impl Ground {
    /// Starts all four, empty.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let missing = |engine: Engine| format!("there is no {}: {}", engine.name(), engine.hint());
        let (postgres, redis, kafka, weed) =
            tokio::try_join!(Postgres::start(), Redis::start(), Kafka::start(), Weed::start())?;
        Ok(Self {
            postgres: postgres.with_context(|| missing(Engine::Postgres))?,
            redis: redis.with_context(|| missing(Engine::Redis))?,
            kafka: kafka.with_context(|| missing(Engine::Kafka))?,
            weed: weed.with_context(|| missing(Engine::S3))?,
        })
    }

    /// The flag by which a service finds its engine.
    pub(crate) fn flag(&self, port: &str) -> anyhow::Result<String> {
        Ok(format!("--{port}-url={}", self.url(port)?))
    }

    /// Where the engine of a port is.
    pub(crate) fn url(&self, port: &str) -> anyhow::Result<String> {
        Ok(match port {
            // The tests' server does not wait for its log; here what was committed must outlive a crash of the server.
            "database" => format!("{}?options[synchronous_commit]=on", self.postgres.url()),
            "bus" => {
                let url = self.kafka.url();
                format!("{}?partitions=3", url.split('?').next().unwrap_or_default())
            }
            "fanout" => self.redis.url(),
            "objects" => self.weed.url(),
            other => bail!("nothing is under the port {other}"),
        })
    }

    /// The process of an engine.
    pub(crate) fn server(&mut self, engine: Engine) -> anyhow::Result<&mut Server> {
        Ok(match engine {
            Engine::Postgres => self.postgres.server(),
            Engine::Redis => self.redis.server(),
            Engine::Kafka => self.kafka.server(),
            Engine::S3 => self.weed.server(),
            Engine::Smtp => bail!("mail is kept by the gateways"),
        })
    }
}
