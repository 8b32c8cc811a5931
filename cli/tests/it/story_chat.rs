//! Ann and Bob talk, and both see the same.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::{
    command::{Person, finish},
    hub::Hub,
};

fn bodies(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter(|line| line["kind"] == "said").map(|line| line["body"].as_str().unwrap()).collect()
}

fn say(person: &Person, text: &str) -> Value {
    person.json(&["chat", "send", "general", text, "--json"])
}

#[test]
fn two_people_talk_and_see_the_same_in_the_same_order() {
    let hub = Hub::start();
    let (ann, bob) = (hub.person("Ann"), hub.person("Bob"));

    let room = ann.json(&["room", "new", "#general", "--topic", "everything", "--json"]);
    assert_eq!(room["name"], "general");
    assert_eq!(bob.json(&["room", "join", "general", "--json"])["joined"], true);
    let first = say(&ann, "hello");
    let second = say(&bob, "hi Ann 👋\nhow are you?");
    let third = bob.run_with(&["chat", "send", "#general", "-", "--json"], b"from a pipe\n");
    ann.json(&["chat", "send", "general", "without", "quotation", "marks", "--json"]);

    let keys: Vec<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys.len(), 5, "{keys:?}");
    assert!(first["pos"].as_u64() < second["pos"].as_u64());
    assert_eq!(third.code, 0, "{}", third.stderr);
    let (seen_by_ann, seen_by_bob) = (
        ann.lines(&["chat", "history", "general", "--json"]),
        bob.lines(&["chat", "history", "general", "--json"]),
    );
    assert_eq!(seen_by_ann, seen_by_bob);
    assert_eq!(
        bodies(&seen_by_ann),
        ["hello", "hi Ann 👋\nhow are you?", "from a pipe", "without quotation marks"]
    );
    let hello = seen_by_ann.iter().find(|line| line["body"] == "hello").unwrap();
    for field in ["id", "room", "pos", "ts"] {
        assert_eq!(hello[field], first[field], "{field}");
    }
    assert_eq!(hello["name"], "Ann");

    let newest = ann.lines(&["chat", "history", "general", "--limit", "2", "--json=body"]);
    assert_eq!(newest, [json!({"body": "from a pipe"}), json!({"body": "without quotation marks"})]);
    let members = ann.lines(&["room", "members", "general", "--json"]);
    assert_eq!(members.len(), 2);
}

#[test]
fn a_message_that_is_sent_twice_is_stored_once() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    ann.json(&["room", "new", "general", "--json"]);
    let cid = "01930000-0000-7000-8000-0000000000c1";

    let once = ann.json(&["chat", "send", "general", "only once", "--cid", cid, "--json"]);
    let twice = ann.json(&["chat", "send", "general", "only once", "--cid", cid, "--json"]);

    assert_eq!((&once["pos"], &once["id"]), (&twice["pos"], &twice["id"]));
    assert_eq!(bodies(&ann.lines(&["chat", "history", "general", "--json"])), ["only once"]);
}

#[test]
fn a_tail_begins_where_it_is_told_and_goes_on_live() {
    let hub = Hub::start();
    let (ann, bob) = (hub.person("Ann"), hub.person("Bob"));
    ann.json(&["room", "new", "general", "--json"]);
    bob.json(&["room", "join", "general", "--json"]);
    let first = say(&ann, "one");
    say(&ann, "two");

    let after = first["pos"].to_string();
    let mut tail = bob.command(&["chat", "tail", "general", "--after", &after, "--count", "4", "--json"]);
    let tail = tail.stdout(Stdio::piped()).spawn().unwrap();
    say(&ann, "three");
    say(&bob, "four");
    say(&ann, "five");
    let tail = tail.wait_with_output().unwrap();

    let lines: Vec<Value> = String::from_utf8(tail.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(bodies(&lines), ["two", "three", "four", "five"]);
    let history = bob.lines(&["chat", "history", "general", "--after", &after, "--json"]);
    assert_eq!(lines, history);
}

#[test]
fn a_long_history_comes_page_by_page_without_a_hole() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    let room = ann.json(&["room", "new", "general", "--json"]);
    let wanted: Vec<String> = (0..900).map(|number| format!("message {number}")).collect();

    let said = wanted.clone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut live = hub.client("Ann").await.live();
        let room = room["id"].as_str().unwrap().parse().unwrap();
        for body in said {
            live.say(room, body);
        }
        let mut kept = 0;
        while kept < 900 {
            match live.next().await.unwrap() {
                client::LiveEvent::Sent { .. } => kept += 1,
                client::LiveEvent::Refused { problem, .. } => panic!("{problem}"),
                _ => {}
            }
        }
    });

    let history = ann.lines(&["chat", "history", "general", "--json"]);
    assert_eq!(bodies(&history), wanted.iter().map(String::as_str).collect::<Vec<_>>());
    let newest = ann.lines(&["chat", "history", "general", "--limit", "700", "--json"]);
    assert_eq!(newest, history[history.len() - 700..]);
}

