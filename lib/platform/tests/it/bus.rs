//! The contract of the durable log.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use mshub_platform::{
    Clock,
    bus::{Bus, Positions, Record, Tail},
};
use wire::{Timestamp, paths::TOPIC_CHAT};

use crate::engines;

/// Tells a story on every engine, each on a log of its own.
async fn on_every_engine(story: impl AsyncFn(Bus)) {
    let folder = tempfile::tempdir().unwrap();
    for url in engines::buses(&folder).await {
        story(Bus::open(&url, Clock::System).await.unwrap()).await;
    }
}

/// The next `count` records of a tail.
async fn take(tail: &mut Tail, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    while records.len() < count {
        let next = tokio::time::timeout(Duration::from_secs(30), tail.next()).await;
        records.extend(
            next.expect("the tail ended before its records").unwrap().iter().map(|record| (**record).clone()),
        );
    }
    records
}

#[tokio::test]
async fn what_was_acknowledged_is_read_in_order_of_its_positions() {
    on_every_engine(async |bus| {
        let start = bus.heads(TOPIC_CHAT).await.unwrap();
        let mut tail = bus.tail(TOPIC_CHAT, start).await.unwrap();

        let mut acknowledged = Vec::new();
        for n in 0..20 {
            acknowledged.push(
                bus.append(TOPIC_CHAT, "room", format!("message {n} 'quoted' \"ünïcode\" \u{0}"))
                    .await
                    .unwrap(),
            );
        }

        let read = take(&mut tail, 20).await;
        for (n, (record, appended)) in read.iter().zip(&acknowledged).enumerate() {
            assert_eq!(
                (record.partition, record.pos, record.at),
                (appended.partition, appended.pos, appended.at)
            );
            assert_eq!(record.payload, format!("message {n} 'quoted' \"ünïcode\" \u{0}"));
            assert_eq!(record.key, "room");
        }
        assert!(acknowledged.is_sorted_by_key(|appended| appended.pos));
        assert!(acknowledged.is_sorted_by_key(|appended| appended.at));
    })
    .await;
}

#[tokio::test]
async fn records_put_in_line_one_after_the_other_keep_that_order() {
    on_every_engine(async |bus| {
        let mut pending = Vec::new();
        for n in 0..200 {
            pending.push(bus.enqueue(TOPIC_CHAT, "room", n.to_string()).await.unwrap());
        }

        let placed = join_all(pending.into_iter().map(|pending| pending.durable())).await;

        let positions: Vec<u64> = placed.into_iter().map(|placed| placed.unwrap().pos).collect();
        assert!(positions.is_sorted(), "{positions:?}");
    })
    .await;
}

#[tokio::test]
async fn many_writers_lose_nothing_and_positions_have_no_hole() {
    on_every_engine(async |bus| {
        let start = bus.heads(TOPIC_CHAT).await.unwrap();
        let mut tail = bus.tail(TOPIC_CHAT, start.clone()).await.unwrap();

        let writers = (0..50).map(|writer| {
            let bus = bus.clone();
            tokio::spawn(async move {
                for n in 0..20 {
                    bus.append(TOPIC_CHAT, &format!("room {}", writer % 7), format!("{writer}/{n}"))
                        .await
                        .unwrap();
                }
            })
        });
        join_all(writers).await.into_iter().for_each(Result::unwrap);

        let read = take(&mut tail, 1_000).await;
        let mut last: BTreeMap<i32, u64> = start;
        for record in &read {
            let expected = last.get(&record.partition).copied().unwrap_or(0) + 1;
            assert_eq!(record.pos, expected, "a hole in partition {}", record.partition);
            last.insert(record.partition, record.pos);
        }
        let mut payloads: Vec<_> = read.iter().map(|record| record.payload.clone()).collect();
        payloads.sort();
        payloads.dedup();
        assert_eq!(payloads.len(), 1_000);
        assert_eq!(bus.heads(TOPIC_CHAT).await.unwrap(), last);
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_begins_in_the_middle_gets_the_rest_and_then_what_comes() {
    on_every_engine(async |bus| {
        let mut appended = Vec::new();
        for n in 0..10 {
            appended.push(bus.append(TOPIC_CHAT, "room", n.to_string()).await.unwrap());
        }
        let middle = appended[4];

        let mut after = bus.heads(TOPIC_CHAT).await.unwrap();
        after.insert(middle.partition, middle.pos);
        let mut tail = bus.tail(TOPIC_CHAT, after).await.unwrap();
        let past = take(&mut tail, 5).await;
        bus.append(TOPIC_CHAT, "room", "live".into()).await.unwrap();
        let live = take(&mut tail, 1).await;

        assert_eq!(
            past.iter().map(|record| record.pos).collect::<Vec<_>>(),
            appended[5..].iter().map(|at| at.pos).collect::<Vec<_>>()
        );
        assert_eq!(live[0].payload, "live");
    })
    .await;
}

#[tokio::test]
async fn a_key_stays_in_its_partition_and_its_epoch_stays_the_same() {
    on_every_engine(async |bus| {
        let first = bus.append(TOPIC_CHAT, "one room", "a".into()).await.unwrap();
        let second = bus.append(TOPIC_CHAT, "one room", "b".into()).await.unwrap();

        assert_eq!(first.partition, second.partition);
        assert_eq!(bus.epoch(first.partition), bus.epoch(second.partition));
        assert!(!bus.epoch(first.partition).is_empty());
    })
    .await;
}

#[tokio::test]
async fn positions_before_a_moment_are_before_everything_taken_at_it_or_later() {
    on_every_engine(async |bus| {
        let first = bus.append(TOPIC_CHAT, "room", "a".into()).await.unwrap();
        let second = bus.append(TOPIC_CHAT, "room", "b".into()).await.unwrap();

        let before_all: Positions =
            bus.positions_before(TOPIC_CHAT, Timestamp::from_micros(0)).await.unwrap();
        let before_second = bus.positions_before(TOPIC_CHAT, second.at).await.unwrap();

        assert!(before_all.get(&first.partition).copied().unwrap_or(0) < first.pos);
        assert!(before_second.get(&second.partition).copied().unwrap_or(0) < second.pos);
    })
    .await;
}
