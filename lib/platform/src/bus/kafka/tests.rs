//! What a cluster does when it is not well, on librdkafka's own broker of many nodes: it has no topics' settings, so
//! the log is opened over a topic that the test says is fine.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};

use super::{
    super::{Appended, Record},
    *,
};

const PARTITIONS: i32 = 4;

struct Brokers {
    cluster: MockCluster<'static, DefaultProducerContext>,
    log: Log,
}

/// A cluster of three with a log on it.
async fn brokers() -> Brokers {
    let cluster = MockCluster::new(3).unwrap();
    cluster.create_topic(TOPIC_CHAT, PARTITIONS, 3).unwrap();
    let options = Options::parse(&format!("kafka://{}", cluster.bootstrap_servers())).unwrap();
    let reader = Reader::new(&options.client()).unwrap();
    let topic = Topic {
        name: TOPIC_CHAT.to_owned(),
        partitions: PARTITIONS,
        generation: "mock".to_owned(),
        in_step: 2,
    };
    let log = Log::over(options, reader, topic).await.unwrap();
    Brokers { cluster, log }
}

/// Everything in the log, as far as its heads say, in the order of its positions.
async fn all(log: &Log) -> Vec<Record> {
    let heads = log.heads(TOPIC_CHAT).await.unwrap();
    let count: u64 = heads.values().sum();
    let mut tail = log.tail(TOPIC_CHAT, &Positions::new()).unwrap();
    let mut records = Vec::new();
    while (records.len() as u64) < count {
        let next = tokio::time::timeout(Duration::from_secs(60), tail.next()).await;
        let next = next.expect("the tail ended before its records").unwrap();
        records.extend(next.iter().map(|record| (**record).clone()));
    }
    records
}

/// Appends `count` records over 8 keys, one after the other within a key, while `trouble` goes on.
async fn append_during(log: &Log, count: usize, trouble: impl AsyncFn()) -> Vec<Appended> {
    let writers = async {
        let mut pending = Vec::new();
        for n in 0..count {
            pending.push(log.enqueue(TOPIC_CHAT, &format!("room {}", n % 8), &n.to_string(), None).unwrap());
            if n % 16 == 0 {
                tokio::task::yield_now().await;
            }
        }
        join_all(pending.into_iter().map(Pending::durable)).await
    };
    let (answers, ()) = tokio::join!(writers, trouble());
    answers.into_iter().map(Result::unwrap).collect()
}

/// Each acknowledged record is there once, at its place, in the order of its key, and nothing else.
async fn assert_kept(log: &Log, appended: &[Appended]) {
    assert_these_kept(all(log).await, appended);
}

fn assert_these_kept(records: Vec<Record>, appended: &[Appended]) {
    let at: BTreeMap<_, _> = records.iter().map(|record| ((record.partition, record.pos), record)).collect();
    assert_eq!(records.len(), appended.len(), "records were doubled or lost");
    for (n, appended) in appended.iter().enumerate() {
        assert_eq!(at[&(appended.partition, appended.pos)].payload, n.to_string());
    }
    for key in 0..8 {
        let key = format!("room {key}");
        let of_key: Vec<usize> = at
            .values()
            .filter(|record| record.key == key)
            .map(|record| record.payload.parse().unwrap())
            .collect();
        assert!(of_key.is_sorted(), "{key}: {of_key:?}");
    }
}

#[tokio::test]
async fn leaders_may_move_while_records_are_written() {
    let Brokers { cluster, log } = brokers().await;

    let moved = RefCell::new(Vec::new());

    let appended = append_during(&log, 400, async || {
        for leader in [2, 3, 1, 2] {
            for partition in 0..PARTITIONS {
                cluster.partition_leader(TOPIC_CHAT, partition, Some(leader)).unwrap();
            }
            let at = log.append("mover", "moved").await;
            moved.borrow_mut().push(at);
        }
    })
    .await;

    let (movers, records): (Vec<_>, Vec<_>) =
        all(&log).await.into_iter().partition(|record| record.key == "mover");
    let places: Vec<u64> = movers.iter().map(|record| record.pos).collect();
    assert_eq!(places, moved.take().iter().map(|at| at.pos).collect::<Vec<_>>());
    assert_these_kept(records, &appended);
}

#[tokio::test]
async fn too_few_copies_for_a_moment_delay_records_and_lose_none() {
    let Brokers { cluster, log } = brokers().await;
    let short = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 3];
    cluster.request_errors(RDKafkaApiKey::Produce, &short);

    let appended = append_during(&log, 200, async || {}).await;

    assert_kept(&log, &appended).await;
}

#[tokio::test]
async fn too_few_copies_for_long_is_an_append_that_nobody_can_vouch_for() {
    let Brokers { cluster, log } = brokers().await;
    let short = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 1_000];
    cluster.request_errors(RDKafkaApiKey::Produce, &short);

    let refused = log.enqueue(TOPIC_CHAT, "room", "lost?", None).unwrap().durable().await.unwrap_err();

    assert!(matches!(refused, AppendError::Unknown(_)), "{refused}");
    assert!(refused.to_string().contains("within 5 s"), "{refused}");
    cluster.clear_request_errors(RDKafkaApiKey::Produce);
    log.enqueue(TOPIC_CHAT, "room", "again", None).unwrap().durable().await.unwrap();
}

