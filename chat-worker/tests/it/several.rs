//! Several workers on one log and one database.

use wire::RoomId;

use crate::fixture::{Worker, said};

#[tokio::test]
async fn two_workers_count_every_record_exactly_once() {
    let one = Worker::start().await;
    let two = one.beside().await;
    let rooms = [RoomId::new(), RoomId::new()];
    let mut last = 0;

    for n in 0..400 {
        last = one.append(said(rooms[n % 2], &n.to_string())).await;
    }

    for room in rooms {
        let page = one.page_at(room, last).await;
        assert_eq!(page.events.len(), 200);
        assert_eq!(two.head(room).await, one.head(room).await);
        // deploy/README.md: each event counts once
        assert_eq!(one.head(room).await.n, 200);
    }
}

#[tokio::test]
async fn the_other_worker_goes_on_when_one_falls_silent() {
    let one = Worker::start().await;
    let two = one.beside().await;
    let room = RoomId::new();
    for n in 0..50 {
        one.append(said(room, &n.to_string())).await;
    }
    one.page_at(room, 50).await;

    let engines = one.stop().await;
    let record = serde_json::to_string(&wire::events::ChatRecord::RoomV1(said(room, "alone"))).unwrap();
    let last = engines.bus.append(wire::paths::TOPIC_CHAT, &room.to_string(), record).await.unwrap().pos;

    // deploy/README.md: ✓✓ and search come later
    // deploy/README.md: another one goes on where it stopped
    assert_eq!(two.page_at(room, last).await.events.len(), 51);
}
