//! Every bound of a socket, with its error or its close code.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Json, Router, routing::get};
use serde_json::json;
use tokio::{net::TcpListener, sync::watch};
use uuid::Uuid;
use wire::paths::internal;

use super::socket::{Person, Socket, events, made_at};
use crate::fixture::{PASSWORD, Server, access, eventually};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_socket_that_says_nothing_is_closed() {
    let server = Server::start_with(|config| config.patience.hello = Duration::from_millis(200)).await;

    let (_, code) = Socket::connect(&server).await.closed().await;

    assert_eq!(code, 4408);
}

#[tokio::test]
async fn a_socket_without_a_good_token_or_a_first_hello_is_closed() {
    let server = Server::start().await;
    let (mut stranger, mut rude) = (Socket::connect(&server).await, Socket::connect(&server).await);

    stranger.say(json!({ "t": "hello", "v": 1, "tok": "none" })).await;
    rude.say(json!({ "t": "ping", "n": 1 })).await;

    assert_eq!(stranger.closed().await.1, 4401);
    assert_eq!(rude.closed().await.1, 4400);
}

#[tokio::test]
async fn a_hello_in_another_version_a_second_one_and_bytes_are_no_protocol_of_this_hub() {
    let server = Server::start().await;
    let ann = Person::new(&server, "ann").await;
    let (mut newer, mut twice, mut bytes) = (
        Socket::connect(&server).await,
        Socket::open(&server, &ann.token).await,
        Socket::open(&server, &ann.token).await,
    );

    newer.say(json!({ "t": "hello", "v": 2, "tok": ann.token })).await;
    twice.say(json!({ "t": "hello", "v": 1, "tok": ann.token })).await;
    bytes.bytes(b"{}").await;

    for socket in [newer, twice, bytes] {
        let (frames, code) = socket.closed().await;
        assert!(code == 4400 && frames.iter().all(|frame| frame["t"] != "welcome"), "{code}: {frames:?}");
    }
}

#[tokio::test]
async fn a_socket_ends_with_the_session_of_the_newest_token_that_it_showed() {
    let server = Server::start().await;
    let ann = Person::new(&server, "ann").await;
    let newer = server.login("ann@example.org", PASSWORD).await.good();
    let mut socket = Socket::open(&server, &ann.token).await;

    socket.say(json!({ "t": "auth", "tok": access(&newer) })).await;
    socket.say(json!({ "t": "ping", "n": 1 })).await;
    assert_eq!(socket.next().await["t"], "pong", "the token was taken");
    let out = server.post("/api/v1/auth/logout", access(&newer), json!({})).await;

    assert!(out.status < 300, "{}", out.text());
    assert_eq!(socket.closed().await.1, 4401);
}

#[tokio::test]
async fn a_frame_that_is_too_large_or_unreadable_closes_the_socket() {
    let server = Server::start().await;
    let ann = Person::new(&server, "ann").await;
    let (mut large, mut garbled) =
        (Socket::open(&server, &ann.token).await, Socket::open(&server, &ann.token).await);

    large.text(format!("{{}}{}", " ".repeat(wire::frames::LARGEST))).await;
    garbled.text("{".into()).await;

    assert_eq!(large.closed().await.1, 1009);
    assert_eq!(garbled.closed().await.1, 4400);
}

#[tokio::test]
async fn an_account_has_sixty_four_sockets() {
    let server = Server::start().await;
    let ann = Person::new(&server, "ann").await;
    let mut sockets = Vec::new();
    for _ in 0..64 {
        sockets.push(Socket::open(&server, &ann.token).await);
    }

    let mut one_more = Socket::connect(&server).await;
    one_more.say(json!({ "t": "hello", "v": 1, "tok": ann.token })).await;

    assert_eq!(one_more.closed().await.1, 4429);
    sockets[0].say(json!({ "t": "ping", "n": 1 })).await;
    assert_eq!(sockets[0].next().await["t"], "pong");
}

