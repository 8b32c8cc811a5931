//! What was said is waited for, followed, traced, exported and verified.

use std::{fs, process::Stdio};

use serde_json::Value;

use crate::{
    command::Person,
    hub::{Hub, eventually},
};

fn ann_in_general(hub: &Hub) -> Person {
    let ann = hub.person("Ann");
    ann.json(&["room", "new", "general", "--json"]);
    ann
}

fn say(person: &Person, text: &str) -> Value {
    person.json(&["chat", "send", "general", text, "--json"])
}

#[test]
fn a_message_that_matches_is_waited_for() {
    let hub = Hub::start();
    let ann = ann_in_general(&hub);
    let asked = say(&ann, "deploy please")["pos"].to_string();
    say(&ann, "deploy OK");

    let early =
        ["chat", "wait", "general", "--match", "(?i)^deploy (ok|failed)", "--after", &asked, "--json"];
    let found = ann.json(&early);
    let nothing = ann.run(&["chat", "wait", "general", "--match", "never", "--timeout", "300ms", "--json"]);
    let wrong = ann.run(&["chat", "wait", "general", "--match", "(", "--json"]);
    let mut later = ann.command(&["chat", "wait", "general", "--match", "done$", "--json"]);
    let mut later = later.stdout(Stdio::piped()).spawn().unwrap();
    eventually("the one who waits hears it", || {
        say(&ann, "all done");
        later.try_wait().unwrap()
    });

    assert_eq!(found["body"], "deploy OK");
    assert_eq!((nothing.code, nothing.error()["exit_code"].as_u64()), (8, Some(8)));
    assert_eq!(wrong.code, 2);
    assert!(later.wait_with_output().unwrap().status.success());
}

#[test]
fn a_tail_with_a_state_goes_on_where_the_last_one_ended() {
    let hub = Hub::start();
    let ann = ann_in_general(&hub);
    let state = ann.folder().join("general.state");
    let output = ann.folder().join("general.jsonl");
    let tail = |count: &str| {
        let out = fs::OpenOptions::new().create(true).append(true).open(&output).unwrap();
        let args = [
            "chat",
            "tail",
            "general",
            "--after",
            "0",
            "--state",
            "general.state",
            "--json",
            "--count",
            count,
        ];
        assert!(ann.command(&args).stdout(out).status().unwrap().success());
    };
    let printed = || fs::read_to_string(&output).unwrap();
    say(&ann, "one");
    say(&ann, "two");

    tail("2");
    let before = fs::read(&state).unwrap();
    tail("1");
    // As if the last run had been killed between printing its line and saving where it was.
    fs::write(&state, before).unwrap();
    say(&ann, "three");
    tail("2");

    let history = ann.run(&["chat", "history", "general", "--json"]);
    assert_eq!(printed(), history.text());
    ann.json(&["room", "new", "other", "--json"]);
    let other = ann.run(&["chat", "tail", "other", "--state", "general.state"]);
    assert_eq!(other.code, 2, "{}", other.stderr);
}

#[test]
fn the_way_of_a_message_is_shown_from_both_sides() {
    let hub = Hub::start();
    let (ann, bob) = (ann_in_general(&hub), hub.person("Bob"));
    bob.json(&["room", "join", "general", "--json"]);
    let sent = say(&ann, "where are you?");
    let cid = sent["cid"].as_str().unwrap();

    let trace = eventually("the message is in the database", || {
        let trace = ann.json(&["chat", "trace", cid, "--json"]);
        (trace["state"] == "stored").then_some(trace)
    });
    let foreign = bob.json(&["chat", "trace", cid, "--room", "general", "--json"]);
    let unknown = bob.run(&["chat", "trace", cid, "--json"]);

    for hop in ["queued", "out", "acknowledged", "logged"] {
        assert!(trace[hop].is_string(), "{hop}: {trace}");
    }
    assert_eq!((&trace["pos"], &trace["id"]), (&sent["pos"], &sent["id"]));
    assert!(trace["stored_upto"].as_u64() >= sent["pos"].as_u64());
    assert_eq!((&foreign["pos"], &foreign["queued"]), (&sent["pos"], &Value::Null));
    assert_eq!(unknown.code, 3);
}

#[test]
fn a_room_is_exported_whole_and_from_any_place() {
    let hub = Hub::start();
    let ann = ann_in_general(&hub);
    let lines: String = (0..700).map(|number| format!("{number}\n")).collect();
    assert_eq!(ann.run_with(&["chat", "send", "general", "--lines", "-q"], lines.as_bytes()).code, 0);

    let whole = ann.run(&["room", "export", "general"]);
    let lines = whole.lines();
    let after = lines[299]["pos"].to_string();
    let rest = ann.run(&["room", "export", "general", "--after", &after]);

    let history = ann.lines(&["chat", "history", "general", "--json"]);
    assert_eq!(lines.len(), history.len());
    for (line, shown) in lines.iter().zip(&history) {
        assert_eq!((&line["pos"], &line["id"], &line["by"]), (&shown["pos"], &shown["id"], &shown["by"]));
        // What is before an event is said where the hub knows it, which is not always as soon as the log has it.
        assert!(line["cid"].is_string() && line.get("prev").is_none_or(Value::is_u64), "{line}");
    }
    // So the newest of them may name it only later.
    let but_prev = |lines: &[Value]| -> Vec<Value> {
        let mut lines = lines.to_vec();
        lines.iter_mut().for_each(|line| drop(line.as_object_mut().unwrap().remove("prev")));
        lines
    };
    assert_eq!(but_prev(&rest.lines()), but_prev(&lines[300..]));
}

#[test]
fn a_history_is_verified_and_a_change_of_it_is_found_out() {
    let hub = Hub::start();
    let ann = ann_in_general(&hub);
    say(&ann, "one");
    let last = say(&ann, "two")["pos"].clone();

    let first = eventually("everything is in the database", || {
        let verified = ann.json(&["room", "verify", "general", "--json"]);
        (verified["pos"] == last).then_some(verified)
    });
    say(&ann, "three");
    let human = ann.run(&["room", "verify", "general"]);

    assert_eq!((first["messages"].as_u64(), first["newer"].as_u64()), (Some(3), Some(0)));
    assert!(human.text().starts_with("verified "), "{}", human.text());

    let dir = ann.folder().join("config/state/verified");
    let memory = fs::read_dir(dir).unwrap().next().unwrap().unwrap().path();
    let hash = first["hash"].as_str().unwrap();
    let other = fs::read_to_string(&memory).unwrap().replace(hash, &"0".repeat(32));
    fs::write(&memory, other).unwrap();
    let found_out = ann.run(&["room", "verify", "general", "--json"]);
    assert_eq!(found_out.code, 14, "{}", found_out.stderr);
    assert!(found_out.error()["message"].as_str().unwrap().contains("once verified 3 events"));
}
