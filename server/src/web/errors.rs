//! The error catalogue as a page, with an anchor for each code: where the `type` of a problem leads.

use std::fmt::Write as _;

use axum::{
    http::header,
    response::{Html, IntoResponse},
};
use wire::Code;

use super::html;

/// Every error that the hub answers with.
pub(crate) async fn errors() -> impl IntoResponse {
    let mut rows = String::new();
    for code in Code::ALL {
        let (name, title) = (code.name(), html::escaped(code.title()));
        write!(
            rows,
            "<tr id=\"{name}\"><td><a href=\"#{name}\"><code>{name}</code></a></td><td>{}</td><td>{title}</td></tr>",
            code.status()
        )
        .expect("writing to a string does not fail");
    }
    let body = format!(
        "<h1>Errors</h1><p>Every error is <code>application/problem+json</code> with one of these codes. \
         <code>detail</code> says what happened this time, <code>hint</code> what to do next.</p>\
         <table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead><tbody>{rows}</tbody></table>"
    );
    ([(header::CONTENT_SECURITY_POLICY, html::policy())], Html(html::page("Errors", &body)))
}
