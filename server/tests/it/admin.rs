//! Who becomes admin, and what only admins may see.

use serde_json::json;

use crate::fixture::{Server, access, link_token};

#[tokio::test]
async fn the_first_verified_account_is_admin_and_no_other() {
    let server = Server::start().await;
    server.sign_up("early@example.com", "Early").await.good();
    let ann = server.account("ann@example.com", "Ann").await;
    let bob = server.account("bob@example.com", "Bob").await;

    assert_eq!((&ann["user"]["role"], &bob["user"]["role"]), (&json!("admin"), &json!("user")));
}

#[tokio::test]
async fn of_many_who_are_first_at_once_one_is_admin() {
    let server = Server::start().await;
    let emails: Vec<String> = (0..8).map(|number| format!("p{number}@example.com")).collect();
    let mut tokens = Vec::new();
    for email in &emails {
        server.sign_up(email, "Somebody").await.good();
        tokens.push(link_token(&server.mails(email, 1).await[0]));
    }

    let verified = futures_util::future::join_all(tokens.iter().map(|token| server.verify(token))).await;

    let roles: Vec<_> = verified.into_iter().map(|answer| answer.good()["role"].clone()).collect();
    assert_eq!(roles.iter().filter(|role| **role == "admin").count(), 1, "{roles:?}");
}

#[tokio::test]
async fn a_configured_admin_is_the_only_one() {
    let server = Server::start_with(|config| config.admin_email = Some("Boss@Example.com".into())).await;
    let ann = server.account("ann@example.com", "Ann").await;
    let boss = server.account("boss@example.com", "Boss").await;

    assert_eq!((&ann["user"]["role"], &boss["user"]["role"]), (&json!("user"), &json!("admin")));
}

#[tokio::test]
async fn admins_see_people_and_figures_and_others_do_not() {
    let server = Server::start().await;
    let ann = server.account("ann@example.com", "Ann").await;
    let bob = server.account("bob@example.com", "Bob").await;
    server.sign_up("waits@example.com", "Waits").await.good();
    server.post("/api/v1/rooms", access(&bob), json!({ "name": "general" })).await.good();

    let users = server.get("/api/v1/admin/users", access(&ann)).await.good();
    let overview = server.get("/api/v1/admin/overview", access(&ann)).await.good();

    let seen: std::collections::BTreeMap<_, _> = users["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| (user["email"].as_str().unwrap(), (user["role"].clone(), user["verified"].clone())))
        .collect();
    assert_eq!(seen["ann@example.com"], (json!("admin"), json!(true)));
    assert_eq!(seen["bob@example.com"], (json!("user"), json!(true)));
    assert_eq!(seen["waits@example.com"], (json!("user"), json!(false)));
    assert_eq!((&overview["users"], &overview["rooms"]), (&json!(3), &json!(1)));
    for path in ["/api/v1/admin/users", "/api/v1/admin/overview", "/api/v1/admin/dead-letters"] {
        assert_eq!(server.get(path, access(&bob)).await.code(), "MSH-4031");
        assert_eq!(server.get(path, "").await.code(), "MSH-4010");
    }
}