#[tokio::test]
async fn a_socket_follows_two_hundred_rooms() {
    let server = Server::start().await;
    let ann = Person::new(&server, "ann").await;
    let mut rooms = Vec::new();
    for n in 0..201 {
        let room = json!({ "name": format!("room-{n}") });
        let room = server.post("/api/v1/rooms", &ann.token, room).await.good();
        rooms.push(room["id"].as_str().unwrap().to_owned());
    }
    // Only now: nobody would answer its pings meanwhile.
    let mut socket = Socket::open(&server, &ann.token).await;

    // A room that is not there does not count.
    assert_eq!(socket.subscribe(&Uuid::now_v7().to_string(), None, 0).await["code"], "MSH-4040");
    for room in &rooms[..200] {
        assert_eq!(socket.subscribe(room, None, 0).await["t"], "subbed");
    }
    let refused = socket.subscribe(&rooms[200], None, 0).await;

    assert_eq!((&refused["t"], &refused["code"]), (&json!("err"), &json!("MSH-4090")), "{refused}");
    socket.say(json!({ "t": "unsub", "room": rooms[0] })).await;
    assert_eq!(socket.subscribe(&rooms[200], None, 0).await["t"], "subbed");
}

#[tokio::test]
async fn messages_have_a_size_and_a_rate() {
    let server = Server::start_with(|config| config.sends_per_second = 5.try_into().unwrap()).await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let mut socket = Socket::open(&server, &ann.token).await;

    // Without waiting for answers: one after the other, a slow disk would never be asked for five a second.
    let mut cids = Vec::new();
    for n in 0..100 {
        cids.push(socket.send(&room, &n.to_string()).await);
    }
    let mut answers = Vec::new();
    for cid in &cids {
        answers.push(socket.answer(cid).await);
    }

    let first = answers.iter().find(|answer| answer["t"] == "err").unwrap();
    assert_eq!((&first["code"], &first["retry"]), (&json!("MSH-4290"), &json!(true)));
    assert!(first["after_ms"].as_u64().unwrap() > 0);
    assert!(answers.iter().filter(|answer| answer["t"] == "ok").count() >= 10, "a burst is taken");
}

#[tokio::test]
async fn what_is_refused_counts_as_well() {
    let server = Server::start_with(|config| config.sends_per_second = 1.try_into().unwrap()).await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let mut socket = Socket::open(&server, &ann.token).await;

    assert_eq!(socket.sent(&room, "").await["code"], "MSH-4001");
    assert_eq!(socket.sent(&room, &"x".repeat(16 * 1024 + 1)).await["code"], "MSH-4130");
    let mut codes = Vec::new();
    // More than come back to anybody within the time of a test.
    while codes.len() < 200 && !codes.contains(&json!("MSH-4290")) {
        codes.push(socket.sent(&room, "").await["code"].clone());
    }

    assert_eq!(codes.last(), Some(&json!("MSH-4290")), "{codes:?}");
}

#[tokio::test]
async fn a_room_has_a_rate_for_all_of_its_people_together() {
    let server = Server::start_with(|config| config.sends_per_second = 1.try_into().unwrap()).await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let mut sockets = vec![Socket::open(&server, &ann.token).await];
    for number in 0..11 {
        let person = Person::new(&server, &format!("bob-{number}")).await;
        person.join(&server, &room).await;
        sockets.push(Socket::open(&server, &person.token).await);
    }

    // Together they may send more than a room takes, at once and in every second: sooner or later it is the room's turn.
    let deadline = Instant::now() + Duration::from_secs(60);
    let refused = 'refused: loop {
        for socket in &mut sockets {
            let answer = socket.sent(&room, "x").await;
            if answer["detail"].as_str().is_some_and(|detail| detail.contains("all in this room together")) {
                break 'refused answer;
            }
        }
        assert!(Instant::now() < deadline, "the room takes everything");
    };

    assert_eq!((&refused["code"], &refused["retry"]), (&json!("MSH-4290"), &json!(true)), "{refused}");
    assert!(refused["after_ms"].as_u64().unwrap() > 0, "{refused}");
}

