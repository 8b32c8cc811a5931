//! Messages as they are now, and what is unread of them.

use std::time::Duration;

use platform::{db::Db, each, sqlx};
use wire::{
    RoomId, UserId,
    events::{Mark, What},
    heads::{Link, Standing, digest},
    messages::{Count, Counted, MessagePage, Reaction},
    paths::{fill, internal},
};

use crate::fixture::Worker;

async fn messages(worker: &Worker, room: RoomId, pos: u64) -> MessagePage {
    worker.page_at(room, pos).await;
    worker.get(&fill(internal::MESSAGES, room), &[]).await
}

async fn unread(worker: &Worker, user: UserId, room: RoomId, pos: u64) -> (u64, u64) {
    let marks = [Mark { room, pos }, Mark { room: RoomId::new(), pos: 0 }];
    let counted: Vec<Counted> = worker.post(internal::UNREAD, user, &marks).await;
    let [here, elsewhere] = [counted[0].unread, counted[1].unread];
    assert_eq!((elsewhere.unread, elsewhere.mentions), (0, 0));
    (here.unread, here.mentions)
}

fn edited(tgt: u64, body: &str, mentions: Vec<UserId>) -> What {
    What::Edited { tgt, body: body.into(), mentions, removed: None }
}

#[tokio::test]
async fn what_was_done_to_a_message_is_folded_into_it() {
    let worker = Worker::start().await;
    let (room, ann, bob) = (RoomId::new(), UserId::new(), UserId::new());
    let first = worker.does(room, ann, What::said("one")).await;
    let second = worker.does(room, bob, What::said("two")).await;
    // A batch of its own, so that the first message is found in the database.
    worker.page_at(room, second).await;

    let edit = worker.does(room, ann, edited(first, "one, corrected", Vec::new())).await;
    worker.does(room, bob, What::Reacted { tgt: first, body: "👍".into() }).await;
    let last = worker.does(room, bob, What::Pinned { tgt: second }).await;

    let page = messages(&worker, room, last).await;
    let [one, two] = &page.messages[..] else { unreachable!("{page:?}") };
    assert_eq!((one.body.as_str(), one.edits.as_slice()), ("one, corrected", &[edit][..]));
    assert_eq!(one.reactions, [Reaction { body: "👍".into(), by: vec![bob] }]);
    assert!(two.pinned && !one.pinned);
    let pins: MessagePage = worker.get(&fill(internal::PINS, room), &[]).await;
    assert_eq!(pins.messages, std::slice::from_ref(two));
    let newest: MessagePage = worker.get(&fill(internal::MESSAGES, room), &[("limit", "1".into())]).await;
    assert_eq!((newest.messages.as_slice(), newest.more), (std::slice::from_ref(two), true));
}

#[tokio::test]
async fn a_removed_text_is_gone_from_every_table_and_the_chain_still_holds() {
    let worker = Worker::start().await;
    let (room, ann) = (RoomId::new(), UserId::new());
    let first = worker.does(room, ann, What::said("zanzibar")).await;
    worker.page_at(room, first).await;
    worker.does(room, ann, edited(first, "quetzalcoatl", Vec::new())).await;
    worker.does(room, ann, What::Redacted { tgt: first }).await;
    let late = worker.does(room, ann, edited(first, "xylophone", Vec::new())).await;

    let page = messages(&worker, room, late).await;
    assert_eq!(page.messages[0].body, "");
    assert_eq!(page.messages[0].removed.unwrap().by, ann);
    let events = worker.page(room, &[]).await.events;
    let standing = events.iter().fold(Standing::default(), |standing, event| standing.after(event));
    assert_eq!(worker.head(room).await, standing.head(room));
    assert_eq!(Link::of(&events[0]).body, digest("zanzibar"));

    let engines = worker.stop().await;
    let db = Db::open(&engines.database_url(), "chat", mshub_chat_worker::MIGRATIONS).await.unwrap();
    for table in ["events", "folds"] {
        let column = if table == "events" { "what" } else { "fold" };
        let select = sqlx::AssertSqlSafe(format!("SELECT {column} FROM {table}"));
        let rows: Vec<String> =
            each!(db.reader(), pool => sqlx::query_scalar(select).fetch_all(pool).await).unwrap();
        for word in ["zanzibar", "quetzalcoatl", "xylophone"] {
            assert!(rows.iter().all(|row| !row.contains(word)), "{word} is still in {table}");
        }
    }
}

