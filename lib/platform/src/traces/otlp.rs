//! Spans as OTLP writes them in JSON: grouped by the service that they are of, ids in hex, times in nanoseconds.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{Ended, Value};

/// The status of a span that came to nothing.
const ERROR: u8 = 2;

/// The body of one export.
pub(super) fn body(spans: &[Ended], process: &str) -> Json {
    let mut services: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
    for ended in spans {
        services.entry(ended.open.service).or_default().push(span(ended));
    }
    let of_service = |(service, spans)| {
        let who = [
            ("service.name", service),
            ("service.namespace", "mshub"),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("service.instance.id", process),
        ];
        let who: Vec<_> = who.into_iter().map(|(name, value)| attribute(name, &value.into())).collect();
        json!({
            "resource": { "attributes": who },
            "scopeSpans": [{ "scope": { "name": "mshub" }, "spans": spans }],
        })
    };
    json!({ "resourceSpans": services.into_iter().map(of_service).collect::<Vec<_>>() })
}

fn span(Ended { open, took }: &Ended) -> Json {
    let began = i128::from(open.began.micros()) * 1_000;
    let ended = began + i128::try_from(took.as_nanos()).unwrap_or_default();
    let notes: Vec<_> = open.notes.iter().map(|(name, value)| attribute(name, value)).collect();
    let mut span = json!({
        "traceId": hex::encode(open.context.trace),
        "spanId": hex::encode(open.context.span),
        "name": open.name,
        "kind": open.kind as u8,
        "startTimeUnixNano": began.to_string(),
        "endTimeUnixNano": ended.to_string(),
        "attributes": notes,
        "flags": 1,
    });
    if let Some(parent) = open.parent {
        span["parentSpanId"] = hex::encode(parent).into();
    }
    if let Some(why) = &open.failed {
        span["status"] = json!({ "code": ERROR, "message": why });
    }
    span
}

/// Numbers are written as text: JSON's own have fewer digits.
fn attribute(name: &str, value: &Value) -> Json {
    let value = match value {
        Value::Text(text) => json!({ "stringValue": text }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": name, "value": value })
}
