//! Ann writes while the hub, the link or her own program dies, and everything is said once.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Stdio,
    thread::{self, JoinHandle},
};

use serde_json::Value;

use crate::{
    command::Person,
    hub::{Hub, eventually},
};

fn said(person: &Person) -> Vec<String> {
    let lines = person.lines(&["chat", "history", "general", "--json"]);
    let said = lines.iter().filter(|line| line["kind"] == "said");
    said.map(|line| line["body"].as_str().unwrap().to_owned()).collect()
}

fn waiting(person: &Person) -> Vec<Value> {
    person.lines(&["chat", "outbox", "--json"])
}

fn ann_in_general(hub: &Hub) -> Person {
    let ann = hub.person("Ann");
    ann.json(&["room", "new", "general", "--json"]);
    ann
}

/// A proxy whose hub is away, at the hub's address, until somebody tells it to go.
fn proxy_without_hub(address: &str) -> JoinHandle<()> {
    let listener = TcpListener::bind(address).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut head) = (stream.unwrap(), Vec::new());
            while !head.ends_with(b"\r\n\r\n") {
                let mut next = [0];
                stream.read_exact(&mut next).unwrap();
                head.push(next[0]);
            }
            let away = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(away.as_bytes()).unwrap();
            if head.starts_with(b"QUIT") {
                return;
            }
        }
    })
}

#[test]
fn what_is_said_while_the_hub_is_away_waits_and_is_sent_once_and_in_order() {
    let mut hub = Hub::start();
    let ann = ann_in_general(&hub);
    let before = ann.json(&["chat", "send", "general", "before", "--json"])["pos"].clone();
    hub.kill();

    let reply = ["chat", "send", "general", "while away", "--reply", &before.to_string(), "--json"];
    let away = ann.run(&reply);
    let given_up = ann.run(&["chat", "send", "general", "never mind", "--no-queue", "--json"]);
    let unknown = ann.run(&["chat", "send", "elsewhere", "hi", "--json"]);

    assert_eq!((away.code, away.lines()[0]["state"].as_str()), (8, Some("queued")), "{}", away.stderr);
    assert_eq!(away.error()["exit_code"], 8);
    assert_eq!((given_up.code, unknown.code), (7, 7));
    let kept = waiting(&ann);
    assert_eq!(kept.len(), 1);
    assert_eq!((&kept[0]["body"], &kept[0]["state"]), (&"while away".into(), &"waiting".into()));
    assert_eq!(kept[0]["cid"], away.lines()[0]["cid"]);

    let address = hub.server.trim_start_matches("http://");
    let proxy = proxy_without_hub(address);
    let behind = ann.run(&["chat", "send", "general", "behind a proxy", "--json"]);
    TcpStream::connect(address).unwrap().write_all(b"QUIT / HTTP/1.1\r\n\r\n").unwrap();
    proxy.join().unwrap();
    assert_eq!((behind.code, behind.lines()[0]["state"].as_str()), (8, Some("queued")), "{}", behind.stderr);

    hub.start_again();
    ann.json(&["chat", "send", "general", "after", "--json"]);

    assert_eq!(said(&ann), ["before", "while away", "behind a proxy", "after"]);
    assert_eq!(ann.lines(&["chat", "messages", "general", "--json"])[1]["re"], before);
    assert!(waiting(&ann).is_empty());
    let all = ann.lines(&["chat", "outbox", "--all", "--json=cid,state,pos"]);
    assert_eq!((all.len(), &all[0]["state"], &all[0]["pos"]), (4, &"sent".into(), &before));
    assert!(all.iter().any(|line| line["cid"] == kept[0]["cid"]), "{all:?}");
    assert_eq!(ann.lines(&["chat", "outbox", "list", "--all", "--json=cid,state,pos"]), all);
}

#[test]
fn a_program_that_is_killed_between_enter_and_the_acknowledgement_has_said_it_once() {
    let hub = Hub::start();
    let ann = ann_in_general(&hub);
    ann.json(&["chat", "send", "general", "before", "--json"]);
    for round in 0..3 {
        let text = format!("message {round}");
        // Room by id and hub awake or not: the program dies before, while and after the hub hears of it.
        hub.freeze(round > 0);
        let mut sending = ann.command(&["chat", "send", "general", &text, "--timeout", "300ms", "--json"]);
        let mut sending = sending.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        eventually("the message is in the outbox, or through it", || {
            (round == 0 || !waiting(&ann).is_empty()).then_some(())
        });
        sending.kill().unwrap();
        sending.wait().unwrap();
        hub.freeze(false);

        let retried = ann.run(&["chat", "outbox", "retry", "--json"]);

        assert_eq!(retried.code, 0, "{}", retried.stderr);
        assert!(waiting(&ann).is_empty());
        // What was killed before it was kept was never said; once it was kept, it is said once.
        assert!(said(&ann).iter().filter(|body| **body == text).count() <= 1);
        assert!(round == 0 || said(&ann).contains(&text));
    }
}

