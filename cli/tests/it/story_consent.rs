//! A conversion service of somebody else: nothing goes there before its owner says so, in a room or out of it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use crate::{
    command::Person,
    hub::{Hub, eventually},
};

/// A real file of an old word processor, which nobody converts here without LibreOffice.
const DOC: &[u8] = include_bytes!("../../../lib/convert/tests/it/samples/letter.doc");
const KEY: &str = "sk-of-the-operator";

/// A service that answers every document with the same PDF, and remembers who showed which key.
struct Processor {
    url: String,
    keys: Arc<Mutex<Vec<String>>>,
    /// Whether its account has nothing left.
    is_unpaid: Arc<AtomicBool>,
}

impl Processor {
    fn start(pdf: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keys = Arc::new(Mutex::new(Vec::new()));
        let is_unpaid = Arc::new(AtomicBool::new(false));
        let (heard, unpaid) = (keys.clone(), is_unpaid.clone());
        let pdf: Arc<[u8]> = pdf.into();
        // They end with the test's process: nobody waits for them.
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (pdf, heard, unpaid) = (pdf.clone(), heard.clone(), unpaid.clone());
                // A connection that breaks is one that nobody asks on.
                thread::spawn(move || answer(connection, &pdf, &heard, unpaid.load(Ordering::SeqCst)));
            }
        });
        Self { url, keys, is_unpaid }
    }

    fn keys(&self) -> Vec<String> {
        self.keys.lock().unwrap().clone()
    }
}

fn answer(
    connection: TcpStream,
    pdf: &[u8],
    keys: &Mutex<Vec<String>>,
    is_unpaid: bool,
) -> std::io::Result<()> {
    let mut request = BufReader::new(&connection);
    let (mut length, mut key) = (0, String::new());
    loop {
        let mut line = String::new();
        request.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => key = value.to_owned(),
            _ => {}
        }
    }
    std::io::copy(&mut request.by_ref().take(length), &mut std::io::sink())?;
    keys.lock().unwrap().push(key);
    let (status, pdf) =
        if is_unpaid { ("402 Payment Required", &b"no credits"[..]) } else { ("200 OK", pdf) };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", pdf.len());
    (&connection).write_all(head.as_bytes())?;
    (&connection).write_all(pdf)
}

fn pdf() -> Vec<u8> {
    let somebody = Person::at("http://127.0.0.1:1");
    somebody.file("note.md", "# A letter\n\nto the harbour");
    somebody.json(&["convert", "note.md", "--to", "pdf", "--local", "--json"]);
    std::fs::read(somebody.folder().join("note.pdf")).unwrap()
}

#[test]
fn files_go_to_a_service_of_somebody_else_only_when_their_owner_says_so() {
    let processor = Processor::start(pdf());
    let keeper = Person::at("http://127.0.0.1:1");
    let file = keeper.file("key", format!("{KEY}\n")).display().to_string();
    let service = ["--nutrient-url", &processor.url, "--nutrient-key-file", &file, "--libreoffice", "off"];
    let hub = Hub::start_with(&service);
    let (ann, bob) = (hub.person("Ann"), hub.person("Bob"));
    ann.file("letter.doc", DOC);
    let convert = ["convert", "letter.doc", "--to", "pdf", "--json"];

    assert_eq!(ann.json(&["profile", "show", "--json"])["allow_third_party"], false);
    let formats = ann.lines(&["formats", "doc", "--json"]);
    assert!(formats.iter().any(|pair| pair["to"] == "pdf" && pair["consent"] == true), "{formats:?}");
    assert!(ann.run(&["formats", "doc"]).text().contains("nutrient (with consent)"));
    let refused = ann.run(&["convert", "letter.doc", "--to", "pdf"]);
    assert!(refused.stderr.contains("mshub profile set --allow-third-party true"), "{}", refused.stderr);
    assert_eq!((refused.code, processor.keys().len()), (4, 0));

    let allow = |allowed: &str| ann.json(&["profile", "set", "--allow-third-party", allowed, "--json"]);
    assert_eq!(allow("true")["allow_third_party"], true);
    assert!(ann.run(&["profile", "show"]).text().contains("may go to conversion services of others"));
    let done = ann.json(&convert);
    assert_eq!((&done["state"], &done["engine"]), (&json!("completed"), &json!("nutrient")), "{done}");
    assert_eq!(processor.keys(), [format!("Bearer {KEY}")]);
    let report = ann.json(&["job", "report", done["job"].as_str().unwrap(), "--json"]);
    assert_eq!(report["sent_to"], json!(["nutrient (127.0.0.1)"]));

    // In a room the consent of whoever brought the file counts, not of whoever wants it to be something else.
    ann.json(&["room", "new", "general", "--json"]);
    bob.json(&["room", "join", "general", "--json"]);
    ann.json(&["chat", "send", "general", "look", "--attach", "letter.doc", "--json"]);
    let id = eventually("the file is listed", || {
        let files = bob.lines(&["chat", "files", "general", "--json"]);
        Some(files.first()?["id"].as_str()?.to_owned())
    });
    let card = bob.json(&["chat", "convert", "general", &id, "--to", "pdf", "--json"]);
    assert_eq!((&card["card"]["state"], processor.keys().len()), (&json!("completed"), 2), "{card}");
    allow("false");
    let refused = bob.run(&["chat", "convert", "general", &id, "--to", "pdf", "--json"]);
    // It is refused before the room is told.
    assert_eq!((refused.code, processor.keys().len()), (4, 2), "{}", refused.stderr);
    assert!(refused.stderr.contains("whoever uploaded the file does not allow that"), "{}", refused.stderr);
}

