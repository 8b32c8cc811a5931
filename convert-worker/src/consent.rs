//! Whether a person lets services of somebody else have a document: the gateway knows, and says so with each call.

use axum::http::HeaderMap;
use convert::Options;
use wire::paths::internal::CONSENT_HEADER;

/// Whether the call says so. Silence is no consent.
pub(crate) fn of_request(headers: &HeaderMap) -> bool {
    headers.get(CONSENT_HEADER).is_some_and(|said| said == "yes")
}

/// The options of a job that is started again, as its row has them. It asks nobody whom it might not ask before: the
/// document may be somebody else's. Options that cannot be read stay as they are: nothing is converted with them.
pub(crate) fn still(options: Option<&str>, given: bool) -> Option<String> {
    let options = options?;
    let Ok(read) = serde_json::from_str::<Options>(options) else { return Some(options.to_owned()) };
    serde_json::to_string(&Options { third_party: read.third_party && given, ..read }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_try_asks_nobody_new() {
        let (open, closed) = (r#"{"quality":3,"third_party":true}"#, r#"{"quality":3}"#);

        assert_eq!(still(Some(open), true).as_deref(), Some(open));
        assert_eq!(still(Some(open), false).as_deref(), Some(closed));
        assert_eq!(still(Some(closed), true).as_deref(), Some(closed));
        assert_eq!(still(None, true), None);
        assert!(!of_request(&HeaderMap::new()));
    }
}
