//! Files in a room: sent, listed, fetched, and gone with their message.

use serde_json::json;

use crate::hub::{Hub, eventually};

#[test]
fn a_file_goes_with_a_message_and_is_there_for_everybody_in_the_room() {
    let hub = Hub::start();
    let (ann, bob, carol) = (hub.person("Ann"), hub.person("Bob"), hub.person("Carol"));
    ann.json(&["room", "new", "general", "--json"]);
    bob.json(&["room", "join", "general", "--json"]);
    ann.file("report.txt", "all is well\n");
    ann.file("data.bin", [0, 1, 2, 3]);

    let fresh = uuid::Uuid::now_v7().to_string();

    let send = [
        "chat",
        "send",
        "general",
        "look",
        "--attach",
        "report.txt",
        "--attach",
        "data.bin",
        "--cid",
        &fresh,
        "--json",
    ];
    let sent = ann.json(&send);
    let again = ann.json(&send);

    assert_eq!(sent["pos"], again["pos"], "the same message, sent twice, is one");
    let history = bob.lines(&["chat", "history", "general", "--json"]);
    let last = history.last().unwrap();
    assert_eq!((&last["body"], last["att"].as_array().unwrap().len()), (&json!("look"), 2));
    let listed = eventually("both are listed", || {
        let listed = bob.lines(&["chat", "files", "general", "--json"]);
        (listed.len() == 2).then_some(listed)
    });
    assert_eq!((&listed[0]["name"], &listed[1]["name"]), (&json!("data.bin"), &json!("report.txt")));
    assert!(listed.iter().all(|file| file["pos"] == sent["pos"]), "{listed:?}");
    let line = bob.run(&["chat", "history", "general", "--limit", "1"]);
    assert!(
        line.text().trim_end().ends_with("Ann  look [report.txt 12 B] [data.bin 4 B]"),
        "{}",
        line.text()
    );

    let id = listed[1]["id"].as_str().unwrap();
    assert_eq!(bob.run(&["file", "get", id]).text(), "report.txt  12 B\n");
    assert_eq!(std::fs::read(bob.folder().join("report.txt")).unwrap(), b"all is well\n");
    assert_eq!(bob.run(&["file", "get", id]).code, 13, "it is not overwritten");
    assert_eq!(bob.run(&["file", "get", id, "-o", "-"]).text(), "all is well\n");
    assert_eq!(carol.run(&["file", "get", id]).code, 3);
    assert_eq!(carol.run(&["chat", "files", "general"]).code, 3);
    let verified = eventually("the database has it", || {
        let verified = bob.json(&["room", "verify", "general", "--json"]);
        (verified["pos"] == sent["pos"]).then_some(verified)
    });
    assert_eq!(verified["messages"], history.len(), "files are part of the chain");
}

#[test]
fn removing_the_message_removes_the_file_for_everybody_and_the_chain_holds() {
    let hub = Hub::start();
    let (ann, bob) = (hub.person("Ann"), hub.person("Bob"));
    ann.json(&["room", "new", "general", "--json"]);
    bob.json(&["room", "join", "general", "--json"]);
    ann.file("secret.txt", "an untold secret");
    let sent = ann.json(&["chat", "send", "general", "--attach", "secret.txt", "--json"]);
    let pos = sent["pos"].to_string();
    let history = bob.lines(&["chat", "history", "general", "--json"]);
    let id = history.last().unwrap()["att"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(bob.run(&["file", "get", &id, "-o", "-"]).text(), "an untold secret");

    assert_eq!(ann.run(&["chat", "rm", "general", &pos]).code, 0);

    eventually("the file is gone", || (bob.run(&["file", "get", &id, "-o", "-"]).code == 3).then_some(()));
    let objects = std::path::Path::new(&hub.data_dir()).join("objects").join("files");
    let left = walk(&objects);
    assert!(left.is_empty(), "{left:?}");
    eventually("the removal is in the database", || {
        let history = bob.lines(&["chat", "history", "general", "--json"]);
        history.iter().all(|line| line.get("att").is_none()).then_some(())
    });
    eventually("the list is empty", || {
        bob.lines(&["chat", "files", "general", "--json"]).is_empty().then_some(())
    });
    assert_eq!(bob.run(&["room", "verify", "general"]).code, 0);
}

#[test]
fn a_message_with_files_waits_for_the_hub_and_is_sent_once() {
    let mut hub = Hub::start();
    let (ann, bob) = (hub.person("Ann"), hub.person("Bob"));
    ann.json(&["room", "new", "general", "--json"]);
    bob.json(&["room", "join", "general", "--json"]);
    ann.json(&["chat", "send", "general", "before", "--json"]);
    ann.file("report.txt", "all is well");

    hub.kill();
    let away = ann.run(&["chat", "send", "general", "look", "--attach", "report.txt", "--json"]);
    let wish = ann.run(&["chat", "convert", "general", "report.txt", "--to", "pdf", "--json"]);
    let never = ["chat", "send", "general", "never", "--attach", "report.txt", "--no-queue", "--json"];
    let never = ann.run(&never);

    assert_eq!((away.code, wish.code, never.code), (8, 8, 7), "{}\n{}", away.stderr, wish.stderr);
    assert_eq!(away.lines()[0]["state"], "queued");
    let waiting = ann.lines(&["chat", "outbox", "--json"]);
    let cids: Vec<_> = waiting.iter().map(|line| line["cid"].clone()).collect();
    assert_eq!(cids, [&away, &wish].map(|kept| kept.lines()[0]["cid"].clone()));
    assert_eq!(waiting[0]["files"], serde_json::json!(["report.txt"]));
    hub.start_again();
    assert_eq!(ann.run(&["chat", "send", "general", "--attach", "none.txt"]).code, 13);
    assert_eq!(ann.lines(&["chat", "outbox", "retry", "--json"]).len(), 2);

    assert!(ann.lines(&["chat", "outbox", "--json"]).is_empty());
    let seen = bob.lines(&["chat", "messages", "general", "--json"]);
    let bodies: Vec<_> = seen.iter().map(|message| message["body"].as_str().unwrap()).collect();
    assert_eq!(bodies, ["before", "look", "report.txt"]);
    let id = seen[1]["att"][0]["id"].as_str().unwrap();
    assert_eq!(bob.run(&["file", "get", id, "-o", "-"]).text(), "all is well");
    eventually("the wish is fulfilled", || {
        let messages = bob.lines(&["chat", "messages", "general", "--json"]);
        (messages[2]["card"]["state"] == "completed").then_some(())
    });
}

/// Every file below a folder.
fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
