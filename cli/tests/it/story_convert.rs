//! Ann converts files: one, many, through pipes, later, and some that do not work.

use std::io::{BufRead as _, BufReader, Write as _};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{command::Person, hub::Hub};

const CSV: &str = "name,amount\nAnn,1\nBob,22\n";

fn convert(person: &Person, rest: &[&str]) -> (i32, Vec<Value>) {
    let line = [&["convert"][..], rest, &["--json"]].concat();
    let done = person.run(&line);
    (done.code, done.lines())
}

fn content(person: &Person, name: &str) -> Vec<u8> {
    std::fs::read(person.folder().join(name)).unwrap()
}

#[test]
fn a_file_is_converted_and_its_result_is_checked() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    ann.file("people.csv", CSV);

    let (code, lines) = convert(&ann, &["people.csv", "--to", "json"]);

    assert_eq!(code, 0, "{lines:?}");
    let line = &lines[0];
    for (field, value) in
        [("file", "people.csv"), ("state", "completed"), ("output", "people.json"), ("engine", "builtin")]
    {
        assert_eq!(line[field], value, "{field}");
    }
    assert_eq!((&line["bytes_in"], &line["degraded"]), (&CSV.len().into(), &false.into()));
    let result = content(&ann, "people.json");
    assert_eq!(
        (&line["bytes_out"], &line["sha256"]),
        (&result.len().into(), &hex::encode(Sha256::digest(&result)).into())
    );
    let rows: Value = serde_json::from_slice(&result).unwrap();
    assert!(rows.to_string().contains("Bob"), "{rows}");
    assert!(line["seconds"].as_f64().unwrap() > 0.0 && line.get("error").is_none());

    let job = ann.json(&["job", "show", line["job"].as_str().unwrap(), "--json"]);
    assert_eq!((&job["state"], &job["name"]), (&"completed".into(), &"people.csv".into()));
}

#[test]
fn a_url_is_fetched_by_a_hub_that_may() {
    let library = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/people.csv", library.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in library.incoming().flatten() {
            let mut lines = BufReader::new(&connection).lines().map_while(Result::ok);
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            let head =
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", CSV.len());
            let _ = (&connection).write_all(&[head.as_bytes(), CSV.as_bytes()].concat());
        }
    });
    let mut hub = Hub::start();
    let ann = hub.person("Ann");

    let (code, lines) = convert(&ann, &[&url, "--to", "json"]);
    assert_eq!((code, &lines[0]["error"]["code"]), (4, &"MSH-4035".into()), "{lines:?}");
    hub.kill();
    hub.start_again_with(&["--fetch-urls", "private"]);
    let (code, lines) = convert(&ann, &[&url, "--to", "json"]);

    assert_eq!((code, &lines[0]["output"]), (0, &"people.json".into()), "{lines:?}");
    let rows: Value = serde_json::from_slice(&content(&ann, "people.json")).unwrap();
    assert!(rows.to_string().contains("Bob"), "{rows}");
}

#[test]
fn of_many_files_those_that_work_are_converted_and_the_others_say_why() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    ann.file("a.csv", CSV);
    ann.file("b.md", "# Title\n\nSome words.\n");
    ann.file("empty.csv", "");
    ann.file("lie.docx", "this is no document");

    let (code, lines) = convert(
        &ann,
        &["a.csv", "b.md", "empty.csv", "lie.docx", "none.csv", "--to", "html", "--out-dir", "out"],
    );

    assert_eq!(code, 9, "{lines:?}");
    let of = |file: &str| lines.iter().find(|line| line["file"] == file).unwrap();
    assert_eq!(of("a.csv")["state"], "completed");
    assert!(String::from_utf8(content(&ann, "out/b.html")).unwrap().contains("Title"));
    for (file, code) in [("empty.csv", "MSH-4220"), ("none.csv", "MSH-0013")] {
        assert_eq!(
            (&of(file)["state"], &of(file)["error"]["code"]),
            (&"failed".into(), &code.into()),
            "{:?}",
            of(file)
        );
    }
    assert_eq!(of("lie.docx")["state"], "failed");
    let made: Vec<_> =
        std::fs::read_dir(ann.folder().join("out")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(made.len(), 2, "something was left behind: {made:?}");

    let (again, lines) =
        convert(&ann, &["a.csv", "b.md", "--to", "html", "--out-dir", "out", "--skip-existing"]);
    assert_eq!((again, lines[0]["state"].as_str()), (0, Some("skipped")));
}

