//! Files go up, are watched, and come down.

use ratatui::crossterm::event::KeyCode;
use tui::msg::{Effect, Failure, FailureKind, Heard, Msg};
use wire::conversions::{FormatPair, JobProgress, JobState};

use crate::fixtures::{Client, job, job_id};

/// On the conversion screen, the hub's matrix told.
fn converting() -> Client {
    let mut client = Client::chatting(80, 24);
    client.press(KeyCode::F(3));
    assert!(matches!(client.take_effects()[..], [Effect::LoadJobs, Effect::LoadFormats]));
    let pair = |from: &str, to: &str| FormatPair {
        from: from.into(),
        to: to.into(),
        engine: "builtin".into(),
        fidelity: "high".into(),
        also: Vec::new(),
        consent: false,
    };
    client.tell(Msg::Jobs(Ok(Vec::new())));
    client.tell(Msg::Formats(Ok(vec![
        pair("docx", "doc"),
        pair("docx", "pdf"),
        pair("docx", "txt"),
        pair("png", "jpg"),
        pair("png", "webp"),
    ])));
    client
}

/// `report.docx` is on its way.
fn uploading() -> (Client, u64) {
    let mut client = converting();
    client.press(KeyCode::Char('a')).typed("report.docx").press(KeyCode::Enter).press(KeyCode::Enter);
    let effects = client.take_effects();
    let Some(Effect::Upload { upload, path, to }) = effects.last() else { panic!("{effects:?}") };
    assert_eq!((path.to_str().unwrap(), to.as_str()), ("report.docx", "pdf"));
    (client, *upload)
}

#[test]
fn an_upload_shows_its_bytes_then_becomes_a_job_that_is_watched() {
    let (mut client, upload) = uploading();

    client.tell(Msg::UploadMoved { upload, sent: 500, total: Some(2000) });
    client.sees("report.docx").sees("uploading   ██▌░░░░░░░  25%");
    client.hear(Heard::Job(Box::new(job(1, "report.docx", "pdf", JobState::Uploading))));
    assert_eq!(client.text().matches("report.docx  ").count(), 1, "shown once");
    let mut queued = job(1, "report.docx", "pdf", JobState::Queued);
    queued.seq = 2;
    queued.position = Some(2);
    client.tell(Msg::Uploaded(upload, Ok(queued)));
    client.sees("queued      2 before it");

    let mut working = job(1, "report.docx", "pdf", JobState::InProgress);
    working.seq = 3;
    working.progress = Some(JobProgress {
        stage: "converting".into(),
        done: 64,
        total: Some(100),
        unit: "pages".into(),
        percent: Some(64),
    });
    client.hear(Heard::Job(Box::new(working.clone())));
    client.sees("██████▍░░░  64 %  converting");
    let mut late = working;
    late.seq = 2;
    late.state = JobState::Queued;
    client.hear(Heard::Job(Box::new(late)));
    client.sees("converting");
}

#[test]
fn a_result_is_saved_where_the_person_says() {
    let mut client = converting();
    let mut done = job(1, "report.docx", "pdf", JobState::Completed);
    done.bytes_out = Some(42_000);
    client.hear(Heard::Job(Box::new(done)));
    client.sees("✓ done      41 KiB");

    client.press(KeyCode::Char('s')).sees("/home/ann/files/report.pdf").press(KeyCode::Enter);

    assert!(matches!(&client.take_effects()[..], [Effect::Save(id, path)]
        if *id == job_id(1) && path.to_str() == Some("/home/ann/files/report.pdf")));
    client.tell(Msg::Saving { job: job_id(1), bytes: 21_000 }).sees("saving      █████░░░░░  50%");
    client.tell(Msg::Saved(job_id(1), Ok("/home/ann/files/report (2).pdf".into())));
    client.sees("saved as /home/ann/files/report (2).pdf").sees("· saved");
}

#[test]
fn a_file_that_cannot_be_sent_says_why_and_can_be_tried_again() {
    let (mut client, upload) = uploading();

    client.tell(Msg::Uploaded(
        upload,
        Err(Failure::new(FailureKind::Refused, "cannot read report.docx: not found")),
    ));

    client.sees("✗ not sent: cannot read");
    client.press(KeyCode::Char('R'));
    assert!(matches!(&client.take_effects()[..], [Effect::Upload { upload: again, .. }] if *again == upload));
    client.tell(Msg::Uploaded(upload, Err(Failure::new(FailureKind::Refused, "no"))));
    client.press(KeyCode::Char('x')).sees("No conversions yet");
}

