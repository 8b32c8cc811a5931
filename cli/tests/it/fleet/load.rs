//! Plain requests, each on a connection of its own and never repeated: what fails of them has failed for somebody.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use wire::{
    ClientId, JobId, RoomId,
    paths::{self, fill},
};

use super::{eventually, lasting};

/// Between two requests of one caller.
const PAUSE: Duration = Duration::from_millis(50);

/// Callers that ask without end.
pub(crate) struct Load {
    callers: Vec<JoinHandle<()>>,
    caller: Arc<Caller>,
}

pub(super) struct Caller {
    pub(super) http: Client,
    server: String,
    token: String,
    pub(super) room: RoomId,
    is_over: AtomicBool,
    answered: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl Load {
    /// Begins to ask a server in somebody's name. Call it within a runtime.
    pub(crate) fn on(server: String, token: String, room: RoomId) -> Self {
        let http =
            Client::builder().pool_max_idle_per_host(0).timeout(Duration::from_secs(60)).build().unwrap();
        let (is_over, answered, failed) = Default::default();
        let caller = Arc::new(Caller { http, server, token, room, is_over, answered, failed });
        let callers = vec![
            tokio::spawn(chat(caller.clone())),
            tokio::spawn(chat(caller.clone())),
            tokio::spawn(convert(caller.clone())),
            tokio::spawn(lasting::convert(caller.clone())),
            tokio::spawn(lasting::download(caller.clone())),
        ];
        Self { callers, caller }
    }

    /// Waits until so many more requests were answered.
    pub(crate) fn goes_on(&self, count: usize) {
        let goal = self.caller.answered.load(Ordering::Acquire) + count;
        eventually("requests are answered", || {
            (self.caller.answered.load(Ordering::Acquire) >= goal).then_some(())
        });
    }

    /// Ends it; how many requests were answered, and what failed.
    pub(crate) async fn end(self) -> (usize, Vec<String>) {
        self.caller.is_over.store(true, Ordering::Release);
        for caller in self.callers {
            caller.await.unwrap();
        }
        let failed = self.caller.failed.lock().unwrap().clone();
        (self.caller.answered.load(Ordering::Acquire), failed)
    }
}

impl Caller {
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.server))
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    /// The whole answer of a request; what is no success is kept.
    pub(super) async fn ask(&self, what: &str, request: RequestBuilder) -> Option<Value> {
        let text = self.answer(what, request).await?.text().await;
        let read = text
            .map_err(|error| format!("{error:?}"))
            .and_then(|text| serde_json::from_str(&text).map_err(|error| format!("{error} in {text}")));
        read.map_err(|why| self.fails(format!("{what}: {why}"))).ok()
    }

    /// An answer as it begins; what is no success is kept.
    pub(super) async fn answer(&self, what: &str, request: RequestBuilder) -> Option<Response> {
        let asked = async {
            let answer =
                request.bearer_auth(&self.token).send().await.map_err(|error| format!("{error:?}"))?;
            match answer.status() {
                status if status.is_success() => Ok(answer),
                status => Err(format!("{status} {}", answer.text().await.unwrap_or_default())),
            }
        };
        let answer = asked.await.map_err(|why: String| self.fails(format!("{what}: {why}")));
        self.answered.fetch_add(1, Ordering::AcqRel);
        tokio::time::sleep(PAUSE).await;
        answer.ok()
    }

    pub(super) fn fails(&self, why: String) {
        self.failed.lock().unwrap().push(why);
    }
}

/// Says something and reads it, again and again.
async fn chat(caller: Arc<Caller>) {
    while !caller.is_over() {
        let say = json!({ "cid": ClientId::new(), "body": "a word of the load" });
        caller.ask("say", caller.post(&fill(paths::ROOM_MESSAGES, caller.room)).json(&say)).await;
        caller.ask("events", caller.get(&format!("{}?limit=5", fill(paths::ROOM_EVENTS, caller.room)))).await;
        caller.ask("search", caller.get(&format!("{}?q=load&limit=1", paths::SEARCH))).await;
        caller.ask("me", caller.get(paths::ME)).await;
    }
}

/// Uploads something and waits for its result, again and again.
async fn convert(caller: Arc<Caller>) {
    while !caller.is_over() {
        let upload = caller
            .post(&format!("{}?to=txt&name=note.md", paths::CONVERSIONS))
            .body("# A note\n\nin words\n");
        let Some(job) = caller.ask("upload", upload).await else { continue };
        let id: JobId = job["id"].as_str().unwrap().parse().unwrap();
        loop {
            let job = caller.ask("job", caller.get(&fill(paths::CONVERSION, id))).await.unwrap_or_default();
            match job["state"].as_str() {
                Some("completed") => break,
                Some("failed" | "cancelled") => {
                    caller.failed.lock().unwrap().push(format!("a conversion: {job}"));
                    break;
                }
                _ => {}
            }
        }
    }
}
