//! An embedded hub moves to PostgreSQL, Kafka and S3, and is the same hub there.

use platform::{Clock, bus::Bus, db::Db, each, fanout::Fanout, sqlx};
use serde_json::Value;

use crate::{
    command::Person,
    fleet,
    hub::{Hub, eventually, password},
    story_signup::PIXEL,
};

const CSV: &str = "name,amount\nAnn,1\nBob,22\n";

/// A room of their own and what each may do in it, a picture, a file, and what is not read yet.
fn settle_in(ann: &Person, bob: &Person) {
    ann.json(&["room", "new", "quiet", "--private", "--json"]);
    assert_eq!(ann.run(&["room", "invite", "quiet", "bob@example.org"]).code, 0);
    ann.json(&["room", "role", "quiet", "Bob", "moderator", "--json"]);
    ann.file("me.png", PIXEL);
    ann.json(&["profile", "photo", "set", "me.png", "--json"]);
    ann.file("report.txt", "all is well\n");
    ann.json(&["chat", "send", "general", "look", "--attach", "report.txt", "--json"]);
    bob.json(&["chat", "read", "general", "--upto", "5", "--json"]);
    bob.json(&["chat", "send", "quiet", "are you there, @Ann?", "--json"]);
}

/// The files that people fetched: Ann's photo, and what lies in the room.
fn fetched(person: &Person, folder: &str) -> [Vec<u8>; 2] {
    let id = person.lines(&["chat", "files", "general", "--json"])[0]["id"].as_str().unwrap().to_owned();
    let at = |name: &str| format!("{folder}-{name}");
    assert_eq!(person.run(&["profile", "photo", "get", "-o", &at("photo")]).code, 0);
    assert_eq!(person.run(&["file", "get", &id, "-o", &at("file")]).code, 0);
    ["photo", "file"].map(|name| std::fs::read(person.folder().join(at(name))).unwrap())
}

/// Everything that people can see of their hub.
fn seen(person: &Person) -> Vec<Value> {
    let mut seen = person.lines(&["chat", "history", "general", "--json"]);
    seen.extend(person.lines(&["chat", "messages", "general", "--json"]));
    // Who is here right now does not travel.
    seen.extend(person.lines(&["room", "members", "general", "--json=id,name,role,joined_at"]));
    seen.extend(person.lines(&["room", "members", "quiet", "--json=id,name,role,joined_at"]));
    seen.extend(person.lines(&["room", "list", "--json=name,private,members,role,unread,mentions,mark"]));
    seen.extend(person.lines(&["chat", "files", "general", "--json"]));
    seen.extend(person.lines(&["chat", "search", "oranges", "--json"]));
    seen.extend(person.lines(&["job", "list", "--json"]));
    seen.push(person.json(&["profile", "show", "--json"]));
    for room in ["quiet", "general"] {
        seen.push(person.json(&["room", "verify", room, "--json=messages,pos,hash"]));
    }
    seen
}

