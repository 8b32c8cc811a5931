//! What was said is waited for, followed, traced, exported and verified.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use platform::{
    db::Db,
    each,
    sqlx::{self, AssertSqlSafe},
};
use serde_json::Value;
use wire::{heads::Standing, rooms::EventPage};

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

/// The file in which a person's machine remembers what it verified of its only room, once it is there.
fn verified(person: &Person) -> Option<PathBuf> {
    let files = fs::read_dir(person.folder().join("config/state/verified")).ok()?;
    files.map(|file| file.unwrap().path()).find(|path| path.extension().is_some_and(|end| end == "json"))
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
fn a_tail_that_is_killed_again_and_again_has_printed_everything_once() {
    let hub = Hub::start();
    let ann = ann_in_general(&hub);
    let output = ann.folder().join("general.jsonl");
    let tail = |count: &str| {
        let out = fs::OpenOptions::new().create(true).append(true).open(&output).unwrap();
        let args =
            ["chat", "tail", "general", "--after", "0", "--state", "s", "--json", "-q", "--count", count];
        let mut command = ann.command(&args);
        command.stdout(out);
        command
    };
    let printed = || fs::read_to_string(&output).unwrap();

    for round in 0..4 {
        let before = printed_lines(&output);
        let mut running = tail("1000").spawn().unwrap();
        let lines: String = (0..40).map(|number| format!("{round}/{number}\n")).collect();
        assert_eq!(ann.run_with(&["chat", "send", "general", "--lines", "-q"], lines.as_bytes()).code, 0);
        // In the middle of it, each time somewhere else.
        eventually("it prints", || (printed_lines(&output) > before + 9 * round).then_some(()));
        running.kill().unwrap();
        running.wait().unwrap();
    }
    let history = ann.run(&["chat", "history", "general", "--json"]);
    let left = history.text().lines().count() - printed_lines(&output);
    if left > 0 {
        let mut rest = tail("1000").spawn().unwrap();
        eventually("the rest is printed", || (printed().len() >= history.text().len()).then_some(()));
        rest.kill().unwrap();
        rest.wait().unwrap();
    }

    assert_eq!(printed(), history.text());
}

fn printed_lines(output: &Path) -> usize {
    fs::read_to_string(output).map_or(0, |text| text.matches('\n').count())
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

    let memory = verified(&ann).unwrap();
    let hash = first["hash"].as_str().unwrap();
    let other = fs::read_to_string(&memory).unwrap().replace(hash, &"0".repeat(32));
    fs::write(&memory, other).unwrap();
    let found_out = ann.run(&["room", "verify", "general", "--json"]);
    assert_eq!(found_out.code, 14, "{}", found_out.stderr);
    assert!(found_out.error()["message"].as_str().unwrap().contains("once verified 3 events"));
}

/// The database of the history, behind the hub's back.
async fn chat_database(hub: &Hub) -> Db {
    let url = format!("sqlite:{}/db", hub.data_dir());
    Db::open(&url, "chat", chat_worker::MIGRATIONS).await.unwrap()
}

/// Changes one row.
async fn write(database: &Db, statement: String) {
    let done = each!(database.writer(), pool => sqlx::query(AssertSqlSafe(statement)).execute(pool).await
        .map(|done| done.rows_affected()));
    assert_eq!(done.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_the_database_that_was_changed_or_is_gone_is_found_out() {
    let hub = Hub::start();
    let ann = ann_in_general(&hub);
    let said = ["one", "two", "three"].map(|text| say(&ann, text));
    let [_, second, last] = said.each_ref().map(|sent| sent["pos"].as_u64().unwrap());
    let cid = said[2]["cid"].as_str().unwrap().to_owned();
    eventually("everything is in the database", || {
        (ann.json(&["room", "verify", "general", "--json"])["pos"] == last).then_some(())
    });
    let rows = || ann.run(&["api", "/api/v1/rooms/general/events?from=database"]).text().to_owned();
    let database = chat_database(&hub).await;
    let replace = |from: &str, to: &str| {
        format!("UPDATE events SET what = replace(what, '{from}', '{to}') WHERE pos = {second}")
    };

    write(&database, replace("two", "2wo")).await;
    let changed = ann.run(&["room", "verify", "general", "--json"]);
    write(&database, replace("2wo", "two")).await;
    let mended = ann.run(&["room", "verify", "general", "--json"]);
    write(&database, format!("DELETE FROM events WHERE pos = {second}")).await;
    let hole = ann.run(&["room", "verify", "general", "--json"]);
    write(&database, format!("DELETE FROM events WHERE pos = {last}")).await;
    let (rows, shown) = (rows(), ann.run(&["chat", "history", "general"]));
    let trace = ann.run(&["chat", "trace", &cid, "--json"]);

    let why = |done: &crate::command::Done| done.error()["message"].as_str().unwrap().to_owned();
    assert_eq!((changed.code, mended.code, hole.code, trace.code), (14, 0, 14, 14), "{}", mended.stderr);
    assert!(why(&trace).contains(&format!("lacks the message at {last}")), "{trace:?}");
    assert!(
        why(&changed).contains("once verified") || why(&changed).contains("the hash over all"),
        "{changed:?}"
    );
    assert!(why(&hole).contains(&format!("{last} says that {second} is before it")), "{hole:?}");
    // What the hub still has in memory shows nothing of it; the rows alone do.
    assert!(shown.text().contains("two") && !rows.contains("two"), "{rows}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_row_that_is_gone_is_found_out_by_who_never_verified_before() {
    let hub = Hub::start();
    let ann = ann_in_general(&hub);
    say(&ann, "one");
    let last = say(&ann, "two")["pos"].as_u64().unwrap();
    let database = chat_database(&hub).await;
    eventually("everything is in the database", || {
        let head = ann.json(&["api", "/api/v1/rooms/general/head", "--json"]);
        (head["pos"] == last).then_some(())
    });

    write(&database, format!("DELETE FROM events WHERE pos = {last}")).await;
    let found_out = ann.run(&["room", "verify", "general", "--json"]);

    assert_eq!(found_out.code, 14, "{}", found_out.stderr);
    let why = found_out.error()["message"].as_str().unwrap().to_owned();
    assert!(why.contains("there are 2 events; the hub counts 3"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_was_rewritten_with_its_hash_is_found_out_by_whoever_was_shown_it() {
    let hub = Hub::start();
    let (ann, bob) = (ann_in_general(&hub), hub.person("Bob"));
    bob.json(&["room", "join", "general", "--json"]);
    let mut tail = bob.command(&["chat", "tail", "general", "--state", "general.state", "--json", "-q"]);
    let mut tail = tail.stdout(Stdio::null()).spawn().unwrap();
    eventually("bob's machine remembers what it was shown", || {
        say(&ann, "I owe you 10");
        verified(&bob)
    });
    tail.kill().unwrap();
    tail.wait().unwrap();
    let last = say(&ann, "and that was it")["pos"].as_u64().unwrap();
    eventually("everything is in the database", || {
        (ann.json(&["api", "/api/v1/rooms/general/head", "--json"])["pos"] == last).then_some(())
    });

    // Whoever has the database changes what was said, and the hash that says what was said.
    let database = chat_database(&hub).await;
    let statement =
        "UPDATE events SET what = replace(what, 'I owe you 10', 'I owe you 1') WHERE what LIKE '%owe%'";
    let changed = each!(database.writer(), pool => sqlx::query(statement).execute(pool).await.map(|done| done.rows_affected()));
    assert!(changed.unwrap() > 0);
    let rows = ann.json(&["api", "/api/v1/rooms/general/events?from=database&after=0&limit=500", "--json"]);
    let rows: EventPage = serde_json::from_value(rows).unwrap();
    let standing = rows.events.iter().fold(Standing::default(), |standing, event| standing.after(event));
    let hash = standing.head(rows.events[0].room).h;
    write(&database, format!("UPDATE heads SET h = unhex('{hash}')")).await;
    let stranger = ann.run(&["room", "verify", "general", "--json"]);
    let witness = bob.run(&["room", "verify", "general", "--json"]);

    assert_eq!((stranger.code, witness.code), (0, 14), "{}", stranger.stderr);
    assert!(
        witness.error()["message"].as_str().unwrap().contains("this machine once verified"),
        "{witness:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_says_again_what_the_database_has_otherwise_than_it_was_printed() {
    let hub = Hub::start();
    let ann = ann_in_general(&hub);
    let file = |name: &str| fs::File::create(ann.folder().join(name)).unwrap();
    let read = |name: &str| fs::read_to_string(ann.folder().join(name)).unwrap();
    let mut tail = ann.command(&["chat", "tail", "general"]);
    let mut tail = tail.stdout(file("printed")).stderr(file("told")).spawn().unwrap();
    let last = eventually("what is printed was compared with the database", || {
        let last = say(&ann, "before")["pos"].clone();
        verified(&ann).map(|_| last)
    });
    eventually("everything is in the database", || {
        (ann.json(&["api", "/api/v1/rooms/general/head", "--json"])["pos"] == last).then_some(())
    });

    // From here on the database counts on from another past.
    write(&chat_database(&hub).await, "UPDATE heads SET h = zeroblob(16)".to_owned()).await;
    say(&ann, "after");
    let times = |text: &str| read("printed").lines().filter(|line| line.ends_with(text)).count();
    eventually("it is printed again, as the database has it", || (times("after") == 2).then_some(()));
    tail.kill().unwrap();
    tail.wait().unwrap();

    assert!(read("told").contains("is not what the hub's database has"), "{}", read("told"));
}
