//! `Content-Disposition` (RFC 6266): a name in ASCII for old programs, and the real one (RFC 8187) for all others.

use std::fmt::Write;

/// The header's value for a file to be saved under this name.
pub fn attachment(name: &str) -> String {
    let plain: String = name.chars().map(|letter| if is_safe(letter) { letter } else { '_' }).collect();
    let mut value = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        value.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                value.push(char::from(byte));
            } else {
                // Writing to a string does not fail.
                let _ = write!(value, "%{byte:02X}");
            }
        }
    }
    value
}

/// What means the same to everybody between quotes. Some programs decode `%`.
fn is_safe(letter: char) -> bool {
    matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\' | '%' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_name_stays_and_any_other_comes_twice() {
        assert_eq!(attachment("my notes.pdf"), "attachment; filename=\"my notes.pdf\"");
        assert_eq!(
            attachment("Grüße.pdf"),
            "attachment; filename=\"Gr__e.pdf\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.pdf"
        );
    }

    #[test]
    fn a_name_cannot_leave_its_quotes_or_its_line() {
        let value = attachment("a\"; x=\"b\r\nSet-Cookie: c\\.pdf");

        assert_eq!(value.matches('"').count(), 2, "{value}");
        assert!(!value.contains(['\r', '\n', '\\']), "{value}");
    }
}
