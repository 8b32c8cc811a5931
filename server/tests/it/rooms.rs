//! Rooms at their limits; what people do in them is told in the stories of `cli/tests/it`.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, routing::post};
use platform::{in_tx, sqlx};
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpListener;
use wire::{
    ClientId, MessageId, RoomId, UserId,
    events::{ChatRecord, RoomEvent, RoomFact, What},
    messages::{Count, Counted, Message, Removal, Unread},
    paths::{TOPIC_CHAT, internal},
};

use crate::fixture::{Server, access, eventually};

#[tokio::test]
async fn a_room_that_is_full_takes_nobody_else() {
    let server = Server::start().await;
    let (ann, bob) =
        (server.account("ann@example.org", "Ann").await, server.account("bob@example.org", "Bob").await);
    let room = server.post("/api/v1/rooms", access(&ann), json!({ "name": "general" })).await.good();
    let id: uuid::Uuid = room["id"].as_str().unwrap().parse().unwrap();
    let mut tx = server.db.begin().await.unwrap();
    for _ in 0..9_999 {
        let add = "INSERT INTO members (room, user_id, role, joined_at) VALUES ($1, $2, 'member', 0)";
        in_tx!(&mut tx, tx => {
            sqlx::query(add).bind(id).bind(uuid::Uuid::new_v4()).execute(&mut **tx).await.map(drop)
        })
        .unwrap();
    }
    tx.commit().await.unwrap();

    let joined = server.post("/api/v1/rooms/general/join", access(&bob), json!({})).await;
    let invited = server
        .post("/api/v1/rooms/general/invites", access(&ann), json!({ "user": "bob@example.org" }))
        .await;

    assert_eq!((joined.status, joined.code().as_str()), (409, "MSH-4090"));
    assert_eq!(invited.status, 409);
    assert_eq!(server.get("/api/v1/rooms/general", access(&bob)).await.good()["members"], 10_000);
}

#[tokio::test]
async fn who_joins_an_empty_room_owns_it() {
    let server = Server::start().await;
    let (ann, bob) =
        (server.account("ann@example.org", "Ann").await, server.account("bob@example.org", "Bob").await);
    server.post("/api/v1/rooms", access(&ann), json!({ "name": "general" })).await.good();
    let own = server.request(Method::PUT, "/api/v1/rooms/general/members/ann@example.org");
    let stepped_down = server.send(own.bearer_auth(access(&ann)).json(&json!({ "role": "member" }))).await;
    assert_eq!(
        (stepped_down.status, stepped_down.code().as_str()),
        (409, "MSH-4090"),
        "who comes owns nothing"
    );

    server.post("/api/v1/rooms/general/leave", access(&ann), json!({})).await.good();
    let room = server.post("/api/v1/rooms/general/join", access(&bob), json!({})).await.good();

    assert_eq!(room["role"], "owner");
    assert_eq!(server.delete("/api/v1/rooms/general", access(&ann)).await.status, 404);
    assert_eq!(server.delete("/api/v1/rooms/general", access(&bob)).await.status, 204);
    server.post("/api/v1/rooms", access(&ann), json!({ "name": "general" })).await.good();
}

/// A chat-worker that takes a removal in between two questions: the first answer is of the moment before it.
async fn moving_worker(said: Arc<Mutex<Option<Message>>>) -> reqwest::Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let moved = Arc::new(Mutex::new(false));
    let unread = async move |Json(counts): Json<Vec<Count>>| {
        let was_moved = std::mem::replace(&mut *moved.lock().unwrap(), true);
        let mut message = said.lock().unwrap().clone().unwrap();
        if was_moved {
            message.removed = Some(Removal { by: message.by, ts: message.ts });
        }
        let Count { mark, show } = counts[0].clone();
        let unread = Unread { room: mark.room, mark: mark.pos, unread: u64::from(!was_moved), mentions: 0 };
        let upto = message.pos + u64::from(was_moved);
        let shown = if show.contains(&message.pos) { vec![message] } else { Vec::new() };
        Json(vec![Counted { unread, upto, shown }])
    };
    let routes = Router::new().route(internal::UNREAD, post(unread));
    tokio::spawn(async { axum::serve(listener, routes).await });
    url
}

#[tokio::test]
async fn what_is_unread_is_right_while_the_worker_moves() {
    let said = Arc::new(Mutex::new(None));
    let worker = moving_worker(said.clone()).await;
    let server = Server::start_with(|config| config.chat_workers = vec![worker]).await;
    let ann = server.account("ann@example.org", "Ann").await;
    let room = server.post("/api/v1/rooms", access(&ann), json!({ "name": "general" })).await.good();
    let room: RoomId = room["id"].as_str().unwrap().parse().unwrap();
    let bob = UserId::new();
    let append = async |what: What| {
        let (id, cid) = (MessageId::new(), ClientId::new());
        let fact = RoomFact { id, room, by: bob, name: "Bob".into(), cid, what };
        let record = serde_json::to_string(&ChatRecord::RoomV1(fact.clone())).unwrap();
        let taken = server.bus.append(TOPIC_CHAT, &room.to_string(), record).await.unwrap();
        wire::events::RoomEvent::placed(fact, taken.pos, None, taken.at)
    };
    let event = append(What::said("here for a moment")).await;
    *said.lock().unwrap() = Message::begun_by(&event);
    let removal = append(What::Redacted { tgt: event.pos }).await;
    let path = format!("/api/v1/rooms/{room}/events?after={}", event.pos);
    eventually("the gateway has followed the log", async || {
        let page = server.get(&path, access(&ann)).await.good();
        let newest = page["events"].as_array().unwrap().last().cloned();
        newest.filter(|newest| newest["pos"] == removal.pos)
    })
    .await;

    let rooms = server.get("/api/v1/rooms", access(&ann)).await.good();

    let counted = &rooms["items"][0];
    assert_eq!((&counted["unread"], &counted["mentions"]), (&json!(0), &json!(0)), "{rooms}");
    server.end().await;
}

