//! mshub-errors(7): the catalogue of errors, each with what to do.

use super::Page;
use crate::commands::explain::{self, Entry};

const ABOUT: &str = "\
Every refusal and failure has a stable code, such as MSH-4010. Codes from MSH-4000 on come from the hub: it answers with \
application/problem+json (RFC 9457), in which code is this code, detail says what happened this time, hint what to do, \
and retryable whether the same request can succeed later. Codes below MSH-1000 come from mshub itself; their last \
digits are the exit code.

`mshub explain CODE` tells one of them. With --json, an error is one JSON object on standard error:";

const EXAMPLE: &str = r#"{"error":{"code":"MSH-4010","message":"...","hint":"...","status":401,"exit_code":4,"retryable":false}}"#;

/// The page.
pub(super) fn page() -> Page {
    let mut page =
        Page::new("mshub-errors", 7, "the errors of a hub and of mshub, and what to do about each");
    page.heading("DESCRIPTION").paragraphs(ABOUT).verbatim(EXAMPLE);
    let (of_hub, of_program): (Vec<Entry>, Vec<_>) =
        explain::all().into_iter().partition(|entry| entry.status.is_some());
    page.heading("ERRORS OF THE HUB");
    of_hub.iter().for_each(|entry| describe(&mut page, entry));
    page.heading("ERRORS OF THE PROGRAM");
    of_program.iter().for_each(|entry| describe(&mut page, entry));
    page.heading("SEE ALSO").paragraphs("mshub(1), mshub-explain(1), mshub-protocol(7)");
    page
}

fn describe(page: &mut Page, entry: &Entry) {
    let status = entry.status.map(|status| format!("HTTP status {status}, ")).unwrap_or_default();
    let again = if entry.retryable { ", worth trying again later" } else { "" };
    let meaning = entry.meaning.trim_end_matches('.');
    let text = format!("{meaning} ({status}exit code {}{again}). {}", entry.exit_code, entry.advice);
    page.item(&entry.code, &text);
}
