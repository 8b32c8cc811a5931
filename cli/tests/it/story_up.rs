//! `mshub up`: it says where everything is, stops when asked, and says in one line why it cannot start.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use client::{LiveEvent, Options, SessionStore};
use platform::service::catalogue::METRICS;
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
fn every_metric_is_told_after_a_message_and_a_conversion_but_those_of_trouble() {
    let hub = Hub::start();
    let (ann, admin) = (hub.person("Ann"), Person::at(hub.ready["admin"].as_str().unwrap()));
    ann.json(&["room", "new", "general", "--json"]);
    ann.json(&["chat", "send", "general", "hello", "--json"]);
    ann.file("note.md", "# A note\n");
    ann.json(&["convert", "note.md", "--to", "pdf", "--json"]);

    // These are there once something went wrong.
    let trouble = ["dead_letters", "fanout_forgotten", "live_lag", "live_slow", "log_holes", "spans_dropped"];
    let expected = METRICS
        .iter()
        .map(|metric| metric.name)
        .filter(|name| !trouble.iter().any(|trouble| *name == format!("mshub_{trouble}_total")));
    let expected: Vec<_> = expected.collect();
    assert_eq!(expected.len() + trouble.len(), METRICS.len());
    eventually("everything is told", || {
        let told = admin.run(&["api", "/metrics"]);
        let has = |name: &&str| told.text().lines().any(|line| line.starts_with(&format!("# TYPE {name} ")));
        expected.iter().all(has).then_some(())
    });
    let told = admin.run(&["api", "/metrics"]);
    let value = |series: &str| -> f64 {
        let found = told.text().lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no {series}: {}", told.text())).parse().unwrap()
    };
    // The room and the message.
    assert!(value("mshub_append_seconds_count{outcome=\"ok\"}") >= 2.0);
    assert!(value("mshub_tail_seconds_count") >= 1.0 && value("mshub_database_wait_seconds_count") >= 3.0);
    assert!(value("mshub_runners") >= value("mshub_runners_busy"));
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

/// A request whose head the hub has, and whose body it waits for.
fn begun(hub: &Hub, asked: &str, token: &str, length: usize) -> TcpStream {
    let mut begun = TcpStream::connect(hub.server.strip_prefix("http://").unwrap()).unwrap();
    begun.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        begun,
        "{asked} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    )
    .unwrap();
    // It says so as soon as somebody wants the body.
    let mut said = [0; 25];
    begun.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 100 Continue\r\n\r\n");
    begun
}

#[test]
fn the_gateway_stops_first_and_workers_and_engines_are_there_until_it_has_answered_everybody() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    ann.json(&["room", "new", "general", "--json"]);
    let token = ann.run(&["auth", "token"]).text().trim().to_owned();
    let say = format!(r#"{{"cid":"{}","body":"the last word"}}"#, uuid::Uuid::now_v7());
    // One needs the log, one the convert-worker with database and objects, one the chat-worker.
    let requests = [
        ("POST /api/v1/rooms/general/messages", say.as_str(), "\"pos\":"),
        ("POST /api/v1/conversions?to=txt&name=note.md", "# A note\n", "\"state\":\"queued\""),
        ("PUT /api/v1/rooms/general/read", "{}", "\"unread\":"),
    ];
    let open = requests.map(|(asked, body, _)| begun(&hub, asked, &token, body.len()));
    let workers = ["chat", "convert"].map(|part| Person::at(hub.ready[part].as_str().unwrap()));

    hub.signal("TERM");
    let gone = || TcpStream::connect(hub.server.strip_prefix("http://").unwrap()).is_err().then_some(());
    eventually("the gateway listens no more", gone);

    for worker in &workers {
        assert_eq!(worker.run(&["api", "/livez"]).text(), "alive\n");
    }
    for ((asked, body, expected), mut open) in requests.into_iter().zip(open) {
        open.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        open.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 20") && answer.contains(expected), "{asked}: {answer}");
    }
    assert_eq!(hub.wait(), Some(0));
    assert!(workers.iter().all(|worker| worker.run(&["api", "/livez"]).code != 0));
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
