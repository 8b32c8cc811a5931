//! The contract of the durable log.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{FutureExt, future::join_all};
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
        let next = tokio::time::timeout(Duration::from_secs(60), tail.next()).await;
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
        assert_eq!(first.partition, bus.partition("one room"));
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

#[tokio::test]
async fn a_tail_without_positions_reads_every_partition_from_its_beginning() {
    on_every_engine(async |bus| {
        let keys: Vec<_> = (0..64).map(|n| format!("room {n}")).collect();
        let mut pending = Vec::new();
        for n in 0..5 {
            for key in &keys {
                pending.push(bus.enqueue(TOPIC_CHAT, key, n.to_string()).await.unwrap());
            }
        }
        for pending in join_all(pending.into_iter().map(|pending| pending.durable())).await {
            pending.unwrap();
        }

        let mut tail = bus.tail(TOPIC_CHAT, Positions::new()).await.unwrap();
        let read = take(&mut tail, 320).await;

        for key in &keys {
            let of_key: Vec<_> = read.iter().filter(|record| record.key == *key).collect();
            assert!(of_key.iter().all(|record| record.partition == bus.partition(key)));
            let payloads: Vec<_> = of_key.iter().map(|record| record.payload.as_str()).collect();
            assert_eq!(payloads, ["0", "1", "2", "3", "4"]);
        }
        let partitions = bus.heads(TOPIC_CHAT).await.unwrap();
        let used = partitions.values().filter(|head| **head > 0).count();
        assert!(used * 2 > partitions.len(), "64 keys are in {used} of {} partitions", partitions.len());
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_stops_half_way_goes_on_where_it_was() {
    on_every_engine(async |bus| {
        let mut pending = Vec::new();
        for n in 0..1_000 {
            let key = format!("room {}", n % 20);
            pending.push(bus.enqueue(TOPIC_CHAT, &key, n.to_string()).await.unwrap());
        }
        join_all(pending.into_iter().map(|pending| pending.durable())).await;

        let mut seen = Positions::new();
        let mut payloads = Vec::new();
        while payloads.len() < 1_000 {
            // Each reader takes one batch, of which only a part is kept before it dies.
            let mut tail = bus.tail(TOPIC_CHAT, seen.clone()).await.unwrap();
            let batch = tokio::time::timeout(Duration::from_secs(60), tail.next()).await.unwrap().unwrap();
            for record in batch.iter().take(300) {
                assert_eq!(record.pos, seen.get(&record.partition).copied().unwrap_or(0) + 1);
                seen.insert(record.partition, record.pos);
                payloads.push(record.payload.clone());
            }
        }

        payloads.sort();
        payloads.dedup();
        assert_eq!(payloads.len(), 1_000);
        assert_eq!(
            seen,
            bus.heads(TOPIC_CHAT).await.unwrap().into_iter().filter(|(_, head)| *head > 0).collect()
        );
    })
    .await;
}

#[tokio::test]
async fn a_call_for_the_next_records_that_is_dropped_has_taken_none() {
    on_every_engine(async |bus| {
        let mut tail = bus.tail(TOPIC_CHAT, Positions::new()).await.unwrap();

        let writer = tokio::spawn({
            let bus = bus.clone();
            async move {
                for n in 0..200 {
                    bus.append(TOPIC_CHAT, "room", n.to_string()).await.unwrap();
                }
            }
        });
        let mut payloads = Vec::new();
        let all = async {
            while payloads.len() < 200 {
                // Asks once and gives up, again and again.
                match tail.next().now_or_never() {
                    Some(records) => {
                        payloads.extend(records.unwrap().iter().map(|record| record.payload.clone()));
                    }
                    None => tokio::task::yield_now().await,
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(300), all).await.unwrap();

        assert_eq!(payloads, (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
        writer.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_thousand_records_of_one_key_keep_the_order_they_were_put_in_line() {
    on_every_engine(async |bus| {
        let mut pending = Vec::new();
        for n in 0..1_000 {
            pending.push(bus.enqueue(TOPIC_CHAT, "room", n.to_string()).await.unwrap());
        }
        let placed: Vec<_> = join_all(pending.into_iter().map(|pending| pending.durable())).await;

        let mut tail = bus.tail(TOPIC_CHAT, Positions::new()).await.unwrap();
        let read = take(&mut tail, 1_000).await;

        for (n, (record, placed)) in read.iter().zip(placed).enumerate() {
            let placed = placed.unwrap();
            assert_eq!((record.pos, record.payload.as_str()), (placed.pos, n.to_string().as_str()));
            assert_eq!(record.at, placed.at);
        }
    })
    .await;
}

#[tokio::test]
async fn a_log_that_is_open_is_ready_and_a_closed_one_is_not() {
    on_every_engine(async |bus| {
        bus.ping().await.unwrap();
        let begun = bus.enqueue(TOPIC_CHAT, "room", "begun".into()).await.unwrap();

        bus.close().await;

        begun.durable().await.unwrap();
        assert!(bus.append(TOPIC_CHAT, "room", "late".into()).await.is_err());
    })
    .await;
}
