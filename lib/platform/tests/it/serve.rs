//! The accept loop: it drains, and it knows who is at the other end.

use std::sync::Arc;

use axum::{Extension, Router, routing::get};
use mshub_platform::service::{Peer, health::Health, http_client, serve};
use tokio::{net::TcpListener, sync::Notify};
use tokio_util::sync::CancellationToken;

async fn start(app: Router) -> (String, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let served = tokio::spawn(serve(listener, app, stop.clone()));
    (url, stop, served)
}

#[tokio::test]
async fn a_request_that_was_accepted_is_answered_although_the_service_stops() {
    let (began, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (began.clone(), go_on.clone());
    let slow = get(async move || {
        tell.notify_one();
        wait.notified().await;
        "done"
    });
    let (url, stop, served) = start(Router::new().route("/slow", slow)).await;

    let request = tokio::spawn(http_client().get(format!("{url}/slow")).send());
    began.notified().await;
    stop.cancel();
    go_on.notify_one();

    assert_eq!(request.await.unwrap().unwrap().text().await.unwrap(), "done");
    served.await.unwrap();
    assert!(http_client().get(format!("{url}/slow")).send().await.is_err(), "it still listens");
}

#[tokio::test]
async fn a_handler_knows_its_peer() {
    let who = get(async |Extension(peer): Extension<Peer>| peer.is_local().to_string());
    let (url, ..) = start(Router::new().route("/", who)).await;

    assert_eq!(http_client().get(url).send().await.unwrap().text().await.unwrap(), "true");
}

#[tokio::test]
async fn readiness_names_the_part_that_is_not_ready() {
    let health = Health::default()
        .check("fine", async || Ok::<(), String>(()))
        .check("broken", async || Err::<(), _>("no disk".to_owned()));
    let (url, ..) = start(health.routes()).await;

    let ready = http_client().get(format!("{url}/readyz")).send().await.unwrap();

    assert_eq!(ready.status(), 503);
    let body: serde_json::Value = ready.json().await.unwrap();
    assert_eq!(body, serde_json::json!({ "ready": false, "parts": { "fine": "ok", "broken": "no disk" } }));
    let metrics = http_client().get(format!("{url}/metrics")).send().await.unwrap();
    assert_eq!(metrics.status(), 200);
}
