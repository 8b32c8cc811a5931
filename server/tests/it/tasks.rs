//! What follows a change happens, whatever happens in between.

use std::time::Duration;

use axum::{
    Json, Router,
    body::Bytes,
    http::HeaderMap,
    routing::{MethodRouter, get, post},
};
use platform::{
    each, sqlx,
    testing::smtp::{Fault, Sink},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wire::{
    Code, JobId, Problem, Timestamp,
    paths::{TOPIC_CHAT, internal},
};

use crate::{
    fixture::{Server, access, eventually, link_token},
    live::socket::made_at,
};

async fn failed_attempts(server: &Server) -> i64 {
    each!(server.db.reader(), pool => sqlx::query_scalar(
        "SELECT CAST(COALESCE(sum(attempts), 0) AS BIGINT) FROM tasks WHERE error IS NOT NULL",
    ).fetch_one(pool).await.unwrap())
}

#[tokio::test]
async fn mail_that_could_not_be_sent_is_sent_after_a_restart() {
    let server = Server::start().await;
    std::fs::remove_dir_all(server.path("mail")).unwrap();
    server.sign_up("ann@example.com", "Ann").await.good();
    eventually("an attempt fails", async || (failed_attempts(&server).await > 0).then_some(())).await;

    let server = server.restart().await;
    server.clock.advance(60);

    let mail = server.mails("ann@example.com", 1).await.remove(0);
    server.verify(&link_token(&mail)).await.good();
}

#[tokio::test]
async fn mail_is_given_up_after_a_day_and_its_content_is_forgotten() {
    let server = Server::start().await;
    std::fs::remove_dir_all(server.path("mail")).unwrap();
    server.sign_up("ann@example.com", "Ann").await.good();
    eventually("an attempt fails", async || (failed_attempts(&server).await > 0).then_some(())).await;

    let given_up = async || -> Option<String> {
        each!(server.db.reader(), pool => sqlx::query_scalar("SELECT payload FROM tasks WHERE dead_at IS NOT NULL")
            .fetch_optional(pool).await.unwrap())
    };
    // deploy/README.md: for a day
    let tried = failed_attempts(&server).await;
    server.clock.advance(23 * 3600);
    eventually("it is tried again", async || (failed_attempts(&server).await > tried).then_some(())).await;
    assert_eq!(given_up().await, None);
    server.clock.advance(2 * 3600);
    let payload = eventually("it is given up", given_up).await;
    assert_eq!(payload, "{}");
}

#[tokio::test]
async fn mail_that_a_server_puts_off_is_sent_when_it_takes_it_and_its_link_works() {
    let sink = Sink::start(&[Fault::Busy, Fault::Recipient("451 4.7.1 greylisted")]).await.unwrap();
    let server = Server::mailing_to(sink.url("tls=none")).await;
    let told = server.sign_up("ann@example.com", "Ann").await.good();
    assert_eq!(told["mail"], "sent");

    let message = eventually("the mail arrives", async || {
        server.clock.advance(1);
        sink.received().pop().map(|mail| mail.message)
    })
    .await;

    // deploy/README.md: verification mail comes late
    // deploy/README.md: it is tried again
    let text = quoted_printable(&message);
    let token = text.split_once("token=").unwrap().1.split_whitespace().next().unwrap();
    server.verify(token).await.good();
    assert!(sink.is_healthy());
    assert_eq!(sink.received().len(), 1);
}

#[tokio::test]
async fn mail_that_is_refused_for_ever_is_given_up_at_once_without_its_address() {
    let refusal = "550 5.1.1 <ann@example.com> is unknown here";
    let sink = Sink::start(&[Fault::Recipient(refusal)]).await.unwrap();
    let server = Server::mailing_to(sink.url("tls=none")).await;

    server.sign_up("ann@example.com", "Ann").await.good();

    let (payload, attempts, error): (String, i64, String) = eventually("it is given up", async || {
        each!(server.db.reader(), pool => sqlx::query_as(
            "SELECT payload, attempts, error FROM tasks WHERE dead_at IS NOT NULL",
        ).fetch_optional(pool).await.unwrap())
    })
    .await;
    // deploy/README.md: what is refused for ever is given up at once
    assert_eq!((payload.as_str(), attempts), ("{}", 1));
    assert!(error.contains("550") && !error.contains("ann@"), "{error}");
}

/// A message whose lines were folded for the way (RFC 2045 §6.7), as far as links need it.
fn quoted_printable(message: &str) -> String {
    message.replace("=\n", "").replace("=3D", "=")
}

#[tokio::test]
async fn what_happened_in_a_room_reaches_the_log_in_order_after_the_log_was_away() {
    let brief = Duration::from_millis(100);
    let server = Server::start_with(|config| {
        (config.patience.change, config.patience.departure) = (brief, brief);
    })
    .await;
    let ann = server.account("ann@example.com", "Ann").await;
    let bob = server.account("bob@example.com", "Bob").await;
    server.bus.close().await;
    let room = server.post("/api/v1/rooms", access(&ann), json!({ "name": "general" })).await.good();
    let path = |verb: &str| format!("/api/v1/rooms/{}/{verb}", room["id"].as_str().unwrap());
    for verb in ["join", "leave", "join", "leave"] {
        let answer = server.post(&path(verb), access(&bob), Value::Null).await;
        assert!(answer.status < 300, "{verb}: {}", answer.text());
    }
    eventually("an attempt fails", async || (failed_attempts(&server).await > 0).then_some(())).await;

    let server = server.restart().await;

    server.clock.advance(60);
    let mut tail = server.bus.tail(TOPIC_CHAT, Default::default()).await.unwrap();
    let mut kinds = Vec::new();
    while kinds.len() < 5 {
        for record in tail.next().await.unwrap() {
            let fact: Value = serde_json::from_str(&record.payload).unwrap();
            kinds.push(fact["kind"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(kinds, ["created", "joined", "left", "joined", "left"]);
}

#[tokio::test]
async fn what_happens_in_a_room_does_not_wait_for_a_mail_server_that_hangs() {
    let server = Server::start().await;
    let ann = server.account("ann@example.com", "Ann").await;
    let sink = Sink::start(&[Fault::Silence]).await.unwrap();
    let server = server
        .restart_mailing_to(sink.url("tls=none"), |config| {
            // The answer comes when the log has the fact.
            config.patience.change = Duration::from_secs(3_600);
        })
        .await;
    server.sign_up("bob@example.com", "Bob").await.good();
    eventually("the mail server is asked", async || sink.is_healthy().then_some(())).await;

    server.post("/api/v1/rooms", access(&ann), json!({ "name": "general" })).await.good();

    assert_eq!(failed_attempts(&server).await, 0, "the mail server still hangs");
}

#[tokio::test]
async fn a_conversion_that_was_refused_in_a_room_leaves_no_work_behind() {
    let server = Server::start().await;
    let ann = server.account("ann@example.com", "Ann").await;
    let room = server.post("/api/v1/rooms", access(&ann), json!({ "name": "general" })).await.good();
    let path = |of: &str| format!("/api/v1/rooms/{}/{of}", room["id"].as_str().unwrap());
    let upload = server.request(Method::POST, &path("files?name=a.md")).bearer_auth(access(&ann));
    let file = server.send(upload.body("# Hello")).await.good();
    let wish = async |made: i64| {
        let wish = json!({ "cid": made_at(made), "file": file["id"], "to": "pdf" });
        server.post(&path("conversions"), access(&ann), wish).await
    };
    let left = async || -> i64 {
        each!(server.db.reader(), pool => sqlx::query_scalar("SELECT count(*) FROM tasks WHERE lane IS NULL")
            .fetch_one(pool).await.unwrap())
    };
    eventually("the mail is sent", async || (left().await == 0).then_some(())).await;
    let now = server.clock.now().seconds();

    let refused = wish(now + 3_600).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "MSH-4097"));
    assert_eq!(left().await, 0);
    wish(now).await.good();
    assert_eq!(left().await, 1, "what is in the log has somebody who works on it");
}

/// Workers of both kinds: one stored nothing, the other answers what `jobs` does and has this result.
async fn workers(jobs: MethodRouter, result: Value) -> reqwest::Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let routes = Router::new()
        .route(internal::SENT, get(async || Json(Value::Null)))
        .route(
            internal::MESSAGES,
            get(async || Json(json!({ "messages": [], "ep": "", "upto": 0, "more": false }))),
        )
        .route(internal::JOBS, jobs)
        .route(internal::JOB_RESULT, get(async move || Json(result)));
    tokio::spawn(async { axum::serve(listener, routes).await });
    url
}

#[tokio::test]
async fn a_conversion_that_fails_again_and_again_says_so_in_the_end() {
    let fails = async |body: Bytes| {
        drop(body);
        (StatusCode::INTERNAL_SERVER_ERROR, Json(Problem::new(Code::Internal, "nothing works here")))
    };
    let worker = workers(post(fails), Value::Null).await;

    assert_eq!(failure_of_a_card(worker, 3_600).await, Code::Internal.name());
}

#[tokio::test]
async fn a_result_that_is_too_large_for_whoever_asked_is_not_kept() {
    let done = async |headers: HeaderMap, body: Bytes| {
        let owner = headers[internal::USER_HEADER].to_str().unwrap();
        let moment = Timestamp::from_micros(1_700_000_000_000_000);
        Json(json!({ "id": JobId::new(), "owner": owner, "name": "a.md", "from": "md", "to": "pdf",
            "state": "completed", "seq": 3, "bytes_in": body.len(), "created_at": moment, "updated_at": moment }))
    };
    // More than somebody may have together.
    let result = json!({ "key": "out/job/1", "name": "a.pdf", "bytes": 3 * 1024 * 1024, "sha256": "00",
        "media_type": "application/pdf" });
    let worker = workers(post(done), result).await;

    assert_eq!(failure_of_a_card(worker, 0).await, Code::TooLarge.name());
}

/// Has a file of a room converted by these workers, and says why that failed after so many seconds of the hub's clock.
async fn failure_of_a_card(worker: reqwest::Url, seconds: i64) -> Value {
    let server = Server::embedded_with(|config| {
        config.chat_workers = vec![worker.clone()];
        config.convert_workers = vec![worker];
    })
    .await;
    let ann = server.account("ann@example.com", "Ann").await;
    let room = server.post("/api/v1/rooms", access(&ann), json!({ "name": "general" })).await.good();
    let path = |of: &str| format!("/api/v1/rooms/{}/{of}", room["id"].as_str().unwrap());
    let made = futures_util::stream::once(async { Ok(Bytes::from_static(b"%PDF")) });
    server.objects.put("out/job/1", Box::pin(made), u64::MAX).await.unwrap();
    let upload = server.request(Method::POST, &path("files?name=a.md")).bearer_auth(access(&ann));
    let file = server.send(upload.body("# Hello")).await.good();
    let wish = json!({ "cid": made_at(server.clock.now().seconds()), "file": file["id"], "to": "pdf" });
    server.post(&path("conversions"), access(&ann), wish).await.good();

    server.clock.advance(seconds);

    let tokens = server.login("ann@example.com", crate::fixture::PASSWORD).await.good();
    let failed = eventually("the card says that it failed", async || {
        let page = server.get(&path("events"), access(&tokens)).await.good();
        page["events"].as_array().unwrap().iter().find(|event| event["kind"] == "convert_failed").cloned()
    })
    .await;
    failed["error"].clone()
}

#[tokio::test]
async fn rows_that_nobody_will_ask_for_again_are_swept_out() {
    let server = Server::start().await;
    server.sign_up("waits@example.com", "Waits").await.good();
    server.account("ann@example.com", "Ann").await;
    let left = async || -> i64 {
        each!(server.db.reader(), pool => sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM signups) + (SELECT count(*) FROM sessions)
                  + (SELECT count(*) FROM refresh_tokens)",
        ).fetch_one(pool).await.unwrap())
    };
    assert_eq!(left().await, 3);

    server.clock.advance(15 * 24 * 3600);

    eventually("old rows go", async || (left().await == 0).then_some(())).await;
    assert_eq!(server.login("ann@example.com", crate::fixture::PASSWORD).await.status, 200, "accounts stay");
}