#[test]
fn an_embedded_hub_moves_and_is_the_same_hub_there() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(engines) = runtime.block_on(fleet::find()) else { return };
    let mut hub = Hub::start();
    let (ann, bob) = (hub.person("Ann"), hub.person("Bob"));
    ann.json(&["room", "new", "general", "--json"]);
    bob.json(&["room", "join", "general", "--json"]);
    for number in 0..20 {
        ann.json(&[
            "chat",
            "send",
            "general",
            &format!("apples {number} \u{1F34E} \\u0000 'quoted'"),
            "--json",
        ]);
    }
    settle_in(&ann, &bob);
    let said = bob.json(&["chat", "send", "general", "oranges", "--json"]);
    let place = said["pos"].to_string();
    ann.json(&["chat", "react", "general", &place, "👍", "--json"]);
    bob.json(&["chat", "edit", "general", &place, "oranges, and pears", "--json"]);
    ann.json(&["profile", "set", "--allow-third-party", "true", "--json"]);
    ann.file("people.csv", CSV);
    let job =
        ann.json(&["convert", "people.csv", "--to", "json", "--json"])["job"].as_str().unwrap().to_owned();
    let found = |word: &str| ann.lines(&["chat", "search", word, "--json"]).len();
    eventually("the worker has stored it all", || (found("pears") == 1).then_some(()));
    let (before, files) = ((seen(&ann), seen(&bob)), fetched(&ann, "before"));
    let unread = |seen: &[Value]| seen.iter().filter_map(|it| it["unread"].as_u64()).sum::<u64>();
    assert!(unread(&before.0) > 0 && unread(&before.1) > 0, "there is something to lose: {before:?}");

    // The power goes; then it moves.
    hub.kill();
    let data = hub.data_dir();
    let migrate = |bus: &str| {
        let mut command = ann.command(&["migrate", "--data-dir", &data, "--json"]);
        command
            .env("MSHUB_DATABASE_URL", &engines.database)
            .env("MSHUB_BUS_URL", bus)
            .env("MSHUB_OBJECTS_URL", &engines.objects);
        crate::command::finish(command, b"")
    };
    let moved = migrate(&engines.bus);
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    let moved = moved.lines().remove(0);
    assert!(moved["rows"].as_u64().unwrap() > 40 && moved["rooms"] == 2, "{moved}");
    assert!(moved["objects"].as_u64().unwrap() >= 4 && moved["position"].as_u64().unwrap() >= 24, "{moved}");

    // Killed half way, it would have left this; it goes on, and what is there already stays.
    runtime.block_on(tear(&engines.database));
    let again = migrate(&engines.bus);
    assert_eq!((again.code, again.lines()), (0, vec![moved.clone()]), "{}", again.stderr);
    assert_eq!(migrate(&engines.bus).code, 5, "once is enough");

    // The same hub, for everybody: their sessions, rooms, words, files, and the hash over it all.
    hub.start_again_with(&[
        "--database-url",
        &engines.database,
        "--bus-url",
        &engines.bus,
        "--objects-url",
        &engines.objects,
        "--fanout-url",
        &engines.fanout,
    ]);
    assert_eq!((seen(&ann), seen(&bob)), before);
    assert_eq!(fetched(&ann, "after"), files);
    assert_eq!(files[1], b"all is well\n");
    let elsewhere = Person::at(&hub.server);
    elsewhere.file("password", password("Bob"));
    let login = ["auth", "login", "--email", "bob@example.org", "--password-file", "password", "--json"];
    elsewhere.json(&login);
    assert_eq!(elsewhere.json(&["room", "verify", "quiet", "--json=hash"])["hash"], verified_hash(&before.1));
    assert_eq!(ann.run(&["job", "get", &job, "-o", "there.json"]).code, 0);
    let there = std::fs::read(ann.folder().join("there.json")).unwrap();
    assert_eq!(there, std::fs::read(ann.folder().join("people.json")).unwrap());

    // What the new log does not have is not rebuilt from it by mistake.
    let lost = runtime.block_on(rebuild(&engines)).unwrap_err().to_string();
    assert!(lost.contains("--discard"), "{lost}");

    // And it goes on: after the old positions, in the same chain.
    let next = bob.json(&["chat", "send", "general", "we have moved", "--json"]);
    assert!(next["pos"].as_u64() > moved["position"].as_u64(), "{next} {moved}");
    eventually("the worker has stored it", || (found("moved") == 1).then_some(()));
    let verified = |seen: &[Value]| seen.last().unwrap()["messages"].as_u64().unwrap();
    assert_eq!(verified(&seen(&ann)), verified(&before.0) + 1);
}

/// The hash over the room that only two people see.
fn verified_hash(seen: &[Value]) -> Value {
    seen[seen.len() - 2]["hash"].clone()
}

async fn rebuild(engines: &fleet::Engines) -> anyhow::Result<chat_worker::Rebuilt> {
    let db = Db::open(&engines.database, "chat", chat_worker::MIGRATIONS).await?;
    let bus = Bus::open(&engines.bus, Clock::System).await?;
    chat_worker::rebuild(&db, &bus, &Fanout::open("embedded:").await?, false).await
}

/// Takes away what an interrupted migration would not have written yet.
async fn tear(database: &str) {
    for (service, migrations, row) in [
        ("chat", chat_worker::MIGRATIONS, "DELETE FROM events WHERE pos > 9"),
        ("convert", convert_worker::MIGRATIONS, "DELETE FROM job_events"),
        ("server", server::MIGRATIONS, "DELETE FROM members"),
    ] {
        let db = Db::open(database, service, migrations).await.unwrap();
        for statement in [row, "UPDATE moved SET ended_at = NULL"] {
            each!(db.writer(), pool => sqlx::query(statement).execute(pool).await.map(drop)).unwrap();
        }
        db.close().await;
    }
}
