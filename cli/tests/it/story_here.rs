//! Who is here and who writes, as members see it and nobody else.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    sync::mpsc,
    time::Duration,
};

use client::LiveEvent;
use serde_json::Value;

use crate::hub::{Hub, eventually};

const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn a_tail_that_asks_for_it_tells_who_writes_and_comes_and_another_one_does_not() {
    let hub = Hub::start();
    let (ann, bob) = (hub.person("Ann"), hub.person("Bob"));
    let room = ann.json(&["room", "new", "general", "--json"]);
    bob.json(&["room", "join", "general", "--json"]);
    let follow = |more: &[&str]| {
        let line = [&["chat", "tail", "general"][..], more].concat();
        let mut tail = bob.command(&line).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = tail.stdout.take().unwrap();
        let (tell, heard) = mpsc::channel::<Value>();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = tell.send(serde_json::from_str(&line).unwrap());
            }
        });
        (tail, heard)
    };
    let (mut all, everything) = follow(&["--ephemeral", "--json=kind,name,on,is,pos"]);
    let (mut plain, events) = follow(&["--json", "--after", "0"]);
    let hears = |wanted: &str, of: &str, fits: &dyn Fn(&Value) -> bool| loop {
        let line = everything.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{wanted} was not told"));
        if line["kind"] == wanted && line["name"] == of && fits(&line) {
            break;
        }
    };
    // From here on it follows.
    hears("presence", "Bob", &|line| line["is"] == "online");

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut live = runtime.block_on(async { hub.client("Ann").await.live() });
    let id = room["id"].as_str().unwrap().parse().unwrap();
    live.subscribe(id, None, 0);
    runtime.block_on(async { while !matches!(live.next().await, Some(LiveEvent::Live { .. })) {} });
    live.typing(id, true);
    hears("typing", "Ann", &|line| line["on"] == true);
    eventually("bob sees that ann is here", || {
        let members = bob.lines(&["room", "members", "general", "--json"]);
        members.iter().any(|member| member["name"] == "Ann" && member["presence"] == "online").then_some(())
    });
    assert!(bob.run(&["room", "members", "general"]).text().starts_with("Ann\tonline\towner\t"));
    ann.json(&["chat", "send", "general", "said", "--json"]);

    let mut told = Vec::new();
    while told.last().is_none_or(|line: &Value| line["body"] != "said") {
        told.push(events.recv_timeout(PATIENCE).unwrap());
    }
    assert!(told.iter().all(|line| line["pos"].is_u64()), "nothing that passes is told unasked: {told:?}");
    for tail in [&mut all, &mut plain] {
        tail.kill().unwrap();
        tail.wait().unwrap();
    }
}
