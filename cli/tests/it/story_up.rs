//! `mshub up`: it says where everything is, stops when asked, and says in one line why it cannot start.

use std::{
    io::Write as _,
    net::{TcpListener, TcpStream},
    time::Duration,
};

use client::{LiveEvent, Options, SessionStore};
use serde_json::Value;

use crate::{
    command::{Done, Person, finish},
    hub::{Hub, eventually},
};

const PATIENCE: Duration = Duration::from_secs(120);

/// `mshub up` with something wrong, as JSON, in a folder of its own.
fn refused(person: &Person, rest: &[&str]) -> (Done, Value) {
    let ports = ["up", "--json", "--convert-port", "0", "--chat-port", "0", "--web-port", "0"];
    let done = person.run(&[&ports, rest].concat());
    assert!(done.stdout.is_empty(), "{done:?}");
    assert_eq!(done.stderr.trim_end().lines().count(), 1, "more than one line: {}", done.stderr);
    let error: Value = serde_json::from_str(&done.stderr).unwrap();
    (done, error["error"].clone())
}

#[test]
fn a_hub_that_is_asked_to_stop_ends_well() {
    assert_eq!(Hub::start().stop(), Some(0));
}

#[test]
fn a_second_hub_on_the_same_data_is_refused() {
    let hub = Hub::start();
    let person = Person::at(&hub.server);

    let (done, error) = refused(&person, &["--port", "0", "--data-dir", &hub.data_dir()]);

    assert_eq!(done.code, 5);
    assert!(error["message"].as_str().unwrap().contains("another hub is running"), "{error}");
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let person = Person::at("http://127.0.0.1:1");

    let (done, error) = refused(&person, &["--port", &port, "--data-dir", "data"]);

    assert_eq!(done.code, 5);
    assert!(error["message"].as_str().unwrap().contains(&port), "{error}");
    assert!(!person.folder().join("data").exists(), "a start that fails leaves no data directory");
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let person = Person::at("http://127.0.0.1:1");
    person.file("in-the-way", "a file, not a folder");

    let (done, error) = refused(&person, &["--port", "0", "--data-dir", "in-the-way/data"]);

    assert_eq!(done.code, 13);
    assert!(error["message"].as_str().unwrap().contains("in-the-way"), "{error}");
}

#[test]
fn what_cannot_be_as_it_is_written_is_said_at_the_start() {
    let person = Person::at("http://127.0.0.1:1");
    let start = |option: &str, value: &str| {
        let (done, error) = refused(&person, &["--port", "0", "--data-dir", "data", option, value]);
        (done.code, error["message"].as_str().unwrap().to_owned())
    };

    let (code, message) = start("--libreoffice", "/nowhere/soffice");
    assert_eq!(code, 13);
    assert!(message.contains("LibreOffice is not at /nowhere/soffice"), "{message}");
    let (code, message) = start("--log", "nonsense===");
    assert_eq!(code, 2);
    assert!(message.contains("nonsense==="), "{message}");
}

#[test]
fn an_engine_that_is_not_there_is_named_without_its_password() {
    let person = Person::at("http://127.0.0.1:1");
    let database = "postgres://me:hunter2@127.0.0.1:1/hub";
    person.file("url", database);
    let rest = ["up", "--port", "0", "--convert-port", "0", "--chat-port", "0", "--web-port", "0"];

    let (done, error) = refused(&person, &["--port", "0", "--data-dir", "data", "--database-url", database]);
    let mut from_file = person.command(&[&rest[..], &["--data-dir", "data", "--log", "trace"]].concat());
    from_file.env("MSHUB_DATABASE_URL_FILE", "url");
    let from_file = finish(from_file, b"");

    assert_eq!((done.code, from_file.code), (7, 7), "{}", from_file.stderr);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("postgres://me:***@127.0.0.1:1/hub"), "{error}");
    assert!(from_file.stderr.contains("error: the database postgres://me:***@"), "{}", from_file.stderr);
    assert!(!done.stderr.contains("hunter2") && !from_file.stderr.contains("hunter2"));
}

#[test]
fn a_url_that_nobody_understands_is_exit_2() {
    let person = Person::at("http://127.0.0.1:1");

    for (flag, url) in [
        ("--database-url", "mysql://me:hunter2@db/hub"),
        ("--database-url", "postgres://me:hunter2@db:port/hub"),
        ("--bus-url", "nats://me:hunter2@log"),
        ("--fanout-url", "amqp://me:hunter2@bus"),
        ("--objects-url", "ftp://me:hunter2@files"),
        ("--mail-url", "pigeon://me:hunter2@loft"),
    ] {
        let (done, error) = refused(&person, &["--port", "0", "--data-dir", "data", flag, url]);
        let message = error["message"].as_str().unwrap();
        assert_eq!(done.code, 2, "{flag}: {error}");
        assert!(message.contains(&url.replace("hunter2", "***")), "{flag}: {error}");
        assert!(!done.stderr.contains("hunter2"));
    }
}

