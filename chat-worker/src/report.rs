//! What a task of the command line answers: one JSON object a line, on stdout.

use std::io::Write as _;

use serde_json::json;

use crate::{Rebuilt, dead_letters::DeadLetter};

/// What a rebuild did.
pub fn rebuilt(done: Rebuilt) -> anyhow::Result<()> {
    let seconds = done.took.as_secs_f64();
    let rate = (done.events as f64 / seconds.max(1e-9)).round();
    let indexed = done.indexed.as_secs_f64();
    line(
        &json!({ "events": done.events, "seconds": seconds, "events_per_second": rate, "indexed_seconds": indexed }),
    )
}

/// A record that was kept aside.
pub fn dead_letter(letter: &DeadLetter) -> anyhow::Result<()> {
    let DeadLetter { partition, pos, at, key, payload, reason } = letter;
    line(&json!({
        "partition": partition, "pos": pos, "at": at, "key": key, "payload": payload, "reason": reason,
    }))
}

/// How many records a task changed.
pub fn changed(what: &str, count: usize) -> anyhow::Result<()> {
    line(&json!({ what: count }))
}

fn line(value: &serde_json::Value) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{value}").map_err(Into::into)
}
