//! Services of somebody else as engines: faithful ones, whose answers the builtin engine makes, and what they do wrong.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, Multipart, Path, Request as HttpRequest, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, serve};
use mshub_convert::{
    Child, Conversion, Engine, Engines, Error, Format, Key, Limits, Options, Progress, Request, State,
    Watcher,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::files::{Desk, docx, letter, pdf_text};
use crate::gotenberg::{Turn, file, made};

const KEY: &str = "sk-of-the-operator";
const PATIENT: Duration = Duration::from_secs(60);

/// Both services on one machine.
#[derive(Clone, Default)]
struct Service(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// What happens to the next requests; `None`, and after the last one, what should.
    turns: Mutex<VecDeque<Option<Turn>>>,
    /// Every request, as `METHOD /path`.
    heard: Mutex<Vec<String>>,
    /// CloudConvert's jobs.
    jobs: Mutex<HashMap<String, Job>>,
}

struct Job {
    /// Looks that are left until it is over.
    looks: u32,
    /// None when it fails.
    result: Option<Vec<u8>>,
}

impl Service {
    async fn start(turns: Vec<Option<Turn>>) -> (Service, String) {
        let service = Service::default();
        *service.0.turns.lock().unwrap() = turns.into();
        let routes = Router::new()
            .route("/build", post(build))
            .route("/v2/jobs", post(create))
            .route("/v2/jobs/{id}", get(look).delete(remove))
            .route("/upload/{id}", post(upload))
            .route("/storage/{id}", get(storage))
            .layer(DefaultBodyLimit::disable())
            .layer(from_fn_with_state(service.clone(), hear))
            .with_state(service.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { serve(listener, routes).await });
        (service, url)
    }

    fn heard(&self) -> Vec<String> {
        self.0.heard.lock().unwrap().clone()
    }
}

/// Notes each request, asks for the key where it belongs and refuses it where it does not.
async fn hear(Shared(service): Shared<Service>, request: HttpRequest, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    service.0.heard.lock().unwrap().push(format!("{} {path}", request.method()));
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|shown| shown.to_str().ok());
    let is_store = path.starts_with("/upload") || path.starts_with("/storage");
    if shown.is_some_and(|shown| is_store || shown != format!("Bearer {KEY}")) || !is_store && shown.is_none()
    {
        to_its_end(request).await;
        return (StatusCode::UNAUTHORIZED, r#"{"message":"Unauthenticated."}"#).into_response();
    }
    let turn = service.0.turns.lock().unwrap().pop_front().flatten();
    match turn {
        Some(turn) => {
            to_its_end(request).await;
            turn.play().await
        }
        None => next.run(request).await,
    }
}

/// Reads a request that nobody wants: an answer to half of one is lost when the rest of it arrives.
async fn to_its_end(request: HttpRequest) {
    // Whoever hangs up in the middle is not waited for.
    drop(to_bytes(request.into_body(), usize::MAX).await);
}

/// Nutrient's one route: instructions that name the parts of the form, and the document they make.
async fn build(mut form: Multipart) -> Response {
    let refuse = |text: &'static str| (StatusCode::BAD_REQUEST, text).into_response();
    let Some(field) = form.next_field().await.unwrap() else { return refuse("no instructions") };
    let instructions: Value = serde_json::from_str(&field.text().await.unwrap()).unwrap_or_default();
    let (part, kind) = (&instructions["parts"][0]["file"], &instructions["output"]["type"]);
    let (Some(part), Some("pdf")) = (part.as_str(), kind.as_str()) else { return refuse("bad instructions") };
    let Some((name, bytes)) = file(&mut form, part).await else { return refuse("no such part") };
    match made(&name, bytes, Format::Pdf) {
        Some(pdf) => ([(header::CONTENT_TYPE, "application/pdf")], pdf).into_response(),
        None => refuse(r#"{"details":"The document could not be opened"}"#),
    }
}

async fn create(headers: HeaderMap, Json(wish): Json<Value>) -> Response {
    let tasks = &wish["tasks"];
    let whole = tasks["import"]["operation"] == "import/upload"
        && (&tasks["convert"]["operation"], &tasks["convert"]["input"])
            == (&json!("convert"), &json!("import"))
        && tasks["convert"]["output_format"] == "pdf"
        && (&tasks["export"]["operation"], &tasks["export"]["input"])
            == (&json!("export/url"), &json!("convert"));
    if !whole {
        return (StatusCode::UNPROCESSABLE_ENTITY, r#"{"code":"INVALID_DATA"}"#).into_response();
    }
    let host = headers[header::HOST].to_str().unwrap();
    let form = json!({ "url": format!("http://{host}/upload/j-1"),
        "parameters": { "expires": 1545444403, "max_file_count": 1, "signature": "79fda6c5" } });
    let task = |name: &str, result: Value| json!({ "name": name, "status": "waiting", "result": result });
    let tasks =
        [task("import", json!({ "form": form })), task("convert", Value::Null), task("export", Value::Null)];
    (StatusCode::CREATED, Json(json!({ "data": { "id": "j-1", "status": "waiting", "tasks": tasks } })))
        .into_response()
}

async fn upload(Shared(service): Shared<Service>, Path(id): Path<String>, mut form: Multipart) -> Response {
    let mut signed = false;
    while let Some(field) = form.next_field().await.unwrap() {
        match field.name() {
            Some("signature") => signed = field.text().await.unwrap() == "79fda6c5",
            Some("file") if signed => {
                let name = field.file_name().unwrap().to_owned();
                let result = made(&name, field.bytes().await.unwrap(), Format::Pdf);
                service.0.jobs.lock().unwrap().insert(id, Job { looks: 1, result });
                return StatusCode::CREATED.into_response();
            }
            _ => {}
        }
    }
    StatusCode::FORBIDDEN.into_response()
}

async fn look(Shared(service): Shared<Service>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let mut jobs = service.0.jobs.lock().unwrap();
    let Some(job) = jobs.get_mut(&id) else { return StatusCode::NOT_FOUND.into_response() };
    let host = headers[header::HOST].to_str().unwrap();
    let (status, tasks) = match (job.looks, &job.result) {
        (1.., _) => ("processing", json!([{ "name": "convert", "status": "processing", "percent": 37 }])),
        (0, Some(_)) => {
            let files = json!([{ "filename": "input.pdf", "url": format!("http://{host}/storage/{id}") }]);
            ("finished", json!([{ "name": "export", "status": "finished", "result": { "files": files } }]))
        }
        (0, None) => (
            "error",
            json!([{ "name": "convert", "status": "error", "code": "CONVERSION_FAILED", "message": "Broken file" }]),
        ),
    };
    job.looks = job.looks.saturating_sub(1);
    Json(json!({ "data": { "id": id, "status": status, "tasks": tasks } })).into_response()
}

async fn storage(Shared(service): Shared<Service>, Path(id): Path<String>) -> Response {
    match service.0.jobs.lock().unwrap().get(&id) {
        Some(Job { result: Some(pdf), .. }) => pdf.clone().into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn remove(Shared(service): Shared<Service>, Path(id): Path<String>) -> StatusCode {
    service.0.jobs.lock().unwrap().remove(&id);
    StatusCode::NO_CONTENT
}

/// Notes where the document goes, and may keep it here.
#[derive(Default)]
struct Notes {
    left_for: Vec<(Engine, String)>,
    keeps: bool,
}

impl Watcher for &mut Notes {
    fn progress(&mut self, _: Progress) {}

    async fn leaves(&mut self, engine: Engine, host: &str) -> Result<(), Error> {
        self.left_for.push((engine, host.to_owned()));
        if self.keeps { Err(Error::Cancelled) } else { Ok(()) }
    }
}

fn engines(url: &str, key: &str) -> Engines {
    let limits = Limits { wall: PATIENT, ..Limits::default() };
    let child = Child { program: env!("CARGO_BIN_EXE_mshub-job-child").into(), args: Vec::new(), limits };
    let key = Key::from(key);
    let engines = Engines::builtin(child).with_nutrient(url, key.clone()).unwrap();
    engines.with_cloudconvert(url, key).unwrap()
}

fn request(desk: &Desk, name: &str, engine: Engine) -> Request {
    let options = Options { engine: Some(engine), third_party: true, ..Options::default() };
    Request { options, ..desk.request(name, Format::Pdf) }
}

async fn run(engines: &Engines, request: &Request) -> Conversion {
    engines.convert(request, &mut Notes::default(), CancellationToken::new()).await
}

/// The error of a conversion by an engine whose service plays these turns.
async fn refused(desk: &Desk, engine: Engine, turns: Vec<Option<Turn>>) -> Error {
    let (_, url) = Service::start(turns).await;
    let error = run(&engines(&url, KEY), &request(desk, "letter.docx", engine)).await.result.unwrap_err();
    assert!(!error.to_string().contains(KEY), "{error}");
    error
}

async fn eventually(what: impl Fn() -> bool) {
    let asked = Instant::now();
    while !what() {
        assert!(asked.elapsed() < Duration::from_secs(60), "what was waited for did not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_document_goes_to_a_service_is_noted_first_and_its_answer_is_checked_here() {
    let (service, url) = Service::start(Vec::new()).await;
    let engines = engines(&url, KEY);
    let desk = Desk::new();
    desk.put("letter.docx", letter());

    for engine in [Engine::Nutrient, Engine::Cloudconvert] {
        let mut notes = Notes::default();
        let request = request(&desk, "letter.docx", engine);
        let done = engines.convert(&request, &mut notes, CancellationToken::new()).await;
        let report = done.result.unwrap();

        assert_eq!((report.engine.as_str(), report.degraded), (engine.code(), false), "{report:?}");
        assert!(report.recall.is_some_and(|recall| recall > 0.97), "{report:?}");
        assert!(pdf_text(&std::fs::read(&request.output).unwrap()).contains("harbour"));
        assert_eq!(notes.left_for, [(engine, "127.0.0.1".to_owned())]);
    }
    // CloudConvert keeps nothing of it.
    eventually(|| service.heard().last().is_some_and(|last| last == "DELETE /v2/jobs/j-1")).await;
    let flow = ["POST /build", "POST /v2/jobs", "POST /upload/j-1", "GET /v2/jobs/j-1", "GET /v2/jobs/j-1"];
    assert_eq!(service.heard()[..5], flow);
    assert_eq!(service.heard()[5..], ["GET /storage/j-1", "DELETE /v2/jobs/j-1"]);

    // Whoever watches can keep the document here.
    let before = service.heard().len();
    let mut keeps = Notes { keeps: true, ..Notes::default() };
    let request = request(&desk, "letter.docx", Engine::Nutrient);
    let kept = engines.convert(&request, &mut keeps, CancellationToken::new()).await;
    assert_eq!(kept.result.unwrap_err(), Error::Cancelled);
    assert_eq!(service.heard().len(), before);
}

#[tokio::test]
async fn without_consent_nothing_leaves_and_with_it_a_service_is_asked_last() {
    let (service, url) = Service::start(Vec::new()).await;
    let engines = engines(&url, KEY);
    let desk = Desk::new();
    // Nobody opens this one: every engine that may is asked.
    desk.put("broken.docx", docx("<w:p><w:oops"));
    desk.put("letter.docx", letter());
    let asked = |done: &Conversion| done.attempts.iter().map(|attempt| attempt.engine).collect::<Vec<_>>();
    let mut broken = desk.request("broken.docx", Format::Pdf);
    let mut letter = desk.request("letter.docx", Format::Pdf);
    letter.options.engine = Some(Engine::Cloudconvert);

    let alone = run(&engines, &broken).await;
    let named = run(&engines, &letter).await;
    assert_eq!((asked(&alone), asked(&named)), (vec![Engine::Builtin], Vec::new()));
    assert_eq!(named.result.unwrap_err(), Error::ConsentNeeded { engines: "cloudconvert".into() });
    assert_eq!(service.heard(), Vec::<String>::new());

    broken.options.third_party = true;
    let allowed = run(&engines, &broken).await;
    assert_eq!(asked(&allowed), [Engine::Builtin, Engine::Nutrient, Engine::Cloudconvert]);
    let codes: Vec<_> =
        allowed.attempts.iter().map(|attempt| attempt.error.as_ref().unwrap().code()).collect();
    assert_eq!(codes, ["corrupt"; 3]);
    let said = allowed.attempts[2].error.as_ref().unwrap().to_string();
    assert!(said.contains("Broken file (CONVERSION_FAILED)"), "{said}");
    // That the document is broken is no fault of theirs.
    let absent = |health: &mshub_convert::Health| health.state == State::Absent;
    assert!(
        engines.health().iter().filter(|health| health.engine.is_third_party()).all(|health| !absent(health))
    );
}

#[tokio::test]
async fn what_a_service_does_wrong_is_said_tried_again_or_given_up() {
    let desk = Desk::new();
    desk.put("letter.docx", letter());
    let answer = |status, text| Some(Turn::Answer(status, None, text));

    // Busy at each step, then not: nothing is lost, and the document is sent once more only where it has to be.
    let busy = |after| Some(Turn::Answer(503, Some(after), "busy"));
    let turns = vec![busy(0), None, busy(0), None, busy(0), None, None, busy(0)];
    let (service, url) = Service::start(turns).await;
    let done = run(&engines(&url, KEY), &request(&desk, "letter.docx", Engine::Cloudconvert)).await;
    assert_eq!(done.result.unwrap().engine, "cloudconvert");
    let jobs = service.heard().iter().filter(|heard| *heard == "POST /v2/jobs").count();
    assert_eq!(jobs, 2, "{:?}", service.heard());
    let (service, url) = Service::start(vec![Some(Turn::Answer(429, Some(0), "slow down"))]).await;
    let done = run(&engines(&url, KEY), &request(&desk, "letter.docx", Engine::Nutrient)).await;
    assert_eq!((done.result.unwrap().engine.as_str(), service.heard().len()), ("nutrient", 2));

    // An empty purse and a wrong key are for whoever runs the hub; the key is never quoted.
    let empty = refused(&desk, Engine::Nutrient, vec![answer(402, "no credits left")]).await;
    assert!(empty.code() == "engine_down" && empty.to_string().contains("no credits"), "{empty}");
    let (_, url) = Service::start(Vec::new()).await;
    let wrong = run(&engines(&url, "sk-wrong"), &request(&desk, "letter.docx", Engine::Cloudconvert)).await;
    let wrong = wrong.result.unwrap_err();
    assert!(wrong.code() == "engine_down" && !wrong.to_string().contains("sk-wrong"), "{wrong}");

    // Garbage at each step is no result.
    let html = "<html>Welcome to the proxy</html>";
    assert_eq!(refused(&desk, Engine::Nutrient, vec![answer(200, html)]).await.code(), "crashed");
    assert_eq!(refused(&desk, Engine::Cloudconvert, vec![answer(200, html)]).await.code(), "engine_down");
    let no_form = r#"{"data":{"id":"../../x","status":"waiting"}}"#;
    assert_eq!(refused(&desk, Engine::Cloudconvert, vec![answer(201, no_form)]).await.code(), "engine_down");
    let empty = r#"{"data":{"id":"j-1","status":"finished"}}"#;
    let turns = vec![None, None, answer(200, empty)];
    assert_eq!(refused(&desk, Engine::Cloudconvert, turns).await.code(), "engine_down");
    let turns = vec![None, None, None, None, answer(200, html)];
    assert_eq!(refused(&desk, Engine::Cloudconvert, turns).await.code(), "crashed");
    let turns = vec![Some(Turn::Cut), Some(Turn::Cut), Some(Turn::Cut)];
    assert_eq!(refused(&desk, Engine::Nutrient, turns).await.code(), "engine_down");
    assert_eq!(desk.names(), ["letter.docx"]);
}

#[tokio::test]
async fn a_job_that_is_cancelled_is_removed_there() {
    // It hears of the job, and then no more.
    let (service, url) = Service::start(vec![None, Some(Turn::Silence)]).await;
    let engines = engines(&url, KEY);
    let desk = Desk::new();
    desk.put("letter.docx", letter());
    let (request, cancel) = (request(&desk, "letter.docx", Engine::Cloudconvert), CancellationToken::new());

    let stop = cancel.clone();
    let running = tokio::spawn(async move { engines.convert(&request, &mut Notes::default(), stop).await });
    eventually(|| service.heard().len() == 2).await;
    cancel.cancel();

    assert_eq!(running.await.unwrap().result.unwrap_err(), Error::Cancelled);
    eventually(|| service.heard().last().is_some_and(|last| last == "DELETE /v2/jobs/j-1")).await;
}
