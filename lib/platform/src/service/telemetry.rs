//! Structured logs on stderr, and the request layer that every service wears: its name, its count, its span.

use std::{io::IsTerminal as _, str::FromStr, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method},
    middleware::Next,
    response::Response,
};
use tracing_subscriber::{EnvFilter, fmt, prelude::*};
use wire::paths;

use crate::traces::{self, Context, Kind, Span};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person.
    Text,
    /// One JSON object a line.
    Json,
}

/// Takes a filter of log lines as it is written, in the form of `RUST_LOG`.
///
/// # Errors
/// When nobody would understand it: lines that somebody asked for would be missing.
pub fn filter(text: &str) -> Result<String, String> {
    match EnvFilter::from_str(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("{error}; write a level such as info, or info,sqlx=warn")),
    }
}

/// Starts logging to stderr. `filter` is in the form of `RUST_LOG`, such as `info,sqlx=warn`.
pub fn init(format: LogFormat, filter: &str) {
    let filter = EnvFilter::from_str(filter).unwrap_or_else(|_| EnvFilter::new("warn"));
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // A second call (tests start several hubs in one process) changes nothing.
    let _ = match format {
        LogFormat::Text => registry.with(lines.with_target(false)).try_init(),
        LogFormat::Json => registry.with(lines.json()).try_init(),
    };
}

/// The header that names a request in answers and logs.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Middleware of a service: names the request, counts it, tells of it as a span, and logs failures of ours.
pub async fn observe(State(service): State<&'static str>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let id = request
        .headers()
        .get(&REQUEST_ID)
        .filter(|id| {
            id.len() <= 64 && id.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        })
        .cloned()
        .unwrap_or_else(fresh_id);

    let mut span = span(service, &route, &request);
    let mut response = span.around(next.run(request)).await;
    let status = response.status();
    span.note("http.response.status_code", u64::from(status.as_u16()));
    metrics::counter!("mshub_http_requests_total", "route" => route.clone(), "method" => method, "status" => status.as_u16().to_string())
        .increment(1);
    metrics::histogram!("mshub_http_request_seconds", "route" => route.clone()).record(started.elapsed());
    if status.is_server_error() {
        span.fail(&status);
        tracing::warn!(method, route, status = status.as_u16(), request_id = ?id, "a request was answered with a server error");
    } else {
        tracing::debug!(
            method,
            route,
            status = status.as_u16(),
            ms = started.elapsed().as_millis(),
            "answered"
        );
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The span of a request, for whoever it says. Being asked whether one lives is no work for anybody.
fn span(service: &'static str, route: &str, request: &Request) -> Span {
    if !traces::are_on() || route == paths::LIVEZ {
        return Span::default();
    }
    let method = known(request.method());
    let parent = Context::of_headers(request.headers());
    let mut span = Span::begin(service, format!("{method} {route}"), Kind::Server, parent);
    span.note("http.request.method", method);
    span.note("http.route", route);
    span
}

/// The name of a method. HTTP takes any word for one, and each would be a series of its own among the metrics: whoever
/// makes words up is counted as one.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "other",
    }
}

fn fresh_id() -> HeaderValue {
    HeaderValue::from_str(&uuid::Uuid::now_v7().to_string()).expect("a UUID is ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_somebody_made_up_has_no_series_of_its_own() {
        let made_up = Method::from_bytes(b"FROBNICATE").unwrap();

        assert_eq!([known(&Method::PATCH), known(&made_up)], ["PATCH", "other"]);
    }
}
