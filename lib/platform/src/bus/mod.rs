//! The durable, ordered log. An append is acknowledged only when it cannot be lost any more.
//!
//! Positions start at 1 and grow by one within a partition; 0 means "before everything". A key always falls into
//! the same partition, so what carries one key has one order for everybody.

mod embedded;
#[cfg(feature = "kafka")]
mod kafka;

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use clap::ValueEnum;
use wire::Timestamp;

use crate::{
    Clock, UnknownEngine,
    traces::{Context, Kind, Span},
};

/// One record of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Which of the topic's ordered sequences it is in.
    pub partition: i32,
    /// Its place there.
    pub pos: u64,
    /// What chose the partition.
    pub key: String,
    /// UTF-8 text.
    pub payload: String,
    /// When the log took it. It does not decrease with `pos`, as long as the clocks of a cluster's brokers agree.
    pub at: Timestamp,
    /// The span that appended it, if somebody watched.
    pub trace: Option<Context>,
}

/// Where an appended record ended up. Durable and final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The partition of the key.
    pub partition: i32,
    /// The place there.
    pub pos: u64,
    /// When the log took it.
    pub at: Timestamp,
}

/// A place in every partition: the newest position that was already seen.
pub type Positions = BTreeMap<i32, u64>;

/// When the embedded log acknowledges an append.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// When the disk has it: it survives the loss of power
    #[default]
    Fsync,
    /// When the operating system has it, and the disk within a second: it survives the end of the hub, however sudden, and
    /// not the loss of power
    Os,
}

impl Durability {
    /// As it is written in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fsync => "fsync",
            Self::Os => "os",
        }
    }
}

/// Why an append was not acknowledged.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// Nothing was written.
    #[error("the log does not take records right now: {0}")]
    Unavailable(String),
    /// It may or may not have been written: send it again with the same id.
    #[error("it is not known whether the log took the record: {0}")]
    Unknown(String),
}

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The engine failed; trying again later may help.
    #[error("the log cannot be read: {0}")]
    Failed(String),
    /// Records between two positions are missing: they were deleted, or the log was damaged.
    #[error("the log has a hole in partition {partition}: {expected} is followed by {found}")]
    Hole {
        /// Where.
        partition: i32,
        /// The position that had to come.
        expected: u64,
        /// The one that came.
        found: u64,
    },
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no engine of this build.
    #[error(transparent)]
    Unknown(#[from] UnknownEngine),
    /// It is there but cannot be used.
    #[error("the log (bus URL {url}) cannot be opened: {why}")]
    Failed {
        /// Which one, without secrets.
        url: String,
        /// Why.
        why: String,
    },
}

/// A durable log. Cheap to clone.
#[derive(Clone)]
pub enum Bus {
    /// A SQLite file in this process, with group commit.
    Embedded(embedded::Log),
    /// A topic of an Apache Kafka cluster.
    #[cfg(feature = "kafka")]
    Kafka(kafka::Log),
}

/// What [`Bus::open`] understands in this build.
const EXPECTED: &str = if cfg!(feature = "kafka") {
    "embedded:FOLDER, or kafka://HOST:PORT"
} else {
    "embedded:FOLDER (this build has no Kafka: build with `--features kafka`)"
};

impl Bus {
    /// Opens the log: `embedded:FOLDER` keeps `FOLDER/log.db`; `kafka://[USER:PASS@]HOST:PORT[,…]` is a topic of a
    /// cluster, made if it is not there.
    ///
    /// Options of Kafka's URL: `partitions` (12) and `replication` (3, or as many brokers as there are) of a topic
    /// that is made, and what one that is there must have; `prefix` of its name; `tls`; `sasl`
    /// (`PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`).
    pub async fn open(url: &str, clock: Clock) -> Result<Self, OpenError> {
        Self::open_as(url, clock, Durability::Fsync).await
    }

