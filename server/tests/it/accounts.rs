//! Signing up, proving an address, signing in.

use platform::{each, sqlx};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{PASSWORD, Server, access, link_token};

#[tokio::test]
async fn somebody_signs_up_follows_the_link_and_signs_in() {
    let server = Server::start().await;

    let asked = server.sign_up(" Ann@Example.com ", " Ann ").await;
    assert_eq!(asked.status, 202);
    let asked = asked.json();
    assert_eq!((&asked["user"]["email"], &asked["user"]["name"]), (&json!("ann@example.com"), &json!("Ann")));
    assert_eq!(asked["mail"], "kept");
    assert_eq!(server.login("ann@example.com", PASSWORD).await.code(), "MSH-4030");

    let mails = server.mails("ann@example.com", 1).await;
    let link = mails[0]["link"].as_str().unwrap();
    assert!(link.starts_with(&server.url("/verify?token=")), "{link}");
    let me = server.verify(&link_token(&mails[0])).await.good();
    assert_eq!(me["id"], asked["user"]["id"]);

    let tokens = server.login("ANN@example.com", PASSWORD).await.good();
    assert_eq!(server.get("/api/v1/me", access(&tokens)).await.good(), me);
}

#[tokio::test]
async fn a_short_code_does_the_same_however_it_is_typed() {
    let server = Server::start().await;
    server.sign_up("ann@example.com", "Ann").await.good();
    let mails = server.mails("ann@example.com", 1).await;
    let code = mails[0]["code"].as_str().unwrap();
    assert!(mails[0]["text"].as_str().unwrap().contains(code));

    let me = server.verify(&format!(" {} ", code.to_lowercase().replace('-', ""))).await.good();

    assert_eq!(me["email"], "ann@example.com");
}