#[test]
fn what_the_hub_does_not_accept_is_exit_11() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    ann.file("a.csv", CSV);
    ann.file("empty.csv", "");

    let pair = ann.run(&["convert", "a.csv", "--to", "mp3", "--json"]);
    let empty = ann.run(&["convert", "empty.csv", "--to", "json", "--json"]);

    assert_eq!((pair.code, &pair.error()["code"]), (11, &"MSH-4150".into()), "{}", pair.stderr);
    assert_eq!((empty.code, &empty.error()["code"]), (11, &"MSH-4220".into()), "{}", empty.stderr);
    assert!(!ann.folder().join("a.mp3").exists());
}

#[test]
fn an_encrypted_document_opens_with_its_password_from_a_file() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    ann.file("letter.docx", include_bytes!("../../../convert-worker/tests/it/samples/encrypted.docx"));
    ann.file("right", "žlutý kůň 100%\n");
    ann.file("wrong", "a guess\n");

    let closed = ann.run(&["convert", "letter.docx", "--to", "txt", "--json"]);
    let wrong = ann.run(&["convert", "letter.docx", "--to", "txt", "--password-file", "wrong", "--json"]);
    let (right, _) = convert(&ann, &["letter.docx", "--to", "txt", "--password-file", "right"]);

    assert_eq!((closed.code, &closed.error()["code"]), (11, &"MSH-4221".into()), "{}", closed.stderr);
    assert_eq!(wrong.code, 10, "{}", wrong.stderr);
    assert_eq!(right, 0);
    assert!(String::from_utf8(content(&ann, "letter.txt")).unwrap().contains("harbour"));
    let failed = ann.lines(&["job", "list", "--state", "failed", "--json"]);
    let id = failed[0]["id"].as_str().unwrap();
    assert_eq!(ann.run(&["job", "retry", id, "--json"]).error()["code"], "MSH-4221");
    ann.json(&["job", "retry", id, "--password-file", "right", "--json"]);
    assert_eq!(ann.run(&["job", "watch", id]).code, 0);
}

#[test]
fn a_result_is_replaced_only_when_that_is_wanted() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    ann.file("a.csv", CSV);
    ann.file("a.json", "precious");

    let (refused, _) = convert(&ann, &["a.csv", "--to", "json"]);
    assert_eq!((refused, content(&ann, "a.json")), (13, b"precious".to_vec()));
    assert!(ann.lines(&["job", "list", "--json"]).is_empty(), "something was uploaded");

    let (replaced, _) = convert(&ann, &["a.csv", "--to", "json", "--overwrite"]);
    assert_eq!(replaced, 0);
    assert_ne!(content(&ann, "a.json"), b"precious");
}

