//! What a file is, judged by its content before any engine sees it; cheap, bounded, never unpacking anything.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use image::{ImageReader, Limits};

use crate::Format::{self, *};
use crate::container::Container;
use crate::limits::PIXELS;
use crate::{Error, matrix};

/// How much of the start of a file is looked at to tell text from binary.
const HEAD: usize = 64 * 1024;
/// How much of the end of a PDF is searched for its trailer.
const TAIL: i64 = 16 * 1024;

/// What the bytes are.
#[derive(Clone, Debug, PartialEq)]
enum Found {
    /// A format with a signature.
    Format(Format),
    /// Text; which kind of text is for the name to say. The format is the guess without a name.
    Text(Format),
    /// A zip container of nothing we know.
    Archive,
    /// Binary data without a signature we know.
    Unknown,
}

/// Finds the format of the file at `path`, whose user calls it `file_name` and may have `said` what it is.
///
/// What was said, or else the extension, must agree with the content. Text has no signature, so there the claim
/// decides among txt, md, csv, tsv, html and json; without a claim it is txt (or html, svg, rtf if it begins so).
///
/// # Errors
/// `Empty`, `Encrypted` (a caller with a password may go on with [`Format::from_name`]), `Corrupt`, `Mislabelled`,
/// `LimitExceeded` for zip and pixel bombs, `Unsupported` for what nothing here reads, `Io`.
pub fn sniff(path: &Path, file_name: &str, said: Option<Format>) -> Result<Format, Error> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    if head.is_empty() {
        return Err(Error::Empty);
    }
    let claim = said.or_else(|| Format::from_name(file_name));
    let found = content(path, &mut file, &head)?;
    agree(claim, found)
}

fn agree(claim: Option<Format>, found: Found) -> Result<Format, Error> {
    let lie =
        |said: Format, found: &str| Error::Mislabelled { said: said.to_string(), found: found.to_owned() };
    match (claim, found) {
        (None, Found::Format(format) | Found::Text(format)) => Ok(format),
        (None, Found::Archive) => Err(unsupported("a zip archive")),
        (None, Found::Unknown) => Err(unsupported("this kind of file")),
        (Some(said), Found::Format(format)) if said == format || macro_twins(said, format) => Ok(format),
        // Markup is text to whoever says so.
        (Some(Txt), Found::Format(Svg)) => Ok(Txt),
        (Some(said), Found::Format(format)) => Err(lie(said, format.code())),
        (Some(said @ (Txt | Md | Csv | Tsv | Html)), Found::Text(_)) => Ok(said),
        (Some(Json), Found::Text(Json)) => Ok(Json),
        (Some(said), Found::Text(guess)) => Err(lie(said, guess.code())),
        (Some(Zip), Found::Archive) => Ok(Zip),
        (Some(said), Found::Archive) => Err(lie(said, "a zip archive")),
        (Some(said @ (Txt | Md | Csv | Tsv | Html | Json | Svg | Rtf)), Found::Unknown) => {
            Err(lie(said, "binary data"))
        }
        (Some(said), Found::Unknown) => {
            Err(Error::Corrupt { detail: format!("it does not begin like a {said} file") })
        }
    }
}

/// With and without macros a document is the same to us: macros are never run.
fn macro_twins(a: Format, b: Format) -> bool {
    matches!((a, b), (Docx, Docm) | (Docm, Docx) | (Xlsx, Xlsm) | (Xlsm, Xlsx))
}

fn unsupported(what: &str) -> Error {
    Error::Unsupported {
        from: what.to_owned(),
        to: "anything".to_owned(),
        hint: format!("accepted are {}", matrix::accepted()),
    }
}

fn content(path: &Path, file: &mut File, head: &[u8]) -> Result<Found, Error> {
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return zip(path);
    }
    if head.starts_with(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]) {
        return compound(file);
    }
    if head[..head.len().min(1024)].windows(5).any(|five| five == b"%PDF-") {
        return pdf(file, head);
    }
    if let Some(format) = picture(head) {
        check_pixels(path, format)?;
        return Ok(Found::Format(format));
    }
    if head.starts_with(b"{\\rtf") {
        return Ok(Found::Format(Rtf));
    }
    Ok(if is_text(head) { text(head) } else { Found::Unknown })
}

fn zip(path: &Path) -> Result<Found, Error> {
    let mut container = Container::open(path)?;
    let macros = container.names().iter().any(|name| name.ends_with("vbaProject.bin"));
    let format = if container.has("word/document.xml") {
        if macros { Docm } else { Docx }
    } else if container.has("xl/workbook.xml") {
        if macros { Xlsm } else { Xlsx }
    } else if container.has("xl/workbook.bin") {
        Xlsb
    } else if container.has("ppt/presentation.xml") {
        Pptx
    } else {
        return open_document(&mut container);
    };
    Ok(Found::Format(format))
}

/// OpenDocument and EPUB name themselves in their first part.
fn open_document(container: &mut Container) -> Result<Found, Error> {
    let named = container.read("mimetype")?.unwrap_or_default();
    let named = String::from_utf8_lossy(&named).trim().to_owned();
    let format = match named.trim_end_matches("-template") {
        "application/vnd.oasis.opendocument.text" => Odt,
        "application/vnd.oasis.opendocument.spreadsheet" => Ods,
        "application/vnd.oasis.opendocument.presentation" => Odp,
        "application/epub+zip" => Epub,
        _ => return Ok(Found::Archive),
    };
    if format != Epub {
        let manifest = container.read("META-INF/manifest.xml")?.unwrap_or_default();
        if contains(&manifest, b"encryption-data") {
            return Err(Error::Encrypted);
        }
    }
    Ok(Found::Format(format))
}

