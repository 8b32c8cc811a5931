//! Rows for RESULTS.md.

use std::{io::Write as _, time::Duration};

/// Prints a line on stdout.
pub(crate) fn line(text: &str) {
    // Nobody reads any more: nothing is left to say.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A row with the spread of several runs, in milliseconds.
pub(crate) fn row(what: &str, mut runs: Vec<Duration>) {
    if runs.is_empty() {
        return line(&format!("| {what} | n=0 |"));
    }
    runs.sort();
    let at = |part: f64| runs.get(((runs.len() - 1) as f64 * part).round() as usize).map_or(0.0, ms);
    line(&format!(
        "| {what} | n={} | min {:.1} ms | p50 {:.1} ms | p99 {:.1} ms | max {:.1} ms |",
        runs.len(),
        at(0.0),
        at(0.5),
        at(0.99),
        at(1.0)
    ));
}

fn ms(span: &Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}
