//! Services of somebody else: they get a document with consent only, and what got away is written down first.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Multipart, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use convert::{Format, Request, convert_here};
use mshub_convert_worker::Service;
use reqwest::Method;
use tokio::net::TcpListener;
use wire::{
    Code, JobId,
    conversions::{ConversionReport, Formats, Job, JobState},
    paths::{
        fill,
        internal::{self, CONSENT_HEADER},
    },
};

use crate::worker::{Worker, answer, eventually, problem};

const RTF: &str = r"{\rtf1 Hello harbour}";
const ONLY_THERE: &str = "to=pdf&name=a.rtf&engine=nutrient";

/// What the service does with its next requests; after the last it converts.
#[derive(Clone, Copy)]
enum Turn {
    Refuses,
    IsSilent,
}

/// Nutrient's processor, as far as it goes.
#[derive(Clone, Default)]
struct Processor {
    turns: Arc<Mutex<VecDeque<Turn>>>,
    requests: Arc<Mutex<usize>>,
}

impl Processor {
    fn requests(&self) -> usize {
        *self.requests.lock().unwrap()
    }

    async fn worker(&self) -> Worker {
        let routes = Router::new().route("/build", post(build)).with_state(self.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Worker::with(|config| config.nutrient = Some(Service { url, key: "sk-1".into() })).await
    }
}

async fn build(State(processor): State<Processor>, headers: HeaderMap, mut form: Multipart) -> Response {
    *processor.requests.lock().unwrap() += 1;
    assert_eq!(headers[header::AUTHORIZATION], "Bearer sk-1");
    // Read to its end, whatever becomes of it: an answer to half a request is lost when the rest of it arrives.
    let mut document = None;
    while let Some(part) = form.next_field().await.unwrap() {
        let is_document = part.name() == Some("document");
        let bytes = part.bytes().await.unwrap();
        document = if is_document { Some(bytes) } else { document };
    }
    let turn = processor.turns.lock().unwrap().pop_front();
    match turn {
        Some(Turn::Refuses) => (StatusCode::UNPROCESSABLE_ENTITY, "cannot be opened").into_response(),
        Some(Turn::IsSilent) => std::future::pending().await,
        None => {
            let folder = tempfile::tempdir().unwrap();
            let (input, output) = (folder.path().join("in.rtf"), folder.path().join("out.pdf"));
            std::fs::write(&input, document.unwrap()).unwrap();
            let request = Request::new(input, Format::Rtf, &output, Format::Pdf);
            convert_here(&request, &mut |_| ()).unwrap();
            std::fs::read(output).unwrap().into_response()
        }
    }
}

async fn report(worker: &Worker, id: JobId) -> ConversionReport {
    answer(worker.request(Method::GET, &fill(internal::JOB_REPORT, id)), StatusCode::OK).await
}

async fn with_consent(worker: &Worker, query: &str) -> Job {
    answer(worker.upload(query, RTF).header(CONSENT_HEADER, "yes"), StatusCode::ACCEPTED).await
}

fn kind(job: &Job) -> Option<&str> {
    job.error.as_ref().map(|error| error.kind.as_str())
}

#[tokio::test]
async fn without_consent_nothing_leaves_and_the_matrix_says_what_would_need_it() {
    let processor = Processor::default();
    let worker = processor.worker().await;

    let refused = problem(worker.upload(ONLY_THERE, RTF)).await;
    assert_eq!((refused.code.as_str(), refused.status), (Code::ConsentNeeded.name(), 403));
    assert!(refused.hint.unwrap().contains("profile set --allow-third-party true"));
    // The name alone says that nobody else converts it.
    assert_eq!(problem(worker.upload("to=pdf&name=a.doc", RTF)).await.code, Code::ConsentNeeded.name());
    let here = worker.ended(worker.uploaded("to=pdf&name=a.rtf", RTF).await.id).await;
    assert_eq!((here.state, here.engine.as_deref()), (JobState::Completed, Some("builtin")));
    assert_eq!((report(&worker, here.id).await.sent_to.len(), processor.requests()), (0, 0));

    let formats: Formats = answer(worker.request(Method::GET, internal::FORMATS), StatusCode::OK).await;
    let pair = |from: &str| {
        formats.items.iter().find(|pair| (pair.from.as_str(), pair.to.as_str()) == (from, "pdf")).unwrap()
    };
    assert_eq!((pair("doc").engine.as_str(), pair("doc").consent), ("nutrient", true));
    assert_eq!((pair("rtf").engine.as_str(), pair("rtf").consent), ("builtin", false));
    assert_eq!(pair("rtf").also, ["nutrient"]);
    let theirs: Vec<_> = formats.engines.iter().filter(|engine| engine.third_party).collect();
    let states: Vec<_> =
        theirs.iter().map(|engine| (engine.engine.as_str(), engine.state.as_str())).collect();
    assert_eq!(states, [("nutrient", "ready"), ("cloudconvert", "absent")]);
}

#[tokio::test]
async fn what_leaves_is_told_and_a_second_try_goes_no_further_than_consent_still_does() {
    let processor = Processor::default();
    *processor.turns.lock().unwrap() = [Turn::Refuses].into();
    let worker = processor.worker().await;

    let id = with_consent(&worker, ONLY_THERE).await.id;
    assert_eq!(kind(&worker.ended(id).await), Some("corrupt"));
    let told = report(&worker, id).await;
    assert_eq!(
        (told.sent_to.as_slice(), told.attempts.len()),
        (["nutrient (127.0.0.1)".to_owned()].as_slice(), 1)
    );
    assert!(told.attempts[0].error.as_ref().unwrap().detail.contains("cannot be opened"), "{told:?}");

    // Consent that was taken back holds for what is started again; given again, it is for the next upload.
    for consent in ["no", "yes"] {
        let retry =
            worker.request(Method::POST, &fill(internal::JOB_RETRY, id)).header(CONSENT_HEADER, consent);
        let _: Job = answer(retry, StatusCode::OK).await;
        assert_eq!(kind(&worker.ended(id).await), Some("consent_needed"));
    }
    assert_eq!(processor.requests(), 1);
    assert_eq!(report(&worker, id).await.sent_to, ["nutrient (127.0.0.1)"]);

    let done = worker.ended(with_consent(&worker, ONLY_THERE).await.id).await;
    assert_eq!(
        (done.state, done.engine.as_deref(), done.degraded),
        (JobState::Completed, Some("nutrient"), false)
    );
    let told = report(&worker, done.id).await;
    assert!(told.recall == Some(1.0) && told.sent_to == ["nutrient (127.0.0.1)"], "{told:?}");
    // The copy of an earlier result says where that one was made.
    let copy = with_consent(&worker, ONLY_THERE).await;
    assert_eq!((copy.cached_from, processor.requests()), (Some(done.id), 2));
    assert_eq!(report(&worker, copy.id).await.sent_to, ["nutrient (127.0.0.1)"]);
}

#[tokio::test]
async fn where_a_document_went_is_written_down_before_it_goes() {
    let processor = Processor::default();
    *processor.turns.lock().unwrap() = [Turn::IsSilent].into();
    let worker = processor.worker().await;

    let id = with_consent(&worker, ONLY_THERE).await.id;
    eventually(async || (processor.requests() == 1).then_some(())).await;
    assert_eq!(report(&worker, id).await.sent_to, ["nutrient (127.0.0.1)"]);

    // It stays so, however the job ends.
    let _: Job = answer(worker.request(Method::POST, &fill(internal::JOB_CANCEL, id)), StatusCode::OK).await;
    let told = report(&worker, id).await;
    assert_eq!((told.state, told.sent_to.len()), (JobState::Cancelled, 1));
}
