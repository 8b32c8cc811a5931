//! A Gotenberg server as an engine: a faithful one, whose answers the builtin engine makes, and some that misbehave.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Multipart, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, serve};
use mshub_convert::{
    Child, Conversion, Engine, Engines, Error, Format, Limits, Options, Request, State, convert_here, sniff,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::files::{Desk, docx, letter, pdf_text};

/// What the server does with one request; after the last it converts.
#[derive(Clone)]
pub(crate) enum Turn {
    Answer(u16, Option<u64>, &'static str),
    Silence,
    Cut,
}

impl Turn {
    pub(crate) async fn play(self) -> Response {
        match self {
            Turn::Answer(status, after, text) => {
                let mut response = (StatusCode::from_u16(status).unwrap(), text).into_response();
                if let Some(after) = after {
                    response.headers_mut().insert(header::RETRY_AFTER, after.into());
                }
                response
            }
            Turn::Silence => std::future::pending().await,
            Turn::Cut => ([(header::CONTENT_LENGTH, "1000")], "%PDF-1.7").into_response(),
        }
    }
}

#[derive(Clone, Default)]
struct Server {
    turns: Arc<Mutex<VecDeque<Turn>>>,
    requests: Arc<Mutex<u32>>,
}

impl Server {
    async fn start(turns: &[Turn]) -> (Server, String) {
        let server =
            Server { turns: Arc::new(Mutex::new(turns.iter().cloned().collect())), ..Server::default() };
        let routes = Router::new()
            .route("/forms/libreoffice/convert", post(answer))
            .route("/health", get(|| async { r#"{"status":"up"}"# }))
            .layer(DefaultBodyLimit::disable())
            .with_state(server.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { serve(listener, routes).await });
        (server, url)
    }

    fn requests(&self) -> u32 {
        *self.requests.lock().unwrap()
    }
}

async fn answer(Shared(server): Shared<Server>, mut form: Multipart) -> Response {
    *server.requests.lock().unwrap() += 1;
    let turn = server.turns.lock().unwrap().pop_front();
    match turn {
        Some(turn) => {
            // To its end: an answer to half a request is lost when the rest of it arrives.
            while let Some(field) = form.next_field().await.unwrap() {
                field.bytes().await.unwrap();
            }
            turn.play().await
        }
        None => convert(form).await,
    }
}

/// What the builtin engine makes of a file with an ending that it knows.
pub(crate) fn made(name: &str, bytes: Bytes, to: Format) -> Option<Vec<u8>> {
    let desk = Desk::new();
    let path = desk.put(name, bytes);
    let from = sniff(&path, name, None).ok()?;
    let request = Request::new(path, from, desk.path("made"), to);
    convert_here(&request, &mut |_| ()).ok()?;
    std::fs::read(request.output).ok()
}

/// As the real one: a file with an ending it knows becomes a PDF, and everything else a sentence.
async fn convert(mut form: Multipart) -> Response {
    let refuse = |text: &'static str| (StatusCode::BAD_REQUEST, text).into_response();
    let Some((name, bytes)) = file(&mut form, "files").await else {
        return refuse("Invalid form data: no form file found for extensions: [.docx ...]");
    };
    let Some(pdf) = made(&name, bytes, Format::Pdf) else {
        return refuse("LibreOffice failed to process a document");
    };
    let headers = [
        (header::CONTENT_TYPE, "application/pdf"),
        (header::CONTENT_DISPOSITION, "attachment; filename=3f0e.pdf"),
    ];
    (headers, pdf).into_response()
}

pub(crate) async fn file(form: &mut Multipart, part: &str) -> Option<(String, Bytes)> {
    while let Some(field) = form.next_field().await.ok()? {
        if field.name() == Some(part) {
            let name = field.file_name()?.to_owned();
            return Some((name, field.bytes().await.ok()?));
        }
    }
    None
}

fn engines(url: &str, wall: Duration) -> Engines {
    let limits = Limits { wall, ..Limits::default() };
    let child = Child { program: env!("CARGO_BIN_EXE_mshub-job-child").into(), args: Vec::new(), limits };
    Engines::builtin(child).with_gotenberg(url).unwrap()
}

fn request(desk: &Desk, name: &str) -> Request {
    let options = Options { engine: Some(Engine::Gotenberg), ..Options::default() };
    Request { options, ..desk.request(name, Format::Pdf) }
}

async fn run(engines: &Engines, request: &Request) -> Conversion {
    engines.convert(request, |_: mshub_convert::Progress| (), CancellationToken::new()).await
}

const PATIENT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_document_goes_there_and_its_answer_is_checked_here() {
    let (server, url) = Server::start(&[]).await;
    let engines = engines(&url, PATIENT);
    let desk = Desk::new();
    desk.put("letter.docx", letter());
    let request = request(&desk, "letter.docx");

    let report = run(&engines, &request).await.result.unwrap();

    assert_eq!(
        (report.engine.as_str(), report.pages, report.degraded),
        ("gotenberg", Some(2), false),
        "{report:?}"
    );
    assert!(report.recall.is_some_and(|recall| recall > 0.97), "{report:?}");
    assert!(pdf_text(&std::fs::read(&request.output).unwrap()).contains("harbour"));
    assert_eq!((server.requests(), desk.names().len()), (1, 2), "{:?}", desk.names());
}

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says_so() {
    let turns = [Turn::Answer(429, Some(0), "queue full"), Turn::Answer(503, None, "restarting")];
    let (server, url) = Server::start(&turns).await;
    let desk = Desk::new();
    desk.put("letter.docx", letter());

    let done = run(&engines(&url, PATIENT), &request(&desk, "letter.docx")).await;

    assert_eq!(done.result.unwrap().engine, "gotenberg");
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn a_longer_pause_than_there_is_time_is_not_waited_for() {
    let (server, url) = Server::start(&[Turn::Answer(503, Some(3600), "down for maintenance")]).await;
    let desk = Desk::new();
    desk.put("letter.docx", letter());

    let error = run(&engines(&url, PATIENT), &request(&desk, "letter.docx")).await.result.unwrap_err();

    assert!(matches!(&error, Error::EngineDown { detail, .. } if detail.contains("maintenance")), "{error}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn what_the_document_is_to_blame_for_is_not_tried_twice() {
    let (server, url) = Server::start(&[]).await;
    let engines = engines(&url, PATIENT);
    let desk = Desk::new();
    desk.put("broken.docx", docx("<w:p><w:oops"));

    let error = run(&engines, &request(&desk, "broken.docx")).await.result.unwrap_err();

    assert!(matches!(&error, Error::Corrupt { detail } if detail.contains("400")), "{error}");
    assert_eq!(server.requests(), 1);
    let health = engines.health().into_iter().find(|health| health.engine == Engine::Gotenberg).unwrap();
    assert_eq!(health.state, State::Ready);
}

#[tokio::test]
async fn garbage_and_half_an_answer_are_no_result() {
    let garbage = Turn::Answer(200, None, "<html>Welcome to the proxy</html>");
    let desk = Desk::new();
    desk.put("letter.docx", letter());
    let (_, url) = Server::start(&[garbage]).await;
    let error = run(&engines(&url, PATIENT), &request(&desk, "letter.docx")).await.result.unwrap_err();
    assert_eq!(error.code(), "crashed", "{error}");

    let (_, url) = Server::start(&[Turn::Cut, Turn::Cut, Turn::Cut]).await;
    let error = run(&engines(&url, PATIENT), &request(&desk, "letter.docx")).await.result.unwrap_err();
    assert_eq!(error.code(), "engine_down", "{error}");
    assert_eq!(desk.names(), ["letter.docx"]);
}

#[tokio::test]
async fn a_silent_server_costs_its_deadline_and_then_the_next_engine_is_asked() {
    let (_, url) = Server::start(&[Turn::Silence]).await;
    let desk = Desk::new();
    desk.put("letter.docx", letter());
    let mut request = desk.request("letter.docx", Format::Pdf);
    request.options.prefer = mshub_convert::Prefer::Fidelity;
    // Twice this for a server, and once for a child of our own.
    let engines = engines(&url, Duration::from_secs(1));

    let done = run(&engines, &request).await;

    let asked: Vec<_> = done
        .attempts
        .iter()
        .map(|attempt| (attempt.engine, attempt.error.as_ref().map(Error::code)))
        .collect();
    assert_eq!(asked[0], (Engine::Gotenberg, Some("timeout")));
    assert_eq!(asked[1].0, Engine::Builtin);
}

#[tokio::test]
async fn a_server_that_keeps_failing_is_left_alone_for_a_while() {
    // Three times three tries. Nobody listens there: port 9 is never given out.
    let engines = engines("http://ann:secret@127.0.0.1:9", PATIENT);
    let desk = Desk::new();
    desk.put("letter.docx", letter());
    let request = request(&desk, "letter.docx");

    for _ in 0..3 {
        let error = run(&engines, &request).await.result.unwrap_err();
        assert!(error.code() == "engine_down" && !error.to_string().contains("secret"), "{error}");
    }

    let health = engines.health().into_iter().find(|health| health.engine == Engine::Gotenberg).unwrap();
    assert_eq!(health.state, State::Resting);
    assert!(!health.detail.contains("secret"), "{health:?}");
    let error = run(&engines, &request).await.result.unwrap_err();
    assert!(error.to_string().contains("failed too often"), "{error}");
}
