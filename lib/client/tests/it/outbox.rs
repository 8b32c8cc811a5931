//! The outbox on disk between processes that die, and a hub that hears everything twice.

use std::{fs, path::Path};

use axum::{Json, routing::get};
use mshub_client::{Draft, Hub, LiveEvent, Outbox};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use wire::{
    ClientId, Code, MessageId, RoomId, Timestamp,
    frames::{ToClient, ToServer, close},
    paths,
};

use crate::{
    double::{serve, soon, with_token},
    live::{End, event, next, sockets},
};

async fn sends(hub: &mut End) -> (ClientId, String) {
    match hub.hear().await {
        ToServer::Send { cid, body, .. } => (cid, body),
        other => panic!("not a message: {other:?}"),
    }
}

fn ok(cid: ClientId, room: RoomId, pos: u64) -> ToClient {
    let (id, ts) = (MessageId::new(), Timestamp::from_micros(5));
    ToClient::Ok { cid, room, pos, id, ts, dup: false }
}

async fn queued(outbox: &Outbox, room: RoomId, bodies: &[&str]) -> Vec<ClientId> {
    let drafts: Vec<Draft> = bodies.iter().map(|body| Draft::new(room, (*body).to_owned())).collect();
    let cids = drafts.iter().map(|draft| draft.cid).collect();
    assert!(soon(outbox.put(drafts)).await.unwrap().is_empty());
    cids
}

#[tokio::test]
async fn what_a_process_left_is_sent_by_the_next_one_with_the_same_ids_and_in_order() {
    let (router, mut sockets) = sockets();
    let (hub, dir, room) =
        (with_token(&serve(router).await, "t"), tempfile::tempdir().unwrap(), RoomId::new());
    let cids = queued(&Outbox::at(dir.path()), room, &["one", "two"]).await;

    let mut live = hub.live_with(Outbox::at(dir.path()));
    let mut socket = next(&mut sockets).await;
    socket.welcome(25_000).await;

    for (cid, pos) in cids.iter().zip(1..) {
        assert_eq!(sends(&mut socket).await.0, *cid);
        socket.say(ok(*cid, room, pos)).await;
        assert!(matches!(event(&mut live).await, LiveEvent::Sent { cid: sent, .. } if sent == *cid));
    }
    let outbox = Outbox::at(dir.path());
    assert!(soon(outbox.list()).await.unwrap().is_empty());
    assert_eq!(soon(outbox.receipt(cids[1])).await.unwrap().unwrap().pos, 2);
}

#[tokio::test]
async fn an_answer_that_waits_still_names_the_message_that_it_answers() {
    let (router, mut sockets) = sockets();
    let (hub, dir, room) =
        (with_token(&serve(router).await, "t"), tempfile::tempdir().unwrap(), RoomId::new());
    let answer = Draft { re: Some(7), ..Draft::new(room, "yes".into()) };
    let plain = Draft::new(room, "also".into());
    soon(Outbox::at(dir.path()).put(vec![answer, plain])).await.unwrap();

    let _live = hub.live_with(Outbox::at(dir.path()));
    let mut socket = next(&mut sockets).await;
    socket.welcome(25_000).await;

    for (wanted, answered) in [("yes", Some(7)), ("also", None)] {
        let ToServer::Send { body, re, .. } = socket.hear().await else { panic!("not a message") };
        assert_eq!((body.as_str(), re), (wanted, answered));
    }
}

#[tokio::test]
async fn a_message_is_on_disk_before_it_is_told_and_before_it_is_sent() {
    let (router, mut sockets) = sockets();
    let (hub, dir, room) =
        (with_token(&serve(router).await, "t"), tempfile::tempdir().unwrap(), RoomId::new());
    let mut live = hub.live_with(Outbox::at(dir.path()));

    let cid = live.say(room, "hi".into());
    let told = loop {
        if let LiveEvent::Queued { draft, .. } = soon(live.next()).await.unwrap() {
            break (draft.cid, draft.body);
        }
    };

    assert_eq!(told, (cid, "hi".to_owned()));
    assert_eq!(soon(Outbox::at(dir.path()).list()).await.unwrap()[0].draft.cid, cid);
    let mut socket = next(&mut sockets).await;
    socket.welcome(25_000).await;
    assert_eq!(sends(&mut socket).await, (cid, "hi".to_owned()));
}

