//! The history made anew from the log, and records that could not be read.

use mshub_chat_worker::{MIGRATIONS, dead_letters, rebuild};
use platform::{db::Db, sqlx};
use wire::{
    FileId, RoomId, UserId,
    events::{ChatRecord, What},
    files::File,
    heads::Standing,
    paths::TOPIC_CHAT,
    rooms::MemberRole,
};

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

fn file(name: &str) -> File {
    let (id, sha256, media_type) = (FileId::new(), format!("{:064x}", name.len()), "text/plain".to_owned());
    File { id, name: name.to_owned(), bytes: 7, sha256, media_type }
}

#[tokio::test]
async fn files_conversions_and_rooms_that_are_no_more_are_rebuilt_to_the_same_rows_and_heads() {
    let worker = Worker::start().await;
    let (room, closed, ann, bob) = (RoomId::new(), RoomId::new(), UserId::new(), UserId::new());
    let with_files = |name: &str| What::Said {
        body: String::new(),
        re: None,
        mentions: vec![bob],
        att: vec![file(name), file("the same")],
        removed: None,
    };
    let wish = || What::ConvertRequested {
        body: "a.csv".into(),
        to: "pdf".into(),
        file: Some(Box::new(file("a.csv"))),
        removed: None,
    };
    worker.does(room, ann, What::Created { body: "general".into() }).await;
    let kept = worker.does(room, ann, with_files("kept")).await;
    let removed = worker.does(room, ann, with_files("removed")).await;
    let done = worker.does(room, ann, wish()).await;
    let result = Some(Box::new(file("a.pdf")));
    let completed = What::ConvertCompleted {
        tgt: done,
        body: "a.pdf".into(),
        file: result,
        lost: vec!["formulas".into()],
        removed: None,
    };
    worker.does(room, ann, completed).await;
    let failed = worker.does(room, bob, wish()).await;
    let why = What::ConvertFailed { tgt: failed, body: "it is locked".into(), error: "encrypted".into() };
    worker.does(room, bob, why).await;
    worker.does(room, ann, What::Redacted { tgt: removed }).await;
    worker.does(room, bob, What::Redacted { tgt: failed }).await;
    worker.does(room, ann, What::Pinned { tgt: kept }).await;
    worker
        .does(room, ann, What::RoleChanged { user: bob, body: "Bob".into(), role: MemberRole::Moderator })
        .await;
    worker.does(room, ann, What::TopicChanged { body: "all".into() }).await;
    worker.does(room, ann, What::Renamed { body: "hall".into() }).await;
    worker.does(closed, ann, What::said("gone with its room")).await;
    worker.does(closed, ann, What::Closed).await;
    let last = worker.does(room, ann, What::Kicked { user: bob, body: "Bob".into() }).await;
    worker.page_at(room, last).await;
    let look = async |worker: &Worker, room| (worker.head(room).await, worker.page(room, &[]).await.events);
    let before = (look(&worker, room).await, look(&worker, closed).await);
    let db = database(&worker).await;
    let engines = worker.stop().await;

    rebuild(&db, &engines.bus, &engines.fanout, false).await.unwrap();

    let worker = Worker::on(engines).await;
    assert_eq!((look(&worker, room).await, look(&worker, closed).await), before);
    // What was removed is in the chain as it was.
    let (head, events) = before.0;
    let chain = events.iter().fold(Standing::default(), |standing, event| standing.after(event));
    assert_eq!((chain.head(room), chain.n), (head, 14));
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
    let chain = events.iter().fold(Standing::default(), |standing, event| standing.after(event));
    assert_eq!(worker.head(room).await, chain.head(room), "as if it had been readable from the beginning");
    assert_eq!(chain.n, 3);
    let next = worker.append(said(room, "four")).await;
    worker.page_at(room, next).await;
    assert_eq!(worker.head(room).await.n, 4, "the worker goes on from the new head");
    assert!(dead_letters::list(&db).await.unwrap().is_empty());
}
