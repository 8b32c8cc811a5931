//! Whoever watches sees one message and one conversion on their whole way; a collector that refuses hurts nobody.

use std::collections::BTreeSet;

use platform::testing::{
    collector::{Collector, Told},
    engines,
};
use serde_json::Value;

use crate::{
    command::Person,
    hub::{Hub, eventually},
};

const SERVER: &str = "mshub-server";
const CHAT: &str = "mshub-chat-worker";
const CONVERT: &str = "mshub-convert-worker";
/// Who asks the hub for something is somebody's span already.
const CALLER: &str = "00f067aa0ba902b7";

/// A hub that tells of everything, and somebody in a room.
struct Watched {
    hub: Hub,
    collector: Collector,
    ann: Person,
}

impl Watched {
    async fn start(more: &[&str], refuses: bool) -> Self {
        let collector = Collector::start(refuses).await.unwrap();
        let hub = Hub::start_with(&[&["--otlp", collector.url()], more].concat());
        let ann = hub.person("Ann");
        ann.json(&["room", "new", "general", "--json"]);
        Self { hub, collector, ann }
    }

    /// Posts something for a trace of somebody's; answers with what comes back.
    async fn post(&self, path: &str, trace: &str, body: impl Into<reqwest::Body>, kind: &str) -> Value {
        post(&format!("{}{path}", self.hub.server), &self.token(), trace, body, kind).await
    }

    fn token(&self) -> String {
        self.ann.run(&["auth", "token"]).text().trim().to_owned()
    }

    /// A trace, as soon as it has all of these.
    fn trace(&self, trace: &str, names: &[(&str, &str)]) -> Trace {
        told(&self.collector, trace, names)
    }
}

async fn post(url: &str, token: &str, trace: &str, body: impl Into<reqwest::Body>, kind: &str) -> Value {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(url).bearer_auth(token).body(body).header("content-type", kind);
    let answer = request.header("traceparent", format!("00-{trace}-{CALLER}-01")).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.json().await.unwrap()
}

/// A trace, as soon as it has all of these.
fn told(collector: &Collector, trace: &str, names: &[(&str, &str)]) -> Trace {
    eventually(&format!("{names:?} of {trace} are told"), || {
        let found = Trace(collector.trace(trace));
        names.iter().all(|(service, name)| !found.all(service, name).is_empty()).then_some(found)
    })
}

struct Trace(Vec<Told>);

impl Trace {
    fn all(&self, service: &str, name: &str) -> Vec<&Told> {
        self.0.iter().filter(|span| span.service == service && span.name == name).collect()
    }

    /// The only one of its name that came to something.
    fn one(&self, service: &str, name: &str) -> &Told {
        let mut all = self.all(service, name);
        all.retain(|span| span.failed.is_none() && span.nanos >= 0);
        let [one] = all[..] else { panic!("not one {name} of {service}: {:?}", self.0) };
        one
    }
}

const SAY: &str = "POST /api/v1/rooms/{room}/messages";

async fn one_message_is_followed(watched: &Watched) {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let say = serde_json::json!({ "cid": uuid::Uuid::now_v7(), "body": "hello" }).to_string();

    let sent = watched.post("/api/v1/rooms/general/messages", trace, say, "application/json").await;

    let spans =
        watched.trace(trace, &[(SERVER, SAY), (SERVER, "fan out"), (CHAT, "keep"), (SERVER, "append")]);
    let (received, appended) = (spans.one(SERVER, SAY), spans.one(SERVER, "append"));
    let (told, kept) = (spans.one(SERVER, "fan out"), spans.one(CHAT, "keep"));
    assert_eq!(
        (&*received.parent, received.kind, &*received.notes["http.response.status_code"]),
        (CALLER, 2, "200")
    );
    assert_eq!((&appended.parent, appended.kind), (&received.id, 4));
    assert_eq!((&told.parent, told.kind), (&appended.id, 5));
    assert_eq!((&kept.parent, kept.kind), (&appended.id, 5));
    for span in [appended, told, kept] {
        assert_eq!(span.notes["mshub.pos"], sent["pos"].to_string());
    }
}

/// What is said at one of several gateways is one trace: appended once, and fanned out by each of them.
#[cfg(feature = "engines")]
pub(crate) async fn one_message_is_followed_over_gateways(
    gateways: usize,
    collector: &Collector,
    server: &str,
    token: &str,
) {
    let trace = "5ce929d0e0e47364bf92f3577b34da6a";
    let say = serde_json::json!({ "cid": uuid::Uuid::now_v7(), "body": "to everybody" }).to_string();

    let url = format!("{server}/api/v1/rooms/general/messages");
    let sent = post(&url, token, trace, say, "application/json").await;

    let fanned_out = eventually("each gateway has fanned it out", || {
        let found = Trace(collector.trace(trace));
        (found.all(SERVER, "fan out").len() == gateways).then_some(found)
    });
    let spans = told(collector, trace, &[(SERVER, SAY), (SERVER, "append"), (CHAT, "keep")]);
    let appended = spans.one(SERVER, "append");
    assert_eq!(appended.parent, spans.one(SERVER, SAY).id);
    for span in fanned_out.all(SERVER, "fan out").into_iter().chain(spans.all(CHAT, "keep")) {
        assert_eq!((&span.parent, &span.notes["mshub.pos"]), (&appended.id, &sent["pos"].to_string()));
    }
}

