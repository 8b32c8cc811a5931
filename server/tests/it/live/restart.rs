//! What a gateway knows after a restart, and what of another log.

use std::path::Path;

use axum::{Json, Router, routing::get};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use wire::paths::internal;

use super::socket::{Person, Socket, made_at};
use crate::fixture::Server;

#[tokio::test]
async fn a_restarted_gateway_knows_what_was_said_within_the_window() {
    let server = Server::start().await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let mut socket = Socket::open(&server, &ann.token).await;
    let subbed = socket.follow(&room, None).await;
    let cid = socket.send(&room, "before").await;
    let first = socket.answer(&cid).await;
    drop(socket);

    let server = server.restart().await;
    let mut socket = Socket::open(&server, &ann.token).await;
    socket.send_as(&cid, &room, "before").await;
    let again = socket.answer(&cid).await;
    let resumed =
        socket.subscribe(&room, Some(json!({ "ep": subbed["ep"], "pos": subbed["head"] })), 0).await;

    assert_eq!((&again["pos"], &again["dup"]), (&first["pos"], &json!(true)));
    assert_eq!((&resumed["mode"], &resumed["ep"]), (&json!("resume"), &subbed["ep"]));
    assert_eq!(socket.bodies(1).await[0].2, "before");
    drop(socket);
    server.end().await;
}

#[tokio::test]
async fn a_room_that_was_quiet_for_long_has_its_head_and_its_past_without_the_database() {
    let server = Server::embedded_with(|_| {}).await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let mut socket = Socket::open(&server, &ann.token).await;
    let last = socket.sent(&room, "long ago").await["pos"].clone();
    drop(socket);
    // Beyond the window that a gateway reads when it starts; the token has to live for as long.
    server.clock.advance(16 * 60);
    let server = server.restart().await;
    let tokens = server.login("ann@example.org", crate::fixture::PASSWORD).await.good();
    let mut socket = Socket::open(&server, crate::fixture::access(&tokens)).await;

    let subbed = socket.subscribe(&room, None, 10).await;

    assert_eq!(subbed["head"], last);
    assert_eq!(socket.bodies(1).await[0].2, "long ago");
    socket.until("live").await;
    let cid = made_at(server.clock.now().seconds());
    socket.send_as(&cid, &room, "now").await;
    assert_eq!(socket.answer(&cid).await["t"], "ok");
    assert_eq!(json!(socket.bodies(1).await[0].1), last, "the next event names it");
    drop(socket);
    server.end().await;
}

#[tokio::test]
async fn positions_of_another_log_are_not_mixed_with_this_one() {
    let server = Server::start().await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let mut socket = Socket::open(&server, &ann.token).await;
    let subbed = socket.follow(&room, None).await;
    let old = socket.sent(&room, "of the old log").await["pos"].clone();
    drop(socket);

    let server = server.restart_on_another_log().await;
    let mut socket = Socket::open(&server, &ann.token).await;
    let fresh = socket.sent(&room, "of the new log").await["pos"].clone();
    let resumed = socket.subscribe(&room, Some(json!({ "ep": subbed["ep"], "pos": old })), 0).await;

    // deploy/README.md: old positions are not mixed with the new, clients begin the room anew
    assert_eq!(resumed["mode"], "reset");
    assert_ne!(resumed["ep"], subbed["ep"]);
    assert_eq!(resumed["head"], fresh);
    assert_eq!(socket.bodies(1).await[0].2, "of the new log");
    drop(socket);
    server.end().await;
}

#[tokio::test]
async fn a_position_that_a_log_from_a_backup_has_not_reached_begins_anew() {
    let server = Server::embedded_with(|_| {}).await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let mut socket = Socket::open(&server, &ann.token).await;
    let subbed = socket.follow(&room, None).await;
    socket.sent(&room, "in the backup").await;
    drop(socket);
    let (log, backup) = (server.path("log"), server.path("backup"));
    let server = server.restart_after(|| copy(&log, &backup)).await;
    let mut socket = Socket::open(&server, &ann.token).await;
    socket.sent(&room, "lost with the disk").await;
    let newest = socket.sent(&room, "lost as well").await["pos"].clone();
    drop(socket);

    let restore = || {
        std::fs::remove_dir_all(&log).unwrap();
        std::fs::rename(&backup, &log).unwrap();
    };
    let server = server.restart_after(restore).await;
    let mut socket = Socket::open(&server, &ann.token).await;
    let after = json!({ "ep": subbed["ep"], "pos": newest });
    let resumed = socket.subscribe(&room, Some(after), 0).await;

    assert_eq!((&resumed["mode"], &resumed["ep"]), (&json!("reset"), &subbed["ep"]));
    assert_eq!(socket.bodies(1).await[0].2, "in the backup");
    socket.until("live").await;
    let fresh = socket.sent(&room, "said since").await["pos"].clone();
    assert!(fresh.as_u64() <= newest.as_u64(), "places are given again: {fresh}");
    assert_eq!(socket.bodies(1).await[0].2, "said since");
    drop(socket);
    server.end().await;
}

