//! Sessions: rotation, misuse, ending.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use wire::paths::SUBJECT_HINTS;

use crate::fixture::{Answer, PASSWORD, Server, access};

async fn refresh(server: &Server, tokens: &Value) -> Answer {
    server.ask("/api/v1/auth/refresh", json!({ "refresh_token": tokens["refresh_token"] })).await
}

#[tokio::test]
async fn a_refresh_token_works_once_and_its_second_use_ends_the_session() {
    let server = Server::start().await;
    let first = server.account("ann@example.com", "Ann").await;
    assert!(first["refresh_token"].as_str().unwrap().starts_with("mshr_"));

    let second = refresh(&server, &first).await.good();
    let third = refresh(&server, &second).await.good();
    assert_ne!(second["refresh_token"], third["refresh_token"]);
    assert_eq!(server.get("/api/v1/me", access(&third)).await.status, 200);
    let reused = refresh(&server, &first).await;

    assert_eq!((reused.status, reused.code().as_str()), (401, "MSH-4013"));
    assert_eq!(refresh(&server, &third).await.code(), "MSH-4013", "the whole family is over");
    assert_eq!(server.get("/api/v1/me", access(&third)).await.status, 401);
    assert_eq!(server.login("ann@example.com", PASSWORD).await.status, 200, "the account is not");
}

#[tokio::test]
async fn a_lost_answer_can_be_asked_for_again_for_five_minutes() {
    let server = Server::start().await;
    let first = server.account("ann@example.com", "Ann").await;

    let lost = refresh(&server, &first).await.good();
    server.clock.advance(299);
    let again = refresh(&server, &first).await.good();

    assert_eq!(lost["refresh_token"], again["refresh_token"], "the same successor, so the family stays one");
    server.clock.advance(2);
    assert_eq!(refresh(&server, &first).await.code(), "MSH-4013", "later it is misuse");
    assert_eq!(refresh(&server, &again).await.code(), "MSH-4013");
}

#[tokio::test]
async fn many_who_refresh_at_once_stay_one_session() {
    let server = Server::start().await;
    let first = server.account("ann@example.com", "Ann").await;

    let answers = futures_util::future::join_all((0..20).map(|_| refresh(&server, &first))).await;

    let tokens: std::collections::HashSet<String> =
        answers.into_iter().map(|answer| answer.good()["refresh_token"].to_string()).collect();
    assert_eq!(tokens.len(), 1);
}

#[tokio::test]
async fn an_idle_session_ends_by_itself() {
    let server = Server::start().await;
    let tokens = server.account("ann@example.com", "Ann").await;

    server.clock.advance(15 * 24 * 3600);

    assert_eq!(refresh(&server, &tokens).await.code(), "MSH-4013");
}

#[tokio::test]
async fn an_access_token_expires_after_ten_minutes() {
    let server = Server::start().await;
    let tokens = server.account("ann@example.com", "Ann").await;
    assert_eq!(tokens["expires_in"], 600);

    server.clock.advance(606);

    let refused = server.get("/api/v1/me", access(&tokens)).await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "MSH-4012"));
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    let fresh = refresh(&server, &tokens).await.good();
    assert_eq!(server.get("/api/v1/me", access(&fresh)).await.status, 200);
}

