//! Sessions: a refresh token works once, however many tasks and processes want a new access token at once.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use futures_util::future::join_all;
use mshub_client::{Error, Hub, SessionStore, Storage};
use wire::{Code, accounts::Login, accounts::Refresh, paths};

use crate::double::{me, options, refuse, serve, soon, tokens};

/// Signs in with a token that has expired, and knows one refresh token at a time.
async fn hub_with_rotation(refreshes: Arc<AtomicU32>) -> mshub_client::Url {
    let refresh = move |Json(body): Json<Refresh>| async move {
        let made = refreshes.fetch_add(1, Ordering::SeqCst);
        // Long enough for everybody else to come.
        tokio::time::sleep(Duration::from_millis(100)).await;
        match (made, body.refresh_token.as_str()) {
            (0, "r0") => tokens("a1", "r1", 600).into_response(),
            _ => refuse(Code::InvalidRefresh, "used twice"),
        }
    };
    let check = |headers: HeaderMap| async move {
        match headers["authorization"].to_str().unwrap() {
            "Bearer a1" => Json(me()).into_response(),
            _ => refuse(Code::TokenExpired, "expired"),
        }
    };
    let router = Router::new()
        .route(paths::LOGIN, post(|| async { tokens("a0", "r0", 0) }))
        .route(paths::REFRESH, post(refresh))
        .route(paths::LOGOUT, post(|| async { StatusCode::NO_CONTENT }))
        .route(paths::ME, get(check));
    serve(router).await
}

fn hub(server: &mshub_client::Url, dir: &Path) -> Hub {
    let sessions = SessionStore::File { dir: dir.to_owned(), keyring: false };
    Hub::new(server.clone(), sessions, options()).unwrap()
}

fn ann() -> Login {
    Login { email: "ann@example.org".into(), password: "x".into(), device: None }
}

#[tokio::test]
async fn many_tasks_of_two_processes_renew_a_session_once() {
    let refreshes = Arc::new(AtomicU32::new(0));
    let server = hub_with_rotation(refreshes.clone()).await;
    let dir = tempfile::tempdir().unwrap();
    let one = hub(&server, dir.path());
    soon(one.login(&ann())).await.unwrap();
    let other = hub(&server, dir.path());

    let asked = (0..20).map(|n| if n % 2 == 0 { one.clone() } else { other.clone() });
    let answers = soon(join_all(asked.map(|hub| async move { hub.me().await }))).await;

    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(refreshes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_renewed_session_that_cannot_be_written_goes_on_in_memory() {
    let made = Arc::new(AtomicU32::new(0));
    let refresh = move |Json(body): Json<Refresh>| async move {
        let nth = made.fetch_add(1, Ordering::SeqCst);
        match body.refresh_token == format!("r{nth}") {
            // Expired at once: every call renews.
            true => tokens("a", &format!("r{}", nth + 1), 0).into_response(),
            false => refuse(Code::InvalidRefresh, "used twice"),
        }
    };
    let router = Router::new()
        .route(paths::LOGIN, post(|| async { tokens("a", "r0", 0) }))
        .route(paths::REFRESH, post(refresh))
        .route(paths::ME, get(|| async { Json(me()) }));
    let (server, dir) = (serve(router).await, tempfile::tempdir().unwrap());
    let hub = hub(&server, dir.path());
    soon(hub.login(&ann())).await.unwrap();
    let Storage::File(path) = hub.signed_in().await.unwrap().storage else { panic!("not in a file") };
    // What stands where the new file is to be written beside the old one.
    let in_the_way = path.with_extension(format!("{}.new", std::process::id()));
    std::fs::create_dir(&in_the_way).unwrap();

    for _ in 0..3 {
        soon(hub.me()).await.unwrap();
    }
    std::fs::remove_dir(&in_the_way).unwrap();
    soon(hub.me()).await.unwrap();

    assert!(std::fs::read_to_string(path).unwrap().contains("\"r4\""), "the newest is not kept");
}

#[tokio::test]
async fn a_session_that_the_hub_ended_is_forgotten() {
    let refreshes = Arc::new(AtomicU32::new(7));
    let server = hub_with_rotation(refreshes).await;
    let dir = tempfile::tempdir().unwrap();
    let hub = hub(&server, dir.path());
    soon(hub.login(&ann())).await.unwrap();

    assert!(matches!(soon(hub.me()).await, Err(Error::SignedOut)));
    assert!(hub.signed_in().await.is_none());
}

#[tokio::test]
async fn a_session_stays_with_the_origin_that_made_it() {
    let server = hub_with_rotation(Arc::new(AtomicU32::new(0))).await;
    let elsewhere = hub_with_rotation(Arc::new(AtomicU32::new(0))).await;
    let dir = tempfile::tempdir().unwrap();
    soon(hub(&server, dir.path()).login(&ann())).await.unwrap();

    let here = hub(&server, dir.path()).signed_in().await.unwrap();
    assert!(matches!(here.storage, Storage::File(_)));
    assert!(hub(&elsewhere, dir.path()).signed_in().await.is_none());
}

#[tokio::test]
async fn signing_out_leaves_nothing_behind() {
    let server = hub_with_rotation(Arc::new(AtomicU32::new(0))).await;
    let dir = tempfile::tempdir().unwrap();
    let one = hub(&server, dir.path());
    soon(one.login(&ann())).await.unwrap();

    soon(one.logout()).await.unwrap();

    let left: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("session")), "{left:?}");
    assert!(matches!(soon(one.me()).await, Err(Error::SignedOut)));
}

#[tokio::test]
async fn a_token_from_outside_is_never_renewed() {
    let refreshes = Arc::new(AtomicU32::new(0));
    let server = hub_with_rotation(refreshes.clone()).await;
    let hub = Hub::with_token(server, "stale".into(), options()).unwrap();

    let error = soon(hub.me()).await.unwrap_err();

    assert_eq!(error.problem().unwrap().code, "MSH-4012");
    assert_eq!(refreshes.load(Ordering::SeqCst), 0);
}