/// Old Office files and encrypted new ones are compound files ([MS-CFB]); the names of their streams tell which.
fn compound(file: &mut File) -> Result<Found, Error> {
    file.seek(SeekFrom::Start(512))?;
    let mut reader = BufReader::with_capacity(HEAD, file);
    let mut entry = [0_u8; 128];
    let mut found = None;
    // Directory entries lie on multiples of 128 bytes; reading the file once is simpler than following its chains.
    while reader.read_exact(&mut entry).is_ok() {
        match stream_name(&entry).as_deref() {
            Some("EncryptedPackage" | "EncryptedSummary") => return Err(Error::Encrypted),
            Some("WordDocument") => found = Some(Doc),
            Some("Workbook" | "Book") if found.is_none() => found = Some(Xls),
            Some("PowerPoint Document") => found = Some(Ppt),
            _ => {}
        }
    }
    Ok(found.map_or(Found::Unknown, Found::Format))
}

/// The name in a directory entry ([MS-CFB] 2.6.1), if these 128 bytes can be one.
fn stream_name(entry: &[u8; 128]) -> Option<String> {
    let bytes = usize::from(u16::from_le_bytes([entry[64], entry[65]]));
    if !(4..=64).contains(&bytes) || bytes % 2 == 1 || entry[66] != 2 {
        return None;
    }
    let units = entry[..bytes - 2].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).collect::<Result<String, _>>().ok()
}

fn pdf(file: &mut File, head: &[u8]) -> Result<Found, Error> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::End(-TAIL.min(length as i64)))?;
    let mut tail = Vec::new();
    file.take(TAIL as u64).read_to_end(&mut tail)?;
    if contains(&tail, b"/Encrypt") || contains(head, b"/Encrypt ") {
        return Err(Error::Encrypted);
    }
    if !contains(&tail, b"startxref") {
        return Err(Error::Corrupt { detail: "the PDF is cut off before its end".into() });
    }
    Ok(Found::Format(Pdf))
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn picture(head: &[u8]) -> Option<Format> {
    let riff = head.len() >= 12 && head.starts_with(b"RIFF") && &head[8..12] == b"WEBP";
    match head {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Png),
        [0xff, 0xd8, 0xff, ..] => Some(Jpg),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Gif),
        [b'I', b'I', 0x2a, 0, ..] | [b'M', b'M', 0, 0x2a, ..] => Some(Tiff),
        // "BM" begins many a text: the reserved fields and the header size must fit, too.
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, _, _, 0, 0, 12..=124, 0, 0, 0, ..] => Some(Bmp),
        _ if riff => Some(Webp),
        _ => None,
    }
}

fn check_pixels(path: &Path, format: Format) -> Result<(), Error> {
    let unreadable =
        |error: image::ImageError| Error::corrupt(format!("its {format} header cannot be read ({error})"));
    let reader = ImageReader::open(path)?.with_guessed_format()?;
    let mut reader = reader;
    reader.limits(Limits::no_limits());
    let (width, height) = reader.into_dimensions().map_err(unreadable)?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels > PIXELS {
        return Err(Error::limit(format!(
            "{width} × {height} pixels are {} megapixels, allowed are {}",
            pixels / 1_000_000,
            PIXELS / 1_000_000
        )));
    }
    Ok(())
}

/// No zeros and hardly any control characters; UTF-16 is text too.
fn is_text(head: &[u8]) -> bool {
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return true;
    }
    let zeros = |first: usize| head.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let half = (head.len() / 2).max(1);
    let (even, odd) = (zeros(0), zeros(1));
    if even + odd > 0 {
        // Without a mark, UTF-16 shows itself by zeros in nearly every other byte and nowhere else.
        return (odd * 10 > half * 6 && even * 50 < half) || (even * 10 > half * 6 && odd * 50 < half);
    }
    let control = head
        .iter()
        .filter(|byte| **byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b))
        .count();
    control * 50 < head.len().max(50)
}

fn text(head: &[u8]) -> Found {
    let start = String::from_utf8_lossy(&head[..head.len().min(4096)]).to_ascii_lowercase();
    let start = start.trim_start_matches('\u{feff}').trim_start();
    if start.contains("<svg")
        && (start.starts_with("<svg") || start.starts_with("<?xml") || start.starts_with("<!--"))
    {
        Found::Format(Svg)
    } else if start.starts_with("<!doctype html") || start.starts_with("<html") || start.contains("<html") {
        Found::Text(Html)
    } else if start.starts_with(['{', '[']) {
        Found::Text(Json)
    } else {
        Found::Text(Txt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_binary() {
        assert!(is_text("Grüße\n".as_bytes()));
        assert!(is_text(b"a\0b\0c\0d\0\n\0"));
        assert!(is_text(b"Gr\xfc\xdfe in Latin-1"));
        assert!(!is_text(&[0, 1, 2, 3, 0, 0, 9, 200]));
        assert!(!is_text(&(0..=255).collect::<Vec<u8>>()));
    }

    #[test]
    fn the_claim_decides_among_texts_only() {
        assert_eq!(agree(Some(Csv), Found::Text(Txt)), Ok(Csv));
        assert_eq!(agree(None, Found::Text(Html)), Ok(Html));
        assert_eq!(agree(Some(Docx), Found::Format(Docm)), Ok(Docm));
        assert_eq!(agree(Some(Jpg), Found::Format(Png)).unwrap_err().code(), "mislabelled");
        assert_eq!(agree(Some(Docx), Found::Text(Txt)).unwrap_err().code(), "mislabelled");
        assert_eq!(agree(Some(Docx), Found::Unknown).unwrap_err().code(), "corrupt");
        assert_eq!(agree(None, Found::Unknown).unwrap_err().code(), "unsupported");
    }
}
