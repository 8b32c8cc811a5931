//! A worker that ends anywhere goes on exactly where its database stands.

use std::sync::Arc;

use platform::{
    bus::Bus,
    db::Db,
    sqlx::{self, Connection as _},
    testing::TestEngines,
};
use wire::{RoomId, events::Hint, paths::SUBJECT_HINTS};

use crate::fixture::{Worker, said};

#[tokio::test]
async fn what_came_while_the_worker_was_down_is_taken_in_when_it_is_back() {
    let worker = Worker::start().await;
    let room = RoomId::new();
    let first = worker.append(said(room, "before")).await;
    worker.page_at(room, first).await;
    let engines = worker.stop().await;

    let record = serde_json::to_string(&wire::events::ChatRecord::RoomV1(said(room, "meanwhile"))).unwrap();
    let last = engines.bus.append(wire::paths::TOPIC_CHAT, &room.to_string(), record).await.unwrap().pos;
    let worker = Worker::on(engines).await;

    let bodies: Vec<_> = worker
        .page_at(room, last)
        .await
        .events
        .into_iter()
        .map(|event| event.what.body().to_owned())
        .collect();
    assert_eq!(bodies, ["before", "meanwhile"]);
}

#[tokio::test]
async fn killed_again_and_again_it_counts_every_record_exactly_once() {
    let mut worker = Worker::start().await;
    let room = RoomId::new();
    let mut last = 0;

    for round in 0..8 {
        for n in 0..50 {
            last = worker.append(said(room, &format!("{round}/{n}"))).await;
        }
        worker = Worker::on(worker.kill()).await;
    }

    let page = worker.page_at(room, last).await;
    let head = worker.head(room).await;
    assert_eq!(head.n, 400);
    assert_eq!(page.events.len(), 400);
    assert!(page.events.is_sorted_by_key(|event| event.pos));
}

#[tokio::test]
async fn each_batch_is_announced_with_its_heads() {
    let worker = Worker::start().await;
    let mut hints = worker.engines.fanout.subscribe(SUBJECT_HINTS).await;
    let room = RoomId::new();

    let pos = worker.append(said(room, "hi")).await;

    let hint = tokio::time::timeout(std::time::Duration::from_secs(60), hints.next()).await.unwrap().unwrap();
    let Hint::Persisted { heads } = serde_json::from_str(&hint).unwrap() else {
        unreachable!("another hint")
    };
    assert_eq!((heads[0].room, heads[0].pos, heads[0].n), (room, pos, 1));
}

#[tokio::test]
async fn a_history_of_another_log_is_not_mixed_with_this_one() {
    let worker = Worker::start().await;
    let room = RoomId::new();
    let pos = worker.append(said(room, "old")).await;
    worker.page_at(room, pos).await;
    let old = worker.stop().await;
    let fresh = platform::testing::TestEngines::open().await.unwrap();

    let db = Db::open(&old.database_url(), "chat", mshub_chat_worker::MIGRATIONS).await.unwrap();
    let engines = mshub_chat_worker::Engines {
        db,
        bus: fresh.bus.clone(),
        fanout: fresh.fanout.clone(),
        clock: fresh.clock.clone(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = mshub_chat_worker::Config { key: platform::service::internal::InternalKey::derive(b"x") };
    let refused = mshub_chat_worker::run(config, engines, listener, Box::new(|_| ()), Default::default())
        .await
        .unwrap_err();

    // deploy/README.md: nothing of before, until somebody decides: no chat-worker starts, and each says what to do
    let said = refused.to_string();
    for part in ["put the log's file back", "`mshub-chat-worker rebuild --discard`", &fresh.bus.epoch(0)] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
}

/// Engines whose log is embedded, whatever the others are: its files are there to be changed.
async fn on_an_embedded_log() -> Arc<TestEngines> {
    reopened(Arc::new(TestEngines::open().await.unwrap()), async |_| ()).await
}

/// Closes the log, lets something happen to its files, and opens it again.
async fn reopened(
    engines: Arc<TestEngines>,
    happens: impl AsyncFnOnce(&std::path::Path),
) -> Arc<TestEngines> {
    let mut engines = Arc::into_inner(engines).unwrap();
    engines.bus.close().await;
    let folder = engines.folder.path().join("log");
    happens(&folder).await;
    let url = format!("embedded:{}", folder.display());
    engines.bus = Bus::open(&url, engines.clock.clone()).await.unwrap();
    Arc::new(engines)
}

#[tokio::test]
async fn a_log_that_the_power_may_have_torn_is_followed_on_under_its_new_epoch() {
    let worker = Worker::on(on_an_embedded_log().await).await;
    let room = RoomId::new();
    let first = worker.append(said(room, "before")).await;
    worker.page_at(room, first).await;
    let epoch = worker.engines.bus.epoch(0);

    let engines = reopened(worker.stop().await, async |folder| {
        let file = format!("sqlite:{}", folder.join("log.db").display());
        let mut log = sqlx::SqliteConnection::connect(&file).await.unwrap();
        let torn = "INSERT INTO unflushed (boot) VALUES ('an earlier start of the machine')";
        sqlx::query(torn).execute(&mut log).await.unwrap();
        log.close().await.unwrap();
    })
    .await;
    let worker = Worker::on(engines).await;
    let last = worker.append(said(room, "after")).await;

    assert_ne!(worker.engines.bus.epoch(0), epoch);
    let page = worker.page_at(room, last).await;
    assert_eq!((page.events.len(), page.ep), (2, worker.engines.bus.epoch(0)));
    assert_eq!(worker.head(room).await.n, 2);
}

#[tokio::test]
async fn an_older_copy_of_the_log_is_refused_before_it_takes_a_place_twice() {
    let worker = Worker::on(on_an_embedded_log().await).await;
    let room = RoomId::new();
    let first = worker.append(said(room, "kept in the copy")).await;
    worker.page_at(room, first).await;
    let copy = tempfile::tempdir().unwrap();
    let copied = copy.path().join("log.db");
    let engines = reopened(worker.stop().await, async |folder| {
        std::fs::copy(folder.join("log.db"), &copied).unwrap();
    })
    .await;
    let worker = Worker::on(engines).await;
    let last = worker.append(said(room, "not in the copy")).await;
    worker.page_at(room, last).await;
    let engines = reopened(worker.stop().await, async |folder| {
        std::fs::copy(&copied, folder.join("log.db")).unwrap();
    })
    .await;

    let own = mshub_chat_worker::Engines {
        db: Db::open(&engines.database_url(), "chat", mshub_chat_worker::MIGRATIONS).await.unwrap(),
        bus: engines.bus.clone(),
        fanout: engines.fanout.clone(),
        clock: engines.clock.clone(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = mshub_chat_worker::Config { key: platform::service::internal::InternalKey::derive(b"x") };
    let refused = mshub_chat_worker::run(config, own, listener, Box::new(|_| ()), Default::default())
        .await
        .unwrap_err();

    assert!(refused.to_string().contains("older copy"), "{refused}");
    assert_eq!(refused.downcast_ref().map(platform::engines::OpenError::exit_code), Some(5));
}
