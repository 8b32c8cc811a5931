//! `mshub up`: it says where everything is, stops when asked, and says in one line why it cannot start.

use std::net::TcpListener;

use client::{Options, SessionStore};
use serde_json::Value;

use crate::{
    command::{Done, Person},
    hub::Hub,
};

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
fn an_engine_that_is_not_there_is_named_without_its_password() {
    let person = Person::at("http://127.0.0.1:1");

    let bus = "kafka://me:hunter2@127.0.0.1:1/x";
    let (done, error) = refused(&person, &["--port", "0", "--data-dir", "data", "--bus-url", bus]);

    assert_eq!(done.code, 1);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("bus") && !message.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn every_part_of_a_ready_hub_is_ready() {
    let hub = Hub::start();
    let anybody =
        client::Hub::new(hub.server.parse().unwrap(), SessionStore::Memory, Options::default()).unwrap();

    let info = anybody.info().await.unwrap();
    assert_eq!(info.product, "mshub");

    let person = Person::at(&hub.server);
    let done = person.run(&["api", "/readyz", "--json"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let ready: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(ready["ready"], true, "{ready}");
}
