//! The password of an encrypted document on its way: in a header, because URLs are written into logs.

use crate::paths::segment;

/// The header that carries it, percent-encoded as UTF-8.
pub const DOCUMENT_PASSWORD: &str = "document-password";
/// The longest password in bytes.
const LONGEST: usize = 1024;

/// The value of the header for a password.
pub fn to_header(password: &str) -> String {
    segment(password)
}

/// The password of a header's value; nothing when it is empty, longer than 1,024 bytes, or not percent-encoded UTF-8.
pub fn from_header(value: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => digit(rest.next())? * 16 + digit(rest.next())?,
            byte => *byte,
        });
    }
    let fits = (1..=LONGEST).contains(&bytes.len());
    String::from_utf8(bytes).ok().filter(|_| fits)
}

fn digit(byte: Option<&u8>) -> Option<u8> {
    let digit = char::from(*byte?).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_password_arrives_as_it_was() {
        for password in ["secret", " two words ", "50 % %41", "žluťoučký\u{1f680}", "line\nbreak"] {
            let header = to_header(password);
            assert!(header.bytes().all(|byte| byte.is_ascii_graphic()), "{header}");
            assert_eq!(from_header(header.as_bytes()).as_deref(), Some(password));
        }
        assert_eq!(from_header(b"typed by hand").as_deref(), Some("typed by hand"));
    }

    #[test]
    fn what_is_no_password_is_none() {
        for value in [&b""[..], b"%", b"%4", b"%zz", b"%+1", b"\xff", &[b'x'; LONGEST + 1]] {
            assert_eq!(from_header(value), None);
        }
    }
}