#[tokio::test]
async fn what_others_said_after_the_mark_and_did_not_take_back_is_unread() {
    let worker = Worker::start().await;
    let (room, ann, bob) = (RoomId::new(), UserId::new(), UserId::new());
    let to_ann = |body: &str| What::Said {
        body: body.into(),
        re: None,
        mentions: vec![ann],
        att: Vec::new(),
        removed: None,
    };
    let before = worker.does(room, bob, What::said("before")).await;
    worker.does(room, ann, What::said("my own does not count")).await;
    worker.does(room, bob, What::Joined).await;
    let named = worker.does(room, bob, to_ann("@ann")).await;
    let last = worker.does(room, bob, What::said("two")).await;
    worker.page_at(room, last).await;

    assert_eq!(unread(&worker, ann, room, 0).await, (3, 1));
    assert_eq!(unread(&worker, ann, room, before).await, (2, 1));
    assert_eq!(unread(&worker, bob, room, 0).await, (1, 0));
    assert_eq!(unread(&worker, ann, room, last).await, (0, 0));

    worker.does(room, bob, edited(named, "nobody", Vec::new())).await;
    let edit = worker.does(room, bob, edited(last, "now @ann", vec![ann])).await;
    worker.page_at(room, edit).await;
    assert_eq!(unread(&worker, ann, room, named).await, (1, 1));
    assert_eq!(unread(&worker, ann, room, before).await, (2, 1));

    let gone = worker.does(room, bob, What::Redacted { tgt: last }).await;
    worker.page_at(room, gone).await;
    assert_eq!(unread(&worker, ann, room, before).await, (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_of_one_moment_while_the_database_moves() {
    let worker = Worker::start().await;
    let (room, ann, bob) = (RoomId::new(), UserId::new(), UserId::new());
    let first = worker.does(room, ann, What::said("first")).await;
    // Of every two places after the first one, the second takes away what the first one brought.
    let last = first + 200;
    let there = |upto: u64| 1 + upto.saturating_sub(first) % 2;
    let moves = async {
        for _ in 0..100 {
            let tgt = worker.does(room, ann, What::said("here")).await;
            worker.does(room, ann, What::Redacted { tgt }).await;
        }
    };
    let counts = [Count { mark: Mark { room, pos: 0 }, show: vec![first, first + 1] }];
    let looks = async {
        let mut upto = first;
        while upto < last {
            let counted: Vec<Counted> = worker.post(internal::UNREAD, bob, &counts).await;
            let Counted { unread, shown, .. } = &counted[0];
            upto = counted[0].upto;
            assert_eq!(unread.unread, if upto < first { 0 } else { there(upto) }, "at {upto}");
            let was_removed = shown.iter().any(|message| message.removed.is_some());
            assert_eq!(was_removed, upto >= first + 2, "at {upto}: {shown:?}");

            let page: MessagePage =
                worker.get(&fill(internal::MESSAGES, room), &[("after", (first - 1).to_string())]).await;
            let left = page.messages.iter().filter(|message| message.removed.is_none()).count() as u64;
            assert_eq!(left, if page.upto < first { 0 } else { there(page.upto) }, "at {}", page.upto);
            let page = worker.page(room, &[("limit", "1".into())]).await;
            let newest = page.events.last().map_or(page.persisted, |event| event.pos);
            assert_eq!(newest, page.persisted);
        }
    };

    let both = async { tokio::join!(moves, looks) };

    tokio::time::timeout(Duration::from_secs(120), both).await.unwrap();
}

#[tokio::test]
async fn a_room_that_closes_leaves_nothing_to_read() {
    let worker = Worker::start().await;
    let (room, ann) = (RoomId::new(), UserId::new());
    let first = worker.does(room, ann, What::said("one")).await;
    worker.page_at(room, first).await;
    worker.does(room, ann, What::said("two")).await;
    let closed = worker.does(room, ann, What::Closed).await;

    assert!(messages(&worker, room, closed).await.messages.is_empty());
    let events = worker.page(room, &[]).await.events;
    assert!(events.iter().all(|event| event.what.body().is_empty()), "{events:?}");
    assert_eq!(unread(&worker, UserId::new(), room, 0).await, (0, 0));
    assert_eq!(worker.head(room).await.n, 3);
}

#[tokio::test]
async fn a_rebuilt_history_folds_to_the_same_messages() {
    let worker = Worker::start().await;
    let (room, ann, bob) = (RoomId::new(), UserId::new(), UserId::new());
    let first = worker.does(room, ann, What::said("one")).await;
    let second = worker.does(room, bob, What::said("two")).await;
    worker.page_at(room, second).await;
    worker.does(room, ann, edited(first, "one @bob", vec![bob])).await;
    worker.does(room, ann, What::Reacted { tgt: second, body: "👍".into() }).await;
    worker.does(room, ann, What::Redacted { tgt: second }).await;
    let last = worker.does(room, bob, What::Pinned { tgt: first }).await;
    let before = messages(&worker, room, last).await.messages;
    let (head, counts) = (worker.head(room).await, unread(&worker, bob, room, 0).await);
    let engines = worker.stop().await;
    let db = Db::open(&engines.database_url(), "chat", mshub_chat_worker::MIGRATIONS).await.unwrap();

    mshub_chat_worker::rebuild(&db, &engines.bus, &engines.fanout, false).await.unwrap();

    let worker = Worker::on(engines).await;
    assert_eq!(messages(&worker, room, last).await.messages, before);
    assert_eq!(worker.head(room).await, head);
    assert_eq!((unread(&worker, bob, room, 0).await, counts), ((1, 1), (1, 1)));
}
