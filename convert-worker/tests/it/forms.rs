//! Uploads as forms, as a browser or `curl -F` sends them.

use reqwest::{
    Method, StatusCode,
    multipart::{Form, Part},
};
use wire::{
    Code,
    conversions::{Job, JobState},
    paths::internal,
};

use crate::worker::{Worker, answer, problem};

const LETTER: &[u8] = include_bytes!("samples/encrypted.docx");

fn file(name: &str, bytes: impl Into<std::borrow::Cow<'static, [u8]>>) -> Part {
    Part::bytes(bytes).file_name(name.to_owned())
}

fn sent(worker: &Worker, query: &str, form: Form) -> reqwest::RequestBuilder {
    worker.request(Method::POST, &format!("{}{query}", internal::JOBS)).multipart(form)
}

#[tokio::test]
async fn the_parts_of_a_form_stand_in_any_order_and_beside_the_url() {
    let worker = Worker::start().await;
    let note = || file("note.md", &b"# A note"[..]);
    let forms = [
        ("", Form::new().text("to", "html").part("file", note())),
        ("", Form::new().part("file", note()).text("strict", "true").text("to", "html")),
        ("?to=html", Form::new().part("file", note()).text("fresh", "true")),
    ];

    for (query, form) in forms {
        let job: Job = answer(sent(&worker, query, form), StatusCode::ACCEPTED).await;
        let job = worker.ended(job.id).await;
        assert_eq!((job.state, job.name.as_str()), (JobState::Completed, "note.md"), "{job:?}");
    }
}

#[tokio::test]
async fn a_password_is_a_part_like_any_other() {
    let worker = Worker::start().await;
    let form = Form::new()
        .part("file", file("letter.docx", LETTER))
        .text("name", "renamed.docx")
        .text("password", "žlutý kůň 100%");

    let job: Job = answer(sent(&worker, "?to=txt", form), StatusCode::ACCEPTED).await;

    let job = worker.ended(job.id).await;
    assert_eq!((job.state, job.name.as_str()), (JobState::Completed, "renamed.docx"), "{job:?}");
}

#[tokio::test]
async fn each_refusal_of_a_form_has_its_reason_and_leaves_nothing() {
    let worker = Worker::with(|config| config.max_upload_bytes = 10_000).await;
    let note = || file("note.md", &b"# A note"[..]);
    let forms = [
        (Form::new().part("file", note()), Code::BadRequest),
        (Form::new().text("to", "html"), Code::BadRequest),
        (Form::new().text("to", "html").part("file", note()).part("file", note()), Code::BadRequest),
        (Form::new().text("to", "html").text("colour", "blue").part("file", note()), Code::BadRequest),
        (Form::new().text("to", "docx").part("file", file("a.png", &b"x"[..])), Code::UnsupportedPair),
        (Form::new().part("file", file("a.md", vec![b'x'; 10_001])).text("to", "html"), Code::TooLarge),
        (Form::new().text("to", "x".repeat(5000)).part("file", note()), Code::BadRequest),
    ];

    for (nth, (form, code)) in forms.into_iter().enumerate() {
        let problem = problem(sent(&worker, "", form)).await;
        assert_eq!(problem.code, code.name(), "{nth}: {problem}");
        assert!(worker.is_clean().await, "{nth} left something");
    }
}
