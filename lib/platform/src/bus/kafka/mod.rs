//! The log of a hub on many machines: one Kafka topic, read and written without groups and transactions.
//!
//! A position is Kafka's offset plus one. Nothing but facts is in the topic, so offsets have no gaps and a gap is a
//! loss. What tells one topic from another that was made later under the same name is in its settings: see [`seal`].

mod begin;
mod options;
mod producer;
mod reader;
mod seal;
mod tail;
#[cfg(test)]
mod tests;
mod topic;

use std::sync::Arc;

use sha2::{Digest, Sha256};
use wire::{Timestamp, paths::TOPIC_CHAT};

use self::{options::Options, producer::Producer, reader::Reader, topic::Topic};
pub(super) use self::{producer::Pending, tail::Tail};
use super::{AppendError, OpenError, Positions, ReadError};
use crate::traces::Context;

/// A handle on the log. Cheap to clone.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

struct Shared {
    options: Options,
    topic: Arc<Topic>,
    reader: Reader,
    producer: Producer,
}

impl Log {
    /// Connects, and makes the topic or checks it.
    pub(super) async fn open(url: &str) -> Result<Self, OpenError> {
        let failed = |why: String| OpenError::Failed { url: crate::redacted(url), why };
        let options = Options::parse(url).map_err(failed)?;
        let reader = Reader::new(&options.client()).map_err(|error| failed(error.to_string()))?;
        let topic = topic::open(&reader, &options, TOPIC_CHAT).await.map_err(failed)?;
        Self::over(options, reader, topic).await.map_err(failed)
    }

    /// The log over a topic that is as it should be.
    async fn over(options: Options, reader: Reader, topic: Topic) -> Result<Self, String> {
        let extents = reader.extents_at_last(&topic.name, topic.partitions).await;
        let extents = extents.map_err(|error| format!("topic {} cannot be read: {error}", topic.name))?;
        if let Some(gone) = extents.iter().map(|extent| extent.low).max().filter(|low| *low > 0) {
            // A retention that somebody set, or a log that goes on where another one ended.
            tracing::warn!(
                topic = topic.name,
                gone,
                "the log's beginning is not in it any more; whoever has not read that will find a hole"
            );
        }
        let topic = Arc::new(topic);
        let newest: Vec<u64> = extents.iter().map(|extent| extent.high).collect();
        let producer = Producer::new(&options.client(), topic.clone(), &newest);
        let producer = producer.map_err(|error| error.to_string())?;
        Ok(Self(Arc::new(Shared { options, topic, reader, producer })))
    }

    pub(super) fn enqueue(
        &self,
        topic: &str,
        key: &str,
        payload: &str,
        trace: Option<Context>,
    ) -> Result<Pending, AppendError> {
        known(topic).map_err(AppendError::Unavailable)?;
        self.0.producer.enqueue(self.partition(key), key, payload, trace)
    }

    pub(super) fn tail(&self, topic: &str, after: &Positions) -> Result<Tail, ReadError> {
        known(topic).map_err(ReadError::Failed)?;
        let Shared { options, topic, reader, .. } = &*self.0;
        Tail::open(&options.client(), reader.clone(), topic.clone(), after).map_err(|error| failed(&error))
    }

    pub(super) async fn heads(&self, topic: &str) -> Result<Positions, ReadError> {
        known(topic).map_err(ReadError::Failed)?;
        let Shared { topic, reader, .. } = &*self.0;
        let ends = reader.ends(&topic.name, topic.partitions).await.map_err(|error| failed(&error))?;
        Ok(ends.into_iter().collect())
    }

    pub(super) async fn positions_before(&self, topic: &str, at: Timestamp) -> Result<Positions, ReadError> {
        // The ends first: what comes between the two questions must not be taken for older than the moment.
        let ends = self.heads(topic).await?;
        let Shared { topic, reader, .. } = &*self.0;
        let since = reader.first_since(&topic.name, topic.partitions, at.millis()).await;
        let since = since.map_err(|error| failed(&error))?;
        Ok(since
            .into_iter()
            .map(|(partition, first)| {
                (partition, first.unwrap_or_else(|| ends.get(&partition).copied().unwrap_or(0)))
            })
            .collect())
    }

    /// The partition of a key, by its hash: the same in every process and for ever, and independent of Kafka's own
    /// partitioners, which differ from client to client.
    pub(super) fn partition(&self, key: &str) -> i32 {
        let digest = Sha256::digest(key);
        let hash = digest.iter().take(8).fold(0, |hash, byte| (hash << 8) | u64::from(*byte));
        i32::try_from(hash % u64::from(self.0.topic.partitions.unsigned_abs())).unwrap_or(0)
    }

    pub(super) fn generation(&self) -> &str {
        &self.0.topic.generation
    }

    /// Whether appends would be taken: the cluster answers, and enough copies of every partition are in step.
    pub(super) async fn ping(&self) -> Result<(), AppendError> {
        let Shared { topic, reader, producer, .. } = &*self.0;
        producer.ping()?;
        let unavailable = |why: String| AppendError::Unavailable(format!("topic {}: {why}", topic.name));
        let seen = reader.seen(&topic.name).await.map_err(|error| unavailable(error.to_string()))?;
        if seen.in_step.is_empty() {
            return Err(unavailable("it is not there any more".into()));
        }
        match seen.in_step.iter().position(|in_step| *in_step < topic.in_step.max(1)) {
            Some(partition) => Err(unavailable(format!(
                "partition {partition} has {} copies in step and needs {}",
                seen.in_step[partition], topic.in_step
            ))),
            None => Ok(()),
        }
    }

    pub(super) async fn close(&self) {
        self.0.producer.close().await;
    }
}

/// Every topic of the program is opened at the start, so that an epoch is known without asking.
fn known(topic: &str) -> Result<(), String> {
    match topic {
        TOPIC_CHAT => Ok(()),
        other => Err(format!("the log has no topic `{other}`")),
    }
}

fn failed(error: &dyn std::fmt::Display) -> ReadError {
    ReadError::Failed(error.to_string())
}