#[test]
fn what_failed_through_no_documents_fault_is_started_again_by_its_owner_or_an_admin() {
    let processor = Processor::start(pdf());
    processor.is_unpaid.store(true, Ordering::SeqCst);
    let service = ["--nutrient-url", &processor.url, "--nutrient-key", KEY, "--libreoffice", "off"];
    let mut hub = Hub::start_with(&service);
    // Whoever is first runs the hub.
    let (ann, bob) = (hub.person("Ann"), hub.person("Bob"));
    bob.json(&["profile", "set", "--allow-third-party", "true", "--json"]);
    for name in ["one.doc", "two.doc"] {
        bob.file(name, DOC);
        bob.json(&["convert", name, "--to", "pdf", "--no-wait", "--json"]);
    }
    // This one is its own fault.
    bob.file("broken.pdf", "%PDF-1.7\nno objects here\nstartxref\n0\n%%EOF");
    assert_eq!(bob.run(&["convert", "broken.pdf", "--to", "txt"]).code, 10);
    let dead = |person: &Person| person.lines(&["job", "list", "--dead", "--json"]);
    eventually("both are given up", || (dead(&bob).len() == 2).then_some(()));
    assert_eq!(dead(&ann), Vec::<Value>::new());

    // Somebody pays; the hub has a rest behind it, too.
    processor.is_unpaid.store(false, Ordering::SeqCst);
    hub.kill();
    hub.start_again_with(&service);
    assert_eq!(bob.run(&["admin", "dead-letters", "list"]).code, 4);
    let letters = ann.lines(&["admin", "dead-letters", "list", "--json"]);
    assert!(letters.len() == 2 && letters.iter().all(|letter| letter.get("name").is_none()), "{letters:?}");
    assert!(letters.iter().all(|letter| letter["error"]["kind"] == "engine_down"), "{letters:?}");
    let first = letters[1]["id"].as_str().unwrap();
    assert_eq!(ann.json(&["admin", "dead-letters", "replay", first, "--json"])["id"], first);
    assert_eq!(ann.run(&["job", "show", first]).code, 3, "it is still not the admin's");

    let again = bob.lines(&["job", "retry", "--dead", "--json"]);
    assert_eq!((again.len(), &again[0]["id"]), (1, &letters[0]["id"]));
    eventually("both are done", || {
        let done = bob.lines(&["job", "list", "--state", "completed", "--json"]);
        (done.len() == 2 && done.iter().all(|job| job["engine"] == "nutrient")).then_some(())
    });
    assert_eq!((dead(&bob).len(), ann.lines(&["admin", "dead-letters", "list", "--json"]).len()), (0, 0));
}
