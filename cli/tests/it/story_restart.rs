//! The hub dies in the middle of a conversation, and nothing that was acknowledged is lost, doubled or out of order.

use std::{
    collections::HashSet,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    sync::mpsc,
    time::Duration,
};

use client::LiveEvent;
use serde_json::{Value, json};
use wire::RoomId;

use crate::{
    command::{Person, finish},
    hub::{Hub, eventually},
};

const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn a_conversation_survives_a_power_cut() {
    let mut hub = Hub::start();
    let (ann, bob) = (hub.person("Ann"), hub.person("Bob"));
    let room = ann.json(&["room", "new", "general", "--json"]);
    bob.json(&["room", "join", "general", "--json"]);
    let mut tail = bob.command(&["chat", "tail", "general", "--after", "0", "--json=pos,kind,body"]);
    let mut tail = tail.stdout(Stdio::piped()).spawn().unwrap();
    let (tell, heard) = mpsc::channel::<Value>();
    let stdout = tail.stdout.take().unwrap();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = tell.send(serde_json::from_str(&line).unwrap());
        }
    });
    let mut seen = Vec::new();
    let mut hear = |body: &str| {
        while seen.last().is_none_or(|line: &Value| line["body"] != body) {
            seen.push(heard.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{body} was not heard")));
        }
    };

    ann.json(&["chat", "send", "general", "before", "--json"]);
    hear("before");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut live = runtime.block_on(async { hub.client("Ann").await.live() });
    let room: RoomId = room["id"].as_str().unwrap().parse().unwrap();
    next(&runtime, &mut live, |event| matches!(event, LiveEvent::Connected));

    hub.kill();
    next(&runtime, &mut live, |event| matches!(event, LiveEvent::Reconnecting { .. }));
    let mut waiting: HashSet<_> = (0..3).map(|number| live.say(room, format!("during {number}"))).collect();
    hub.start_again();
    while !waiting.is_empty() {
        next(
            &runtime,
            &mut live,
            |event| matches!(event, LiveEvent::Sent { cid, .. } if waiting.remove(cid)),
        );
    }
    ann.json(&["chat", "send", "general", "after", "--json"]);
    hear("after");

    let history = ann.lines(&["chat", "history", "general", "--json=pos,kind,body"]);
    assert_eq!(seen, history);
    let said: Vec<_> =
        history.iter().filter(|line| line["kind"] == "said").map(|line| line["body"].clone()).collect();
    assert_eq!(said, ["before", "during 0", "during 1", "during 2", "after"]);
    let _ = tail.kill();
    let _ = tail.wait();
}

#[test]
fn a_conversion_that_was_under_way_is_finished_after_a_power_cut() {
    let mut hub = Hub::start();
    let ann = hub.person("Ann");
    let rows: String = (0..2_000).map(|row| format!("row {row},{row}\n")).collect();
    ann.file("long.csv", format!("name,amount\n{rows}"));

    let begun = ann.json(&["convert", "long.csv", "--to", "pdf", "--no-wait", "--json"]);
    let id = begun["job"].as_str().unwrap();
    hub.kill();
    hub.start_again();

    let job = eventually("the conversion is done", || {
        let job = ann.json(&["job", "show", id, "--json"]);
        (job["state"] == "completed" || job["state"] == "failed").then_some(job)
    });
    assert_eq!(job["state"], "completed", "{job}");
    assert_eq!(ann.run(&["job", "get", id, "-o", "long.pdf"]).code, 0);
    assert!(std::fs::read(ann.folder().join("long.pdf")).unwrap().starts_with(b"%PDF"));
}

#[test]
fn a_session_outlives_the_hub() {
    let mut hub = Hub::start();
    let ann = hub.person("Ann");

    hub.kill();
    assert_eq!(ann.run(&["auth", "status"]).code, 7);
    hub.start_again();

    assert_eq!(ann.json(&["auth", "status", "--json"])["signed_in"], true);
}