    /// The same, and an embedded log acknowledges as it is told. Kafka acknowledges when all replicas have a record; it
    /// refuses to be told otherwise.
    pub async fn open_as(url: &str, clock: Clock, durability: Durability) -> Result<Self, OpenError> {
        match crate::split_scheme(url) {
            ("embedded", folder) => Ok(Self::Embedded(embedded::Log::open(folder, clock, durability).await?)),
            (scheme, _) if durability != Durability::Fsync => Err(OpenError::Failed {
                url: crate::redacted(url),
                why: format!(
                    "`--durability {}` is for the embedded log, not for {scheme}",
                    durability.name()
                ),
            }),
            #[cfg(feature = "kafka")]
            ("kafka", _) => Ok(Self::Kafka(kafka::Log::open(url).await?)),
            _ => Err(UnknownEngine { port: "bus", url: crate::redacted(url), expected: EXPECTED }.into()),
        }
    }

    /// Appends one record and waits until it is durable.
    pub async fn append(
        &self,
        topic: &'static str,
        key: &str,
        payload: String,
    ) -> Result<Appended, AppendError> {
        self.enqueue(topic, key, payload).await?.durable().await
    }

    /// Puts one record in line. Records with the same key that are put in line one after the other get growing
    /// positions in that order; nothing is acknowledged before [`Pending::durable`] answers.
    pub async fn enqueue(
        &self,
        topic: &'static str,
        key: &str,
        payload: String,
    ) -> Result<Pending, AppendError> {
        let mut span = Span::within("append", Kind::Producer);
        span.note("messaging.destination.name", topic);
        let (trace, began) = (span.context(), Instant::now());
        let line = match self {
            Self::Embedded(log) => log.enqueue(topic, key, payload, trace).await.map(Line::Embedded),
            #[cfg(feature = "kafka")]
            Self::Kafka(log) => log.enqueue(topic, key, &payload, trace).map(Line::Kafka),
        };
        let line = line.inspect_err(|error| measure(began, Some(error)))?;
        Ok(Pending { line, span, began })
    }

    /// Reads everything after the given positions, and then what comes, without an end. A partition that is not
    /// named is read from its beginning.
    pub async fn tail(&self, topic: &'static str, after: Positions) -> Result<Tail, ReadError> {
        match self {
            Self::Embedded(log) => Ok(Tail::Embedded(log.tail(topic, after.get(&0).copied().unwrap_or(0)))),
            #[cfg(feature = "kafka")]
            Self::Kafka(log) => Ok(Tail::Kafka(Box::new(log.tail(topic, &after)?))),
        }
    }

    /// The same, and nothing that the loss of power could take back: for whoever keeps what he reads.
    pub async fn tail_flushed(&self, topic: &'static str, after: Positions) -> Result<Tail, ReadError> {
        match self {
            Self::Embedded(log) => {
                Ok(Tail::Embedded(log.tail_flushed(topic, after.get(&0).copied().unwrap_or(0))))
            }
            #[cfg(feature = "kafka")]
            Self::Kafka(_) => self.tail(topic, after).await,
        }
    }

    /// The newest position of every partition.
    pub async fn heads(&self, topic: &'static str) -> Result<Positions, ReadError> {
        match self {
            Self::Embedded(log) => Ok(Positions::from([(0, log.head(topic))])),
            #[cfg(feature = "kafka")]
            Self::Kafka(log) => log.heads(topic).await,
        }
    }

    /// Positions such that everything taken at or after a moment comes after them.
    pub async fn positions_before(&self, topic: &'static str, at: Timestamp) -> Result<Positions, ReadError> {
        match self {
            Self::Embedded(log) => Ok(Positions::from([(0, log.position_before(topic, at).await?)])),
            #[cfg(feature = "kafka")]
            Self::Kafka(log) => log.positions_before(topic, at).await,
        }
    }

    /// The partition of a key: for ever the same.
    #[cfg_attr(not(feature = "kafka"), expect(unused_variables, reason = "one partition takes every key"))]
    pub fn partition(&self, key: &str) -> i32 {
        match self {
            Self::Embedded(_) => 0,
            #[cfg(feature = "kafka")]
            Self::Kafka(log) => log.partition(key),
        }
    }

