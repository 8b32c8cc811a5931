//! Plain requests, each on a connection of its own and never repeated: what fails of them has failed for somebody.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use wire::{
    ClientId, JobId, RoomId,
    paths::{self, fill},
};

use super::eventually;

/// Between two requests of one caller.
const PAUSE: Duration = Duration::from_millis(50);

/// Callers that ask without end.
pub(crate) struct Load {
    callers: Vec<JoinHandle<()>>,
    caller: Arc<Caller>,
}

struct Caller {
    http: Client,
    server: String,
    token: String,
    room: RoomId,
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
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.server))
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.server))
    }

    /// The answer of a request; what is no success is kept.
    async fn ask(&self, what: &str, request: RequestBuilder) -> Option<Value> {
        let asked = async {
            let answer =
                request.bearer_auth(&self.token).send().await.map_err(|error| format!("{error:?}"))?;
            let (status, text) =
                (answer.status(), answer.text().await.map_err(|error| format!("{error:?}"))?);
            match status.is_success() {
                true => serde_json::from_str(&text).map_err(|error| format!("{error} in {text}")),
                false => Err(format!("{status} {text}")),
            }
        };
        let answer =
            asked.await.map_err(|why: String| self.failed.lock().unwrap().push(format!("{what}: {why}")));
        self.answered.fetch_add(1, Ordering::AcqRel);
        tokio::time::sleep(PAUSE).await;
        answer.ok()
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
