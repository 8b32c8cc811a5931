//! Saying and hearing on one gateway.

use serde_json::json;
use wire::{events::Hint, paths::SUBJECT_HINTS};

use super::socket::{Person, Socket, events};
use crate::fixture::Server;

#[tokio::test]
async fn what_is_said_is_acknowledged_and_heard_in_one_order() {
    let server = Server::start().await;
    let (ann, bob) = (Person::new(&server, "ann").await, Person::new(&server, "bob").await);
    let room = ann.room(&server, "general").await;
    bob.join(&server, &room).await;
    let (mut here, mut there) =
        (Socket::open(&server, &ann.token).await, Socket::open(&server, &bob.token).await);
    there.follow(&room, None).await;

    let mut cids = Vec::new();
    for n in 0..40 {
        cids.push(here.send(&room, &n.to_string()).await);
    }

    let mut acknowledged = Vec::new();
    for cid in &cids {
        let ok = here.next().await;
        assert_eq!((&ok["t"], &ok["cid"]), (&json!("ok"), &json!(cid)), "answers come in order");
        acknowledged.push(ok["pos"].as_u64().unwrap());
    }
    let heard = there.bodies(40).await;
    assert_eq!(heard.iter().map(|(pos, ..)| *pos).collect::<Vec<_>>(), acknowledged);
    assert!(heard.windows(2).all(|pair| pair[1].1 == Some(pair[0].0)), "each names the one before it");
    assert!(heard.iter().enumerate().all(|(n, (.., body))| *body == n.to_string()));
}

#[tokio::test]
async fn replies_and_what_is_done_to_a_message_go_over_the_socket_and_become_events() {
    let server = Server::start().await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let mut socket = Socket::open(&server, &ann.token).await;
    socket.follow(&room, None).await;
    let pos = socket.sent(&room, "tea?").await["pos"].clone();

    let mut said = vec![json!({ "t": "send", "body": "yes", "re": pos })];
    for op in [
        json!({ "op": "react", "body": "👍" }),
        json!({ "op": "edit", "body": "Tea?" }),
        json!({ "op": "pin" }),
        json!({ "op": "unpin" }),
        json!({ "op": "unreact", "body": "👍" }),
        json!({ "op": "redact" }),
    ] {
        let mut frame = op;
        (frame["t"], frame["tgt"]) = (json!("op"), pos.clone());
        said.push(frame);
    }
    for mut frame in said {
        let cid = uuid::Uuid::now_v7().to_string();
        (frame["cid"], frame["room"]) = (json!(cid), json!(room));
        socket.say(frame).await;
        let answer = socket.answer(&cid).await;
        assert_eq!(answer["t"], "ok", "{answer}");
    }
    let cid = uuid::Uuid::now_v7().to_string();
    let frame = json!({ "t": "op", "cid": cid, "room": room, "tgt": 999_999, "op": "redact" });
    socket.say(frame).await;
    let refused = socket.answer(&cid).await;

    assert_eq!((&refused["t"], &refused["code"]), (&json!("err"), &json!("MSH-4040")), "{refused}");
    let mut heard = Vec::new();
    while heard.len() < 8 {
        let frame = socket.next().await;
        heard.extend(events(&frame).cloned());
    }
    let kinds: Vec<_> = heard.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    let expected = ["said", "said", "reacted", "edited", "pinned", "unpinned", "unreacted", "redacted"];
    assert_eq!((&kinds[..], &heard[1]["re"]), (&expected[..], &pos));
    assert!(heard[2..].iter().all(|event| event["tgt"] == pos), "{heard:?}");
}

#[tokio::test]
async fn what_turns_out_to_be_a_repetition_is_told_to_whoever_follows_the_room() {
    let server = Server::start().await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let mut socket = Socket::open(&server, &ann.token).await;
    socket.follow(&room, None).await;
    let pos = socket.sent(&room, "twice").await["pos"].as_u64().unwrap();

    // As a chat-worker says it.
    let hint = Hint::Voided { room: room.parse().unwrap(), pos: vec![pos] };
    server.fanout.publish(SUBJECT_HINTS, serde_json::to_string(&hint).unwrap()).await;

    assert_eq!(socket.until("void").await, json!({ "t": "void", "room": room, "pos": [pos] }));
}

#[tokio::test]
async fn a_resend_is_answered_with_the_first_place_and_heard_once() {
    let server = Server::start().await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let mut socket = Socket::open(&server, &ann.token).await;
    socket.follow(&room, None).await;

    let cid = socket.send(&room, "once").await;
    let first = socket.answer(&cid).await;
    socket.send_as(&cid, &room, "once").await;
    let again = socket.answer(&cid).await;
    socket.send_as(&cid, &room, "another").await;
    let other = socket.answer(&cid).await;
    let path = format!("/api/v1/rooms/{room}/messages");
    let post = async |body: &str| server.post(&path, &ann.token, json!({ "cid": cid, "body": body })).await;
    let [posted, refused] = [post("once").await, post("another").await];
    socket.sent(&room, "after").await;

    assert_eq!(first["dup"], json!(null));
    assert_eq!((&again["pos"], &again["id"], &again["dup"]), (&first["pos"], &first["id"], &json!(true)));
    assert_eq!(
        (&other["t"], &other["code"], &other["retry"]),
        (&json!("err"), &json!("MSH-4090"), &json!(false))
    );
    assert_eq!(posted.good()["pos"], first["pos"]);
    assert_eq!((refused.status, refused.code().as_str()), (409, "MSH-4090"));
    let bodies: Vec<_> = socket.bodies(2).await.into_iter().map(|(.., body)| body).collect();
    assert_eq!(bodies, ["once", "after"]);
}

