//! What a file looks like from its first bytes. Nothing acts on this but what people see: every download is handed out
//! as a file to save.

use image::ImageFormat;

/// First bytes that are looked at.
pub(super) const HEAD: usize = 4096;

/// Beginnings that tell (https://www.garykessler.net/library/file_sigs.html).
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"{\\rtf", "application/rtf"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
];

/// Office formats are ZIP archives: which one, only the name says without unfolding it.
const IN_ZIP: &[(&str, &str)] = &[
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("odp", "application/vnd.oasis.opendocument.presentation"),
    ("epub", "application/epub+zip"),
];

/// The media type of a file with these first bytes. Text is text, and never a page.
pub(super) fn of(head: &[u8], name: &str) -> &'static str {
    if let Some(picture) = picture(head) {
        return picture;
    }
    let told = BEGINNINGS.iter().find(|(beginning, _)| head.starts_with(beginning)).map(|(_, media)| *media);
    match told {
        Some("application/zip") => in_zip(name),
        Some(media) => media,
        None if head.get(4..8) == Some(b"ftyp") => "video/mp4",
        None if is_text(head) => "text/plain; charset=utf-8",
        None => "application/octet-stream",
    }
}

fn picture(head: &[u8]) -> Option<&'static str> {
    let format = image::guess_format(head).ok()?;
    let shown = [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Gif,
        ImageFormat::WebP,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
    ];
    // Other beginnings are two letters of any text.
    shown
        .contains(&format)
        .then(|| format.to_mime_type())
        .filter(|_| head.iter().take(64).any(|byte| *byte < 9))
}

fn in_zip(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    IN_ZIP.iter().find(|(known, _)| *known == ending).map_or("application/zip", |(_, media)| media)
}

/// UTF-8 as far as it goes (the last letter may be cut), without what no text has.
fn is_text(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Ok(_) => head.len(),
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => return false,
    };
    whole > 0 && !head[..whole].iter().any(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_tells_and_a_name_only_which_office_it_is_of() {
        assert_eq!(of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "page.html"), "image/png");
        assert_eq!(of(b"%PDF-1.7\n", "x.txt"), "application/pdf");
        assert_eq!(of(b"PK\x03\x04rest", "a.DOCX"), IN_ZIP[0].1);
        assert_eq!(of(b"PK\x03\x04rest", "a.html"), "application/zip");
        assert_eq!(of(b"\0\0\0 ftypisom", "a"), "video/mp4");
        assert_eq!(of(b"\0\x01\x02", "a.txt"), "application/octet-stream");
    }

    #[test]
    fn a_page_is_text_and_text_stays_text_where_it_is_cut() {
        for text in ["<script>alert(1)</script>", "BM is how this begins", "Gr\u{fc}\u{df}e"] {
            assert_eq!(of(text.as_bytes(), "a.html"), "text/plain; charset=utf-8", "{text}");
        }
        let cut = &"Gr\u{fc}".as_bytes()[..3];
        assert_eq!(of(cut, "a"), "text/plain; charset=utf-8");
        assert_eq!(of(&[0xff, 0xfe, 0xff], "a"), "application/octet-stream");
    }
}