#[test]
fn stopping_asks_first() {
    let (mut client, upload) = uploading();
    client.press(KeyCode::Char('x')).sees("Stop this upload?").press(KeyCode::Char('n'));
    assert!(client.take_effects().is_empty());
    client.press(KeyCode::Char('x')).press(KeyCode::Char('y'));
    assert!(matches!(&client.take_effects()[..], [Effect::StopUpload(number)] if *number == upload));

    client.hear(Heard::Job(Box::new(job(1, "big.docx", "pdf", JobState::InProgress))));
    client.press(KeyCode::Char('x')).sees("Stop converting big.docx?").press(KeyCode::Char('y'));

    assert!(matches!(&client.take_effects()[..], [Effect::CancelJob(id)] if *id == job_id(1)));
}

#[test]
fn quitting_during_an_upload_asks() {
    let (mut client, _) = uploading();

    client.press(KeyCode::Char('q')).sees("1 uploads");

    assert!(client.effects.is_empty());
}

#[test]
fn tab_completes_paths_and_the_target_fits_the_file() {
    let mut client = converting();
    client.press(KeyCode::Char('a')).typed("ph");
    assert!(matches!(client.take_effects().last(), Some(Effect::CompletePath(typed)) if typed == "ph"));

    client.tell(Msg::Paths { typed: "ph".into(), found: vec!["photo-1.png".into(), "photo-2.png".into()] });
    client.sees("Tab completes:").press(KeyCode::Tab).sees("[photo-");
    client.typed("1.png").tell(Msg::Paths { typed: "photo-1.png".into(), found: vec!["photo-1.png".into()] });
    client.sees("can become: jpg webp").sees_not("Tab completes").press(KeyCode::Tab).press(KeyCode::Enter);

    assert!(matches!(client.effects.last(), Some(Effect::Upload { to, .. }) if to == "jpg"));
}

#[test]
fn a_dropped_path_loses_its_quotes() {
    let mut client = converting();

    client.press(KeyCode::Char('a')).tell(Msg::Pasted("'/tmp/my report.docx'\n".into()));
    client.press(KeyCode::Enter).press(KeyCode::Enter);

    assert!(
        matches!(client.effects.last(), Some(Effect::Upload { path, .. }) if path.to_str() == Some("/tmp/my report.docx"))
    );
}

#[test]
fn failed_and_degraded_results_say_so() {
    let mut client = converting();
    let mut failed = job(1, "broken.docx", "pdf", JobState::Failed);
    failed.error =
        Some(wire::conversions::JobError { kind: "corrupt".into(), detail: "not a Word file".into() });
    let mut lossy = job(2, "book.docx", "txt", JobState::Completed);
    lossy.degraded = true;
    lossy.lost = vec!["3 pictures".into()];

    client.tell(Msg::Jobs(Ok(vec![failed, lossy])));

    client.sees("✗ failed    not a Word file").sees("! lossy").sees("missing: 3 pictures");
    client.press(KeyCode::Down).press(KeyCode::Char('R'));
    assert!(matches!(&client.effects[..], [Effect::RetryJob(id)] if *id == job_id(1)));
}

#[test]
fn all_of_a_failure_is_shown_and_names_the_file_once() {
    let mut client = converting();
    let path = "/home/ann/reports/of the third quarter/with annexes/report.docx";
    client.press(KeyCode::Char('a')).typed(path).press(KeyCode::Enter).press(KeyCode::Enter);
    let Some(Effect::Upload { upload, .. }) = client.take_effects().pop() else { panic!("nothing goes up") };
    let why = format!("cannot read {path}: permission denied; look at who owns the folder it is in");

    client.tell(Msg::Uploaded(upload, Err(Failure::new(FailureKind::Refused, why))));

    client.sees("cannot read /home/ann").sees("in (R tries again, x forgets it)");
    assert_eq!(client.text().matches("of the third quarter").count(), 1, "{}", client.text());
}
