//! Questions to the cluster: who leads what, where partitions begin and end, what was taken when.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    ClientConfig, ClientContext, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};
use tokio::time::Instant;

/// An answer takes milliseconds; a broker that needs longer is away.
const WITHIN: Duration = Duration::from_millis(1_500);

/// How long partitions may take to get a leader: just after a topic was made, or after a broker died.
const MOVING: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(50);

/// Hands librdkafka's own words to the log.
pub(super) struct Talk;

impl ClientContext for Talk {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // A broker that went away is librdkafka's error and our warning: it comes back, or appends and readiness fail.
        match level {
            RDKafkaLogLevel::Debug | RDKafkaLogLevel::Info => tracing::debug!(facility, message),
            _ => tracing::warn!(facility, message),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka");
    }
}

impl ConsumerContext for Talk {}

/// A client that only asks. Cheap to clone.
#[derive(Clone)]
pub(super) struct Reader(Arc<BaseConsumer<Talk>>);

/// A topic as the cluster sees it.
#[derive(Debug)]
pub(super) struct Seen {
    /// The brokers there are, by number.
    pub(super) brokers: Vec<i32>,
    /// Which of them have a copy of each partition; no partition at all if there is no such topic.
    pub(super) replicas: Vec<Vec<i32>>,
    /// How many of them are in step, for each partition; 0 where nobody leads.
    pub(super) in_step: Vec<usize>,
}

/// Where a partition begins and ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// Which.
    pub(super) partition: i32,
    /// The offset of its first record.
    pub(super) low: u64,
    /// The offset that its next record will have.
    pub(super) high: u64,
}

impl Reader {
    /// A client of the cluster; it connects when it is asked.
    pub(super) fn new(config: &ClientConfig) -> KafkaResult<Self> {
        Ok(Self(Arc::new(config.create_with_context(Talk)?)))
    }

    /// The calls block, so they are made where that is allowed.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&BaseConsumer<Talk>) -> KafkaResult<T> + Send + 'static,
    ) -> KafkaResult<T> {
        let consumer = self.0.clone();
        let asked = tokio::task::spawn_blocking(move || {
            // What the client wanted to say since the last question; left alone it would pile up.
            let mut refused = None;
            while let Some(said) = consumer.poll(Duration::ZERO) {
                refused = said.err().filter(is_refusal).or(refused);
            }
            // "Nobody answers" is what a client says that is not let in, too.
            question(&consumer).map_err(|error| refused.unwrap_or(error))
        });
        asked.await.unwrap_or(Err(KafkaError::Canceled))
    }

    /// The topic as it is now.
    pub(super) async fn seen(&self, topic: &str) -> KafkaResult<Seen> {
        let topic = topic.to_owned();
        self.ask(move |consumer| {
            let metadata = consumer.fetch_metadata(Some(&topic), WITHIN)?;
            let brokers = metadata.brokers().iter().map(|broker| broker.id()).collect();
            let mut seen = Seen { brokers, replicas: Vec::new(), in_step: Vec::new() };
            let found = metadata.topics().iter().find(|found| found.name() == topic);
            match found.and_then(|found| found.error().map(RDKafkaErrorCode::from)) {
                None | Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {}
                Some(RDKafkaErrorCode::LeaderNotAvailable) => {}
                Some(error) => return Err(KafkaError::MetadataFetch(error)),
            }
            for partition in found.into_iter().flat_map(|found| found.partitions()) {
                let led = partition.leader() >= 0;
                seen.replicas.push(partition.replicas().to_vec());
                seen.in_step.push(if led { partition.isr().len() } else { 0 });
            }
            Ok(seen)
        })
        .await
    }

    /// Where the first `partitions` partitions begin and end.
    pub(super) async fn extents(&self, topic: &str, partitions: i32) -> KafkaResult<Vec<Extent>> {
        let low = self.offsets(topic, partitions, Offset::Beginning).await?;
        let high = self.offsets(topic, partitions, Offset::End).await?;
        let extent = |((partition, low), (_, high)): ((i32, Option<u64>), (i32, Option<u64>))| Extent {
            partition,
            low: low.unwrap_or(0),
            high: high.unwrap_or(0),
        };
        Ok(low.into_iter().zip(high).map(extent).collect())
    }

    /// The same at the start of a service, when a broker may be busy with many, or one of several may not have heard of a
    /// topic that was just made: they have as long as for the topic itself.
    pub(super) async fn extents_at_last(&self, topic: &str, partitions: i32) -> KafkaResult<Vec<Extent>> {
        let deadline = Instant::now() + super::topic::WITHIN;
        loop {
            match self.extents(topic, partitions).await {
                Err(error) if is_early(&error) && Instant::now() < deadline => {
                    tracing::debug!(%error, "a broker is busy, or does not know the topic yet");
                    tokio::time::sleep(AGAIN).await;
                }
                found => return found,
            }
        }
    }

    /// The end of each partition: the offset that its next record will have.
    pub(super) async fn ends(&self, topic: &str, partitions: i32) -> KafkaResult<Vec<(i32, u64)>> {
        let ends = self.offsets(topic, partitions, Offset::End).await?;
        Ok(ends.into_iter().map(|(partition, end)| (partition, end.unwrap_or(0))).collect())
    }

    /// The first offset of each partition whose record was taken at or after a moment; none where all are older.
    pub(super) async fn first_since(
        &self,
        topic: &str,
        partitions: i32,
        millis: i64,
    ) -> KafkaResult<Vec<(i32, Option<u64>)>> {
        self.offsets(topic, partitions, Offset::Offset(millis.max(0))).await
    }

    /// One offset of each partition, in their order. Leaders that are just moving are waited for.
    async fn offsets(
        &self,
        topic: &str,
        partitions: i32,
        at: Offset,
    ) -> KafkaResult<Vec<(i32, Option<u64>)>> {
        let deadline = Instant::now() + MOVING;
        loop {
            let topic = topic.to_owned();
            match self.ask(move |consumer| offsets(consumer, &topic, partitions, at)).await {
                Err(error) if is_moving(&error) && Instant::now() < deadline => {
                    tokio::time::sleep(AGAIN).await;
                }
                answer => return answer,
            }
        }
    }
}

/// Whether a broker is there and does not let this client in.
pub(super) fn is_refusal(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::Authentication
                | Code::SaslAuthenticationFailed
                | Code::SSL
                | Code::ClusterAuthorizationFailed
        )
    )
}

fn is_moving(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::ReplicaNotAvailable
                | Code::FencedLeaderEpoch
                | Code::UnknownLeaderEpoch
        )
    )
}

/// Whether a broker is busy, or one of several has not heard of a topic yet.
fn is_early(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::OperationTimedOut
                | Code::UnknownTopicOrPartition
                | Code::UnknownTopic
                | Code::UnknownPartition
        )
    )
}

/// One request per leader. In such a question the "offset" is a time, or the beginning or the end.
fn offsets(
    consumer: &BaseConsumer<Talk>,
    topic: &str,
    partitions: i32,
    at: Offset,
) -> KafkaResult<Vec<(i32, Option<u64>)>> {
    let mut question = TopicPartitionList::new();
    for partition in 0..partitions {
        question.add_partition_offset(topic, partition, at)?;
    }
    let answer = consumer.offsets_for_times(question, WITHIN)?;
    let mut found = Vec::new();
    for element in answer.elements() {
        element.error()?;
        let offset = match element.offset() {
            Offset::Offset(offset) => u64::try_from(offset).ok(),
            _ => None,
        };
        found.push((element.partition(), offset));
    }
    found.sort_unstable();
    Ok(found)
}
