//! `mshub job report`: what a conversion is worth, for people.

use wire::conversions::{ConversionReport, EngineAttempt, WebhookDelivery};

use crate::{error::CliError, global::Global, text};

pub(super) fn show(global: &Global, report: &ConversionReport) -> Result<(), CliError> {
    global.out.result(report, report.state.name(), || sentences(report).join("\n"))
}

fn sentences(report: &ConversionReport) -> Vec<String> {
    let mut lines = vec![format!("state    {}", report.state.name())];
    let mut line = |name: &str, value: Option<String>| {
        lines.extend(value.map(|value| format!("{name:<8} {value}")));
    };
    line("cached", report.cached_from.map(|earlier| format!("from {earlier}")));
    line("engine", report.engine.clone());
    line("words", words(report));
    line("pages", report.pages.map(|pages| pages.to_string()));
    line("size", Some(size(report)));
    line("waited", report.waited.map(|seconds| format!("{seconds:.1} s")));
    line("took", report.seconds.map(|seconds| format!("{seconds:.1} s")));
    for lost in &report.lost {
        line("missing", Some(lost.clone()));
    }
    for warning in &report.warnings {
        line("differs", Some(warning.clone()));
    }
    for service in &report.sent_to {
        line("sent to", Some(format!("{service}, outside of the hub")));
    }
    line("error", report.error.as_ref().map(|error| format!("{} ({})", error.detail, error.kind)));
    line("webhook", report.webhook.as_ref().map(told));
    for attempt in &report.attempts {
        line("asked", Some(asked(attempt)));
    }
    lines
}

fn words(report: &ConversionReport) -> Option<String> {
    let recall = report.recall?;
    let of = report.words_in.map(|words| format!(" of {words}")).unwrap_or_default();
    Some(format!("{}{of} are in the result", percent(recall)))
}

/// Rounded down: 99.99 % is not all of it.
fn percent(share: f64) -> String {
    format!("{:.1} %", (share * 1000.0).floor() / 10.0)
}

fn size(report: &ConversionReport) -> String {
    match report.bytes_out {
        Some(bytes) => format!("{} → {}", text::size(report.bytes_in), text::size(bytes)),
        None => text::size(report.bytes_in),
    }
}

fn told(webhook: &WebhookDelivery) -> String {
    let WebhookDelivery { state, tries, detail, .. } = webhook;
    let why = detail.as_ref().map(|detail| format!("; {detail}")).unwrap_or_default();
    format!("{state} (tries: {tries}{why})")
}

fn asked(attempt: &EngineAttempt) -> String {
    let EngineAttempt { engine, seconds, recall, lost, error } = attempt;
    let outcome = match (error, recall) {
        (Some(error), _) => format!("{} ({})", error.detail, error.kind),
        (None, _) if !lost.is_empty() => format!("missing: {}", lost.join("; ")),
        (None, Some(recall)) => format!("{} of the words", percent(*recall)),
        (None, None) => "done".to_owned(),
    };
    format!("{engine}, {seconds:.1} s: {outcome}")
}

#[cfg(test)]
mod tests {
    use wire::{
        JobId,
        conversions::{JobError, JobState},
    };

    use super::*;

    #[test]
    fn a_report_names_every_engine_and_never_rounds_up() {
        let attempt = |engine: &str, recall, error: Option<&str>| EngineAttempt {
            engine: engine.into(),
            seconds: 0.25,
            recall,
            lost: Vec::new(),
            error: error.map(|kind| JobError { kind: kind.into(), detail: "it broke".into() }),
        };
        let report = ConversionReport {
            id: JobId::new(),
            state: JobState::Completed,
            engine: Some("libreoffice".into()),
            pages: Some(2),
            words_in: Some(4000),
            words_out: Some(3999),
            recall: Some(0.9998),
            degraded: false,
            lost: Vec::new(),
            warnings: Vec::new(),
            attempts: vec![
                attempt("builtin", None, Some("crashed")),
                attempt("libreoffice", Some(0.9998), None),
            ],
            sent_to: vec!["nutrient (api.nutrient.io)".into()],
            error: None,
            bytes_in: 1000,
            bytes_out: Some(2000),
            waited: Some(0.01),
            seconds: Some(3.0),
            cached: false,
            cached_from: None,
            webhook: None,
        };

        let said = sentences(&report).join("\n");

        assert!(said.contains("99.9 % of 4000"), "{said}");
        assert!(said.contains("sent to  nutrient (api.nutrient.io)"), "{said}");
        assert!(said.contains("builtin, 0.2 s: it broke (crashed)"), "{said}");
        assert!(said.contains("libreoffice, 0.2 s: 99.9 % of the words"), "{said}");
    }
}