#[test]
fn a_pipe_in_is_a_pipe_out() {
    let hub = Hub::start();
    let ann = hub.person("Ann");

    let through = ann.run_with(&["convert", "-", "--from", "csv", "--to", "json"], CSV.as_bytes());
    let named = ann.run_with(
        &["convert", "-", "--from", "csv", "--to", "json", "-o", "x.json", "--json"],
        CSV.as_bytes(),
    );

    assert_eq!((through.code, named.code), (0, 0), "{} {}", through.stderr, named.stderr);
    assert_eq!(through.stdout, content(&ann, "x.json"));
    assert_eq!((&named.lines()[0]["file"], &named.lines()[0]["output"]), (&"-".into(), &"x.json".into()));

    // What is lost on the way is said, in a pipe and to whoever wants nothing but paths.
    let two = r#"{"Coffee": [{"bean": "Java"}], "Tea": [{"leaf": "Assam"}]}"#;
    ann.file("two.json", two);
    let through = ann.run_with(&["convert", "-", "--from", "json", "--to", "csv"], two.as_bytes());
    let quiet = ann.run(&["convert", "two.json", "--to", "csv", "-q"]);
    assert_eq!((through.text(), quiet.text()), ("bean\nJava\n", "two.csv\n"));
    for done in [through, quiet] {
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert!(done.stderr.contains("missing in the result: csv holds one sheet"), "{}", done.stderr);
    }
    let strict = ann.run(&["convert", "two.json", "--to", "csv", "--strict", "-o", "no.csv", "--json"]);
    let refused = strict.error();
    assert_eq!((strict.code, &refused["hint"]), (10, &Value::Null), "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("csv holds one sheet"), "{refused}");
}

#[test]
fn a_conversion_can_be_left_alone_and_fetched_later() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    let bob = hub.person("Bob");
    ann.file("people.csv", CSV);

    let (code, lines) = convert(&ann, &["people.csv", "--to", "json", "--no-wait"]);
    let id = lines[0]["job"].as_str().unwrap();
    assert_eq!((code, &lines[0]["output"]), (0, &Value::Null));

    let changes = ann.lines(&["job", "watch", id, "--json"]);
    assert_eq!(changes.last().unwrap()["state"], "completed");
    let got = ann.json(&["job", "get", id, "--json"]);
    assert_eq!(
        (&got["output"], &got["bytes"]),
        (&"people.json".into(), &content(&ann, "people.json").len().into())
    );
    assert_eq!(ann.run(&["job", "get", id]).code, 13);
    assert_eq!(ann.run(&["job", "get", id, "-o", "-"]).stdout, content(&ann, "people.json"));

    assert_eq!(ann.lines(&["job", "list", "--state", "completed", "--json"]).len(), 1);
    assert_eq!(bob.run(&["job", "show", id]).code, 3);
    assert_eq!(ann.run(&["job", "cancel", id]).code, 5);
    ann.json(&["job", "rm", id, "--json"]);
    assert_eq!(ann.run(&["job", "show", id]).code, 3);
}

#[test]
fn at_the_time_limit_the_conversion_goes_on_without_us() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    let rows: String = (0..300_000).map(|row| format!("row {row},{row}\n")).collect();
    ann.file("long.csv", format!("name,amount\n{rows}"));

    // The upload is part of the time: a machine that does not get so far is given more.
    let (done, line) = ["1500ms", "6s", "30s"]
        .into_iter()
        .find_map(|limit| {
            let done = ann.run(&["convert", "long.csv", "--to", "pdf", "--timeout", limit, "--json"]);
            assert_eq!((done.code, &done.error()["code"]), (8, &"MSH-0008".into()));
            let line = done.lines().into_iter().next().filter(|line| line["job"].is_string())?;
            Some((done, line))
        })
        .expect("the upload never ends");
    let state = line["state"].as_str().unwrap();
    assert!(["queued", "in_progress"].contains(&state), "{line}");
    let id = line["job"].as_str().unwrap();
    assert!(done.error()["hint"].as_str().unwrap().contains(id));
    assert_eq!(ann.json(&["job", "cancel", id, "--json=state"])["state"], "cancelled");
    assert!(!ann.folder().join("long.pdf").exists());
}

#[test]
fn the_formats_that_are_listed_are_those_that_work() {
    let hub = Hub::start();
    let ann = hub.person("Ann");

    let from_csv = ann.lines(&["formats", "csv", "--json"]);

    assert!(from_csv.iter().any(|pair| pair["to"] == "json"), "{from_csv:?}");
    assert_eq!(ann.run(&["formats", "mp3"]).code, 3);
}

#[cfg(feature = "local")]
#[test]
fn without_a_hub_the_same_engines_do_the_same() {
    let ann = Person::at("http://127.0.0.1:9");
    ann.file("people.csv", CSV);
    ann.file("empty.csv", "");

    let (code, lines) = convert(&ann, &["people.csv", "--to", "json", "--local"]);

    assert_eq!(code, 0, "{lines:?}");
    let result = content(&ann, "people.json");
    assert_eq!((&lines[0]["state"], &lines[0]["engine"]), (&"completed".into(), &"builtin".into()));
    assert_eq!(lines[0]["sha256"], hex::encode(Sha256::digest(&result)));
    assert!(String::from_utf8(result).unwrap().contains("Bob"));
    let (refused, lines) = convert(&ann, &["empty.csv", "--to", "json", "--local"]);
    assert_eq!(refused, 11, "{lines:?}");
}
