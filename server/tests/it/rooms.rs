//! Rooms at their limits; what people do in them is told in the stories of `cli/tests/it`.

use platform::{each, sqlx};
use serde_json::json;

use crate::fixture::{Server, access};

#[tokio::test]
async fn a_room_that_is_full_takes_nobody_else() {
    let server = Server::start().await;
    let (ann, bob) =
        (server.account("ann@example.org", "Ann").await, server.account("bob@example.org", "Bob").await);
    let room = server.post("/api/v1/rooms", access(&ann), json!({ "name": "general" })).await.good();
    let id: uuid::Uuid = room["id"].as_str().unwrap().parse().unwrap();
    for _ in 0..9_999 {
        let add = "INSERT INTO members (room, user_id, role, joined_at) VALUES ($1, $2, 'member', 0)";
        each!(server.db.writer(), pool => {
            sqlx::query(add).bind(id).bind(uuid::Uuid::new_v4()).execute(pool).await.map(drop)
        })
        .unwrap();
    }

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

    server.post("/api/v1/rooms/general/leave", access(&ann), json!({})).await.good();
    let room = server.post("/api/v1/rooms/general/join", access(&bob), json!({})).await.good();

    assert_eq!(room["role"], "owner");
    assert_eq!(server.delete("/api/v1/rooms/general", access(&ann)).await.status, 404);
    assert_eq!(server.delete("/api/v1/rooms/general", access(&bob)).await.status, 204);
    server.post("/api/v1/rooms", access(&ann), json!({ "name": "general" })).await.good();
}
