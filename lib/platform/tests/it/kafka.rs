//! What only a log on a cluster can show: other hubs on it, topics that somebody else made, a broker that dies.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use mshub_platform::{
    Clock,
    bus::{AppendError, Bus, OpenError, Pending, Positions, ReadError},
    testing::{Link, Proxy, engines::doors},
};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use tokio::time::Instant;
use wire::paths::TOPIC_CHAT;

use crate::engines;

const PATIENCE: Duration = Duration::from_secs(60);

/// A log of its own on the real cluster, if there is one.
struct Place {
    url: String,
    brokers: String,
    topic: String,
}

impl Place {
    async fn there_is() -> Option<Self> {
        let url = engines::kafka().await?;
        let (brokers, query) = url.strip_prefix("kafka://")?.split_once('?')?;
        let brokers = brokers.trim_end_matches('/').to_owned();
        let prefix = query.split('&').rev().find_map(|option| option.strip_prefix("prefix="))?;
        let (url, topic) = (format!("kafka://{brokers}?prefix={prefix}"), format!("{prefix}{TOPIC_CHAT}"));
        Some(Self { url, brokers, topic })
    }

    async fn open(&self) -> Result<Bus, OpenError> {
        Bus::open(&self.url, Clock::System).await
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap()
    }

    /// Makes the topic as an administrator would who has not read the manual.
    async fn make(&self, settings: &[(&str, &str)]) {
        let topic = NewTopic::new(&self.topic, 3, TopicReplication::Fixed(1));
        let topic = settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value));
        let made = self.admin().create_topics([&topic], &AdminOptions::new()).await.unwrap();
        made[0].as_ref().unwrap();
        self.has_partitions(3).await;
    }

    async fn delete(&self) {
        let deleted = self.admin().delete_topics(&[&self.topic], &AdminOptions::new()).await.unwrap();
        deleted[0].as_ref().unwrap();
        self.has_partitions(0).await;
    }

    /// Waits until the broker says so: what an administrator was told is done is seen by others a moment later.
    async fn has_partitions(&self, count: usize) {
        let (admin, deadline) = (self.admin(), Instant::now() + PATIENCE);
        let seen = || -> usize {
            let told = admin.inner().fetch_metadata(Some(&self.topic), PATIENCE).unwrap();
            told.topics()
                .iter()
                .filter(|topic| topic.error().is_none())
                .map(|topic| topic.partitions().len())
                .sum()
        };
        while count != seen() {
            assert!(Instant::now() < deadline, "{} does not come to {count} partitions", self.topic);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn next(tail: &mut mshub_platform::bus::Tail) -> Result<Vec<String>, ReadError> {
    let records = tokio::time::timeout(PATIENCE, tail.next()).await.unwrap()?;
    Ok(records.iter().map(|record| record.payload.clone()).collect())
}

#[tokio::test]
async fn two_hubs_on_one_log_see_each_other() {
    let Some(place) = Place::there_is().await else { return };
    let (one, other) = tokio::join!(place.open(), place.open());
    let (one, other) = (one.unwrap(), other.unwrap());
    let mut tail = other.tail(TOPIC_CHAT, Positions::new()).await.unwrap();

    let first = one.append(TOPIC_CHAT, "room", "from one".into()).await.unwrap();
    assert_eq!(next(&mut tail).await.unwrap(), ["from one"]);
    let second = other.append(TOPIC_CHAT, "room", "from the other".into()).await.unwrap();
    assert_eq!(next(&mut tail).await.unwrap(), ["from the other"]);

    assert_eq!((first.partition, second.partition), (one.partition("room"), other.partition("room")));
    assert_eq!((first.pos, second.pos), (1, 2));
    assert_eq!(one.epoch(first.partition), other.epoch(first.partition));
    assert_eq!(one.heads(TOPIC_CHAT).await.unwrap(), other.heads(TOPIC_CHAT).await.unwrap());
    assert_eq!(one.heads(TOPIC_CHAT).await.unwrap().len(), 12);
}

#[tokio::test]
async fn a_log_is_the_same_after_a_restart_and_another_after_it_was_deleted() {
    let Some(place) = Place::there_is().await else { return };
    let bus = place.open().await.unwrap();
    let before = bus.append(TOPIC_CHAT, "room", "before".into()).await.unwrap();
    for n in 2..=5 {
        assert_eq!(bus.append(TOPIC_CHAT, "room", n.to_string()).await.unwrap().pos, n);
    }
    let epoch = bus.epoch(before.partition);
    bus.close().await;

    let again = place.open().await.unwrap();
    assert_eq!(again.epoch(before.partition), epoch);
    assert_eq!(again.append(TOPIC_CHAT, "room", "after".into()).await.unwrap().pos, 6);
    let mut tail = again.tail(TOPIC_CHAT, Positions::from([(before.partition, 6)])).await.unwrap();

    place.delete().await;
    let anew = place.open().await.unwrap();
    assert_ne!(anew.epoch(before.partition), epoch);
    assert_eq!(anew.append(TOPIC_CHAT, "room", "a new log".into()).await.unwrap().pos, 1);

    // deploy/README.md: hubs that run take nothing more
    let refused = again.append(TOPIC_CHAT, "room", "into the old log".into()).await.unwrap_err();
    assert!(refused.to_string().contains("deleted"), "{refused}");
    assert!(again.ping().await.is_err());
    let lost = next(&mut tail).await;
    assert!(lost.is_err(), "{lost:?}");
}

#[tokio::test]
async fn a_topic_that_would_lose_records_is_refused_with_the_command_that_mends_it() {
    let Some(place) = Place::there_is().await else { return };
    place
        .make(&[
            ("retention.ms", "604800000"),
            ("cleanup.policy", "compact"),
            ("unclean.leader.election.enable", "true"),
            ("max.message.bytes", "100000"),
        ])
        .await;

    let refused = place.open().await.err().unwrap().to_string();

    let mend = format!("--alter --entity-type topics --entity-name {} --add-config ", place.topic);
    for part in [
        "retention.ms=604800000",
        "message.timestamp.type=CreateTime",
        "max.message.bytes=100000",
        &format!("kafka-configs.sh --bootstrap-server {} {mend}", place.brokers),
        "cleanup.policy=delete,retention.ms=-1,message.timestamp.type=LogAppendTime,unclean.leader.election.enable=false,max.message.bytes=1048588,delete.retention.ms=",
    ] {
        assert!(refused.contains(part), "{part} is not in: {refused}");
    }
}

#[tokio::test]
async fn a_topic_that_an_administrator_made_is_taken_once_it_is_as_it_was_asked_for() {
    let Some(place) = Place::there_is().await else { return };
    place.make(&[("max.message.bytes", "1000")]).await;
    let refused = place.open().await.err().unwrap().to_string();
    let (_, settings) = refused.rsplit_once("--add-config ").unwrap();
    let settings: Vec<_> = settings.split(',').map(|setting| setting.split_once('=').unwrap()).collect();

    place.delete().await;
    place.make(&settings).await;
    let bus = place.open().await.unwrap();

    // Nothing of it can be pressed together.
    let largest: String = (0..900_000).map(|_| rand::random_range('a'..='z')).collect();
    bus.append(TOPIC_CHAT, "room", largest).await.unwrap();
    assert_eq!(
        bus.heads(TOPIC_CHAT).await.unwrap().len(),
        3,
        "its own partitions win when the URL names none"
    );
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_again_and_no_record_is_there_twice() {
    let Some(place) = Place::there_is().await else { return };
    let Some([door, _]) = doors() else { return };
    let straight = place.open().await.unwrap();
    let proxy = Proxy::between(door.outside, door.inside).await.unwrap();
    let by_the_door = place.url.replacen(&place.brokers, &door.outside.to_string(), 1);
    let far = Bus::open(&by_the_door, Clock::System).await.unwrap();

    far.append(TOPIC_CHAT, "room", "first".into()).await.unwrap();

    // The broker takes what is sent, and every connection breaks before it can say so.
    proxy.set(Link::AckLost);
    let mut told = Vec::new();
    for n in 0..50 {
        told.push(far.enqueue(TOPIC_CHAT, "room", n.to_string()).await.unwrap());
    }
    let partition = far.partition("room");
    let deadline = Instant::now() + PATIENCE;
    while straight.heads(TOPIC_CHAT).await.unwrap()[&partition] == 1 {
        assert!(Instant::now() < deadline, "nothing arrives");
    }
    proxy.set(Link::Open);
    let told = join_all(told.into_iter().map(Pending::durable)).await;
    let last = far.append(TOPIC_CHAT, "room", "last".into()).await.unwrap();

    let mut tail = straight.tail(TOPIC_CHAT, Positions::new()).await.unwrap();
    let mut found = Vec::new();
    while found.last().is_none_or(|last| last != "last") {
        found.extend(next(&mut tail).await.unwrap());
    }
    assert_eq!(found.len() as u64, last.pos);
    let numbers: Vec<usize> = found.iter().filter_map(|payload| payload.parse().ok()).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "doubled or out of order: {numbers:?}");
    for (n, told) in told.into_iter().enumerate() {
        // On a machine that is busy it may have taken too long: then nobody knows, and it is there once or not at all.
        match told {
            Ok(at) => assert_eq!(found[usize::try_from(at.pos).unwrap() - 1], n.to_string()),
            Err(error) => assert!(matches!(error, AppendError::Unknown(_)), "{error}"),
        }
    }
}

#[tokio::test]
async fn partitions_that_are_added_later_move_no_key() {
    let Some(place) = Place::there_is().await else { return };
    let bus = place.open().await.unwrap();
    let keys: Vec<_> = (0..100).map(|n| format!("room {n}")).collect();
    let before: Vec<_> = keys.iter().map(|key| bus.partition(key)).collect();
    bus.close().await;

    let more = NewPartitions::new(&place.topic, 24);
    let added = place.admin().create_partitions([&more], &AdminOptions::new()).await.unwrap();
    added[0].as_ref().unwrap();
    place.has_partitions(24).await;

    let bus = place.open().await.unwrap();
    assert_eq!(keys.iter().map(|key| bus.partition(key)).collect::<Vec<_>>(), before);
    let asked = Bus::open(&format!("{}&partitions=24", place.url), Clock::System).await.err().unwrap();
    assert!(asked.to_string().contains("say partitions=12"), "{asked}");
}

#[tokio::test]
async fn records_that_were_deleted_are_a_hole_for_who_has_not_read_them() {
    let Some(place) = Place::there_is().await else { return };
    let bus = place.open().await.unwrap();
    let mut at = Vec::new();
    for n in 0..5 {
        at.push(bus.append(TOPIC_CHAT, "room", n.to_string()).await.unwrap());
    }
    let partition = at[0].partition;
    let mut until = rdkafka::TopicPartitionList::new();
    until.add_partition_offset(&place.topic, partition, rdkafka::Offset::Offset(3)).unwrap();
    place.admin().delete_records(&until, &AdminOptions::new()).await.unwrap();

    let bus = place.open().await.unwrap();
    let mut from_the_start = bus.tail(TOPIC_CHAT, Positions::new()).await.unwrap();
    let mut from_the_rest = bus.tail(TOPIC_CHAT, Positions::from([(partition, 3)])).await.unwrap();

    let hole = next(&mut from_the_start).await.unwrap_err();
    assert!(matches!(hole, ReadError::Hole { expected: 1, found: 4, .. }), "{hole}");
    let mut rest = next(&mut from_the_rest).await.unwrap();
    while rest.len() < 2 {
        rest.extend(next(&mut from_the_rest).await.unwrap());
    }
    assert_eq!(rest, ["3", "4"]);
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_named_without_the_password() {
    // Port 1 answers nobody.
    let error = Bus::open("kafka://user:secret@127.0.0.1:1", Clock::System).await.err().unwrap().to_string();

    assert!(error.contains("127.0.0.1:1"), "{error}");
    assert!(error.contains("is it running"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[tokio::test]
async fn positions_of_a_moment_are_found_in_every_partition() {
    let Some(place) = Place::there_is().await else { return };
    let bus = place.open().await.unwrap();
    let mut placed = Vec::new();
    for n in 0..60 {
        placed.push(bus.append(TOPIC_CHAT, &format!("room {}", n % 15), n.to_string()).await.unwrap());
    }
    let moment = placed[30].at;

    let before = bus.positions_before(TOPIC_CHAT, moment).await.unwrap();

    let mut expected: BTreeMap<i32, u64> = (0..12).map(|partition| (partition, 0)).collect();
    for older in placed.iter().filter(|placed| placed.at < moment) {
        expected.entry(older.partition).and_modify(|pos| *pos = older.pos.max(*pos));
    }
    assert_eq!(before, expected);
}
