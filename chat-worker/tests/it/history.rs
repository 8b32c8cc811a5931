//! What the gateway reads.

use wire::{
    RoomId,
    paths::{TOPIC_CHAT, fill, internal},
};

use crate::fixture::{Worker, said};

#[tokio::test]
async fn what_was_said_is_read_in_order_and_only_in_its_room() {
    let worker = Worker::start().await;
    let (room, other) = (RoomId::new(), RoomId::new());

    worker.append(said(room, "one")).await;
    worker.append(said(other, "elsewhere")).await;
    let last = worker.append(said(room, "two")).await;

    let page = worker.page_at(room, last).await;
    let bodies: Vec<_> = page.events.iter().map(|event| event.what.body()).collect();
    assert_eq!(bodies, ["one", "two"]);
    assert_eq!(page.events[1].prev, Some(page.events[0].pos));
    assert!(!page.more);
}

#[tokio::test]
async fn pages_meet_without_a_seam_in_both_directions() {
    let worker = Worker::start().await;
    let room = RoomId::new();
    let mut last = 0;
    for n in 0..10 {
        last = worker.append(said(room, &n.to_string())).await;
    }
    let all = worker.page_at(room, last).await.events;

    let first = worker.page(room, &[("after", "0".into()), ("limit", "4".into())]).await;
    let second =
        worker.page(room, &[("after", first.events[3].pos.to_string()), ("limit", "100".into())]).await;
    assert!(first.more && !second.more);
    assert_eq!([first.events, second.events].concat(), all);

    let newest = worker.page(room, &[("limit", "3".into())]).await;
    let before =
        worker.page(room, &[("before", newest.events[0].pos.to_string()), ("limit", "100".into())]).await;
    assert!(newest.more && !before.more);
    assert_eq!([before.events, newest.events].concat(), all);
}

#[tokio::test]
async fn a_message_sent_twice_is_kept_once_at_its_first_place() {
    let worker = Worker::start().await;
    let room = RoomId::new();
    let fact = said(room, "once");

    let first = worker.append(fact.clone()).await;
    worker.append(fact.clone()).await;
    let last = worker.append(said(room, "after")).await;

    let page = worker.page_at(room, last).await;
    assert_eq!(page.events.iter().map(|event| event.pos).collect::<Vec<_>>(), [first, last]);
    let head = worker.head(room).await;
    assert_eq!((head.n, head.pos), (2, last));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_kept_aside_and_the_rest_goes_on() {
    let worker = Worker::start().await;
    let room = RoomId::new();

    worker.engines.bus.append(TOPIC_CHAT, "x", "{ this is no record".into()).await.unwrap();
    let last = worker.append(said(room, "after")).await;

    assert_eq!(worker.page_at(room, last).await.events.len(), 1);
}

#[tokio::test]
async fn nobody_but_the_gateway_reads() {
    let worker = Worker::start().await;
    let url = format!("{}{}", worker.url, fill(internal::HISTORY, RoomId::new()));

    let answer = platform::service::http_client().get(url).send().await.unwrap();

    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}
