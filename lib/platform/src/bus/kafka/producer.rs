//! Appending: one idempotent producer, an answer for each record, and a new producer when the old one has given up.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    ClientConfig, ClientContext, Message,
    config::RDKafkaLogLevel,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer},
};
use tokio::sync::oneshot;
use wire::Timestamp;

use super::{
    super::{AppendError, Appended},
    reader::Talk,
    topic::Topic,
};
use crate::traces::{Context, TRACEPARENT};

/// After this a record that the broker did not acknowledge is given up: its writer is told that nobody knows.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(5);

/// Appends to one topic.
pub(super) struct Producer {
    config: ClientConfig,
    topic: Arc<Topic>,
    current: RwLock<Arc<ThreadedProducer<Deliveries>>>,
    log: Arc<Written>,
    closed: AtomicBool,
}

/// What is known of the log from writing it.
struct Written {
    /// The newest acknowledged position of each partition.
    newest: Vec<AtomicU64>,
    /// Set when a record got a position that was taken before: this is not the log that was opened.
    replaced: AtomicBool,
}

/// What comes back with a record's delivery report.
struct Waiting {
    /// The newest position of the partition when the record was put in line.
    floor: u64,
    answer: oneshot::Sender<Result<Appended, AppendError>>,
}

struct Deliveries(Arc<Written>);

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Talk.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Talk.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Waiting>;

    fn delivery(&self, delivered: &DeliveryResult<'_>, waiting: Box<Waiting>) {
        let answer = match delivered {
            Ok(message) => self.0.take(message, waiting.floor),
            Err((error, _)) => Err(not_delivered(error)),
        };
        // Whoever hung up will send again with the same id.
        let _ = waiting.answer.send(answer);
    }
}

impl Written {
    fn newest(&self, partition: i32) -> Option<&AtomicU64> {
        self.newest.get(usize::try_from(partition).ok()?)
    }

    fn take(&self, message: &impl Message, floor: u64) -> Result<Appended, AppendError> {
        let Ok(offset) = u64::try_from(message.offset()) else {
            return Err(AppendError::Unknown("the broker gave the record no place".into()));
        };
        let (partition, pos) = (message.partition(), offset + 1);
        if pos <= floor {
            self.replaced.store(true, Ordering::Release);
            return Err(AppendError::Unknown(replaced()));
        }
        if let Some(newest) = self.newest(partition) {
            newest.fetch_max(pos, Ordering::AcqRel);
        }
        Ok(Appended { partition, pos, at: taken_at(message) })
    }
}

/// When the broker took a record, which it tells in milliseconds.
pub(super) fn taken_at(message: &impl Message) -> Timestamp {
    Timestamp::from_micros(message.timestamp().to_millis().unwrap_or(0).saturating_mul(1_000))
}

fn replaced() -> String {
    "the topic was deleted and made again, or its newest records were lost; restart the hub".into()
}

impl Producer {
    /// A producer of a topic whose partitions end at these positions.
    pub(super) fn new(client: &ClientConfig, topic: Arc<Topic>, newest: &[u64]) -> KafkaResult<Self> {
        let mut config = client.clone();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("max.in.flight.requests.per.connection", "5")
            .set("linger.ms", "1")
            .set("compression.type", "lz4")
            .set("message.timeout.ms", MESSAGE_TIMEOUT.as_millis().to_string())
            .set("retry.backoff.ms", "50")
            .set("queue.buffering.max.messages", "100000")
            .set("queue.buffering.max.kbytes", "65536");
        let log = Arc::new(Written {
            newest: newest.iter().copied().map(AtomicU64::new).collect(),
            replaced: AtomicBool::new(false),
        });
        let current = RwLock::new(Arc::new(config.create_with_context(Deliveries(log.clone()))?));
        Ok(Self { config, topic, current, log, closed: AtomicBool::new(false) })
    }

    /// Puts a record in line. Records of one partition are written in the order of these calls.
    pub(super) fn enqueue(
        &self,
        partition: i32,
        key: &str,
        payload: &str,
        trace: Option<Context>,
    ) -> Result<Pending, AppendError> {
        self.ping()?;
        let (answer, answered) = oneshot::channel();
        let floor = self.log.newest(partition).map_or(0, |newest| newest.load(Ordering::Acquire));
        let mut record = BaseRecord::with_opaque_to(&self.topic.name, Box::new(Waiting { floor, answer }))
            .partition(partition)
            .key(key)
            .payload(payload);
        if let Some(trace) = trace {
            let header = Header { key: TRACEPARENT, value: Some(&trace.to_string()) };
            record = record.headers(OwnedHeaders::new().insert(header));
        }
        match self.current().send(record) {
            Ok(()) => Ok(Pending(answered)),
            Err((error, _)) => Err(AppendError::Unavailable(words(&error))),
        }
    }

    /// Fails when appends cannot be taken. A producer that has given up is replaced here.
    pub(super) fn ping(&self) -> Result<(), AppendError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(AppendError::Unavailable("the log is closing".into()));
        }
        if self.log.replaced.load(Ordering::Acquire) {
            return Err(AppendError::Unavailable(replaced()));
        }
        self.renew()
    }

    /// After a fatal error a producer refuses everything for good. What it still held was answered "unknown".
    fn renew(&self) -> Result<(), AppendError> {
        if self.current().client().fatal_error().is_none() {
            return Ok(());
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let Some((_, why)) = current.client().fatal_error() else { return Ok(()) };
        tracing::warn!(why, "the producer has given up; a new one takes over");
        let fresh = self.config.create_with_context(Deliveries(self.log.clone()));
        let fresh = Arc::new(fresh.map_err(|error| AppendError::Unavailable(error.to_string()))?);
        let old = std::mem::replace(&mut *current, fresh);
        // Its end waits for its thread.
        tokio::task::spawn_blocking(move || drop(old));
        Ok(())
    }

    fn current(&self) -> Arc<ThreadedProducer<Deliveries>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Refuses more and writes what is in line, as long as that can take.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let current = self.current();
        let flushed = tokio::task::spawn_blocking(move || current.flush(MESSAGE_TIMEOUT * 2)).await;
        if !matches!(flushed, Ok(Ok(()))) {
            tracing::error!(?flushed, "not everything that was begun is in the log");
        }
    }
}

/// An append that waits for the broker.
pub(crate) struct Pending(oneshot::Receiver<Result<Appended, AppendError>>);

impl Pending {
    pub(crate) async fn durable(self) -> Result<Appended, AppendError> {
        self.0.await.unwrap_or_else(|_| Err(AppendError::Unknown("the producer was closed half way".into())))
    }
}

/// What a failed delivery means for the record: only some failures are sure.
fn not_delivered(error: &KafkaError) -> AppendError {
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(
            Code::MessageSizeTooLarge
            | Code::InvalidMessage
            | Code::InvalidMessageSize
            | Code::MessageBatchTooLarge
            | Code::InvalidRecord
            | Code::InvalidTimestamp
            | Code::PolicyViolation
            | Code::InvalidRequiredAcks
            | Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::PurgeQueue,
        ) => AppendError::Unavailable(words(error)),
        _ => AppendError::Unknown(words(error)),
    }
}

fn words(error: &KafkaError) -> String {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::QueueFull) => "too many records wait for the broker".into(),
        Some(RDKafkaErrorCode::MessageTimedOut) => {
            format!("the broker did not acknowledge it within {} s", MESSAGE_TIMEOUT.as_secs())
        }
        Some(code) => code.to_string(),
        None => error.to_string(),
    }
}
