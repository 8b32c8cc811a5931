//! The search: words of some rooms, as the messages are now.

use std::time::Duration;

use wire::{
    RoomId, UserId,
    events::{ChatRecord, RoomFact, What},
    messages::{Found, Search, SearchOrder},
    paths::{TOPIC_CHAT, internal},
};

use crate::fixture::{Worker, said};

fn question(text: &str, rooms: &[RoomId]) -> Search {
    Search {
        text: text.into(),
        rooms: rooms.to_vec(),
        by: None,
        since: None,
        until: None,
        order: SearchOrder::Time,
        limit: 10,
        cursor: None,
    }
}

async fn found(worker: &Worker, search: &Search) -> Vec<String> {
    let found: Found = worker.post(internal::SEARCH, UserId::new(), search).await;
    found.items.into_iter().map(|message| message.body).collect()
}

#[tokio::test]
async fn words_are_found_in_the_rooms_that_are_named_and_nowhere_else() {
    let worker = Worker::start().await;
    let (here, there, ann, bob) = (RoomId::new(), RoomId::new(), UserId::new(), UserId::new());
    worker.does(here, ann, What::said("The build is green, Grüße")).await;
    worker.does(here, bob, What::said("green builds; is it green?")).await;
    let last = worker.does(there, bob, What::said("the build is red")).await;
    worker.page_at(there, last).await;
    let ask = async |text: &str| found(&worker, &question(text, &[here])).await.len();

    assert_eq!(found(&worker, &question("build", &[here])).await, ["The build is green, Grüße"]);
    assert_eq!(found(&worker, &question("THE build", &[here, there])).await.len(), 2);
    for (text, hits) in
        [("buil*", 2), ("\"is green\"", 1), ("is green", 2), ("grüße", 1), ("red", 0), ("green OR red", 0)]
    {
        assert_eq!(ask(text).await, hits, "{text}");
    }
    assert_eq!(found(&worker, &question("build", &[])).await.len(), 0);
    let by = Search { by: Some(bob), ..question("green", &[here, there]) };
    assert_eq!(found(&worker, &by).await, ["green builds; is it green?"]);
    let best = Search { order: SearchOrder::Rank, ..question("green", &[here]) };
    assert_eq!(found(&worker, &best).await.len(), 2);
}

#[tokio::test]
async fn an_edit_is_found_by_its_new_words_and_a_removed_message_not_at_all() {
    let worker = Worker::start().await;
    let (room, ann) = (RoomId::new(), UserId::new());
    let first = worker.does(room, ann, What::said("walrus")).await;
    let second = worker.does(room, ann, What::said("walrus too")).await;
    worker.page_at(room, second).await;

    let body = "narwhal".to_owned();
    worker.does(room, ann, What::Edited { tgt: first, body, mentions: Vec::new(), removed: None }).await;
    let last = worker.does(room, ann, What::Redacted { tgt: second }).await;
    worker.page_at(room, last).await;

    assert_eq!(found(&worker, &question("narwhal", &[room])).await, ["narwhal"]);
    assert!(found(&worker, &question("walrus", &[room])).await.is_empty());
}

#[tokio::test]
async fn a_long_answer_comes_in_pages_newest_first_without_a_seam() {
    let worker = Worker::start().await;
    let (room, ann) = (RoomId::new(), UserId::new());
    let mut last = 0;
    for nth in 0..25 {
        last = worker.does(room, ann, What::said(format!("needle {nth}"))).await;
    }
    let events = worker.page_at(room, last).await.events;
    let moments: Vec<_> = events.into_iter().map(|event| event.ts).collect();

    for order in [SearchOrder::Time, SearchOrder::Rank] {
        let (mut cursor, mut all) = (None, Vec::new());
        loop {
            let search = Search { cursor, order, ..question("needle", &[room]) };
            let page: Found = worker.post(internal::SEARCH, ann, &search).await;
            all.extend(page.items.into_iter().map(|message| message.body));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let wanted: Vec<_> = (0..25).rev().map(|nth| format!("needle {nth}")).collect();
        assert_eq!(all, wanted, "{order:?}");
    }
    let since = Search { since: Some(moments[24]), ..question("needle", &[room]) };
    assert_eq!(found(&worker, &since).await[0], "needle 24");
    let until = Search { until: Some(moments[0]), ..question("needle", &[room]) };
    assert!(found(&worker, &until).await.is_empty());
}

#[tokio::test]
async fn what_came_in_too_fast_for_the_index_is_found_when_it_has_caught_up() {
    let worker = Worker::start().await;
    let (room, ann) = (RoomId::new(), UserId::new());
    let first = worker.does(room, ann, What::said("first")).await;
    worker.page_at(room, first).await;
    let engines = worker.stop().await;
    let mut pending = Vec::new();
    for nth in 0..3_000 {
        let fact = RoomFact { by: ann, ..said(room, &format!("needle {nth}")) };
        let record = serde_json::to_string(&ChatRecord::RoomV1(fact)).unwrap();
        pending.push(engines.bus.enqueue(TOPIC_CHAT, &room.to_string(), record).await.unwrap());
    }
    for append in pending {
        append.durable().await.unwrap();
    }

    let worker = Worker::on(engines).await;
    // Changed before the index has come to it, and after.
    let removed = worker.does(room, ann, What::Redacted { tgt: first + 1 }).await;
    worker.page_at(room, removed).await;
    let needle = Search { limit: 100, ..question("needle", &[room]) };
    let complete = async {
        loop {
            let found: Found = worker.post(internal::SEARCH, ann, &needle).await;
            if found.behind.is_none() {
                return found;
            }
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(120), complete).await.unwrap();

    assert_eq!((found.items.len(), found.items[0].body.as_str()), (100, "needle 2999"));
    let gone = Search { limit: 100, ..question("\"needle 0\"", &[room]) };
    let found: Found = worker.post(internal::SEARCH, ann, &gone).await;
    assert!(found.items.is_empty(), "{found:?}");
}
