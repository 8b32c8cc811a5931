//! How good a result is, and which engines were asked for it.

use axum::extract::State;
use convert::{Attempt, Conversion, Error, Report};
use platform::service::{ApiJson, ApiPath, Outcome, internal::OnBehalfOf};
use serde::{Deserialize, Serialize};
use wire::{
    JobId,
    conversions::{ConversionReport, EngineAttempt, JobError},
};

use crate::{jobs, row::JobRow, state::App, webhooks};

/// What is kept of the last attempt besides the columns of its row.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Findings {
    #[serde(default)]
    report: Option<Report>,
    #[serde(default)]
    attempts: Vec<Attempt>,
}

impl Findings {
    pub(crate) fn of(conversion: &Conversion) -> Self {
        Self { report: conversion.result.as_ref().ok().cloned(), attempts: conversion.attempts.clone() }
    }

    /// As the row keeps it.
    pub(crate) fn json(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

pub(crate) async fn show(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiPath(id): ApiPath<JobId>,
) -> Outcome<ApiJson<ConversionReport>> {
    let report = of(&jobs::of(&app, user, id).await?);
    Ok(ApiJson(ConversionReport { webhook: webhooks::sql::newest(&app.db, id).await?, ..report }))
}

fn of(row: &JobRow) -> ConversionReport {
    let job = row.job();
    let findings: Findings =
        row.report.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let Report { pages, words_in, words_out, recall, warnings, .. } = findings.report.unwrap_or_default();
    ConversionReport {
        id: job.id,
        state: job.state,
        engine: job.engine,
        pages,
        words_in,
        words_out,
        recall,
        degraded: job.degraded,
        lost: job.lost,
        warnings,
        attempts: findings.attempts.into_iter().map(asked).collect(),
        sent_to: row.sent_to(),
        error: job.error,
        bytes_in: job.bytes_in,
        bytes_out: job.bytes_out,
        waited: row.waited(),
        seconds: job.seconds,
        cached: job.cached_from.is_some(),
        cached_from: job.cached_from,
        webhook: None,
    }
}

fn asked(attempt: Attempt) -> EngineAttempt {
    let Attempt { engine, millis, recall, lost, error } = attempt;
    let error =
        error.map(|error: Error| JobError { kind: error.code().to_owned(), detail: error.to_string() });
    EngineAttempt { engine: engine.to_string(), seconds: millis as f64 / 1000.0, recall, lost, error }
}
