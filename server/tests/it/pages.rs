//! What a browser sees.

use reqwest::Method;

use crate::fixture::{Server, link_token};

#[tokio::test]
async fn looking_at_a_link_does_nothing_and_its_button_verifies() {
    let server = Server::start().await;
    server.sign_up("ann@example.com", "<b>Ann</b>").await.good();
    let token = link_token(&server.mails("ann@example.com", 1).await[0]);

    let page = format!("/verify?token={token}");
    for _ in 0..3 {
        let seen = server.get(&page, "").await;
        assert_eq!((seen.status, seen.header("cache-control")), (200, "no-store"));
        assert!(seen.header("content-security-policy").contains("default-src 'none'"));
        assert!(seen.text().contains(&token) && seen.text().contains("method=\"post\""));
    }
    let press = async || {
        server.send(server.request(Method::POST, "/verify").form(&[("token", token.as_str())])).await
    };
    let pressed = press().await;
    let again = press().await;

    assert_eq!(pressed.status, 200);
    assert!(pressed.text().contains("Welcome, &lt;b&gt;Ann&lt;/b&gt;"), "{}", pressed.text());
    assert_eq!(again.status, 422);
    assert!(again.text().contains("auth resend") && again.text().contains("href=\"/\""));
}

#[tokio::test]
async fn a_hostile_token_stays_text() {
    let server = Server::start().await;

    let seen = server.get("/verify?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "").await;

    assert_eq!(seen.status, 200);
    assert!(!seen.text().contains("<script"), "{}", seen.text());
}

#[tokio::test]
async fn the_error_page_has_an_anchor_for_every_code() {
    let server = Server::start().await;

    let page = server.get("/docs/errors", "").await.text();

    for code in wire::Code::ALL {
        assert!(page.contains(&format!("id=\"{}\"", code.name())), "{code}");
    }
}

#[tokio::test]
async fn the_page_is_behind_its_own_listener_only() {
    let server = Server::start().await;
    let at = async |url: String| {
        reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap()
    };

    let page = at(format!("{}/rooms/general", server.web)).await;
    let api = at(server.url("/rooms/general")).await;
    let info = at(format!("{}/.well-known/mshub", server.web)).await;

    assert_eq!(page.status(), 200);
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert_eq!(api.status(), 404);
    assert_eq!(api.headers()["content-type"], "application/problem+json");
    let home = at(server.url("/")).await;
    assert_eq!(home.url().as_str(), format!("{}/", server.web), "the API's own root leads to the page");
    assert!(home.text().await.unwrap().contains("<title>mshub"));
    let info: serde_json::Value = info.json().await.unwrap();
    assert_eq!((&info["product"], &info["mail"]), (&"mshub".into(), &"kept".into()));
    for header in ["x-content-type-options", "referrer-policy", "x-frame-options", "x-request-id"] {
        assert!(page.headers().contains_key(header), "{header}");
    }
}

#[tokio::test]
async fn kept_mail_is_not_read_through_a_proxy() {
    let server = Server::start().await;
    server.sign_up("ann@example.com", "Ann").await.good();
    server.mails("ann@example.com", 1).await;

    let proxied = server.request(Method::GET, "/api/v1/mail").header("x-forwarded-for", "192.0.2.7");
    let rebound = server.request(Method::GET, "/api/v1/mail").header("host", "evil.test");

    assert_eq!(server.send(proxied).await.code(), "MSH-4032");
    assert_eq!(server.send(rebound).await.code(), "MSH-4032");
    assert_eq!(server.mails("ANN@example.com", 1).await.len(), 1);
    assert_eq!(server.mails("bob@example.com", 0).await.len(), 0);
}

/// nginx's `proxy_pass` adds no header by itself, and names the address that it passes on to.
#[tokio::test]
async fn kept_mail_of_a_hub_with_a_public_address_is_shown_to_nobody() {
    let server = Server::start_with(|config| config.public_url = "http://hub.test".parse().unwrap()).await;
    server.sign_up("ann@example.com", "Ann").await.good();

    for host in ["127.0.0.1:8000", "localhost", "hub.test"] {
        let asked = server.request(Method::GET, "/api/v1/mail").header("host", host);
        assert_eq!(server.send(asked).await.code(), "MSH-4032", "{host}");
    }
}
