//! Conversions in a child process: the same results, and no way to hang us or to take us down.

use std::time::{Duration, Instant};

use mshub_convert::{Child, Error, Format, Limits, Progress, Report, Request, Stage, convert_in_child};
use tokio_util::sync::CancellationToken;

use crate::files::{Desk, docx, letter};

fn job_child() -> Child {
    Child {
        program: env!("CARGO_BIN_EXE_mshub-job-child").into(),
        args: Vec::new(),
        limits: Limits::default(),
    }
}

/// A child that is the shell, running this script.
fn shell(script: &str) -> Child {
    Child { program: "/bin/sh".into(), args: vec!["-c".into(), script.into()], limits: Limits::default() }
}

async fn convert(child: &Child, request: &Request) -> Result<Report, Error> {
    convert_in_child(child, request, |_| (), CancellationToken::new()).await
}

#[tokio::test]
async fn a_child_converts_and_tells_how_far_it_is() {
    let desk = Desk::new();
    desk.put("letter.docx", letter());
    let request = desk.request("letter.docx", Format::Pdf);
    let mut steps: Vec<Progress> = Vec::new();

    let report = convert_in_child(&job_child(), &request, |step| steps.push(step), CancellationToken::new())
        .await
        .unwrap();

    assert_eq!((report.pages, report.recall, report.degraded), (Some(2), Some(1.0), false));
    assert_eq!(std::fs::metadata(&request.output).unwrap().len(), report.bytes_out);
    assert_eq!(steps.first().map(|step| step.stage), Some(Stage::Opening));
    assert_eq!(steps.last().map(|step| step.stage), Some(Stage::Writing));
    assert_eq!(desk.names().len(), 2, "{:?}", desk.names());
}

#[tokio::test]
async fn errors_of_the_document_arrive_typed() {
    let desk = Desk::new();
    desk.put("broken.docx", docx("<w:p><w:oops"));
    let error = convert(&job_child(), &desk.request("broken.docx", Format::Pdf)).await.unwrap_err();
    assert_eq!(error.code(), "corrupt");
    assert!(error.is_input());
}

#[tokio::test]
async fn a_child_that_dies_is_an_error_that_quotes_it() {
    let desk = Desk::new();
    desk.put("a.txt", "x");
    let request = desk.request("a.txt", Format::Pdf);
    for (script, expected) in
        [("echo out of luck >&2; exit 3", "out of luck"), ("kill -SEGV $$", "signal"), ("exit 0", "exit")]
    {
        let error = convert(&shell(script), &request).await.unwrap_err();
        assert!(
            matches!(&error, Error::Crashed { detail } if detail.contains(expected)),
            "{script}: {error}"
        );
        assert!(!error.is_input());
    }
    let nowhere = Child { program: "/no/such/program".into(), ..job_child() };
    assert_eq!(convert(&nowhere, &request).await.unwrap_err().code(), "io");
}

#[tokio::test]
async fn a_child_out_of_memory_does_not_take_us_along() {
    let desk = Desk::new();
    desk.put("letter.docx", letter());
    let mut child = job_child();
    child.limits.memory = 110 * 1024 * 1024;

    let error = convert(&child, &desk.request("letter.docx", Format::Pdf)).await.unwrap_err();

    assert!(matches!(error, Error::Crashed { .. } | Error::Io { .. }), "{error}");
    assert_eq!(desk.names(), ["letter.docx"]);
}

#[tokio::test]
async fn the_deadline_and_the_caller_both_stop_it() {
    let desk = Desk::new();
    desk.put("a.txt", "x");
    let request = desk.request("a.txt", Format::Pdf);
    let mut sleeper = shell("sleep 60");
    sleeper.limits.wall = Duration::from_millis(300);
    let started = Instant::now();
    assert_eq!(convert(&sleeper, &request).await, Err(Error::Timeout { seconds: 0 }));

    let cancel = CancellationToken::new();
    let (sleeper, hear) = (shell("sleep 60"), cancel.clone());
    let running = tokio::spawn(async move { convert_in_child(&sleeper, &request, |_| (), hear).await });
    cancel.cancel();
    assert_eq!(running.await.unwrap(), Err(Error::Cancelled));
    assert!(started.elapsed() < Duration::from_secs(50));
}

#[tokio::test]
async fn nothing_of_the_child_is_left_when_nobody_waits() {
    let desk = Desk::new();
    desk.put("a.txt", "x");
    let request = desk.request("a.txt", Format::Pdf);
    let note = desk.path("pids");
    // The child starts a child of its own; both have to go.
    let child = shell(&format!("sleep 60 & echo $$ $! > {}; wait", note.display()));
    {
        let running = convert(&child, &request);
        let written = async {
            while std::fs::read_to_string(&note).unwrap_or_default().trim().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            _ = running => panic!("it ended"),
            () = written => {}
        }
    }
    let pids = std::fs::read_to_string(&note).unwrap();
    for pid in pids.split_whitespace() {
        let process = format!("/proc/{pid}/stat");
        let gone = async {
            while std::fs::read_to_string(&process).is_ok_and(|stat| !stat.contains(") Z ")) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(50), gone)
            .await
            .unwrap_or_else(|_| panic!("{pid} still runs"));
    }
}

#[tokio::test]
async fn lines_that_are_not_ours_are_no_result() {
    let desk = Desk::new();
    desk.put("a.txt", "x");
    let child = shell("read job; echo noise; echo '{\"done\": 5}'; echo '{\"failed\":{\"kind\":\"empty\"}}'");
    assert_eq!(convert(&child, &desk.request("a.txt", Format::Pdf)).await, Err(Error::Empty));
}