#[tokio::test]
async fn logging_out_ends_access_at_once_and_tells_the_sockets() {
    let server = Server::start().await;
    let tokens = server.account("ann@example.com", "Ann").await;
    let mut hints = server.fanout.subscribe(SUBJECT_HINTS).await;

    assert_eq!(server.post("/api/v1/auth/logout", access(&tokens), Value::Null).await.status, 204);

    assert_eq!(server.get("/api/v1/me", access(&tokens)).await.code(), "MSH-4010");
    assert_eq!(refresh(&server, &tokens).await.code(), "MSH-4013");
    let hint: Value = serde_json::from_str(&hints.next().await.unwrap()).unwrap();
    assert_eq!((&hint["k"], &hint["session"]), (&json!("session_ended"), &json!(session_of(&tokens))));
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_owner_only() {
    let server = Server::start().await;
    let laptop = server.account("ann@example.com", "Ann").await;
    server.clock.advance(1);
    let phone = server.login("ann@example.com", PASSWORD).await.good();
    let stranger = server.account("bob@example.com", "Bob").await;
    let path = |tokens: &Value| format!("/api/v1/auth/sessions/{}", session_of(tokens));

    let listed = server.get("/api/v1/auth/sessions", access(&phone)).await.good();
    let forbidden = server.delete(&path(&laptop), access(&stranger)).await;
    let ended = server.delete(&path(&laptop), access(&phone)).await;

    let current: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|item| item["current"].clone()).collect();
    assert_eq!(current, [json!(true), json!(false)]);
    assert_eq!(listed["items"][0]["device"], "test");
    assert_eq!((forbidden.status, ended.status), (404, 204));
    assert_eq!(server.get("/api/v1/me", access(&laptop)).await.status, 401);
    assert_eq!(server.get("/api/v1/me", access(&phone)).await.status, 200);
    assert_eq!(server.delete(&path(&laptop), access(&phone)).await.status, 404, "it is gone");
}

#[tokio::test]
async fn nothing_but_a_token_of_this_hub_opens_anything() {
    let server = Server::start().await;
    let tokens = server.account("ann@example.com", "Ann").await;
    let good = access(&tokens);
    let other = Server::start_with(|config| config.secret.0 = vec![9; 32]).await;
    let foreign = other.account("ann@example.com", "Ann").await;
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let unsigned = BASE64_URL_SAFE_NO_PAD.encode(r#"{"typ":"at+jwt","alg":"none"}"#);

    for bad in [
        "",
        "x",
        tokens["refresh_token"].as_str().unwrap(),
        access(&foreign),
        &format!("{unsigned}.{claims}."),
        &format!("{unsigned}.{claims}.{signature}"),
        &format!("{header}.{claims}.{}", "A".repeat(signature.len())),
        &format!("{header}.{claims}"),
    ] {
        let refused = server.get("/api/v1/me", bad).await;
        assert_eq!((refused.status, refused.code().as_str()), (401, "MSH-4010"), "{bad}");
    }
    let without = server.send(server.request(reqwest::Method::GET, "/api/v1/me")).await;
    assert_eq!(without.code(), "MSH-4010");
}

#[tokio::test]
async fn the_published_key_checks_the_tokens() {
    let server = Server::start().await;
    let tokens = server.account("ann@example.com", "Ann").await;

    let keys = server.get("/.well-known/jwks.json", "").await.good();

    let key: jsonwebtoken::jwk::Jwk = serde_json::from_value(keys["keys"][0].clone()).unwrap();
    let mut exact = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    exact.set_audience(&["mshub"]);
    exact.set_issuer(&[server.url("")]);
    let key = jsonwebtoken::DecodingKey::from_jwk(&key).unwrap();
    let read = jsonwebtoken::decode::<Value>(access(&tokens), &key, &exact).unwrap();
    assert_eq!(read.claims["sub"], tokens["user"]["id"]);
    assert_eq!(read.header.kid.as_deref(), keys["keys"][0]["kid"].as_str());
}

#[tokio::test]
async fn sessions_survive_a_restart() {
    let server = Server::start_with(|config| config.public_url = "http://localhost".parse().unwrap()).await;
    let tokens = server.account("ann@example.com", "Ann").await;

    let server = server.restart().await;

    let fresh = refresh(&server, &tokens).await.good();
    assert_eq!(server.get("/api/v1/me", access(&fresh)).await.good()["email"], "ann@example.com");
}

fn session_of(tokens: &Value) -> String {
    let claims = access(tokens).split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    claims["sid"].as_str().unwrap().to_owned()
}
