//! The accept loop: it drains, it knows who is at the other end, and nobody can hold a connection by silence.

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router, routing::get};
use mshub_platform::service::{Admin, Health, Peer, Waits, http_client, serve};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(60);

/// Patient with whoever asks.
async fn start(app: Router) -> (String, CancellationToken, tokio::task::JoinHandle<()>) {
    start_with(app, DEADLINE).await
}

/// Waits so long for the headers of a question.
async fn start_with(
    app: Router,
    headers: Duration,
) -> (String, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let waits = Waits { headers, drain: DEADLINE };
    let served = tokio::spawn(serve(listener, app, waits, stop.clone()));
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
async fn who_does_not_finish_asking_is_dropped_while_others_are_answered() {
    let go_on = Arc::new(Notify::new());
    let wait = go_on.clone();
    let slow = get(async move || {
        wait.notified().await;
        "done"
    });
    let app = Router::new().route("/", get(async || "hello")).route("/slow", slow);
    // Not so short that whoever asks as everybody does might not come to it.
    let (url, ..) = start_with(app, Duration::from_secs(1)).await;
    let address = url.strip_prefix("http://").unwrap();

    // Half a header, half of the words that open HTTP/2, and nothing at all.
    let mut silent = Vec::new();
    for begun in ["GET / HTTP/1.1\r\nHost: hub\r\n", "PRI * HTTP/2.0", ""] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        silent.push((begun, stream));
    }
    let slow = tokio::spawn(http_client().get(format!("{url}/slow")).send());
    let answered = http_client().get(&url).send().await.unwrap().text().await.unwrap();

    assert_eq!(answered, "hello");
    for (begun, mut stream) in silent {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "still open after {begun:?}");
        assert!(!String::from_utf8_lossy(&rest).contains("hello"), "{begun:?} was answered");
    }
    // An answer may take longer than a question.
    go_on.notify_one();
    assert_eq!(slow.await.unwrap().unwrap().text().await.unwrap(), "done");
}

#[tokio::test]
async fn readiness_names_the_part_that_is_not_ready() {
    let stop = CancellationToken::new();
    let admin = Admin::of(&["server", "chat-worker"], stop.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(admin.clone().serve(listener, CancellationToken::new()));
    let ask = async || {
        let answer = http_client().get(format!("{url}/readyz")).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
    };
    let fine = || Health::default().check("disk", async || Ok::<(), String>(()));

    admin.ready("server", fine().check("log", async || Err::<(), _>("no disk".to_owned())));
    let (status, broken) = ask().await;
    admin.ready("server", fine());
    let (starting, _) = ask().await;
    admin.ready("chat-worker", fine());
    let (ready, all) = ask().await;
    stop.cancel();
    let (stopping, _) = ask().await;

    assert_eq!([status, starting, ready, stopping], [503, 503, 200, 503]);
    assert_eq!(
        broken["parts"],
        serde_json::json!({
            "server": { "disk": "ok", "log": "no disk" },
            "chat-worker": { "start": "not ready yet" },
        })
    );
    assert_eq!(all["ready"], true);
    let metrics = http_client().get(format!("{url}/metrics")).send().await.unwrap();
    assert_eq!(metrics.status(), 200);
}
