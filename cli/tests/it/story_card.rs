//! A conversion in a room: everybody there sees its card and has its result, whatever dies meanwhile.

use serde_json::json;

use crate::{
    command::Person,
    hub::{Hub, eventually},
};

fn three(hub: &Hub) -> [Person; 3] {
    let [ann, bob, carol] = ["Ann", "Bob", "Carol"].map(|name| hub.person(name));
    ann.json(&["room", "new", "general", "--json"]);
    bob.json(&["room", "join", "general", "--json"]);
    [ann, bob, carol]
}

/// What the log says of conversions.
fn facts(person: &Person) -> Vec<String> {
    let lines = person.lines(&["chat", "history", "general", "--json"]);
    let kinds = lines.iter().map(|line| line["kind"].as_str().unwrap().to_owned());
    kinds.filter(|kind| kind.starts_with("convert")).collect()
}

#[test]
fn a_conversion_in_a_room_is_everybodys_there_and_nobodys_elsewhere() {
    let hub = Hub::start();
    let [ann, bob, carol] = three(&hub);
    ann.file("notes.md", "# Notes\n\nA walrus.\n");

    let card = ann.json(&["chat", "convert", "general", "notes.md", "--to", "pdf", "--json"]);

    assert_eq!((&card["card"]["state"], &card["body"]), (&json!("completed"), &json!("notes.md")), "{card}");
    let id = card["card"]["result"]["id"].as_str().unwrap();
    let seen = bob.lines(&["chat", "messages", "general", "--json"]);
    assert_eq!(seen, std::slice::from_ref(&card), "there is one message, the same for everybody");
    assert_eq!(facts(&bob), ["convert_requested", "convert_completed"]);
    assert_eq!(carol.run(&["file", "get", id, "-o", "x.pdf"]).code, 3);
    assert_eq!(carol.run(&["chat", "convert", "general", id, "--to", "txt"]).code, 3);

    // The job does not have to stay.
    let job = ann.json(&["job", "list", "--json"])["id"].as_str().unwrap().to_owned();
    assert_eq!(ann.run(&["job", "rm", &job]).code, 0);
    assert_eq!(bob.run(&["file", "get", id, "-o", "notes.pdf"]).code, 0);
    assert!(std::fs::read(bob.folder().join("notes.pdf")).unwrap().starts_with(b"%PDF"));

    let refused = bob.run(&["chat", "convert", "general", id, "--to", "mp3", "--json"]);
    assert_eq!(
        (refused.code, refused.error()["code"].as_str()),
        (11, Some("MSH-4150")),
        "{}",
        refused.stderr
    );
    assert_eq!(facts(&bob).len(), 2, "what cannot be is not shown to everybody");
    assert!(bob.lines(&["chat", "outbox", "--json"]).is_empty());
    bob.file("broken.docx", "no document");
    let failed = bob.run(&["chat", "convert", "general", "broken.docx", "--to", "pdf", "--json"]);
    assert_eq!(failed.code, 10, "{}", failed.stderr);
    assert_eq!(failed.lines()[0]["card"]["state"], "failed");
    assert_eq!(bob.run(&["room", "verify", "general"]).code, 0);

    assert_eq!(ann.run(&["chat", "rm", "general", &card["pos"].to_string()]).code, 0);
    eventually("source and result are gone", || {
        let source = card["att"][0]["id"].as_str().unwrap();
        let gone = |id: &str| bob.run(&["file", "get", id, "-o", "again.pdf", "--overwrite"]).code == 3;
        (gone(id) && gone(source)).then_some(())
    });
    assert_eq!(bob.run(&["room", "verify", "general"]).code, 0);
}

#[test]
fn a_card_is_settled_once_when_the_hub_dies_in_the_middle() {
    let mut hub = Hub::start();
    let [ann, bob, _] = three(&hub);
    let rows: String = (0..800).map(|row| format!("row {row},{row}\n")).collect();
    ann.file("long.csv", format!("name,amount\n{rows}"));
    let cid = uuid::Uuid::now_v7().to_string();
    let convert =
        ["chat", "convert", "general", "long.csv", "--to", "pdf", "--cid", &cid, "--no-wait", "--json"];

    let begun = ann.json(&convert);
    eventually("a job is there", || (!ann.lines(&["job", "list", "--json"]).is_empty()).then_some(()));
    hub.kill();
    hub.start_again();
    let again = ann.json(&convert);

    assert_eq!(begun["pos"], again["pos"]);
    let id = eventually("the card is settled", || {
        let messages = bob.lines(&["chat", "messages", "general", "--json"]);
        let card = messages.into_iter().find(|message| message["pos"] == begun["pos"])?["card"].clone();
        assert_ne!(card["state"], "failed", "{card}");
        (card["state"] == "completed").then(|| card["result"]["id"].as_str().unwrap().to_owned())
    });
    hub.kill();
    hub.start_again();
    assert_eq!(facts(&bob), ["convert_requested", "convert_completed"]);
    assert_eq!(bob.run(&["file", "get", &id, "-o", "long.pdf"]).code, 0);
    assert!(std::fs::read(bob.folder().join("long.pdf")).unwrap().starts_with(b"%PDF"));
}