/// What goes over the socket begins a trace of its own.
fn one_frame_is_followed(watched: &Watched) {
    let sent = watched.ann.json(&["chat", "send", "general", "over the socket", "--json"]);

    let cid = sent["cid"].as_str().unwrap();
    let of_it = |span: &Told| span.notes.get("mshub.cid").is_some_and(|noted| noted == cid);
    let heard = eventually("the frame is told", || watched.collector.spans().into_iter().find(of_it));
    assert_eq!((&*heard.name, &*heard.parent), ("socket send", ""));
    let spans = watched.trace(&heard.trace, &[(SERVER, "append"), (SERVER, "fan out"), (CHAT, "keep")]);
    let appended = spans.one(SERVER, "append");
    assert_eq!(appended.parent, heard.id);
    assert_eq!(spans.one(CHAT, "keep").parent, appended.id);
}

/// One conversion, whoever of several services takes it, queues it, runs it and hears of it.
pub(crate) async fn one_conversion_is_followed(collector: &Collector, server: &str, token: &str) {
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let (path, internal) = ("/api/v1/conversions?to=html&name=a.md", "POST /internal/v1/jobs");

    let url = format!("{server}{path}");
    let job = post(&url, token, trace, "# Title\n\nSome words.\n", "text/markdown").await;

    let names =
        [(CONVERT, "finish"), (CONVERT, "run"), (CONVERT, internal), (SERVER, "POST /api/v1/conversions")];
    let spans = told(collector, trace, &names);
    let uploaded = spans.one(SERVER, "POST /api/v1/conversions");
    let (taken, queued) = (spans.one(CONVERT, internal), spans.one(CONVERT, "enqueue"));
    let (run, made, finished) =
        (spans.one(CONVERT, "run"), spans.one(CONVERT, "convert"), spans.one(CONVERT, "finish"));
    assert_eq!(uploaded.parent, CALLER);
    assert_eq!(taken.parent, uploaded.id);
    assert_eq!((&queued.parent, queued.kind), (&taken.id, 4));
    assert_eq!((&run.parent, run.kind), (&queued.id, 5));
    assert_eq!((&made.parent, &finished.parent), (&run.id, &run.id));
    assert_eq!((&run.notes["mshub.job"], &*made.notes["mshub.engine"]), (&text(&job["id"]), "builtin"));

    let hints = eventually("each change is told to the gateway", || {
        let found = Trace(collector.trace(trace));
        let hints = found.all(SERVER, "hint").into_iter();
        let hints: BTreeSet<_> =
            hints.map(|hint| (hint.notes["mshub.state"].clone(), hint.parent.clone())).collect();
        (hints.len() == 3).then_some(hints)
    });
    let expected = [("completed", finished), ("in_progress", run), ("queued", queued)];
    assert_eq!(hints, expected.map(|(state, by)| (state.to_owned(), by.id.clone())).into());
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_and_one_conversion_are_followed_on_their_whole_way() {
    let watched = Watched::start(&[], true).await;

    // deploy/README.md: no difference
    // deploy/README.md: spans are dropped and counted
    let admin = Person::at(watched.hub.ready["admin"].as_str().unwrap());
    eventually("spans are dropped", || {
        let metrics = admin.run(&["api", "/metrics"]);
        let dropped = metrics.text().lines().find_map(|line| line.strip_prefix("mshub_spans_dropped_total "));
        dropped.is_some_and(|dropped| dropped.parse::<f64>().unwrap() > 0.0).then_some(())
    });
    watched.collector.accept();

    one_message_is_followed(&watched).await;
    one_frame_is_followed(&watched);
    one_conversion_is_followed(&watched.collector, &watched.hub.server, &watched.token()).await;

    let last = watched.ann.json(&["chat", "send", "general", "the last one", "--json"]);
    let Watched { hub, collector, .. } = watched;
    assert_eq!(hub.stop(), Some(0));
    let cids: Vec<_> =
        collector.spans().iter().filter_map(|span| span.notes.get("mshub.cid").cloned()).collect();
    assert!(cids.contains(&text(&last["cid"])), "a hub that ends tells what it has");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_is_followed_through_kafka() {
    let Some(kafka) = engines::bus_of(1).await.unwrap() else { return };
    let watched = Watched::start(&["--bus-url", &kafka], false).await;

    one_message_is_followed(&watched).await;
    one_frame_is_followed(&watched);
}
