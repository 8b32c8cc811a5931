//! Reading text files whose encoding nobody wrote down.

use std::fs;
use std::path::Path;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::Error;
use crate::limits::{MIB, TEXT};

/// Text of a file, and what had to be assumed to read it.
pub(super) struct TextFile {
    pub(super) text: String,
    pub(super) warnings: Vec<String>,
}

/// Reads UTF-8 or UTF-16 (with or without a byte order mark); anything else is taken for Windows-1252 and said so.
///
/// # Errors
/// `LimitExceeded` above 32 MiB.
pub(super) fn read(path: &Path) -> Result<TextFile, Error> {
    let size = fs::metadata(path)?.len();
    if size > TEXT {
        return Err(Error::limit(format!("{} MiB of text, allowed are {} MiB", size / MIB, TEXT / MIB)));
    }
    Ok(decode(&fs::read(path)?))
}

/// The same for bytes that are no file.
pub(super) fn decode(bytes: &[u8]) -> TextFile {
    let (encoding, assumed) = encoding_of(bytes);
    let (text, _, broken) = encoding.decode(bytes);
    let mut warnings = Vec::new();
    if assumed {
        warnings.push(format!("the text is not UTF-8; it was read as {}", encoding.name()));
    }
    if broken {
        warnings.push(format!("some bytes are no {} text and became \u{fffd}", encoding.name()));
    }
    TextFile { text: text.replace("\r\n", "\n").replace('\r', "\n"), warnings }
}

fn encoding_of(bytes: &[u8]) -> (&'static Encoding, bool) {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return (encoding, false);
    }
    let start = &bytes[..bytes.len().min(4096)];
    if std::str::from_utf8(bytes).is_err()
        && let Some(encoding) = named(start)
    {
        return (encoding, false);
    }
    // Latin text in UTF-16 has a zero in every second byte, and nothing else has.
    let zeros = |first: usize| start.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let half = start.len() / 2;
    if half > 1 && zeros(1) * 10 > half * 6 {
        return (UTF_16LE, true);
    }
    if half > 1 && zeros(0) * 10 > half * 6 {
        return (UTF_16BE, true);
    }
    if std::str::from_utf8(bytes).is_ok() { (UTF_8, false) } else { (WINDOWS_1252, true) }
}

/// The encoding that a page of HTML or a piece of XML names in its first lines, unless it says UTF-8, which it is not.
fn named(start: &[u8]) -> Option<&'static Encoding> {
    let start = String::from_utf8_lossy(start).to_ascii_lowercase();
    let (_, after) = start.split_once("charset=").or_else(|| start.split_once("encoding="))?;
    let label = after.trim_start_matches(['"', '\'', ' ']);
    let end = label.find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_:".contains(letter));
    let encoding = Encoding::for_label(&label.as_bytes()[..end.unwrap_or(label.len())])?;
    (start.trim_start().starts_with('<') && encoding != UTF_8).then_some(encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_encodings_are_recognised() {
        let utf16: Vec<u8> = "Grüße\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let cases: [(&[u8], &str, usize); 6] = [
            ("Grüße\r\n".as_bytes(), "Grüße\n", 0),
            (b"\xef\xbb\xbfa\rb", "a\nb", 0),
            (&utf16, "Grüße\n", 1),
            (b"Gr\xfc\xdfe", "Grüße", 1),
            (b"<meta charset=\"windows-1251\">\xcf\xeb\xe0\xed", "<meta charset=\"windows-1251\">План", 0),
            (b"<meta charset=utf-8>Gr\xfc\xdfe", "<meta charset=utf-8>Grüße", 1),
        ];
        for (bytes, text, warnings) in cases {
            let read = decode(bytes);
            assert_eq!(read.text, text);
            assert_eq!(read.warnings.len(), warnings, "{:?}", read.warnings);
        }
    }
}
