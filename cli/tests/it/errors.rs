//! Failures as scripts see them: exit codes, and exactly one JSON object on stderr.

use std::{net::TcpListener, process::Stdio};

use crate::command::{Person, finish};

/// Somebody at whose address nobody listens: port 9 is never given out.
fn somebody() -> Person {
    Person::at("http://127.0.0.1:9")
}

#[test]
fn no_hub_is_exit_7_and_says_what_to_do() {
    let person = somebody();

    let done = person.run(&["status", "--json"]);
    let human = person.run(&["status"]);

    let error = done.error();
    assert_eq!((done.code, human.code), (7, 7));
    assert!(done.stdout.is_empty());
    assert_eq!(error["code"], "MSH-0007");
    assert_eq!(error["exit_code"], 7);
    assert_eq!(error["status"], serde_json::Value::Null);
    assert_eq!(error["retryable"], true);
    assert!(error["hint"].as_str().unwrap().contains("mshub up"), "{error}");
    assert!(human.stderr.starts_with("error: cannot reach http://127.0.0.1:"), "{}", human.stderr);
    assert!(human.stderr.contains("\nhint: "), "{}", human.stderr);
    assert!(!human.stderr.contains('\u{1b}'), "colour went into a pipe: {:?}", human.stderr);
}

#[test]
fn a_wrong_command_line_is_exit_2_also_as_json() {
    let person = somebody();

    for line in [
        &["bogus", "--json"][..],
        &["convert", "a.docx", "--json"],
        &["--json=id", "chat", "send"],
        &["room", "list", "--json", "--timeout", "soon"],
        &["profile", "set", "--json"],
        &["--server", "ftp://hub", "status", "--json"],
        &["--server", "http://a b", "status", "--json"],
    ] {
        let done = person.run(line);
        let error = done.error();
        assert_eq!((done.code, &error["exit_code"]), (2, &2.into()), "{line:?}: {error}");
        assert_eq!(error["code"], "MSH-0002");
    }
}

#[test]
fn a_field_that_no_result_has_is_refused_with_those_that_there_are() {
    let person = Person::at("");
    person.json(&["context", "add", "work", "--server", "https://hub.example.org", "--json"]);

    let typo = person.run(&["context", "list", "--json=name,sevrer"]);
    let known = person.json(&["explain", "7", "--json=code,exit_code"]);

    let error = typo.error();
    assert_eq!((typo.code, typo.stdout.len()), (2, 0), "{error}");
    assert_eq!(error["message"], "--json=sevrer: the result has no such field");
    assert!(error["hint"].as_str().unwrap().starts_with("it can have"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("server"), "{error}");
    assert_eq!(known["exit_code"], 7);
}

#[test]
fn a_mistyped_command_is_answered_with_the_right_one() {
    let done = somebody().run(&["chta", "--json"]);

    assert_eq!(done.error()["hint"], "a similar subcommand exists: 'chat'");
}

#[test]
fn nobody_signed_in_is_exit_4_before_the_hub_is_asked() {
    let done = somebody().run(&["room", "list", "--json"]);

    let error = done.error();
    assert_eq!((done.code, &error["code"]), (4, &"MSH-0004".into()));
    assert!(error["hint"].as_str().unwrap().contains("mshub auth login"));
}

#[test]
fn where_nobody_can_be_asked_the_missing_option_is_named() {
    let person = somebody();

    let signup = person.run(&["auth", "signup", "--json"]);
    let login = person.run(&["auth", "login", "--email", "ann@example.org", "--no-input", "--json"]);

    assert_eq!((signup.code, login.code), (2, 2));
    assert!(signup.error()["message"].as_str().unwrap().starts_with("--email is required"));
    assert!(login.error()["message"].as_str().unwrap().starts_with("--password-file is required"));
}

#[test]
fn a_result_that_is_there_is_found_before_the_hub_is_asked() {
    let person = somebody();
    person.file("a.csv", "x,y\n1,2\n");
    person.file("a.xlsx", "precious");

    let done = person.run(&["convert", "a.csv", "--to", "xlsx", "--json"]);

    assert_eq!(done.code, 13, "{}", done.stderr);
    assert_eq!(done.error()["code"], "MSH-0013");
    let line = &done.lines()[0];
    assert_eq!((&line["state"], &line["job"]), (&"failed".into(), &serde_json::Value::Null));
    assert!(line["error"]["message"].as_str().unwrap().contains("a.xlsx exists already"), "{line}");
    assert_eq!(std::fs::read(person.folder().join("a.xlsx")).unwrap(), b"precious");
}

#[test]
fn a_missing_file_is_exit_13() {
    let done = somebody().run(&["convert", "none.docx", "--to", "pdf", "--json"]);

    assert_eq!(done.code, 13);
    assert!(done.error()["message"].as_str().unwrap().contains("none.docx"));
}

#[test]
fn a_mistake_in_the_settings_is_shown_with_its_line() {
    let person = Person::at("");
    std::fs::create_dir_all(person.folder().join("config")).unwrap();
    person.file("config/config.toml", "current = \"work\"\n[contexts.work]\nsrever = \"http://x\"\n");

    let done = person.run(&["status", "--json"]);

    assert_eq!(done.code, 2);
    let message = done.error()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("config.toml") && message.contains("line 3"), "{message}");
}

