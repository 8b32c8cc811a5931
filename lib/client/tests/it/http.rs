//! Requests: what is repeated, what is not, and what a refusal becomes.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::{
    Json, Router, http::HeaderMap, http::StatusCode, response::IntoResponse, routing::get, routing::post,
};
use mshub_client::Error;
use serde_json::json;
use wire::{ClientId, Code, paths, rooms::NewRoom, rooms::Say};

use crate::double::{by_name, me, nobody, refuse, serve, soon, with_token};

#[tokio::test]
async fn a_hub_that_is_starting_is_asked_again() {
    let calls = Arc::new(AtomicU32::new(0));
    let count = calls.clone();
    let router = Router::new().route(
        paths::ME,
        get(move || async move {
            match count.fetch_add(1, Ordering::SeqCst) {
                0 | 1 => refuse(Code::Unavailable, "starting"),
                _ => Json(me()).into_response(),
            }
        }),
    );
    let hub = with_token(&serve(router).await, "t");

    let me = soon(hub.me()).await.unwrap();

    assert_eq!(me.name, "Ann");
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_hub_is_called_by_its_name_wherever_that_is_said_to_lead() {
    let router = Router::new().route(
        paths::ME,
        get(|headers: HeaderMap| async move {
            let mut me = me();
            me["name"] = headers["host"].to_str().unwrap().into();
            Json(me)
        }),
    );

    let hub = by_name(&serve(router).await, "hub.example.org");

    assert_eq!(soon(hub.me()).await.unwrap().name, "hub.example.org");
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_twice() {
    let calls = Arc::new(AtomicU32::new(0));
    let count = calls.clone();
    let router = Router::new().route(
        paths::ROOMS,
        post(move || async move {
            count.fetch_add(1, Ordering::SeqCst);
            StatusCode::BAD_GATEWAY
        }),
    );
    let hub = with_token(&serve(router).await, "t");

    let room = NewRoom { name: "general".into(), private: false, topic: String::new() };
    let error = soon(hub.new_room(&room)).await.unwrap_err();

    assert_eq!(error.problem().unwrap().code, "MSH-5020");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_message_with_an_unknown_fate_is_said_again_with_the_same_id() {
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let listen = heard.clone();
    let router = Router::new().route(
        paths::ROOM_MESSAGES,
        post(move |Json(say): Json<Say>| async move {
            let first = {
                let mut heard = listen.lock().unwrap();
                heard.push(say.cid);
                heard.len() <= 4
            };
            if first {
                return refuse(Code::OutcomeUnknown, "no word from the log");
            }
            let id = "01930000-0000-7000-8000-000000000009";
            Json(json!({"id": id, "cid": say.cid, "room": id, "pos": 7, "ts": "2026-11-22T20:00:00Z"}))
                .into_response()
        }),
    );
    let hub = with_token(&serve(router).await, "t");
    let say = Say { cid: ClientId::new(), body: "hi".into(), re: None, att: Vec::new() };

    let sent = soon(hub.say("#general", &say)).await.unwrap();

    assert_eq!(sent.pos, 7);
    let heard = heard.lock().unwrap().clone();
    assert!(heard.len() == 5 && heard.iter().all(|cid| *cid == say.cid), "{heard:?}");
}

#[tokio::test]
async fn nobody_there_and_nobody_signed_in_are_different_errors() {
    // Nobody listens there: port 9 is never given out.
    let server: mshub_client::Url = "http://127.0.0.1:9".parse().unwrap();

    assert!(matches!(soon(with_token(&server, "t").me()).await, Err(Error::Unreachable { .. })));
    assert!(matches!(soon(nobody(&server).me()).await, Err(Error::SignedOut)));
}

#[tokio::test]
async fn something_that_is_not_a_hub_is_said_to_be_none() {
    let router = Router::new().route(paths::HUB_INFO, get(|| async { "<html>hello</html>" }));
    let hub = nobody(&serve(router).await);

    assert!(matches!(soon(hub.info()).await, Err(Error::Protocol(_))));
    assert!(matches!(soon(hub.formats()).await, Err(Error::Protocol(_))));
    assert!(matches!(
        soon(hub.api(mshub_client::Method::GET, "/nothing", None)).await,
        Err(Error::Protocol(_))
    ));
}