#[tokio::test]
async fn a_line_that_is_long_delays_answers_and_changes_no_order() {
    let Brokers { cluster, log } = brokers().await;

    let appended = append_during(&log, 200, async || {
        for (broker, millis) in [(1, 300), (2, 20), (3, 150)] {
            cluster.broker_round_trip_time(broker, Duration::from_millis(millis)).unwrap();
        }
    })
    .await;

    assert_kept(&log, &appended).await;
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_one_that_nobody_can_vouch_for() {
    let Brokers { cluster, log } = brokers().await;
    let set = |millis| {
        for broker in 1..=3 {
            cluster.broker_round_trip_time(broker, Duration::from_millis(millis)).unwrap();
        }
    };
    let first = log.append("room", "first").await;

    // The brokers take it at once, and would say so when its writer has given up.
    set(6_000);
    let late = log.enqueue(TOPIC_CHAT, "room", "late", None).unwrap().durable().await.unwrap_err();
    set(0);
    let last = log.enqueue(TOPIC_CHAT, "room", "last", None).unwrap().durable().await.unwrap();

    assert!(matches!(late, AppendError::Unknown(_)), "{late}");
    let payloads: Vec<_> = all(&log).await.into_iter().map(|record| record.payload).collect();
    assert_eq!(payloads, ["first", "late", "last"]);
    assert_eq!((first.pos, last.pos), (1, 3));
}

#[tokio::test]
async fn a_record_that_the_broker_will_never_take_is_surely_not_written() {
    let Brokers { cluster, log } = brokers().await;
    cluster.request_errors(
        RDKafkaApiKey::Produce,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED],
    );

    let refused = log.enqueue(TOPIC_CHAT, "room", "no", None).unwrap().durable().await.unwrap_err();
    let too_large = log.enqueue(TOPIC_CHAT, "room", &"x".repeat(2_000_000), None).err().unwrap();

    assert!(matches!(refused, AppendError::Unavailable(_)), "{refused}");
    assert!(matches!(too_large, AppendError::Unavailable(_)), "{too_large}");
    assert_eq!(log.heads(TOPIC_CHAT).await.unwrap().values().sum::<u64>(), 0);
}

#[tokio::test]
async fn a_producer_that_has_given_up_is_replaced() {
    let Brokers { cluster, log } = brokers().await;
    let first = log.enqueue(TOPIC_CHAT, "room", "0", None).unwrap().durable().await.unwrap();
    // The broker claims that the first request in flight is out of order: no producer may go on after that.
    cluster.request_errors(
        RDKafkaApiKey::Produce,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER],
    );
    let given_up = log.enqueue(TOPIC_CHAT, "room", "never", None).unwrap().durable().await.unwrap_err();

    let second = log.enqueue(TOPIC_CHAT, "room", "1", None).unwrap().durable().await.unwrap();

    assert!(matches!(given_up, AppendError::Unknown(_)), "{given_up}");
    assert_eq!((first.pos, second.pos), (1, 2));
    log.ping().await.unwrap();
}

#[tokio::test]
async fn without_brokers_ping_fails_soon_and_the_tail_goes_on_when_they_are_back() {
    let Brokers { cluster, log } = brokers().await;
    log.ping().await.unwrap();
    let mut tail = log.tail(TOPIC_CHAT, &Positions::new()).unwrap();
    log.append("room", "before").await;
    assert_eq!(tail.next().await.unwrap()[0].payload, "before");

    for broker in 1..=3 {
        cluster.broker_down(broker).unwrap();
    }
    let failing = tokio::time::timeout(Duration::from_secs(20), log.ping()).await;
    assert!(matches!(failing, Ok(Err(AppendError::Unavailable(_)))), "{failing:?}");
    for broker in 1..=3 {
        cluster.broker_up(broker).unwrap();
    }

    let after = log.enqueue(TOPIC_CHAT, "room", "after", None).unwrap();
    let read = tokio::time::timeout(Duration::from_secs(60), tail.next()).await.unwrap().unwrap();
    assert_eq!(read[0].payload, "after");
    assert_eq!(after.durable().await.unwrap().pos, read[0].pos);
}

#[tokio::test]
async fn a_position_beyond_the_end_is_a_hole_that_stays() {
    let Brokers { cluster: _cluster, log } = brokers().await;
    let at = log.append("room", "only").await;
    let mut tail = log.tail(TOPIC_CHAT, &Positions::from([(at.partition, 50)])).unwrap();

    for _ in 0..2 {
        let lost = tokio::time::timeout(Duration::from_secs(60), tail.next()).await.unwrap().unwrap_err();

        assert!(
            matches!(lost, ReadError::Hole { partition, expected: 51, found: 1 } if partition == at.partition),
            "{lost}"
        );
    }
}

#[tokio::test]
async fn a_log_that_begins_anew_under_a_running_hub_takes_nothing_more() {
    let Brokers { cluster: _cluster, log } = brokers().await;
    let first = log.append("room", "0").await;
    // As if the topic had been deleted and made again: what was acknowledged lies beyond its end.
    let ahead = u64::from(u32::MAX);
    let newest: Vec<u64> = vec![ahead; usize::try_from(PARTITIONS).unwrap()];
    let Shared { options, topic, .. } = &*log.0;
    let producer = Producer::new(&options.client(), topic.clone(), &newest).unwrap();

    let refused = producer.enqueue(first.partition, "room", "1", None).unwrap().durable().await.unwrap_err();

    assert!(refused.to_string().contains("restart the hub"), "{refused}");
    assert!(matches!(producer.ping(), Err(AppendError::Unavailable(_))));
    assert!(producer.enqueue(first.partition, "room", "2", None).is_err());
}

impl Log {
    async fn append(&self, key: &str, payload: &str) -> Appended {
        self.enqueue(TOPIC_CHAT, key, payload, None).unwrap().durable().await.unwrap()
    }
}