#[tokio::test]
async fn what_is_in_the_outbox_before_the_socket_is_opened_is_settled_too() {
    let (router, mut sockets) = sockets();
    let (hub, dir, room) =
        (with_token(&serve(router).await, "t"), tempfile::tempdir().unwrap(), RoomId::new());
    let outbox = Outbox::at(dir.path());
    let cids = queued(&outbox, room, &["mine"]).await;

    let mut live = hub.live_with(outbox);
    let mut socket = next(&mut sockets).await;
    socket.welcome(25_000).await;
    sends(&mut socket).await;
    socket.say(ok(cids[0], room, 1)).await;

    assert!(matches!(event(&mut live).await, LiveEvent::Sent { cid, .. } if cid == cids[0]));
}

#[tokio::test]
async fn what_waits_is_taken_over_while_the_socket_is_open() {
    let (router, mut sockets) = sockets();
    let (hub, dir, room) =
        (with_token(&serve(router).await, "t"), tempfile::tempdir().unwrap(), RoomId::new());
    let _live = hub.live_with(Outbox::at(dir.path()));
    let mut socket = next(&mut sockets).await;
    socket.welcome(25_000).await;

    let other = Outbox::at(dir.path());
    let cids = queued(&other, room, &["left behind"]).await;
    drop(other);

    assert_eq!(sends(&mut socket).await.0, cids[0]);
}

#[tokio::test]
async fn a_refused_message_stays_until_somebody_wants_it_sent_or_dropped() {
    let (router, mut sockets) = sockets();
    let (hub, dir, room) =
        (with_token(&serve(router).await, "t"), tempfile::tempdir().unwrap(), RoomId::new());
    let outbox = Outbox::at(dir.path());
    let mut live = hub.live_with(outbox.clone());
    let cid = live.say(room, "hi".into());
    let mut socket = next(&mut sockets).await;
    socket.welcome(25_000).await;
    sends(&mut socket).await;
    let refused = ToClient::Err {
        cid: Some(cid),
        id: None,
        room: Some(room),
        code: Code::NotFound.name().into(),
        detail: "no such room".into(),
        retry: false,
        unknown: false,
        after_ms: None,
    };
    socket.say(refused).await;

    assert!(
        matches!(event(&mut live).await, LiveEvent::Refused { problem, .. } if problem.code == "MSH-4040")
    );
    let kept = soon(Outbox::at(dir.path()).list()).await.unwrap();
    assert_eq!(kept[0].failed.as_ref().unwrap().detail, "no such room");

    assert_eq!(soon(outbox.again(Some(cid))).await.unwrap(), [cid]);
    assert_eq!(sends(&mut socket).await.0, cid);
    assert!(soon(outbox.withdraw(cid)).await.unwrap());
    assert_eq!(event(&mut live).await, LiveEvent::Dropped { cid, room });
}

#[tokio::test]
async fn an_id_that_is_too_old_for_the_hub_is_replaced_once_and_the_order_stays() {
    let (router, mut sockets) = sockets();
    let (hub, room) = (with_token(&serve(router).await, "t"), RoomId::new());
    let mut live = hub.live_with(Outbox::in_memory());
    let old = live.say(room, "old".into());
    let mut socket = next(&mut sockets).await;
    socket.welcome(25_000).await;
    sends(&mut socket).await;
    let stale = |cid| ToClient::Err {
        cid: Some(cid),
        id: None,
        room: Some(room),
        code: Code::StaleId.name().into(),
        detail: "too old".into(),
        retry: false,
        unknown: false,
        after_ms: None,
    };

    socket.say(stale(old)).await;
    let LiveEvent::Renewed { cid, fresh, .. } = event(&mut live).await else { panic!("no new id") };
    assert_eq!(cid, old);
    assert_eq!(sends(&mut socket).await, (fresh, "old".to_owned()));
    socket.say(stale(fresh)).await;

    assert!(matches!(event(&mut live).await, LiveEvent::Refused { cid, .. } if cid == fresh));
}

