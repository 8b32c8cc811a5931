//! Every metric of the hub, once: for `/metrics`, for mshub-metrics(7), and for the test that compares it with the code.

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How many observations were at most so many seconds.
    Histogram,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Ends in its unit; `_total` for counts.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What divides it.
    pub labels: &'static [&'static str],
    /// What it counts or measures.
    pub help: &'static str,
}

/// Upper bounds of the histograms, in seconds: from an answer out of memory to a conversion that takes its time.
pub const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0];

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels: &[], help }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, labels, help }
}

/// In the order of the alphabet.
pub const METRICS: [Metric; 21] = [
    histogram(
        "mshub_append_seconds",
        &["outcome"],
        "From an append to the log's answer: ok, refused, or unknown whether it was taken",
    ),
    histogram(
        "mshub_conversion_seconds",
        &[],
        "From the upload to the result, of conversions that completed",
    ),
    counter(
        "mshub_conversions_total",
        &["state", "from", "to"],
        "Conversions that ended, by their last state and formats",
    ),
    histogram(
        "mshub_database_wait_seconds",
        &[],
        "How long a change waited until it could begin: for a connection of the pool, or for the one writer of a SQLite file",
    ),
    counter("mshub_dead_letters_total", &[], "Records of the log that could not be kept and were set aside"),
    counter(
        "mshub_events_persisted_total",
        &[],
        "Events of rooms that the chat-worker wrote to its database",
    ),
    counter(
        "mshub_fanout_forgotten_total",
        &[],
        "Hints that were dropped because Redis did not take them in time",
    ),
    histogram(
        "mshub_http_request_seconds",
        &["route"],
        "From the head of a request to the head of its answer",
    ),
    counter("mshub_http_requests_total", &["route", "method", "status"], "Requests that were answered"),
    counter(
        "mshub_live_lag_total",
        &[],
        "Times that a socket was told to catch up because its queue was full",
    ),
    counter("mshub_live_slow_total", &[], "Sockets that were closed because they did not catch up"),
    gauge("mshub_live_sockets", "Sockets that are open"),
    counter("mshub_log_flushes_total", &[], "Flushes of the embedded log to its disk"),
    counter(
        "mshub_log_holes_total",
        &[],
        "Times that a position of the log was missing where the next was there",
    ),
    gauge(
        "mshub_persistence_lag_seconds",
        "Age of the oldest event that the log has and the database does not have yet",
    ),
    gauge(
        "mshub_queue_age_seconds",
        "How long the conversion that waits longest could have begun and did not",
    ),
    gauge("mshub_queue_jobs", "Conversions that wait and could begin"),
    gauge("mshub_runners", "Conversions that this worker can run at once"),
    gauge("mshub_runners_busy", "Conversions that run here"),
    counter(
        "mshub_spans_dropped_total",
        &[],
        "Spans of traces that were dropped because the collector did not take them in time",
    ),
    histogram(
        "mshub_tail_seconds",
        &[],
        "From the log's time of what was appended to when this gateway had it: how far its tail is behind",
    ),
];

/// Tells the recorder of this process what each of them is.
pub(super) fn describe() {
    for Metric { name, kind, help, .. } in METRICS {
        match kind {
            Kind::Counter => metrics::describe_counter!(name, help),
            Kind::Gauge => metrics::describe_gauge!(name, help),
            Kind::Histogram => metrics::describe_histogram!(name, metrics::Unit::Seconds, help),
        }
    }
}
