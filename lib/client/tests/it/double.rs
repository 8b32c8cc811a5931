//! A hub's double: an axum router on a free port, plus the JSON that every test needs.

use axum::{Json, Router, http::StatusCode, response::IntoResponse};
use mshub_client::{Hub, Options, SessionStore};
use serde_json::{Value, json};
use std::time::Duration;
use wire::{Code, Problem};

/// Serves a router until the test ends and returns its address.
pub(crate) async fn serve(router: Router) -> mshub_client::Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}").parse().unwrap()
}

/// Waits no longer than a test may.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("it did not happen in time")
}

pub(crate) fn options() -> Options {
    Options { timeout: Duration::from_secs(30), retries: 3, user_agent: "test".into(), at: None }
}

/// Somebody who came with a token.
pub(crate) fn with_token(server: &mshub_client::Url, token: &str) -> Hub {
    Hub::with_token(server.clone(), token.into(), options()).unwrap()
}

/// The same at a double that a name leads to.
pub(crate) fn by_name(double: &mshub_client::Url, name: &str) -> Hub {
    let at = double.socket_addrs(|| None).unwrap().first().copied();
    let server = format!("http://{name}").parse().unwrap();
    Hub::with_token(server, "t".into(), Options { at, ..options() }).unwrap()
}

pub(crate) fn nobody(server: &mshub_client::Url) -> Hub {
    Hub::new(server.clone(), SessionStore::Memory, options()).unwrap()
}

pub(crate) fn refuse(code: Code, detail: &str) -> axum::response::Response {
    let problem = Problem::new(code, detail);
    let status = StatusCode::from_u16(problem.status).unwrap();
    (status, [("content-type", Problem::MEDIA_TYPE)], Json(problem)).into_response()
}

pub(crate) fn me() -> Value {
    json!({
        "id": "01930000-0000-7000-8000-000000000001", "email": "ann@example.org", "name": "Ann",
        "role": "user", "created_at": "2026-11-22T20:00:00Z",
    })
}

pub(crate) fn tokens(access: &str, refresh: &str, expires_in: u64) -> Json<Value> {
    Json(json!({
        "access_token": access, "token_type": "Bearer", "expires_in": expires_in,
        "refresh_token": refresh, "user": me(),
    }))
}

pub(crate) fn job(state: &str, seq: u64) -> Value {
    json!({
        "id": "01930000-0000-7000-8000-00000000000a", "owner": "01930000-0000-7000-8000-000000000001",
        "name": "a.csv", "from": "csv", "to": "xlsx", "state": state, "seq": seq, "bytes_in": 3,
        "created_at": "2026-11-22T20:00:00Z", "updated_at": "2026-11-22T20:00:00Z",
    })
}
