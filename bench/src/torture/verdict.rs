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
    report::line(&format!("{title}: {}", if verdict.is_clean() { "every promise kept" } else { "BROKEN" }));
    report::line(
        "| clients | sent | acked | refused | unknown | deliveries | lost | duplicated | reordered |",
    );
    report::line("|---|---|---|---|---|---|---|---|---|");
    report::line(&format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        figures.clients,
        figures.sent,
        figures.acked,
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
        "recovery: p50 {} ms, max {} ms; {} frames came twice over the bare wire, {} departures, {} conversions",
        figures.recovery_p50_ms,
        figures.recovery_max_ms,
        figures.redelivered,
        figures.departures,
        figures.converted
    ));
    for violation in verdict.violations.iter().take(TOLD) {
        report::line(&format!("  {violation}"));
    }
    if let Some(more) = verdict.violations.len().checked_sub(TOLD + 1) {
        report::line(&format!("  and {} more: {:?}", more + 1, verdict.broken()));
    }
}

/// Writes it as JSON.
pub(crate) fn write(path: &Path, verdict: &Verdict) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(verdict)?;
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
