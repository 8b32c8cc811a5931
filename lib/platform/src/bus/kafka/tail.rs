//! Following the log: every partition from a position of its own, without a group, without a gap.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::Headers as _,
};

use super::{
    super::{Positions, ReadError, Record},
    producer::taken_at,
    reader::{Reader, Talk},
    topic::Topic,
};
use crate::traces::{Context, TRACEPARENT};

/// Records handed over at once.
const BATCH: usize = 2_000;
/// After this long without a message the tail asks whether there is none, or whether the client has stopped to fetch.
const SILENCE: Duration = Duration::from_secs(10);

/// Follows one topic.
pub struct Tail {
    consumer: StreamConsumer<Talk>,
    reader: Reader,
    topic: Arc<Topic>,
    /// The newest position seen of each partition.
    after: Positions,
    state: State,
}

enum State {
    Following,
    /// Something that the reader has to know once; following goes on afterwards.
    Failed(String),
    /// The broker said that a position is outside its partition; which one is to be found out.
    Outside,
    /// Records are missing. That does not mend itself.
    Hole {
        partition: i32,
        expected: u64,
        found: u64,
    },
}

impl Tail {
    pub(super) fn open(
        client: &ClientConfig,
        reader: Reader,
        topic: Arc<Topic>,
        after: &Positions,
    ) -> KafkaResult<Self> {
        let mut config = client.clone();
        config
            // Assigning needs a name of a group; nothing ever joins it or commits to it.
            .set("group.id", "mshub-tail")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_uncommitted")
            .set("check.crcs", "true")
            .set("fetch.min.bytes", "1")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "50")
            .set("fetch.queue.backoff.ms", "10")
            .set("queued.max.messages.kbytes", "16384");
        let after: Positions = (0..topic.partitions)
            .map(|partition| (partition, after.get(&partition).copied().unwrap_or(0)))
            .collect();
        let consumer = config.create_with_context(Talk)?;
        let tail = Self { consumer, reader, topic, after, state: State::Following };
        tail.assign()?;
        Ok(tail)
    }

    fn assign(&self) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        for (partition, after) in &self.after {
            let next = Offset::Offset(after.cast_signed());
            list.add_partition_offset(&self.topic.name, *partition, next)?;
        }
        self.consumer.assign(&list)
    }

    pub(crate) async fn next(&mut self) -> Result<Vec<Arc<Record>>, ReadError> {
        loop {
            match &mut self.state {
                State::Following => {}
                State::Failed(why) => {
                    let why = std::mem::take(why);
                    self.state = State::Following;
                    return Err(ReadError::Failed(why));
                }
                State::Outside => {
                    self.find_outside().await?;
                    continue;
                }
                State::Hole { partition, expected, found } => {
                    return Err(ReadError::Hole {
                        partition: *partition,
                        expected: *expected,
                        found: *found,
                    });
                }
            }
            let records = self.batch().await;
            if !records.is_empty() {
                return Ok(records);
            }
        }
    }

    /// Waits for one message, and takes what else is there. Nothing is consumed before the wait is over.
    async fn batch(&mut self) -> Vec<Arc<Record>> {
        let mut records = Vec::new();
        let Ok(first) = tokio::time::timeout(SILENCE, self.consumer.recv()).await else {
            self.look().await;
            return records;
        };
        let mut came = Some(first);
        while let Some(message) = came {
            let taken = match message {
                Ok(message) => take(&mut self.after, &message),
                Err(error) => heard(&error, &self.topic.name).map_or(Ok(None), Err),
            };
            match taken {
                Ok(record) => records.extend(record.map(Arc::new)),
                Err(state) => {
                    self.state = state;
                    break;
                }
            }
            came = if records.len() < BATCH { self.consumer.recv().now_or_never() } else { None };
        }
        records
    }

    /// Begins to fetch anew where there are records that were not brought: a partition whose broker died and came back
    /// was seen to stay silent for good.
    async fn look(&mut self) {
        // A broker that does not answer has no news either.
        let Ok(extents) = self.reader.extents(&self.topic.name, self.topic.partitions).await else { return };
        let seen = |partition: &i32| self.after.get(partition).copied().unwrap_or(0);
        let Some(behind) = extents.iter().find(|extent| extent.high > seen(&extent.partition)) else {
            return;
        };
        tracing::warn!(partition = behind.partition, head = behind.high, "nothing comes; fetching anew");
        if let Err(error) = self.assign() {
            self.state = State::Failed(error.to_string());
        }
    }

    /// Finds the partition whose records are gone.
    async fn find_outside(&mut self) -> Result<(), ReadError> {
        let extents = self.reader.extents(&self.topic.name, self.topic.partitions).await.map_err(failed)?;
        for extent in extents {
            let after = self.after.get(&extent.partition).copied().unwrap_or(0);
            if after < extent.low || after > extent.high {
                // The first position that is there, or the last one of a log that is shorter than what was read of it.
                let found = if after < extent.low { extent.low + 1 } else { extent.high };
                self.state = State::Hole { partition: extent.partition, expected: after + 1, found };
                return Ok(());
            }
        }
        // The broker that said so was behind its own partition.
        self.assign().map_err(failed)?;
        self.state = State::Following;
        Ok(())
    }
}

/// The record of a message, if it was not seen before.
fn take(after: &mut Positions, message: &impl Message) -> Result<Option<Record>, State> {
    let partition = message.partition();
    let pos = u64::try_from(message.offset()).unwrap_or(0) + 1;
    let seen = after.entry(partition).or_default();
    let expected = *seen + 1;
    if pos > expected {
        return Err(State::Hole { partition, expected, found: pos });
    }
    if pos < expected {
        return Ok(None);
    }
    *seen = pos;
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let (key, payload) = (text(message.key()), text(message.payload()));
    Ok(Some(Record { partition, pos, key, payload, at: taken_at(message), trace: trace(message) }))
}

fn trace(message: &impl Message) -> Option<Context> {
    let headers = message.headers()?;
    let found = headers.iter().find(|header| header.key == TRACEPARENT)?;
    std::str::from_utf8(found.value?).ok()?.parse().ok()
}

/// What an error changes. Most mend themselves: a broker is away, a leader has moved.
fn heard(error: &KafkaError, topic: &str) -> Option<State> {
    use RDKafkaErrorCode as Code;
    match error {
        KafkaError::MessageConsumption(Code::AutoOffsetReset | Code::OffsetOutOfRange) => {
            Some(State::Outside)
        }
        KafkaError::MessageConsumption(
            Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::TopicAuthorizationFailed
            | Code::Authentication
            | Code::BadMessage
            | Code::BadCompression,
        )
        | KafkaError::MessageConsumptionFatal(_) => Some(State::Failed(format!("topic {topic}: {error}"))),
        _ => None,
    }
}

fn failed(error: KafkaError) -> ReadError {
    ReadError::Failed(error.to_string())
}
