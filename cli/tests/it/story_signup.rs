//! Ann makes an account, verifies it, uses it and leaves.

use serde_json::{Value, json};

use crate::{
    command::Person,
    hub::{Hub, password},
};

/// A picture of one pixel.
pub(crate) const PIXEL: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0,
    1, 8, 2, 0, 0, 0, 0x90, 0x77, 0x53, 0xde, 0, 0, 0, 12, b'I', b'D', b'A', b'T', 8, 0xd7, 0x63, 0xf8, 0xcf,
    0xc0, 0, 0, 3, 1, 1, 0, 0x18, 0xdd, 0x8d, 0xb0, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60,
    0x82,
];

const SIGNUP: [&str; 9] = [
    "auth",
    "signup",
    "--email",
    "Ann@Example.org",
    "--name",
    "Ann",
    "--password-file",
    "password",
    "--json",
];
const LOGIN: [&str; 7] =
    ["auth", "login", "--email", "ann@example.org", "--password-file", "password", "--json"];

fn ann(hub: &Hub) -> Person {
    let ann = Person::at(&hub.server);
    ann.file("password", password("Ann"));
    ann
}

#[test]
fn ann_signs_up_verifies_and_signs_in() {
    let hub = Hub::start();
    let ann = ann(&hub);

    let signed_up = ann.json(&SIGNUP);
    assert_eq!(signed_up["user"]["email"], "ann@example.org");
    let too_early = ann.run(&LOGIN);
    assert_eq!((too_early.code, &too_early.error()["code"]), (4, &"MSH-4030".into()));

    let link = signed_up["verification"]["link"].as_str().unwrap();
    let verified = ann.json(&["auth", "verify", link, "--json"]);
    let me = ann.json(&LOGIN);
    assert_eq!((&verified["id"], &me["name"]), (&signed_up["user"]["id"], &"Ann".into()));
    assert!(!me.to_string().contains("token"), "a login printed its tokens: {me}");

    let status = ann.json(&["auth", "status", "--json"]);
    assert_eq!((&status["signed_in"], &status["storage"]["kind"]), (&true.into(), &"file".into()));
    let used = ann.run(&["auth", "verify", link, "--json"]);
    assert_eq!(used.code, 11, "{}", used.stderr);
}

#[test]
fn the_short_code_verifies_and_a_second_sign_up_reveals_nothing() {
    let hub = Hub::start();
    let ann = ann(&hub);
    let first = ann.json(&SIGNUP);
    let code = first["verification"]["code"].as_str().unwrap();

    ann.json(&["auth", "verify", code, "--json"]);
    let second = ann.json(&SIGNUP);

    let shape = |value: &Value| value["user"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(shape(&first), shape(&second));
    assert_eq!(second["verification"], Value::Null);
    assert!(second.as_object().unwrap().contains_key("verification"));
}

#[test]
fn a_weak_password_and_a_wrong_one_are_told_apart() {
    let hub = Hub::start();
    let ann = ann(&hub);
    let weak = ann.file("weak", "password12\n");

    let mut signup = SIGNUP;
    signup[7] = weak.to_str().unwrap();
    let refused = ann.run(&signup);
    assert_eq!((refused.code, &refused.error()["code"]), (11, &"MSH-4002".into()));

    ann.json(&SIGNUP);
    ann.file("password", "not the password of Ann");
    let wrong = ann.run(&LOGIN);
    assert_eq!((wrong.code, &wrong.error()["code"]), (4, &"MSH-4011".into()));
}

#[test]
fn a_session_is_used_listed_and_ended() {
    let hub = Hub::start();
    let ann = hub.person("Ann");

    let token = ann.run(&["auth", "token"]);
    let token = token.text().trim();
    let stranger = Person::at(&hub.server);
    let mut command = stranger.command(&["api", "/api/v1/me", "--json"]);
    command.env("MSHUB_TOKEN", token);
    let me = crate::command::finish(command, b"");
    assert_eq!(me.lines()[0]["email"], "ann@example.org", "{}", me.stderr);

    ann.json(&[
        "auth",
        "login",
        "--email",
        "ann@example.org",
        "--password-file",
        "password",
        "--device",
        "x",
        "--json",
    ]);
    let sessions = ann.lines(&["auth", "sessions", "--json"]);
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|session| session["current"] == false).unwrap();
    ann.json(&["auth", "sessions", "revoke", other["id"].as_str().unwrap(), "--json"]);
    assert_eq!(ann.lines(&["auth", "sessions", "--json"]).len(), 1);

    assert_eq!(ann.json(&["auth", "logout", "--json"])["signed_out"], true);
    assert_eq!(ann.run(&["auth", "status"]).code, 4);
    assert_eq!(ann.json(&["auth", "logout", "--json"])["signed_out"], false);
}

#[test]
fn a_profile_is_changed_and_a_photo_comes_and_goes() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    ann.file("me.png", PIXEL);
    ann.file("not.png", "not a picture");

    let changed =
        ann.json(&["profile", "set", "--bio", "release manager", "--tz", "Europe/Prague", "--json"]);
    assert_eq!(
        (&changed["bio"], &changed["tz"], &changed["name"]),
        (&"release manager".into(), &"Europe/Prague".into(), &"Ann".into())
    );
    assert_eq!(ann.run(&["profile", "photo", "set", "not.png"]).code, 11);
    ann.json(&["profile", "photo", "set", "me.png", "--json"]);
    let me = ann.json(&["profile", "show", "--json=has_photo,id"]);
    assert_eq!(me["has_photo"], true);
    assert_eq!(
        ann.json(&["profile", "show", me["id"].as_str().unwrap(), "--json=name"]),
        json!({"name": "Ann"})
    );

    let got = ann.json(&["profile", "photo", "get", "-o", "got.img", "--json"]);
    assert_eq!(got["bytes"], std::fs::metadata(ann.folder().join("got.img")).unwrap().len());
    assert_eq!(ann.run(&["profile", "photo", "get", "-o", "got.img"]).code, 13);
    ann.json(&["profile", "photo", "rm", "--json"]);
    assert_eq!(ann.run(&["profile", "photo", "get", "-o", "none.img"]).code, 3);
}

#[test]
fn who_runs_the_hub_sees_its_accounts_and_its_mail() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    let bob = hub.person("Bob");

    let users = ann.lines(&["admin", "users", "list", "--json"]);
    let overview = ann.json(&["admin", "overview", "--json"]);
    let mails = ann.lines(&["admin", "mail", "list", "--to", "bob@example.org", "--json"]);

    assert_eq!(users.len(), 2);
    assert_eq!(overview["users"], 2);
    assert!(!mails.is_empty() && mails.iter().all(|mail| mail["to"] == "bob@example.org"), "{mails:?}");
    let refused = bob.run(&["admin", "users", "list", "--json"]);
    assert_eq!((refused.code, &refused.error()["code"]), (4, &"MSH-4031".into()));
}

#[test]
fn status_and_doctor_tell_what_is_there() {
    let hub = Hub::start();
    let ann = hub.person("Ann");

    let status = ann.json(&["status", "--json"]);
    let findings = ann.lines(&["doctor", "--json"]);

    assert_eq!((&status["product"], &status["signed_in"]), (&"mshub".into(), &true.into()));
    let checks: Vec<_> =
        findings.iter().map(|finding| (finding["check"].clone(), finding["ok"].clone())).collect();
    let good = |check: &str| (json!(check), json!(true));
    assert_eq!(checks, [good("settings"), good("hub"), good("session"), good("live")]);
    assert_eq!(hub.stop(), Some(0));
}
