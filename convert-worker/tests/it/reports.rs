//! Several engines for one document: who is asked, whose result it is, and what is told about it.

use reqwest::{Method, StatusCode};
use wire::{
    conversions::{ConversionReport, FormatPair, Formats, Job, JobState, StoredResult},
    paths::{fill, internal},
};

use crate::worker::{Worker, answer, script};

/// A document that both engines take.
const RTF: &str = r"{\rtf1 Hello}";

/// A child whose result is the name of its engine: the builtin one loses words, LibreOffice as many as `lost` says.
fn child(recall: &str, lost: &str) -> (std::path::PathBuf, Vec<std::ffi::OsString>) {
    script(&format!(
        r#"read -r job
        out=$(printf '%s' "$job" | sed 's/.*"output":"\([^"]*\)".*/\1/')
        case "$job" in
        *'"task":{{"libreoffice"'*) engine=libreoffice recall={recall} lost='{lost}';;
        *) engine=builtin recall=0.5 lost='["half of it"]';;
        esac
        degraded=true; [ "$lost" = '[]' ] && degraded=false
        printf '%s' "$engine" > "$out"
        printf '{{"done":{{"engine":"%s","pages":1,"words_in":10,"words_out":9,"recall":%s,"degraded":%s,"lost":%s,"warnings":["other fonts"],"millis":3,"bytes_out":7}}}}\n' "$engine" "$recall" "$degraded" "$lost""#
    ))
}

async fn worker(recall: &str, lost: &str) -> Worker {
    Worker::with(|config| {
        config.child = child(recall, lost);
        config.libreoffice = Some("/nowhere/program/soffice".into());
    })
    .await
}

async fn report(worker: &Worker, job: &Job) -> ConversionReport {
    answer(worker.request(Method::GET, &fill(internal::JOB_REPORT, job.id)), StatusCode::OK).await
}

fn asked(report: &ConversionReport) -> Vec<(&str, Option<f64>)> {
    report.attempts.iter().map(|attempt| (attempt.engine.as_str(), attempt.recall)).collect()
}

async fn result(worker: &Worker, job: &Job) -> String {
    let path = fill(internal::JOB_RESULT, job.id);
    let stored: StoredResult = answer(worker.request(Method::GET, &path), StatusCode::OK).await;
    let copy = worker.engines.folder.path().join("copy");
    worker.engines.objects.fetch_to(&stored.key, &copy).await.unwrap();
    std::fs::read_to_string(copy).unwrap()
}

#[tokio::test]
async fn a_result_that_falls_short_asks_the_next_engine() {
    let worker = worker("0.99", "[]").await;

    let job = worker.ended(worker.uploaded("to=pdf&name=a.rtf", RTF).await.id).await;

    assert_eq!(
        (job.state, job.engine.as_deref(), job.degraded),
        (JobState::Completed, Some("libreoffice"), false)
    );
    assert_eq!(result(&worker, &job).await, "libreoffice");
    let report = report(&worker, &job).await;
    assert_eq!(asked(&report), [("builtin", Some(0.5)), ("libreoffice", Some(0.99))]);
    assert_eq!(report.attempts[0].lost, ["half of it"]);
    assert_eq!((report.recall, report.words_in, report.pages), (Some(0.99), Some(10), Some(1)));
    assert_eq!((report.warnings, report.lost), (vec!["other fonts".to_owned()], Vec::new()));
    assert!(report.waited.is_some() && report.seconds.is_some_and(|seconds| seconds > 0.0));
}

#[tokio::test]
async fn when_none_is_better_the_best_is_given_and_the_loss_is_said() {
    let worker = worker("0.25", r#"["nearly all"]"#).await;

    let job = worker.ended(worker.uploaded("to=pdf&name=a.rtf", RTF).await.id).await;

    assert_eq!((job.engine.as_deref(), job.degraded), (Some("builtin"), true));
    assert_eq!(
        (job.lost.as_slice(), result(&worker, &job).await.as_str()),
        (["half of it".to_owned()].as_slice(), "builtin")
    );
    assert_eq!(asked(&report(&worker, &job).await), [("builtin", Some(0.5)), ("libreoffice", Some(0.25))]);
}

#[tokio::test]
async fn who_is_strict_gets_no_incomplete_result_and_hears_who_was_asked() {
    let worker = worker("0.25", r#"["nearly all"]"#).await;

    let job = worker.ended(worker.uploaded("to=pdf&name=a.rtf&strict=true", RTF).await.id).await;

    assert_eq!((job.state, job.attempt), (JobState::Failed, 1));
    assert_eq!(job.error.as_ref().map(|error| error.kind.as_str()), Some("low_fidelity"));
    let report = report(&worker, &job).await;
    assert_eq!((asked(&report).len(), report.error), (2, job.error));
}

#[tokio::test]
async fn who_names_an_engine_gets_that_one_or_a_reason() {
    let worker = worker("0.99", "[]").await;

    let job = worker.ended(worker.uploaded("to=pdf&name=a.rtf&engine=builtin", RTF).await.id).await;
    assert_eq!((job.engine.as_deref(), job.degraded), (Some("builtin"), true));
    let job = worker.ended(worker.uploaded("to=pdf&name=a.rtf&prefer=fidelity", RTF).await.id).await;
    assert_eq!(asked(&report(&worker, &job).await), [("libreoffice", Some(0.99))]);
    let refused = crate::worker::problem(worker.upload("to=md&name=a.rtf&engine=libreoffice", RTF)).await;
    assert_eq!(refused.code, wire::Code::UnsupportedPair.name(), "{refused}");
}

#[tokio::test]
async fn the_matrix_tells_who_is_here_and_what_could_be() {
    let formats = async |worker: &Worker| -> Formats {
        answer(worker.request(Method::GET, internal::FORMATS), StatusCode::OK).await
    };
    let pair = |formats: &Formats, from: &str| -> Option<FormatPair> {
        formats.items.iter().find(|pair| (pair.from.as_str(), pair.to.as_str()) == (from, "pdf")).cloned()
    };
    let state = |formats: &Formats, engine: &str| {
        formats.engines.iter().find(|health| health.engine == engine).map(|health| health.state.clone())
    };

    let with = formats(&worker("1.0", "[]").await).await;
    assert_eq!(pair(&with, "docx").unwrap().also, ["libreoffice"]);
    assert_eq!(pair(&with, "doc").unwrap().engine, "libreoffice");
    assert_eq!((state(&with, "libreoffice").as_deref(), with.missing.len()), (Some("ready"), 0));

    let without = formats(&Worker::start().await).await;
    assert_eq!(pair(&without, "doc"), None);
    assert_eq!(state(&without, "libreoffice").as_deref(), Some("absent"));
    let missing =
        without.missing.iter().find(|pair| (pair.from.as_str(), pair.to.as_str()) == ("doc", "pdf"));
    assert!(missing.unwrap().install.contains("libreoffice-writer"), "{missing:?}");
}