#[tokio::test]
async fn a_subscription_begins_with_the_newest_or_after_a_place_and_goes_on_live() {
    let server = Server::start().await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let mut socket = Socket::open(&server, &ann.token).await;
    let mut positions = Vec::new();
    for n in 0..5 {
        positions.push(socket.sent(&room, &n.to_string()).await["pos"].as_u64().unwrap());
    }

    let newest = socket.subscribe(&room, None, 2).await;
    let seen: Vec<_> = socket.bodies(2).await.into_iter().map(|(.., body)| body).collect();
    assert_eq!((&newest["mode"], newest["head"].as_u64()), (&json!("tail"), Some(positions[4])));
    assert_eq!(seen, ["3", "4"]);
    socket.until("live").await;

    let after = json!({ "ep": newest["ep"], "pos": positions[0] });
    let resumed = socket.subscribe(&room, Some(after), 0).await;
    let seen = socket.bodies(4).await;
    assert_eq!(resumed["mode"], "resume");
    assert_eq!(seen.iter().map(|(.., body)| body.as_str()).collect::<Vec<_>>(), ["1", "2", "3", "4"]);
    assert_eq!(socket.until("live").await["pos"].as_u64(), Some(positions[4]));

    socket.sent(&room, "5").await;
    assert_eq!(socket.bodies(1).await[0].1, Some(positions[4]));
}

#[tokio::test]
async fn somebody_who_leaves_hears_of_it_and_of_nothing_after_it() {
    let server = Server::start().await;
    let (ann, bob) = (Person::new(&server, "ann").await, Person::new(&server, "bob").await);
    let room = ann.room(&server, "general").await;
    bob.join(&server, &room).await;
    let (mut here, mut there) =
        (Socket::open(&server, &ann.token).await, Socket::open(&server, &bob.token).await);
    there.follow(&room, None).await;

    bob.leave(&server, &room).await;
    let refused = there.sent(&room, "after I left").await;

    assert_eq!(refused["code"], "MSH-4040", "{refused}");
    let mut kinds = Vec::new();
    loop {
        let frame = there.next().await;
        kinds.extend(events(&frame).map(|event| event["kind"].as_str().unwrap().to_owned()));
        if frame["t"] == "unsubbed" {
            break;
        }
    }
    assert_eq!(kinds.last().unwrap(), "left");
    here.sent(&room, "about bob").await;
    there.say(json!({ "t": "ping", "n": 7 })).await;
    assert_eq!(there.next().await, json!({ "t": "pong", "n": 7 }), "nothing of the room comes any more");
    assert_eq!(there.subscribe(&room, None, 9).await["code"], "MSH-4040");
}

#[tokio::test]
async fn what_was_said_before_leaving_is_answered_with_its_place_and_nothing_new_is_taken() {
    let server = Server::start().await;
    let (ann, bob) = (Person::new(&server, "ann").await, Person::new(&server, "bob").await);
    let room = ann.room(&server, "general").await;
    bob.join(&server, &room).await;
    let mut there = Socket::open(&server, &bob.token).await;
    let cid = there.send(&room, "before I left").await;
    let first = there.answer(&cid).await;

    bob.leave(&server, &room).await;
    there.send_as(&cid, &room, "before I left").await;
    let again = there.answer(&cid).await;

    assert_eq!((&again["t"], &again["pos"], &again["dup"]), (&json!("ok"), &first["pos"], &json!(true)));
    assert_eq!(there.sent(&room, "afterwards").await["code"], "MSH-4040");
    let page = server.get(&format!("/api/v1/rooms/{room}/events"), &ann.token).await.good();
    let said = page["events"].as_array().unwrap().iter().filter(|event| event["kind"] == "said");
    assert_eq!(said.count(), 1);
}

#[tokio::test]
async fn an_invited_person_hears_of_it_without_asking() {
    let server = Server::start().await;
    let (ann, bob) = (Person::new(&server, "ann").await, Person::new(&server, "bob").await);
    let room = ann.room(&server, "general").await;
    let mut there = Socket::open(&server, &bob.token).await;

    server.post(&format!("/api/v1/rooms/{room}/invites"), &ann.token, json!({ "user": bob.id })).await;

    let entered = there.until("entered").await;
    assert_eq!(
        (&entered["room"], &entered["by"], &entered["name"]),
        (&json!(room), &json!(ann.id), &json!("ann"))
    );
    assert_eq!(there.sent(&room, "hello").await["t"], "ok");
}

#[tokio::test]
async fn a_log_that_takes_nothing_is_said_to_everybody_and_sends_can_be_repeated() {
    let server = Server::start().await;
    let (ann, bob) = (Person::new(&server, "ann").await, Person::new(&server, "bob").await);
    let room = ann.room(&server, "general").await;
    let (mut here, mut there) =
        (Socket::open(&server, &ann.token).await, Socket::open(&server, &bob.token).await);

    here.sent(&room, "before").await;
    server.bus.close().await;
    there.heartbeat("ro").await;
    let info = server.send(server.request(reqwest::Method::GET, wire::paths::HUB_INFO)).await.good();
    assert_eq!(info["log"], "ro");
    let refused = here.sent(&room, "into nothing").await;
    let next = here.sent(&room, "later").await;

    assert_eq!(
        (&refused["code"], &refused["retry"], &refused["unknown"]),
        (&json!("MSH-5030"), &json!(true), &json!(false))
    );
    assert!(refused["after_ms"].as_u64().unwrap() > 0);
    assert_eq!(next["code"], "MSH-5031", "it must not overtake the first: {next}");
}
