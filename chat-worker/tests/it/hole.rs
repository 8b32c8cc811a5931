//! A log that lacks a record is not followed behind it: the history waits until it is put back.

use std::{path::Path, sync::Arc};

use platform::{
    bus::Bus,
    sqlx::{self, Connection as _, SqliteConnection},
    testing::TestEngines,
};
use wire::{RoomId, events::ChatRecord, paths::TOPIC_CHAT};

use crate::fixture::{Worker, said};

/// Changes the closed log of some engines, and opens it again.
async fn changed(engines: Arc<TestEngines>, statements: &[&'static str]) -> Arc<TestEngines> {
    let mut engines = Arc::into_inner(engines).unwrap();
    engines.bus.close().await;
    let folder = engines.folder.path().join("log");
    if !statements.is_empty() {
        write(&folder, statements).await;
    }
    let url = format!("embedded:{}", folder.display());
    engines.bus = Bus::open(&url, engines.clock.clone()).await.unwrap();
    Arc::new(engines)
}

async fn write(folder: &Path, statements: &[&'static str]) {
    let file = format!("sqlite:{}", folder.join("log.db").display());
    let mut log = SqliteConnection::connect(&file).await.unwrap();
    for statement in statements {
        sqlx::query(*statement).execute(&mut log).await.unwrap();
    }
    log.close().await.unwrap();
}

#[tokio::test]
async fn nothing_behind_a_hole_is_taken_in_before_it_is_closed() {
    // Embedded, whatever the others are: its file is there to be changed.
    let engines = changed(Arc::new(TestEngines::open().await.unwrap()), &[]).await;
    let room = RoomId::new();
    for body in ["one", "two", "three"] {
        let record = serde_json::to_string(&ChatRecord::RoomV1(said(room, body))).unwrap();
        engines.bus.append(TOPIC_CHAT, &room.to_string(), record).await.unwrap();
    }
    let take =
        ["CREATE TABLE aside AS SELECT * FROM records WHERE pos = 2", "DELETE FROM records WHERE pos = 2"];
    let give_back = ["INSERT INTO records SELECT * FROM aside", "DROP TABLE aside"];

    let worker = Worker::on(changed(engines, &take).await).await;
    let before = worker.page_at(room, 1).await;
    // Whoever went on behind the hole would have taken this in with what is before it.
    let newest = worker.append(said(room, "four")).await;
    let standing = worker.page(room, &[]).await;
    let worker = Worker::on(changed(worker.stop().await, &give_back).await).await;
    let after = worker.page_at(room, newest).await;

    let bodies = |page: &wire::rooms::EventPage| -> Vec<String> {
        page.events.iter().map(|event| event.what.body().to_owned()).collect()
    };
    assert_eq!((bodies(&before), before.persisted), (vec!["one".to_owned()], 1));
    assert_eq!((bodies(&standing), standing.persisted), (vec!["one".to_owned()], 1));
    assert_eq!(bodies(&after), ["one", "two", "three", "four"]);
    assert_eq!(worker.head(room).await.n, 4);
}