#[tokio::test]
async fn a_second_sign_up_with_an_address_learns_nothing_and_opens_nothing() {
    let server = Server::start().await;
    server.account("ann@example.com", "Ann").await;

    let stranger = server.sign_up("ann@example.com", "Mallory").await;
    let fresh = server.sign_up("new@example.com", "Mallory").await;

    assert_eq!((stranger.status, fresh.status), (202, 202));
    let shape = |answer: &Value| {
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        (keys(answer), keys(&answer["user"]), answer["mail"].clone(), answer["user"]["name"].clone())
    };
    assert_eq!(shape(&stranger.json()), shape(&fresh.json()));
    let mails = server.mails("ann@example.com", 2).await;
    assert_eq!(mails[0]["subject"], "You already have an account");
    assert_eq!((&mails[0]["link"], &mails[0]["code"]), (&Value::Null, &Value::Null));
    assert_eq!(server.login("ann@example.com", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn of_two_sign_ups_that_wait_the_one_whose_link_is_used_wins() {
    let server = Server::start().await;
    server.sign_up("ann@example.com", "Ann").await.good();
    let own = server.mails("ann@example.com", 1).await.remove(0);
    let rival =
        json!({ "email": "ann@example.com", "name": "Mallory", "password": "a-rival-of-quite-other-words" });
    server.ask("/api/v1/auth/signup", rival).await.good();
    let second = server.mails("ann@example.com", 2).await.remove(0);
    assert!(second["text"].as_str().unwrap().contains("another sign-up"), "the letter warns");

    let me = server.verify(&link_token(&own)).await.good();

    assert_eq!(me["name"], "Ann");
    assert_eq!(server.login("ann@example.com", PASSWORD).await.status, 200);
    assert_eq!(server.login("ann@example.com", "a-rival-of-quite-other-words").await.code(), "MSH-4011");
    assert_eq!(server.verify(&link_token(&second)).await.code(), "MSH-4003", "the rival's link is dead");
}

#[tokio::test]
async fn used_expired_and_invented_tokens_are_the_same_refusal() {
    let server = Server::start().await;
    server.sign_up("used@example.com", "Ann").await.good();
    server.sign_up("late@example.com", "Ann").await.good();
    let used = server.mails("used@example.com", 1).await.remove(0);
    let late = server.mails("late@example.com", 1).await.remove(0);
    server.verify(&link_token(&used)).await.good();

    let mut refusals = vec![
        server.verify(&link_token(&used)).await,
        server.verify(used["code"].as_str().unwrap()).await,
        server.verify("").await,
        server.verify("BCDF-GHJK").await,
        server.verify(&"x".repeat(10_000)).await,
    ];
    server.clock.advance(31 * 60);
    refusals.push(server.verify(late["code"].as_str().unwrap()).await);
    server.clock.advance(24 * 3600);
    refusals.push(server.verify(&link_token(&late)).await);

    for refusal in refusals {
        let mut problem = refusal.json();
        assert_eq!((refusal.status, &problem["code"]), (422, &json!("MSH-4003")));
        assert!(problem["hint"].as_str().unwrap().contains("auth resend"));
        problem.as_object_mut().unwrap().remove("request_id");
        assert_eq!(problem["detail"], "the link or code is unknown, used, or has expired");
    }
}

#[tokio::test]
async fn a_link_outlives_its_code() {
    let server = Server::start().await;
    server.sign_up("ann@example.com", "Ann").await.good();
    let mail = server.mails("ann@example.com", 1).await.remove(0);

    server.clock.advance(23 * 3600);

    assert_eq!(server.verify(mail["code"].as_str().unwrap()).await.code(), "MSH-4003");
    server.verify(&link_token(&mail)).await.good();
}

#[tokio::test]
async fn a_new_mail_can_be_asked_for_and_the_old_one_stops_working() {
    let server = Server::start().await;
    server.sign_up("ann@example.com", "Ann").await.good();
    let old = server.mails("ann@example.com", 1).await.remove(0);

    let known = server.ask("/api/v1/auth/resend", json!({ "email": "ann@example.com" })).await;
    let unknown = server.ask("/api/v1/auth/resend", json!({ "email": "nobody@example.com" })).await;

    assert_eq!((known.status, &known.bytes), (202, &unknown.bytes));
    assert_eq!(unknown.status, 202);
    let new = server.mails("ann@example.com", 2).await.remove(0);
    assert_eq!(server.verify(&link_token(&old)).await.code(), "MSH-4003");
    server.verify(&link_token(&new)).await.good();
}

#[tokio::test]
async fn mail_to_one_address_has_a_quota() {
    let server = Server::start().await;
    let resend = async || server.ask("/api/v1/auth/resend", json!({ "email": "ann@example.com" })).await;

    for _ in 0..5 {
        assert_eq!(resend().await.status, 202);
    }
    let refused = resend().await;

    assert_eq!((refused.status, refused.code().as_str()), (429, "MSH-4290"));
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
}

#[tokio::test]
async fn only_fingerprints_of_tokens_and_passwords_are_kept_once_the_mail_is_gone() {
    let server = Server::start().await;
    let tokens = server.account("ann@example.com", "Ann").await;
    server.sign_up("bob@example.com", "Bob").await.good();
    let mail = server.mails("bob@example.com", 1).await.remove(0);

    let tasks: i64 = crate::fixture::eventually("the sent mail's row goes", async || {
        let left: i64 = platform::each!(server.db.reader(), pool =>
            platform::sqlx::query_scalar("SELECT count(*) FROM tasks").fetch_one(pool).await.unwrap());
        (left == 0).then_some(left)
    })
    .await;

    assert_eq!(tasks, 0);
    let dump: Vec<(String, Vec<u8>, Vec<u8>)> = platform::each!(server.db.reader(), pool =>
        platform::sqlx::query_as("SELECT password, link_print, code_print FROM signups")
            .fetch_all(pool).await.unwrap());
    assert!(dump.iter().all(|(password, ..)| password.starts_with("$argon2id$")));
    let code = mail["code"].as_str().unwrap();
    let plain = [link_token(&mail).into_bytes(), code.into(), code.replace('-', "").into_bytes()];
    assert!(dump.iter().all(|(_, link, code)| !plain.contains(link) && !plain.contains(code)));
    for secret in [PASSWORD, tokens["refresh_token"].as_str().unwrap()] {
        assert!(!server.database_holds(secret), "{secret}");
    }
}

#[tokio::test]
async fn what_breaks_a_rule_is_named_field_by_field() {
    let server = Server::start().await;

    let broken =
        server.ask("/api/v1/auth/signup", json!({ "email": "x", "name": " ", "password": "short" })).await;
    let weak = json!({ "email": "ann@example.com", "name": "Ann", "password": "password1234" });
    let weak = server.ask("/api/v1/auth/signup", weak).await;
    let odd = server.ask("/api/v1/auth/signup", json!({ "email": "a@example.com", "admin": true })).await;

    assert_eq!((broken.status, broken.code().as_str()), (422, "MSH-4001"));
    let pointers: Vec<_> =
        broken.json()["errors"].as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
    assert_eq!(pointers, ["/email", "/name", "/password"]);
    assert_eq!((weak.status, weak.code().as_str()), (422, "MSH-4002"));
    assert_eq!(weak.json()["errors"][0]["pointer"], "/password");
    assert_eq!(odd.status, 400);
    assert_eq!(odd.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_the_same_answer() {
    let server = Server::start().await;
    server.account("ann@example.com", "Ann").await;
    server.sign_up("waits@example.com", "Bob").await.good();

    let wrong = server.login("ann@example.com", "not the password").await;
    let unknown = server.login("nobody@example.com", "not the password").await;
    let waiting = server.login("waits@example.com", "not the password").await;
    let endless = server.login("ann@example.com", &"x".repeat(2000)).await;

    assert_eq!((wrong.status, wrong.code().as_str()), (401, "MSH-4011"));
    for other in [unknown, waiting, endless] {
        assert_eq!((other.status, other.json()), (401, wrong.json()));
    }
}

#[tokio::test]
async fn guessing_waits_longer_each_time_and_locks_nobody_else_out() {
    let server = Server::start().await;
    server.account("ann@example.com", "Ann").await;
    server.account("bob@example.com", "Bob").await;
    for _ in 0..5 {
        assert_eq!(server.login("ann@example.com", "not the password").await.status, 401);
    }

    let refused = server.login("ann@example.com", PASSWORD).await;
    let other = server.login("bob@example.com", PASSWORD).await;
    server.clock.advance(refused.header("retry-after").parse().unwrap());
    let later = server.login("ann@example.com", PASSWORD).await;

    assert_eq!((refused.status, refused.code().as_str()), (429, "MSH-4290"));
    assert_eq!((other.status, later.status), (200, 200));
}

#[tokio::test]
async fn behind_a_trusted_proxy_everybody_is_somewhere_else() {
    let trusting =
        |config: &mut mshub_server::Config| config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let server = Server::start_with(trusting).await;
    server.account("ann@example.com", "Ann").await;
    let login = async |from: &str, password: &str| {
        let body = json!({ "email": "ann@example.com", "password": password });
        let request = server.request(Method::POST, "/api/v1/auth/login").header("x-forwarded-for", from);
        server.send(request.json(&body)).await.status
    };

    for n in 0..5 {
        // What a guesser writes before the proxy's word changes nothing.
        assert_eq!(login(&format!("198.51.100.{n}, 192.0.2.1"), "not the password").await, 401);
    }

    assert_eq!(login("192.0.2.1", PASSWORD).await, 429);
    assert_eq!(login("192.0.2.2", PASSWORD).await, 200);
}

#[tokio::test]
async fn codes_cannot_be_guessed_at_leisure_and_links_are_not_held_back() {
    let server = Server::start().await;
    server.sign_up("ann@example.com", "Ann").await.good();
    let mail = server.mails("ann@example.com", 1).await.remove(0);

    let mut statuses = Vec::new();
    for guess in 0..12 {
        statuses.push(server.verify(&format!("BCDF-GHJ{}", 2 + guess % 8)).await.status);
    }

    assert_eq!(&statuses[..10], [422; 10]);
    assert_eq!(statuses[10..], [429, 429]);
    server.verify(&link_token(&mail)).await.good();
}

#[tokio::test]
async fn a_code_that_the_database_cannot_look_up_was_no_guess() {
    let server = Server::start().await;
    let rename = "ALTER TABLE signups RENAME TO gone";
    each!(server.db.writer(), pool => sqlx::query(rename).execute(pool).await.map(drop)).unwrap();

    for _ in 0..12 {
        assert_eq!(server.verify("BCDF-GHJ2").await.status, 500);
    }
}

#[tokio::test]
async fn many_who_verify_at_once_make_one_account() {
    let server = Server::start().await;
    server.sign_up("ann@example.com", "Ann").await.good();
    let token = link_token(&server.mails("ann@example.com", 1).await[0]);

    let verified = futures_util::future::join_all((0..15).map(|_| server.verify(&token))).await;

    let good = verified.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(good, 1, "{:?}", verified.iter().map(|answer| answer.status).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_profile_is_edited_in_parts_and_seen_by_others_in_part() {
    let server = Server::start().await;
    let ann = server.account("ann@example.com", "Ann").await;
    let bob = server.account("bob@example.com", "Bob").await;
    let edit = async |body: Value| {
        server
            .send(server.request(reqwest::Method::PATCH, "/api/v1/me").bearer_auth(access(&ann)).json(&body))
            .await
    };

    edit(json!({ "bio": "Gardens at night.", "tz": "UTC" })).await.good();
    let me = edit(json!({ "name": "Ann Ω" })).await.good();
    let seen =
        server.get(&format!("/api/v1/users/{}", me["id"].as_str().unwrap()), access(&bob)).await.good();

    assert_eq!(
        (&me["name"], &me["bio"], &me["tz"]),
        (&json!("Ann Ω"), &json!("Gardens at night."), &json!("UTC"))
    );
    let profile = json!({ "id": me["id"], "name": "Ann Ω", "bio": "Gardens at night.", "tz": "UTC", "has_photo": false });
    assert_eq!(seen, profile);
    assert_eq!(edit(json!({ "tz": "Mars/Olympus" })).await.json()["errors"][0]["pointer"], "/tz");
    assert_eq!(edit(json!({})).await.code(), "MSH-4000");
    assert_eq!(edit(json!({ "role": "admin" })).await.status, 400);
    let nobody = server.get(&format!("/api/v1/users/{}", uuid::Uuid::now_v7()), access(&bob)).await;
    assert_eq!(nobody.code(), "MSH-4040");
    assert_eq!(server.get("/api/v1/users/x", access(&bob)).await.code(), "MSH-4040");
}