#[test]
fn contexts_are_kept_between_runs() {
    let person = Person::at("");

    person.json(&["context", "add", "work", "--server", "https://hub.example.org", "--json"]);
    person.json(&["context", "add", "home", "--server", "localhost:8000", "--json"]);
    let before = person.json(&["context", "show", "--json"]);
    person.json(&["context", "use", "home", "--json"]);
    let after = person.json(&["context", "show", "--json=name,server"]);
    let names: Vec<_> =
        person.lines(&["context", "list", "--json"]).iter().map(|row| row["name"].clone()).collect();

    assert_eq!(before["server"], "https://hub.example.org");
    assert_eq!(after, serde_json::json!({"name": "home", "server": "http://localhost:8000"}));
    assert_eq!(names, ["home", "work"]);
    assert_eq!(person.run(&["context", "use", "none"]).code, 3);
}

#[test]
fn without_a_command_there_is_a_card_and_no_failure() {
    let done = somebody().run(&[]);

    assert_eq!(done.code, 0);
    assert!(done.text().contains("mshub up") && done.text().contains("mshub --help"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let person = somebody();
    let mut child =
        person.command(&["explain"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();

    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();

    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.stderr.is_empty(), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_command_with_the_code_of_that_signal() {
    // A hub that accepts and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let person = Person::at(&format!("http://{}", silent.local_addr().unwrap()));

    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let child = person.command(&["status", "--json"]).stderr(Stdio::piped()).spawn().unwrap();
        let (_connection, _) = silent.accept().unwrap();
        let mut kill = std::process::Command::new("kill");
        assert_eq!(
            finish(
                {
                    kill.args(["-s", signal, &child.id().to_string()]);
                    kill
                },
                b""
            )
            .code,
            0
        );
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(code), "{signal}");
    }
}

#[test]
fn the_time_limit_is_exit_8() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let person = Person::at(&format!("http://{}", silent.local_addr().unwrap()));

    let done = person.run(&["status", "--timeout", "200ms", "--json"]);

    assert_eq!((done.code, &done.error()["code"]), (8, &"MSH-0008".into()));
}

#[test]
fn every_code_can_be_explained() {
    let person = somebody();

    let all = person.lines(&["explain", "--json"]);

    assert!(all.len() > 40);
    for entry in all {
        let code = entry["code"].as_str().unwrap();
        assert_eq!(person.json(&["explain", code, "--json"]), entry);
    }
    assert_eq!(person.run(&["explain", "MSH-9999"]).code, 3);
}