/// Copies the files of a folder.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// A gateway that has begun anew after its memory's window, a room of before, and the token of somebody in it.
async fn beyond_the_window(worker: reqwest::Url) -> (Server, String, String) {
    let server = Server::embedded_with(|config| config.chat_workers = vec![worker]).await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    server.clock.advance(16 * 60);
    let server = server.restart().await;
    let tokens = server.login("ann@example.org", crate::fixture::PASSWORD).await.good();
    let token = crate::fixture::access(&tokens).to_owned();
    (server, room, token)
}

/// A chat-worker whose database has everything, and never a trace of a message.
async fn forgetful_worker() -> reqwest::Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let history = json!({ "events": [], "ep": "", "upto": 1_000, "persisted": 1_000, "more": false });
    let routes = Router::new()
        .route(internal::HISTORY, get(async move || Json(history.clone())))
        .route(internal::SENT, get(async || Json(Value::Null)));
    tokio::spawn(async { axum::serve(listener, routes).await });
    url
}

#[tokio::test]
async fn an_id_older_than_a_day_is_refused_when_there_is_no_trace_of_it() {
    let worker = forgetful_worker().await;
    let (server, room, token) = beyond_the_window(worker).await;
    let mut socket = Socket::open(&server, &token).await;
    let now = server.clock.now().seconds();

    let (old, today) = (made_at(now - 25 * 3_600), made_at(now - 3_600));
    for cid in [&old, &today] {
        socket.send_as(cid, &room, "x").await;
    }

    let refused = socket.answer(&old).await;
    assert_eq!((&refused["code"], &refused["retry"]), (&json!("MSH-4097"), &json!(false)), "{refused}");
    assert_eq!(socket.answer(&today).await["t"], "ok");
    drop(socket);
    server.end().await;
}

/// A chat-worker without a trace of anything. Its first answer comes when it is told to, and that it has nothing yet; after
/// that its database has everything.
async fn recovering_worker() -> (reqwest::Url, watch::Receiver<u64>, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let ((go, gone), (asks, asked)) = (watch::channel(false), watch::channel(0));
    let history = get(async move || {
        let mut is_first = false;
        asks.send_modify(|asked| {
            is_first = *asked == 0;
            *asked += 1;
        });
        if is_first {
            gone.clone().wait_for(|gone| *gone).await.unwrap();
        }
        let far = if is_first { 0 } else { 1_000 };
        Json(json!({ "events": [], "ep": "", "upto": far, "persisted": far, "more": false }))
    });
    let routes = Router::new()
        .route(internal::HISTORY, history)
        .route(internal::SENT, get(async || Json(Value::Null)));
    tokio::spawn(async { axum::serve(listener, routes).await });
    (url, asked, go)
}

#[tokio::test]
async fn nothing_overtakes_a_message_that_an_older_connection_still_has() {
    let (worker, mut asked, go) = recovering_worker().await;
    let (server, room, token) = beyond_the_window(worker).await;
    let (mut old, mut new) = (Socket::open(&server, &token).await, Socket::open(&server, &token).await);
    let now = server.clock.now().seconds();
    let (first, second) = (made_at(now - 3_600), made_at(now));

    old.send_as(&first, &room, "first").await;
    asked.wait_for(|asked| *asked == 1).await.unwrap();
    new.send_as(&first, &room, "first").await;
    new.send_as(&second, &room, "second").await;
    go.send_replace(true);
    let refused = old.answer(&first).await;
    let (one, two) = (new.answer(&first).await, new.answer(&second).await);

    assert_eq!((&refused["code"], &refused["retry"]), (&json!("MSH-5031"), &json!(true)), "{refused}");
    assert_eq!((&one["t"], &two["t"]), (&json!("ok"), &json!("ok")), "{one} {two}");
    assert!(one["pos"].as_u64() < two["pos"].as_u64(), "{one} {two}");
    drop((old, new));
    server.end().await;
}

#[tokio::test]
async fn who_is_saying_something_when_the_gateway_stops_hears_that_the_log_has_it() {
    let server = Server::start().await;
    let ann = Person::new(&server, "ann").await;
    let room = ann.room(&server, "general").await;
    let address = server.url("").trim_start_matches("http://").to_owned();
    let body = json!({ "cid": made_at(server.clock.now().seconds()), "body": "last words" }).to_string();
    let head = format!(
        "POST /api/v1/rooms/{room}/messages HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        ann.token,
        body.len()
    );
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // It says so when somebody wants to read the body: then the request is under way.
    let mut told = [0; 25];
    stream.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");

    let leaving = tokio::spawn(server.leave());
    // So that it has begun to stop; whether it has, does not matter to what follows.
    for _ in 0..10_000 {
        if TcpStream::connect(&address).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();

    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    leaving.await.unwrap();
}
