//! Names of rooms: short, plain, and the same however they are typed.

use platform::service::{ApiError, Outcome};
use wire::Code;

const LONGEST: usize = 64;

/// A name as it is kept and compared: without `#`, in lower case.
pub(super) fn normal(text: &str) -> String {
    text.trim().trim_start_matches('#').to_lowercase()
}

/// A name that a room may have.
pub(super) fn checked(text: &str) -> Outcome<String> {
    let name = normal(text);
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if name.is_empty() || name.chars().count() > LONGEST || !name.chars().all(plain) {
        let detail = "a room's name is 1 to 64 letters, digits, `-`, `_` or `.`";
        return Err(ApiError::new(Code::InvalidField, detail).field("/name", detail));
    }
    if name.parse::<wire::RoomId>().is_ok() {
        let detail = "a room's name must not look like an id";
        return Err(ApiError::new(Code::InvalidField, detail).field("/name", detail));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_however_it_is_typed() {
        assert_eq!(checked(" #General ").unwrap(), "general");
        assert_eq!(checked("Événements").unwrap(), "événements");
    }

    #[test]
    fn names_that_would_mislead_are_refused() {
        for bad in [
            "",
            "#",
            "two words",
            "a/b",
            "a\u{202e}b",
            &"x".repeat(65),
            "0191a0b0-0000-7000-8000-000000000000",
        ] {
            assert!(checked(bad).is_err(), "{bad:?} was taken");
        }
    }
}
