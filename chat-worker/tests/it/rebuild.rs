//! The history made anew from the log, and records that could not be read.

use mshub_chat_worker::{MIGRATIONS, dead_letters, rebuild};
use platform::{db::Db, sqlx};
use wire::{RoomId, events::ChatRecord, paths::TOPIC_CHAT};

use crate::fixture::{Worker, said};

async fn database(worker: &Worker) -> Db {
    Db::open(&worker.engines.database_url(), "chat", MIGRATIONS).await.unwrap()
}

#[tokio::test]
async fn a_rebuilt_history_has_the_same_rows_and_heads() {
    let worker = Worker::start().await;
    let rooms = [RoomId::new(), RoomId::new(), RoomId::new()];
    let mut last = 0;
    let repeated = said(rooms[0], "twice");
    for n in 0..300 {
        last =
            worker.append(said(rooms[n % 3], &format!("message {n} \"quoted\" \\ ünïcode 👋 \u{0}"))).await;
        if n % 100 == 0 {
            last = worker.append(repeated.clone()).await;
        }
    }
    worker.engines.bus.append(TOPIC_CHAT, "x", "{ this is no record".into()).await.unwrap();
    worker.page_at(rooms[0], last).await;
    let mut before = Vec::new();
    for room in rooms {
        before.push((worker.head(room).await, worker.page(room, &[]).await.events));
    }
    let db = database(&worker).await;
    let engines = worker.stop().await;

    let done = rebuild(&db, &engines.bus, &engines.fanout, false).await.unwrap();

    assert_eq!(done.events, 301);
    assert_eq!(dead_letters::list(&db).await.unwrap().len(), 1);
    let worker = Worker::on(engines).await;
    for (room, (head, events)) in rooms.into_iter().zip(before) {
        assert_eq!(worker.head(room).await, head);
        assert_eq!(worker.page(room, &[]).await.events, events);
    }
}

#[tokio::test]
async fn a_rebuild_beside_a_running_worker_ends_with_the_same_heads() {
    let worker = Worker::start().await;
    let room = RoomId::new();
    let mut last = 0;
    for n in 0..200 {
        last = worker.append(said(room, &n.to_string())).await;
    }
    worker.page_at(room, last).await;
    let head = worker.head(room).await;
    let db = database(&worker).await;

    rebuild(&db, &worker.engines.bus, &worker.engines.fanout, false).await.unwrap();
    let last = worker.append(said(room, "and on")).await;

    assert_eq!(worker.page_at(room, last).await.events.len(), 201);
    assert_eq!(worker.head(room).await.n, head.n + 1);
}

#[tokio::test]
async fn a_history_of_another_log_is_given_up_only_when_told() {
    let worker = Worker::start().await;
    let room = RoomId::new();
    let pos = worker.append(said(room, "old")).await;
    worker.page_at(room, pos).await;
    let db = database(&worker).await;
    let old = worker.stop().await;
    let fresh = platform::testing::TestEngines::open().await.unwrap();
    let record = serde_json::to_string(&ChatRecord::RoomV1(said(room, "new"))).unwrap();
    fresh.bus.append(TOPIC_CHAT, &room.to_string(), record).await.unwrap();

    let refused = rebuild(&db, &fresh.bus, &fresh.fanout, false).await.unwrap_err();
    assert!(refused.to_string().contains("--discard"), "{refused}");
    let kept: i64 = platform::each!(db.reader(), pool => {
        sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(pool).await.unwrap()
    });
    assert_eq!(kept, 1);

    // deploy/README.md: the history stays as it was until `rebuild --discard` gives it up
    assert_eq!(rebuild(&db, &fresh.bus, &fresh.fanout, true).await.unwrap().events, 1);
    drop(old);
}

#[tokio::test]
async fn a_dead_letter_is_listed_dropped_or_put_into_its_place_when_it_can_be_read() {
    let worker = Worker::start().await;
    let room = RoomId::new();
    worker.append(said(room, "one")).await;
    let good = serde_json::to_string(&ChatRecord::RoomV1(said(room, "two"))).unwrap();
    let letter =
        worker.engines.bus.append(TOPIC_CHAT, &room.to_string(), "{ newer".into()).await.unwrap().pos;
    let garbage = worker.engines.bus.append(TOPIC_CHAT, "x", "{ garbage\0".into()).await.unwrap().pos;
    let last = worker.append(said(room, "three")).await;
    worker.page_at(room, last).await;
    let db = database(&worker).await;

    let listed = dead_letters::list(&db).await.unwrap();
    assert_eq!(listed.iter().map(|letter| letter.pos).collect::<Vec<_>>(), [letter, garbage]);
    assert_eq!(dead_letters::replay(&db).await.unwrap(), 0, "neither can be read yet");
    assert!(dead_letters::drop(&db, 0, garbage).await.unwrap());
    assert!(!dead_letters::drop(&db, 0, garbage).await.unwrap());

    // What a newer program would read in the same record.
    platform::each!(db.writer(), pool => {
        sqlx::query("UPDATE dead_letters SET payload = $1").bind(&good).execute(pool).await.unwrap();
    });
    assert_eq!(dead_letters::replay(&db).await.unwrap(), 1);

    let events = worker.page(room, &[]).await.events;
    assert_eq!(events.iter().map(|event| event.what.body()).collect::<Vec<_>>(), ["one", "two", "three"]);
    assert!(events.windows(2).all(|pair| pair[1].prev == Some(pair[0].pos)));
    assert_eq!(worker.head(room).await.n, 3);
    let next = worker.append(said(room, "four")).await;
    worker.page_at(room, next).await;
    assert_eq!(worker.head(room).await.n, 4, "the worker goes on from the new head");
    assert!(dead_letters::list(&db).await.unwrap().is_empty());
}
