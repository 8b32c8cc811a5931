//! `mshub-bench torture check`: a folder that a run left is judged again, and the exit code says how.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

const ROOM: &str = "01930000-0000-7000-8000-000000000001";
const ANN: &str = "01930000-0000-7000-8000-000000000002";
const MESSAGE: &str = "01930000-0000-7000-8000-000000000003";

fn shown() -> Value {
    json!({"room": ROOM, "pos": 7, "by": ANN, "cid": MESSAGE, "kind": "said", "hash": "ab"})
}

fn write(folder: &Path, file: &str, lines: &[Value]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(folder.join(file), text).unwrap();
}

/// One client that said one thing and saw it.
fn left_behind(folder: &Path, history: &[Value]) {
    let observed = [
        json!({"op": "hello", "user": ANN}),
        json!({"op": "subscribed", "room": ROOM}),
        json!({"op": "invoke", "room": ROOM, "cid": MESSAGE, "hash": "ab"}),
        json!({"op": "ok", "room": ROOM, "cid": MESSAGE, "pos": 7}),
        json!({"op": "settled", "outbox": 0, "heads": {ROOM: 7}}),
    ];
    let mut lines: Vec<Value> = observed.into_iter().collect();
    let mut seen = shown();
    seen["op"] = "ev".into();
    lines.insert(4, seen);
    for (t, line) in lines.iter_mut().enumerate() {
        (line["t"], line["who"]) = (t.into(), "c0".into());
    }
    write(folder, "c0.jsonl", &lines);
    write(folder, "conductor.jsonl", &[json!({"t": 9, "who": "conductor", "op": "quiet"})]);
    write(folder, "history.jsonl", history);
}

/// The exit code and what was said.
fn judged(folder: &Path) -> (Option<i32>, String) {
    let mut bench = Command::new(env!("CARGO_BIN_EXE_mshub-bench"));
    let judged = bench.args(["torture", "check"]).arg(folder).output().unwrap();
    (judged.status.code(), String::from_utf8(judged.stdout).unwrap())
}

#[test]
fn a_run_that_kept_every_promise_passes_and_one_that_lost_a_message_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = shown();
    kept["epoch"] = 0.into();

    left_behind(folder.path(), &[kept]);
    let (code, said) = judged(folder.path());
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("every promise kept") && said.contains("| 1 | 1 | 1 | 0 | 0 | 0 | 1 | 0 | 0 | 0 |"),
        "{said}"
    );

    let elsewhere =
        json!({"epoch": 0, "room": ROOM, "pos": 8, "by": ANN, "cid": ANN, "kind": "said", "hash": "cd"});
    left_behind(folder.path(), &[elsewhere]);
    let (code, said) = judged(folder.path());
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("BROKEN") && said.contains("I1 c0: was acknowledged, but is not in the history"),
        "{said}"
    );
}