/// Copies the files of a hub that does not run, those of `name` in this folder of its data directory, instead of
/// those that are there.
fn put_back(from: &Path, to: &Path, folder: &str, name: &str) {
    let files = |root: &Path| {
        let all = fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let stem = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        all.filter(|path| stem(path).starts_with(name)).collect::<Vec<_>>()
    };
    fs::create_dir_all(to.join(folder)).unwrap();
    files(to).iter().for_each(|old| fs::remove_file(old).unwrap());
    for file in files(from) {
        fs::copy(&file, to.join(folder).join(file.file_name().unwrap())).unwrap();
    }
}

#[test]
fn an_older_copy_of_the_log_is_refused_in_one_line_and_one_of_the_history_catches_up() {
    let mut hub = Hub::start();
    let (data, ann) = (PathBuf::from(hub.data_dir()), hub.person("Ann"));
    ann.json(&["room", "new", "general", "--json"]);
    let say = |text: &str| {
        let cid = ann.json(&["chat", "send", "general", text, "--json"])["cid"].clone();
        let trace = ["chat", "trace", cid.as_str().unwrap(), "--json=state"];
        eventually("the history has it", || (ann.json(&trace)["state"] == "stored").then_some(()));
    };
    let verified = || ann.json(&["room", "verify", "general", "--json=messages,pos,hash"]);
    let (older, newest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    say("in both");
    hub.kill();
    put_back(&data, older.path(), "log", "log.db");
    put_back(&data, older.path(), "db", "chat.db");
    hub.start_again();
    say("in the newest only");
    let before = verified();
    hub.kill();
    put_back(&data, newest.path(), "log", "log.db");

    put_back(older.path(), &data, "log", "log.db");
    let ports = ["--port", "0", "--convert-port", "0", "--chat-port", "0", "--web-port", "0"];
    let refused = ann.run(&[&["up", "--json", "--data-dir", &hub.data_dir()], &ports[..]].concat());

    let error = refused.error();
    assert_eq!((refused.code, refused.stderr.trim_end().lines().count()), (5, 1), "{}", refused.stderr);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("it is an older copy. Put the newest one back"), "{message}");
    put_back(newest.path(), &data, "log", "log.db");
    hub.start_again();
    assert_eq!(verified(), before);

    hub.kill();
    put_back(older.path(), &data, "db", "chat.db");
    hub.start_again();
    eventually("the history has what its older copy had not", || {
        let done = ann.run(&["room", "verify", "general", "--json=messages,pos,hash"]);
        (done.code == 0 && done.lines()[0] == before).then_some(())
    });
    say("after all that");
    let said: Vec<_> = ann.lines(&["chat", "messages", "general", "--json=body"]);
    let wanted = ["in both", "in the newest only", "after all that"].map(|body| json!({ "body": body }));
    assert_eq!(said, wanted);
}

/// Waits for an event of a kind; others pass.
fn next(
    runtime: &tokio::runtime::Runtime,
    live: &mut client::Live,
    mut wanted: impl FnMut(&LiveEvent) -> bool,
) {
    runtime.block_on(async {
        let found = async { while !wanted(&live.next().await.expect("the stream ended")) {} };
        tokio::time::timeout(PATIENCE, found).await.expect("it did not happen in time");
    });
}

#[test]
fn a_session_outlives_a_hub_that_comes_back_at_another_port() {
    let mut hub = Hub::start();
    let ann = hub.person("Ann");
    let token = ann.run(&["auth", "token"]).text().trim().to_owned();

    hub.kill();
    hub.start_elsewhere();

    let somebody = Person::at(&hub.server);
    let mut me = somebody.command(&["api", "/api/v1/me", "--json"]);
    me.env("MSHUB_TOKEN", token);
    let done = finish(me, b"");
    assert_eq!((done.code, &done.lines()[0]["name"]), (0, &"Ann".into()), "{}", done.stderr);
}
