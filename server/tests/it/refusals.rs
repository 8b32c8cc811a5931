//! Refusals of the catalogue that no story comes across.

use platform::{each, sqlx};
use reqwest::Method;
use serde_json::json;

use crate::fixture::{Server, access};

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_refused_by_its_code() {
    let server = Server::start().await;

    let refused = server.send(server.request(Method::DELETE, wire::paths::HUB_INFO)).await;

    assert_eq!((refused.status, refused.code().as_str()), (405, "MSH-4050"));
}

#[tokio::test]
async fn a_public_name_is_taken_once_whatever_it_is_called_after() {
    let server = Server::start().await;
    let ann = server.account("ann@example.org", "Ann").await;
    let new = async |name: &str| server.post("/api/v1/rooms", access(&ann), json!({ "name": name })).await;
    new("general").await.good();
    new("other").await.good();

    let taken = new("general").await;
    let renamed = server.request(Method::PATCH, "/api/v1/rooms/other").bearer_auth(access(&ann));
    let renamed = server.send(renamed.json(&json!({ "name": "general" }))).await;

    for refused in [taken, renamed] {
        assert_eq!((refused.status, refused.code().as_str()), (409, "MSH-4091"), "{}", refused.text());
        assert_eq!(refused.json()["errors"][0]["pointer"], "/name");
    }
}

#[tokio::test]
async fn a_failure_of_ours_says_nothing_of_what_it_was() {
    let server = Server::start().await;
    let ann = server.account("ann@example.org", "Ann").await;
    each!(server.db.writer(), pool => sqlx::query("ALTER TABLE rooms RENAME TO gone")
        .execute(pool).await.map(drop).unwrap());

    let failed = server.get("/api/v1/rooms", access(&ann)).await;

    assert_eq!((failed.status, failed.code().as_str()), (500, "MSH-5000"));
    assert_eq!(failed.json()["detail"], "the hub failed to do this; its log says why");
}