#[tokio::test]
async fn changes_of_rooms_have_a_rate_and_read_marks_of_a_socket_wait_for_theirs() {
    let server = Server::start_with(|config| config.sends_per_second = 5.try_into().unwrap()).await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let mut socket = Socket::open(&server, &ann.token).await;

    // Far more than come back to anybody while they are asked for.
    let mut refused = None;
    for _ in 0..5_000 {
        // The name is taken: what is refused in the end counts, too.
        let answer = server.post("/api/v1/rooms", &ann.token, json!({ "name": "general" })).await;
        if answer.status != 409 {
            refused = Some(answer);
            break;
        }
    }
    for pos in 0..205 {
        socket.say(json!({ "t": "read", "room": room, "pos": pos })).await;
    }

    let refused = refused.expect("rooms are changed without an end");
    assert_eq!((refused.status, refused.code()), (429, "MSH-4290".to_owned()), "{}", refused.text());
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    for _ in 0..205 {
        let answer = socket.next().await;
        assert_eq!((&answer["t"], &answer["room"]), (&json!("read"), &json!(room)), "{answer}");
    }
}

#[tokio::test]
async fn a_socket_is_not_read_while_sixteen_messages_wait_for_their_answer() {
    let server = Server::start_with(|config| config.sends_per_second = 10_000.try_into().unwrap()).await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let mut socket = Socket::open(&server, &ann.token).await;

    for n in 0..200 {
        socket.send(&room, &n.to_string()).await;
    }
    socket.say(json!({ "t": "ping", "n": 1 })).await;

    let mut answered = 0;
    while socket.next().await["t"] == "ok" {
        answered += 1;
    }
    assert!(answered >= 200 - 16, "the ping was read while {} messages waited", 200 - answered);
}

/// A chat-worker that keeps its answers to itself until it is told to give them: how many were asked, and the word.
async fn hesitant_worker() -> (reqwest::Url, Arc<AtomicUsize>, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let (go, gone) = watch::channel(false);
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let history = get(async move || {
        counter.fetch_add(1, Ordering::SeqCst);
        gone.clone().wait_for(|gone| *gone).await.unwrap();
        Json(json!({ "events": [], "ep": "", "upto": 0, "persisted": 0, "more": false }))
    });
    let routes = Router::new().route(internal::HISTORY, history);
    tokio::spawn(async { axum::serve(listener, routes).await });
    (url, asked, go)
}

#[tokio::test]
async fn only_so_many_catch_up_at_once_and_the_others_are_asked_to_come_again() {
    let (worker, asked, go) = hesitant_worker().await;
    let server = Server::start_with(|config| config.chat_workers = vec![worker]).await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let at_once = 8 * std::thread::available_parallelism().map_or(1, usize::from);
    let mut people = vec!["ann@example.org".to_owned()];
    for number in 0..at_once / 20 + 1 {
        let person = Person::new(&server, &format!("bob-{number}")).await;
        server.post("/api/v1/rooms/general/join", &person.token, json!({})).await.good();
        people.push(format!("bob-{number}@example.org"));
    }
    // What came before the window is not in the gateway's memory any more.
    server.clock.advance(16 * 60);
    let server = server.restart().await;
    let mut sockets = Vec::new();
    for person in people {
        let tokens = server.login(&person, PASSWORD).await.good();
        for _ in 0..20 {
            sockets.push(Socket::open(&server, access(&tokens)).await);
        }
    }

    for socket in &mut sockets[..at_once] {
        socket.say(json!({ "t": "sub", "id": 7, "room": room, "tail": 5 })).await;
    }
    eventually("all of them ask", async || (asked.load(Ordering::SeqCst) == at_once).then_some(())).await;
    let refused = sockets[at_once].subscribe(&room, None, 5).await;

    assert_eq!((&refused["t"], &refused["code"]), (&json!("err"), &json!("MSH-5031")), "{refused}");
    assert!(refused["retry"] == true && refused["after_ms"].as_u64().unwrap() > 0, "{refused}");
    go.send_replace(true);
    for socket in &mut sockets[..at_once] {
        socket.until("live").await;
    }
    assert_eq!(sockets[at_once].subscribe(&room, None, 5).await["t"], "subbed");
    drop(sockets);
    server.end().await;
}

#[tokio::test]
async fn ids_from_the_future_or_of_long_ago_are_refused_unless_there_is_a_trace() {
    let server = Server::start().await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let mut socket = Socket::open(&server, &ann.token).await;
    let now = server.clock.now().seconds();

    let (ahead, soon, yesterday) = (made_at(now + 600), made_at(now + 60), made_at(now - 90_000));
    for cid in [&ahead, &soon] {
        socket.send_as(cid, &room, "x").await;
    }

    let refused = socket.answer(&ahead).await;
    assert_eq!((&refused["code"], &refused["retry"]), (&json!("MSH-4097"), &json!(false)));
    assert_eq!(socket.answer(&soon).await["t"], "ok");
    // The whole log is in memory: an old id without a trace was certainly never used, and is taken.
    socket.send_as(&yesterday, &room, "x").await;
    assert_eq!(socket.answer(&yesterday).await["t"], "ok");
}

