//! An embedded hub moves to PostgreSQL, Kafka and S3, and is the same hub there.

use platform::{Clock, bus::Bus, db::Db, each, fanout::Fanout, sqlx};
use serde_json::Value;

use crate::{
    command::Person,
    fleet,
    hub::{Hub, eventually},
};

const CSV: &str = "name,amount\nAnn,1\nBob,22\n";

/// Everything that people can see of their hub.
fn seen(person: &Person) -> Vec<Value> {
    let mut seen = person.lines(&["chat", "history", "general", "--json"]);
    seen.extend(person.lines(&["chat", "messages", "general", "--json"]));
    // Who is here right now does not travel.
    seen.extend(person.lines(&["room", "members", "general", "--json=id,name,role,joined_at"]));
    seen.extend(person.lines(&["chat", "search", "oranges", "--json"]));
    seen.extend(person.lines(&["job", "list", "--json"]));
    seen.push(person.json(&["profile", "show", "--json"]));
    seen.push(person.json(&["room", "verify", "general", "--json=messages,pos,hash"]));
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
    let before = (seen(&ann), seen(&bob));

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
    assert!(moved["rows"].as_u64().unwrap() > 40 && moved["rooms"] == 1, "{moved}");
    assert!(moved["objects"].as_u64().unwrap() >= 2 && moved["position"].as_u64().unwrap() >= 24, "{moved}");

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