/// Makes every message of an outbox older.
fn age(dir: &Path, by_seconds: i64) {
    let path = dir.join("journal");
    let text = fs::read_to_string(&path).unwrap();
    let aged = text.lines().map(|line| {
        let Some(at) = line.find("\"at\":\"") else { return line.to_owned() };
        let then: jiff::Timestamp = line[at + 6..at + 33].parse().unwrap();
        let then = Timestamp::from(then).plus_seconds(-by_seconds).to_string();
        let note = format!("{}{then}{}", &line[9..at + 6], &line[at + 33..]);
        format!("{} {note}", hex::encode(&Sha256::digest(&note)[..4]))
    });
    fs::write(&path, format!("{}\n", aged.collect::<Vec<_>>().join("\n"))).unwrap();
}

/// A hub in whose room `said` is the only message.
async fn hub_that_has(room: RoomId, said: ClientId) -> (Hub, tokio::sync::mpsc::Receiver<End>) {
    let (router, sockets) = sockets();
    let event = json!({
        "id": MessageId::new(), "room": room, "pos": 7, "ts": Timestamp::from(jiff::Timestamp::now()),
        "by": wire::UserId::new(), "name": "Ann", "cid": said, "kind": "said", "body": "hi",
    });
    let page = json!({"events": [event], "ep": "e", "upto": 7, "persisted": 7, "more": false});
    let router = router.route(paths::ROOM_EVENTS, get(move || async move { Json(page) }));
    (with_token(&serve(router).await, "t"), sockets)
}

#[tokio::test]
async fn a_message_of_unknown_fate_is_looked_for_in_its_room_before_it_is_sent_again() {
    let (dir, room) = (tempfile::tempdir().unwrap(), RoomId::new());
    let cids = queued(&Outbox::at(dir.path()), room, &["arrived", "did not"]).await;
    age(dir.path(), 3_600);
    let (hub, mut sockets) = hub_that_has(room, cids[0]).await;

    let mut live = hub.live_with(Outbox::at(dir.path()));
    let mut socket = next(&mut sockets).await;
    socket.welcome(25_000).await;

    assert!(matches!(event(&mut live).await, LiveEvent::Sent { cid, pos: 7, .. } if cid == cids[0]));
    assert_eq!(sends(&mut socket).await, (cids[1], "did not".to_owned()));
}

#[tokio::test]
async fn what_fits_into_no_frame_is_refused_and_stops_nothing() {
    let (router, mut sockets) = sockets();
    let (hub, room) = (with_token(&serve(router).await, "t"), RoomId::new());
    let mut live = hub.live();
    let small = live.say(room, "small".into());
    let huge = live.say(room, "x".repeat(200 * 1024));
    next(&mut sockets).await.welcome(25_000).await;

    let refused = event(&mut live).await;
    let LiveEvent::Refused { cid, problem, .. } = refused else { panic!("{refused:?}") };
    assert_eq!((cid, problem.known()), (huge, Some(Code::TooLarge)));

    // A hub that takes less says so by hanging up.
    let large = live.say(room, "x".repeat(70 * 1024));
    let mut socket = next(&mut sockets).await;
    socket.welcome(25_000).await;
    assert_eq!(sends(&mut socket).await.0, small);
    assert_eq!(sends(&mut socket).await.0, large);
    socket.hang_up(close::TOO_LARGE).await;
    assert!(matches!(event(&mut live).await, LiveEvent::Refused { cid, .. } if cid == large));
    let mut socket = next(&mut sockets).await;
    socket.welcome(25_000).await;
    assert_eq!(sends(&mut socket).await.0, small);
}