#[test]
fn a_message_that_is_not_wanted_any_more_is_dropped() {
    let mut hub = Hub::start();
    let ann = ann_in_general(&hub);
    ann.json(&["chat", "send", "general", "first", "--json"]);
    // Nothing was ever said there: the machine knows it from its making.
    ann.json(&["room", "new", "tmp", "--json"]);
    hub.kill();
    let oops = ann.run(&["chat", "send", "tmp", "oops", "--json"]);
    assert_eq!(oops.code, 8, "{}", oops.stderr);
    let cid = oops.lines()[0]["cid"].as_str().unwrap().to_owned();

    assert_eq!(ann.json(&["chat", "trace", &cid, "--json"])["state"], "waiting");
    ann.json(&["chat", "outbox", "drop", &cid, "--json"]);
    let again = ann.run(&["chat", "outbox", "drop", &cid, "--json"]);
    hub.start_again();
    let nothing = ann.run(&["chat", "outbox", "retry", "--json"]);

    assert_eq!((again.code, nothing.code), (3, 0));
    assert_eq!(said(&ann), ["first"]);
}

#[test]
fn what_the_hub_refuses_does_not_wait_and_the_longest_text_is_said_whatever_is_in_it() {
    let hub = Hub::start();
    let ann = ann_in_general(&hub);
    let send =
        |text: &[u8]| ann.run_with(&["chat", "send", "general", "-", "--timeout", "60s", "--json"], text);
    let escaped = "\u{1}".repeat(wire::rooms::LONGEST);

    let codes = [send(b"").code, send(&[b'x'; 70_000]).code, send(escaped.as_bytes()).code];
    let lines = [&vec![b'x'; 70_000][..], b"\nshort\n"].concat();
    let some = ann.run_with(&["chat", "send", "general", "--lines", "--timeout", "60s", "--json"], &lines);

    assert_eq!(codes, [11, 11, 0]);
    assert_eq!((some.code, some.error()["exit_code"].as_u64()), (9, Some(9)));
    assert!(waiting(&ann).is_empty());
    assert_eq!(said(&ann), [&escaped, "short"]);
}

#[test]
fn many_programs_at_once_have_said_everything() {
    let hub = Hub::start();
    let ann = ann_in_general(&hub);
    let texts: Vec<String> = (0..12).map(|number| format!("message {number}")).collect();
    let line = |text| ann.command(&["chat", "send", "general", text, "--timeout", "60s", "--json"]);

    let running: Vec<_> = texts
        .iter()
        .map(|text| line(text).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
        .collect();
    let codes: Vec<_> = running.into_iter().map(|mut program| program.wait().unwrap().code()).collect();

    assert_eq!(codes, [Some(0); 12]);
    let (mut said, mut wanted) = (said(&ann), texts);
    said.sort();
    wanted.sort();
    assert_eq!(said, wanted);
}

#[test]
fn a_damaged_outbox_is_told_and_stops_nothing() {
    let mut hub = Hub::start();
    let ann = ann_in_general(&hub);
    ann.json(&["chat", "send", "general", "first", "--json"]);
    hub.kill();
    ann.run(&["chat", "send", "general", "second", "--json"]);
    let root = ann.folder().join("config/state/outbox");
    let journal = fs::read_dir(root).unwrap().next().unwrap().unwrap().path();
    let journal = fs::read_dir(journal).unwrap().next().unwrap().unwrap().path().join("journal");
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, format!("{text}deadbeef {{\"half a li")).unwrap();

    let told = ann.run(&["chat", "outbox"]);
    hub.start_again();
    ann.json(&["chat", "send", "general", "third", "--json"]);

    assert!(told.stderr.contains("1 damaged line of the outbox"), "{}", told.stderr);
    assert_eq!(said(&ann), ["first", "second", "third"]);
}

#[test]
fn lines_are_messages_and_keep_their_order_over_a_restart_of_the_hub() {
    let mut hub = Hub::start();
    let ann = ann_in_general(&hub);
    let lines: Vec<String> = (0..200).map(|number| format!("line {number}")).collect();
    let input = format!("{}\n\n", lines.join("\r\n"));

    let done = ann.run_with(&["chat", "send", "general", "--lines", "--json"], input.as_bytes());

    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(done.lines().len(), 200);
    assert_eq!(said(&ann), lines);
    hub.kill();
    hub.start_again();
    assert_eq!(said(&ann), lines);
}

#[test]
fn a_file_is_said_as_it_is_and_lines_wait_for_a_hub_that_is_asked_too_fast() {
    let hub = Hub::start_with(&["--sends-per-second", "2"]);
    let ann = ann_in_general(&hub);
    ann.file("report.txt", "two\nlines\n");
    ann.file("noise.bin", [0xff, 0xfe]);

    ann.json(&["chat", "send", "general", "--file", "report.txt", "--json"]);
    let noise = ann.run(&["chat", "send", "general", "--file", "noise.bin"]);
    let missing = ann.run(&["chat", "send", "general", "--file", "none.txt"]);

    assert_eq!(said(&ann), ["two\nlines"]);
    assert_eq!((noise.code, missing.code), (11, 13));
    let lines =
        ann.run_with(&["chat", "send", "general", "--lines", "--timeout", "60s"], b"a\nb\nc\nd\ne\nf\ng\n");
    assert_eq!(lines.code, 0, "{}", lines.stderr);
    assert_eq!(said(&ann)[1..], ["a", "b", "c", "d", "e", "f", "g"]);
}