/// A chat-worker that has stored nothing, and says that it is so far.
async fn forgetful_worker() -> (reqwest::Url, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let persisted = Arc::new(AtomicUsize::new(0));
    let far = persisted.clone();
    let history = async move || {
        let far = far.load(Ordering::SeqCst);
        Json(json!({ "events": [], "ep": "", "upto": far, "persisted": far, "more": false }))
    };
    let routes = Router::new()
        .route(internal::HISTORY, get(history))
        .route(internal::SENT, get(async || Json(serde_json::Value::Null)));
    tokio::spawn(async { axum::serve(listener, routes).await });
    (url, persisted)
}

#[tokio::test]
async fn what_may_have_been_sent_before_is_not_taken_again_while_the_history_is_behind() {
    let (worker, persisted) = forgetful_worker().await;
    let server = Server::embedded_with(|config| config.chat_workers = vec![worker]).await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let mut socket = Socket::open(&server, &ann.token).await;
    let cid = socket.send(&room, "once").await;
    let sent = socket.answer(&cid).await;
    drop(socket);
    // What came before the window is not in the gateway's memory any more.
    server.clock.advance(16 * 60);
    let server = server.restart().await;
    let tokens = server.login("ann@example.org", PASSWORD).await.good();
    let mut socket = Socket::open(&server, access(&tokens)).await;

    socket.send_as(&cid, &room, "once").await;
    let behind = socket.answer(&cid).await;
    persisted.store(usize::try_from(sent["pos"].as_u64().unwrap()).unwrap(), Ordering::SeqCst);
    socket.send_as(&cid, &room, "once").await;
    let told = socket.answer(&cid).await;

    assert_eq!((&behind["code"], &behind["retry"]), (&json!("MSH-5031"), &json!(true)), "{behind}");
    assert_eq!(told["t"], "ok", "a history that has everything and not this one is believed: {told}");
    drop(socket);
    server.end().await;
}

#[tokio::test]
async fn a_slow_reader_is_told_what_it_missed_and_hurts_nobody() {
    let server = Server::start_with(|config| {
        config.sends_per_second = 100_000.try_into().unwrap();
        // It is slow for as long as this machine needs for the messages.
        (config.patience.stalled, config.patience.silence) = (LONG, LONG);
    })
    .await;
    let (ann, bob) = (Person::new(&server, "ann").await, Person::new(&server, "bob").await);
    let room = ann.room(&server, "general").await;
    bob.join(&server, &room).await;
    let (mut here, mut there) =
        (Socket::open(&server, &ann.token).await, Socket::open(&server, &bob.token).await);
    there.follow(&room, None).await;

    // Far more than the kernel's buffers and the line hold together, while `there` reads nothing.
    let body = "x".repeat(16 * 1024);
    let mut last = 0;
    for _ in 0..75 {
        let mut cids = Vec::new();
        for _ in 0..16 {
            cids.push(here.send(&room, &body).await);
        }
        for cid in cids {
            last = here.answer(&cid).await["pos"].as_u64().unwrap();
        }
    }

    let (mut newest, mut lags, mut gaps) = (0, 0, 0);
    while newest < last {
        let frame = there.next().await;
        lags += u32::from(frame["t"] == "lag");
        if frame["t"] == "gap" {
            gaps += 1;
            assert!(frame["from"].as_u64().unwrap() >= newest);
            newest = frame["to"].as_u64().unwrap() - 1;
        }
        for event in events(&frame) {
            let (pos, prev) = (event["pos"].as_u64().unwrap(), event["prev"].as_u64().unwrap());
            assert!(newest == 0 || prev <= newest, "{pos} follows {prev}, and {newest} was the last");
            newest = pos;
        }
    }
    assert!(lags >= 1, "the line was never full");
    assert!(gaps <= lags);
    here.sent(&room, "and live again").await;
    assert_eq!(there.bodies(1).await[0].1, Some(last));
}