#[test]
fn a_private_room_is_not_there_for_others() {
    let hub = Hub::start();
    let (ann, bob) = (hub.person("Ann"), hub.person("Bob"));
    ann.json(&["room", "new", "secret", "--private", "--json"]);
    ann.json(&["room", "new", "open", "--json"]);

    assert_eq!(bob.run(&["room", "show", "secret"]).code, 3);
    assert_eq!(bob.run(&["room", "join", "secret"]).code, 3);
    assert_eq!(bob.run(&["chat", "send", "secret", "hi"]).code, 3);
    let public: Vec<Value> = bob.lines(&["room", "list", "--public", "--json"]);
    assert_eq!(public.iter().map(|room| room["name"].clone()).collect::<Vec<_>>(), ["open"]);
    let tail = bob.run(&["chat", "tail", "open", "--json"]);
    assert_eq!(tail.code, 3, "{}", tail.stderr);

    ann.json(&["room", "invite", "secret", "bob@example.org", "--json"]);
    assert_eq!(bob.json(&["room", "show", "secret", "--json"])["joined"], true);
    bob.json(&["chat", "send", "secret", "hi", "--json"]);
    bob.json(&["room", "leave", "secret", "--json"]);
    assert_eq!(bob.run(&["chat", "history", "secret"]).code, 3);
    assert_eq!(ann.run(&["room", "new", "open", "--json"]).code, 5);
}

#[test]
fn quiet_prints_ids_and_a_pipe_gets_plain_lines() {
    let hub = Hub::start();
    let ann = hub.person("Ann");

    let id = ann.run(&["room", "new", "general", "-q"]);
    say(&ann, "plain");
    let list = ann.run(&["room", "list"]);
    let history = ann.run(&["chat", "history", "general"]);

    assert_eq!(id.text().trim().len(), 36);
    assert_eq!(list.text(), "#general\t1\n");
    assert!(history.text().lines().last().unwrap().ends_with(" Ann  plain"), "{}", history.text());

    say(&ann, "a\u{9b}1m\r\u{202e}b");
    let cleaned = ann.run(&["chat", "history", "general"]);
    assert!(cleaned.text().ends_with("  a\u{fffd}1m\u{fffd}\u{fffd}b\n"), "{}", cleaned.text());
    let told = ann.run(&["-vv", "room", "list"]);
    assert!(!told.stderr.is_empty() && !told.stderr.contains('\u{1b}'), "{}", told.stderr);
}

#[test]
fn a_message_of_no_length_or_too_much_or_whose_answer_nobody_can_print_is_rejected() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    ann.json(&["room", "new", "general", "--json"]);

    let long = finish(ann.command(&["chat", "send", "general", "-", "--json"]), &vec![b'x'; 20 * 1024]);

    assert_eq!(ann.run(&["chat", "send", "general", "", "--json"]).code, 11);
    assert_eq!(long.code, 11, "{}", long.stderr);
    assert_eq!(ann.run(&["chat", "send", "general", "once", "--json=pso"]).code, 2);
    let said = ann.lines(&["chat", "history", "general", "--json=kind"]);
    assert!(said.iter().all(|event| event["kind"] != "said"), "{said:?}");
}
