//! The verdict for people and for programs.

use std::path::Path;

use anyhow::Context as _;

use super::check::Verdict;
use crate::report;

/// Broken promises that are told one by one.
const TOLD: usize = 10;

/// Prints a verdict as a table with its evidence.
pub(crate) fn tell(title: &str, verdict: &Verdict) {
    let figures = &verdict.figures;
    report::line(&format!("{title}: {}", outcome(verdict)));
    report::line(
        "| clients | sent | acked | of these done | refused | unknown | deliveries | lost | duplicated | reordered |",
    );
    report::line("|---|---|---|---|---|---|---|---|---|---|");
    report::line(&format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        figures.clients,
        figures.sent,
        figures.acked,
        figures.done,
        figures.refused,
        figures.unknown,
        figures.deliveries,
        figures.lost,
        figures.duplicated,
        figures.reordered
    ));
    let faults = figures.faults.iter().map(|(fault, count)| format!("{fault} {count}"));
    report::line(&format!("faults: {}", faults.collect::<Vec<_>>().join(", ")));
    report::line(&format!(
        "recovery: p50 {} ms, max {} ms; at rest after {} ms of at most {}",
        figures.recovery_p50_ms, figures.recovery_max_ms, figures.rest_ms, verdict.rest_limit_ms
    ));
    report::line(&format!(
        "between faults of the hub: {} acknowledged in {} ms, {} a second",
        figures.peace_acked,
        figures.peace_ms,
        figures.peace_acked as u64 * 1_000 / figures.peace_ms.max(1)
    ));
    report::line(&format!(
        "seen: {} rows of the database, {} watermarks, {} new beginnings of the log, {} departures, {} conversions; {} frames came twice over the \
         bare wire",
        figures.stored,
        figures.watermarks,
        figures.resets,
        figures.departures,
        figures.converted,
        figures.redelivered
    ));
    for promise in &verdict.unseen {
        report::line(&format!("  {promise:?}: nothing of it was seen, so this run says nothing about it"));
    }
    for violation in verdict.violations.iter().take(TOLD) {
        report::line(&format!("  {violation}"));
    }
    if let Some(more) = verdict.violations.len().checked_sub(TOLD + 1) {
        report::line(&format!("  and {} more: {:?}", more + 1, verdict.broken()));
    }
}

fn outcome(verdict: &Verdict) -> &'static str {
    match (verdict.violations.is_empty(), verdict.unseen.is_empty()) {
        (true, true) => "every promise kept",
        (true, false) => "nothing broken, and not every promise put to the test",
        (false, _) => "BROKEN",
    }
}

/// Writes it as JSON.
pub(crate) fn write(path: &Path, verdict: &Verdict) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(verdict)?;
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