#[tokio::test]
async fn two_who_change_a_room_at_once_do_not_undo_each_other() {
    let server = Server::start().await;
    let ann = server.account("ann@example.org", "Ann").await;
    let room = server.post("/api/v1/rooms", access(&ann), json!({ "name": "general" })).await.good();
    let path = format!("/api/v1/rooms/{}", room["id"].as_str().unwrap());
    let edit = async |change: serde_json::Value| {
        server.send(server.request(Method::PATCH, &path).bearer_auth(access(&ann)).json(&change)).await.good()
    };

    for round in 0..10 {
        let (name, topic) = (format!("name-{round}"), format!("topic {round}"));
        tokio::join!(edit(json!({ "name": name })), edit(json!({ "topic": topic })));

        let now = server.get(&path, access(&ann)).await.good();
        assert_eq!((&now["name"], &now["topic"]), (&json!(name), &json!(topic)));
    }
}

#[tokio::test]
async fn who_is_just_losing_a_role_does_not_give_it_back_to_themselves() {
    let server = Server::start().await;
    let (ann, bob) =
        (server.account("ann@example.org", "Ann").await, server.account("bob@example.org", "Bob").await);
    server.post("/api/v1/rooms", access(&ann), json!({ "name": "general" })).await.good();
    server.post("/api/v1/rooms/general/join", access(&bob), json!({})).await.good();
    let path = "/api/v1/rooms/general/members/bob@example.org";
    let make = async |by: &serde_json::Value, role: &str| {
        let request = server.request(Method::PUT, path).bearer_auth(access(by));
        server.send(request.json(&json!({ "role": role }))).await
    };

    for _ in 0..8 {
        make(&ann, "owner").await.good();
        let (taken, _) = tokio::join!(make(&ann, "member"), make(&bob, "owner"));

        taken.good();
        let now = server.get("/api/v1/rooms/general", access(&bob)).await.good();
        assert_eq!(now["role"], "member");
    }
}

#[tokio::test]
async fn a_tail_that_begins_beyond_the_end_of_the_log_ends_with_the_membership() {
    let server = Server::start().await;
    let (ann, bob) =
        (server.account("ann@example.org", "Ann").await, server.account("bob@example.org", "Bob").await);
    server.post("/api/v1/rooms", access(&ann), json!({ "name": "general" })).await.good();
    server.post("/api/v1/rooms/general/join", access(&bob), json!({})).await.good();
    let page = server.get("/api/v1/rooms/general/events", access(&bob)).await.good();
    let joined = page["events"].as_array().unwrap().last().unwrap()["pos"].as_u64().unwrap();
    // Behind the event that makes Bob leave.
    let path = format!("/api/v1/rooms/general/tail?after={}", joined + 1);
    let tail = server.request(Method::GET, &path).bearer_auth(access(&bob)).send().await.unwrap();

    let kicked = server.delete("/api/v1/rooms/general/members/bob@example.org", access(&ann)).await;
    assert_eq!(kicked.status, 204);
    for body in ["not", "for", "bob"] {
        let say = json!({ "cid": ClientId::new(), "body": body });
        server.post("/api/v1/rooms/general/messages", access(&ann), say).await.good();
    }

    let told = tail.text().await.unwrap();
    let events = told.lines().filter(|line| !line.is_empty());
    let kinds: Vec<_> = events.map(|line| serde_json::from_str::<RoomEvent>(line).unwrap().what).collect();
    assert!(!kinds.iter().any(|kind| matches!(kind, What::Said { .. })), "{kinds:?}");
}

#[tokio::test]
async fn a_list_of_addresses_cannot_be_tried_by_opening_conversations_inviting_or_searching() {
    let server = Server::start().await;
    // The first account is an admin's, who sees everybody anyway.
    server.account("root@example.org", "Root").await;
    let (ann, bob) =
        (server.account("ann@example.org", "Ann").await, server.account("bob@example.org", "Bob").await);
    let direct =
        async |user: &str| server.post("/api/v1/direct", access(&ann), json!({ "user": user })).await;
    server.post("/api/v1/rooms", access(&ann), json!({ "name": "general" })).await.good();
    server.post("/api/v1/rooms/general/join", access(&bob), json!({})).await.good();

    let mut tried = 0;
    let refused = loop {
        let answer = direct(&format!("nobody-{tried}@example.org")).await;
        if answer.status != 404 {
            break answer;
        }
        tried += 1;
        assert!(tried < 100, "a hundred addresses were tried");
    };

    assert_eq!((refused.status, refused.code().as_str()), (429, "MSH-4290"));
    assert!(tried >= 20, "{tried}");
    assert!(!refused.header("retry-after").is_empty());
    let invite = async |user: &str| {
        server.post("/api/v1/rooms/general/invites", access(&ann), json!({ "user": user })).await.status
    };
    let search =
        async |by: &str| server.get(&format!("/api/v1/search?q=word&by={by}"), access(&ann)).await.status;
    assert_eq!((invite("nobody@example.org").await, search("nobody@example.org").await), (429, 429));
    // Who shares a room with her is no stranger; the chat-worker that would search is not there.
    assert_eq!(direct("bob@example.org").await.status, 200);
    assert_eq!((invite("bob@example.org").await, search("bob@example.org").await), (202, 502));
}