#[test]
fn a_password_in_the_environment_is_not_shown_by_help() {
    let person = Person::at("http://127.0.0.1:1");
    let mut help = person.command(&["up", "--help"]);
    for port in ["DATABASE", "BUS", "FANOUT", "OBJECTS", "MAIL"] {
        help.env(format!("MSHUB_{port}_URL"), "kafka://me:hunter2@log");
    }

    let done = finish(help, b"");

    assert!(done.text().contains("MSHUB_DATABASE_URL_FILE") && !done.text().contains("hunter2"));
}

#[tokio::test]
async fn readiness_and_metrics_are_told_on_the_admin_listener_only() {
    let hub = Hub::start();
    let anybody =
        client::Hub::new(hub.server.parse().unwrap(), SessionStore::Memory, Options::default()).unwrap();
    assert_eq!(anybody.info().await.unwrap().product, "mshub");

    let admin = Person::at(hub.ready["admin"].as_str().unwrap());
    let ready = admin.json(&["api", "/readyz", "--json"]);
    let metrics = admin.run(&["api", "/metrics"]);

    assert_eq!(ready["ready"], true, "{ready}");
    for (service, parts) in [
        ("server", &["database", "live", "log", "objects"][..]),
        ("chat-worker", &["consumer"]),
        ("convert-worker", &[]),
    ] {
        let told = ready["parts"][service].as_object().unwrap();
        assert!(told.len() >= 3 && parts.iter().all(|part| told[*part] == "ok"), "{service}: {ready}");
    }
    let sandbox = ready["notes"]["convert-worker"]["sandbox"].as_str().unwrap();
    assert!(["full", "landlock", "limits"].contains(&sandbox), "{ready}");
    assert!(metrics.text().contains("mshub_http_requests_total"), "{metrics:?}");
    for service in ["api", "web", "chat", "convert"] {
        let person = Person::at(hub.ready[service].as_str().unwrap());
        assert_eq!(person.run(&["api", "/livez"]).text(), "alive\n", "{service}");
        if service != "web" {
            assert_eq!(person.run(&["api", "/readyz"]).code, 3, "{service}");
            assert_eq!(person.run(&["api", "/metrics"]).code, 3, "{service}");
        }
    }
}

#[test]
fn the_ready_line_names_the_engine_of_each_port() {
    let hub = Hub::start();

    let engines = &hub.ready["engines"];

    let folder = format!("sqlite:{}/db", hub.data_dir());
    assert_eq!((&engines["database"], &engines["fanout"]), (&folder.into(), &"embedded:".into()));
    assert!(["bus", "objects", "mail"].iter().all(|port| engines[port].is_string()), "{engines}");
}

#[tokio::test]
async fn an_open_socket_is_told_to_come_back_and_the_hub_ends_well() {
    let hub = Hub::start();
    hub.person("Ann");
    let mut live = hub.client("Ann").await.live();
    assert_eq!(live.next().await, Some(LiveEvent::Connected));

    let stopped = tokio::task::spawn_blocking(|| hub.stop());

    let why = loop {
        let told = tokio::time::timeout(PATIENCE, live.next()).await.expect("it is told").unwrap();
        if let LiveEvent::Reconnecting { why, .. } = told {
            break why;
        }
    };
    // The reason it was told: a connection that only broke has none.
    assert_eq!(why, "the hub is about to stop");
    assert_eq!(stopped.await.unwrap(), Some(0));
}

#[test]
fn a_second_signal_does_not_wait() {
    let hub = Hub::start();
    // Half a header: the hub waits for the rest when it stops.
    let mut unfinished = TcpStream::connect(hub.server.strip_prefix("http://").unwrap()).unwrap();
    unfinished.write_all(b"GET /livez HTTP/1.1\r\nHost: hub\r\n").unwrap();
    let gone = || TcpStream::connect(hub.server.strip_prefix("http://").unwrap()).is_err().then_some(());

    hub.signal("TERM");
    // It listens no more, so the first signal was taken.
    eventually("the hub stops to listen", gone);
    hub.signal("INT");

    assert_eq!(hub.wait(), Some(130));
}