    /// The generation of a partition: positions of another generation mean nothing here.
    pub fn epoch(&self, partition: i32) -> String {
        match self {
            Self::Embedded(log) => format!("{}.{partition}", log.generation()),
            #[cfg(feature = "kafka")]
            Self::Kafka(log) => format!("{}.{partition}", log.generation()),
        }
    }

    /// Up to which position a partition is the same as under an earlier epoch; `None` when that was of another log.
    pub fn same_upto(&self, epoch: &str) -> Option<u64> {
        match self {
            Self::Embedded(log) => {
                log.same_upto(epoch.split_once('.').map_or(epoch, |(generation, _)| generation))
            }
            #[cfg(feature = "kafka")]
            Self::Kafka(_) => None,
        }
    }

    /// When an append is acknowledged.
    pub fn durability(&self) -> Durability {
        match self {
            Self::Embedded(log) => log.durability(),
            #[cfg(feature = "kafka")]
            Self::Kafka(_) => Durability::Fsync,
        }
    }

    /// Whether other processes write and read it too.
    pub fn is_shared(&self) -> bool {
        match self {
            Self::Embedded(_) => false,
            #[cfg(feature = "kafka")]
            Self::Kafka(_) => true,
        }
    }

    /// Makes an empty log go on after a position in every partition: the one where another log ended. Harmless when
    /// repeated. Only a log on Kafka does so; the error is a sentence.
    pub async fn begin_after(&self, pos: u64) -> Result<(), String> {
        match self {
            Self::Embedded(_) => Err(format!("an embedded log does not begin after {pos}: give a Kafka")),
            #[cfg(feature = "kafka")]
            Self::Kafka(log) => log.begin_after(pos).await,
        }
    }

    /// Fails when the log takes no records: for readiness.
    pub async fn ping(&self) -> Result<(), AppendError> {
        match self {
            Self::Embedded(log) => log.ping(),
            #[cfg(feature = "kafka")]
            Self::Kafka(log) => log.ping().await,
        }
    }

    /// Writes what was begun and closes the log. Later appends are refused.
    pub async fn close(&self) {
        match self {
            Self::Embedded(log) => log.close().await,
            #[cfg(feature = "kafka")]
            Self::Kafka(log) => log.close().await,
        }
    }
}

/// A record on its way to the disk. Dropping it does not take it back.
pub struct Pending {
    line: Line,
    span: Span,
    began: Instant,
}

enum Line {
    Embedded(embedded::Pending),
    #[cfg(feature = "kafka")]
    Kafka(kafka::Pending),
}

impl Pending {
    /// Waits until the record is durable.
    pub async fn durable(self) -> Result<Appended, AppendError> {
        let Self { line, mut span, began } = self;
        let appended = match line {
            Line::Embedded(pending) => pending.durable().await,
            #[cfg(feature = "kafka")]
            Line::Kafka(pending) => pending.durable().await,
        };
        measure(began, appended.as_ref().err());
        match &appended {
            Ok(appended) => span.note("mshub.pos", appended.pos),
            Err(error) => span.fail(error),
        }
        appended
    }
}

/// How long an append took, and what came of it.
fn measure(began: Instant, error: Option<&AppendError>) {
    let outcome = match error {
        None => "ok",
        Some(AppendError::Unavailable(_)) => "refused",
        Some(AppendError::Unknown(_)) => "unknown",
    };
    metrics::histogram!("mshub_append_seconds", "outcome" => outcome).record(began.elapsed());
}

/// A reader that follows the log.
pub enum Tail {
    /// Of the embedded log.
    Embedded(embedded::Tail),
    /// Of a Kafka topic.
    #[cfg(feature = "kafka")]
    Kafka(Box<kafka::Tail>),
}

impl Tail {
    /// The next records, in order within each partition; waits until there is at least one.
    ///
    /// Cancel-safe: a call that is dropped has consumed nothing.
    pub async fn next(&mut self) -> Result<Vec<Arc<Record>>, ReadError> {
        match self {
            Self::Embedded(tail) => tail.next().await,
            #[cfg(feature = "kafka")]
            Self::Kafka(tail) => tail.next().await,
        }
    }
}
