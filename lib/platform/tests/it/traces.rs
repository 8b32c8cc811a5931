//! Spans on their way: with the records of every log, and to a collector that may not be there.

use metrics_exporter_prometheus::PrometheusBuilder;
use mshub_platform::{
    Clock,
    bus::Bus,
    testing::Collector,
    traces::{self, Context, Kind, Span},
};
use tokio::sync::OnceCell;
use wire::paths::TOPIC_CHAT;

use crate::engines;

/// Spans are made for the whole of this program from now on, and told to nobody.
async fn begin_to_watch() {
    static NOBODY: OnceCell<()> = OnceCell::const_new();
    NOBODY.get_or_init(async || traces::start(&"http://127.0.0.1:1".parse().unwrap(), 1.0)).await;
}

/// Appends for a span; answers with its context.
async fn appended(bus: &Bus, payload: &str) -> Context {
    let span = Span::begin("test", "work", Kind::Internal, None);
    span.around(bus.append(TOPIC_CHAT, "room", payload.to_owned())).await.unwrap();
    span.context().unwrap()
}

#[tokio::test]
async fn who_reads_a_record_knows_the_span_that_appended_it() {
    begin_to_watch().await;
    let folder = tempfile::tempdir().unwrap();
    for url in engines::buses(&folder).await {
        let bus = Bus::open(&url, Clock::System).await.unwrap();
        let start = bus.heads(TOPIC_CHAT).await.unwrap();
        bus.append(TOPIC_CHAT, "room", "unwatched".to_owned()).await.unwrap();
        let watched = appended(&bus, "watched").await;
        bus.close().await;

        // Opened again, so that it is not read from memory.
        let bus = Bus::open(&url, Clock::System).await.unwrap();
        let mut tail = bus.tail(TOPIC_CHAT, start).await.unwrap();
        let mut records = Vec::new();
        while records.len() < 2 {
            records.extend(tail.next().await.unwrap());
        }

        let carried = records[1].trace.unwrap();
        assert_eq!((records[0].trace, carried.trace_id()), (None, watched.trace_id()), "{url}");
        assert_ne!(carried, watched, "the append is a span of its own");
    }
}

#[tokio::test]
async fn a_log_of_before_there_were_traces_goes_on() {
    begin_to_watch().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("embedded:{}", folder.path().display());
    let bus = Bus::open(&url, Clock::System).await.unwrap();
    bus.append(TOPIC_CHAT, "room", "old".to_owned()).await.unwrap();
    bus.close().await;
    forget_the_column(folder.path()).await;

    let bus = Bus::open(&url, Clock::System).await.unwrap();
    let watched = appended(&bus, "new").await;

    let records = bus.tail(TOPIC_CHAT, [(0, 0)].into()).await.unwrap().next().await.unwrap();
    let traces: Vec<_> = records.iter().map(|record| record.trace.map(Context::trace_id)).collect();
    assert_eq!(traces, [None, Some(watched.trace_id())]);
}

async fn forget_the_column(folder: &std::path::Path) {
    use sqlx::Connection as _;
    let file = format!("sqlite:{}", folder.join("log.db").display());
    let mut other = sqlx::SqliteConnection::connect(&file).await.unwrap();
    sqlx::raw_sql("ALTER TABLE records DROP COLUMN trace").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
}

#[tokio::test]
async fn what_nobody_takes_is_dropped_and_counted() {
    begin_to_watch().await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();

    // Four times what waits at most.
    metrics::with_local_recorder(&recorder, || {
        (0..32_768).for_each(|_| drop(Span::begin("test", "work", Kind::Internal, None)));
    });

    // deploy/README.md: spans are dropped and counted
    let shown = metrics.render();
    let dropped = shown.lines().find_map(|line| line.strip_prefix("mshub_spans_dropped_total "));
    assert!(dropped.is_some_and(|dropped| dropped.parse::<f64>().unwrap() > 0.0), "{shown}");
}

#[tokio::test]
async fn a_collector_of_a_test_hears_what_it_is_told() {
    let collector = Collector::start(true).await.unwrap();
    let body = serde_json::json!({ "resourceSpans": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "a" } }] },
        "scopeSpans": [{ "spans": [{
            "traceId": "1", "spanId": "2", "name": "work", "kind": 5, "startTimeUnixNano": "7",
            "endTimeUnixNano": "9", "attributes": [{ "key": "n", "value": { "intValue": "3" } }],
        }] }],
    }] });
    let post = async || {
        let http = mshub_platform::service::http_client();
        let answer = http.post(format!("{}/v1/traces", collector.url())).json(&body).send().await.unwrap();
        answer.status().as_u16()
    };

    let refused = post().await;
    collector.accept();

    assert_eq!((refused, post().await), (400, 200));
    let told = &collector.trace("1")[..];
    assert_eq!(told.len(), 1);
    assert_eq!((&*told[0].service, &*told[0].notes["n"], told[0].nanos), ("a", "3", 2));
    assert!(told[0].parent.is_empty() && told[0].failed.is_none());
}
