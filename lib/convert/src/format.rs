//! The file formats we know by name: codes, MIME types and file extensions.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A file format. Knowing a format does not mean that we can convert it: see [`crate::supports`].
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Word document (OOXML).
    Docx,
    /// Word document with macros (OOXML). Macros are never run.
    Docm,
    /// OpenDocument text.
    Odt,
    /// Rich Text Format.
    Rtf,
    /// HTML page.
    Html,
    /// Markdown (CommonMark with tables).
    Md,
    /// Plain text.
    Txt,
    /// Excel workbook (OOXML).
    Xlsx,
    /// Excel workbook with macros (OOXML). Macros are never run.
    Xlsm,
    /// Excel binary workbook.
    Xlsb,
    /// Excel 97–2003 workbook.
    Xls,
    /// OpenDocument spreadsheet.
    Ods,
    /// Comma-separated values (or semicolons: the separator is found by looking).
    Csv,
    /// Tab-separated values.
    Tsv,
    /// JSON.
    Json,
    /// PNG picture.
    Png,
    /// JPEG picture.
    Jpg,
    /// WebP picture.
    Webp,
    /// GIF picture.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// TIFF picture.
    Tiff,
    /// SVG drawing.
    Svg,
    /// PDF.
    Pdf,
    /// PowerPoint presentation (OOXML).
    Pptx,
    /// EPUB book.
    Epub,
    /// Word 97–2003 document.
    Doc,
    /// PowerPoint 97–2003 presentation.
    Ppt,
    /// OpenDocument presentation.
    Odp,
    /// Zip archive: what becomes several files.
    Zip,
}

/// One line per format: the format, its code (which is also its extension), its MIME type, other names for it.
const TABLE: [(Format, &str, &str, &[&str]); 29] = [
    (
        Format::Docx,
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        &["dotx"],
    ),
    (Format::Docm, "docm", "application/vnd.ms-word.document.macroEnabled.12", &["dotm"]),
    (Format::Odt, "odt", "application/vnd.oasis.opendocument.text", &["ott"]),
    (Format::Rtf, "rtf", "application/rtf", &[]),
    (Format::Html, "html", "text/html", &["htm", "xhtml"]),
    (Format::Md, "md", "text/markdown", &["markdown", "mkd"]),
    (Format::Txt, "txt", "text/plain", &["text", "log"]),
    (
        Format::Xlsx,
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        &["xltx", "excel"],
    ),
    (Format::Xlsm, "xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12", &["xltm"]),
    (Format::Xlsb, "xlsb", "application/vnd.ms-excel.sheet.binary.macroEnabled.12", &[]),
    (Format::Xls, "xls", "application/vnd.ms-excel", &["xlt"]),
    (Format::Ods, "ods", "application/vnd.oasis.opendocument.spreadsheet", &["ots"]),
    (Format::Csv, "csv", "text/csv", &[]),
    (Format::Tsv, "tsv", "text/tab-separated-values", &["tab"]),
    (Format::Json, "json", "application/json", &[]),
    (Format::Png, "png", "image/png", &[]),
    (Format::Jpg, "jpg", "image/jpeg", &["jpeg", "jpe", "jfif"]),
    (Format::Webp, "webp", "image/webp", &[]),
    (Format::Gif, "gif", "image/gif", &[]),
    (Format::Bmp, "bmp", "image/bmp", &["dib"]),
    (Format::Tiff, "tiff", "image/tiff", &["tif"]),
    (Format::Svg, "svg", "image/svg+xml", &[]),
    (Format::Pdf, "pdf", "application/pdf", &[]),
    (
        Format::Pptx,
        "pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        &["ppsx"],
    ),
    (Format::Epub, "epub", "application/epub+zip", &[]),
    (Format::Doc, "doc", "application/msword", &["dot"]),
    (Format::Ppt, "ppt", "application/vnd.ms-powerpoint", &["pps"]),
    (Format::Odp, "odp", "application/vnd.oasis.opendocument.presentation", &["otp"]),
    (Format::Zip, "zip", "application/zip", &[]),
];

const ALL: [Format; 29] = {
    let mut all = [Format::Docx; 29];
    let mut at = 0;
    while at < 29 {
        all[at] = TABLE[at].0;
        at += 1;
    }
    all
};

impl Format {
    fn row(self) -> &'static (Format, &'static str, &'static str, &'static [&'static str]) {
        // TABLE is in the order of the enum; a test holds it there.
        &TABLE[self as usize]
    }

    /// The short lower-case name used on the wire and on the command line, such as `docx`.
    pub fn code(self) -> &'static str {
        self.row().1
    }

    /// The registered (or customary) MIME type, without parameters.
    pub fn mime(self) -> &'static str {
        self.row().2
    }

    /// The file extension to write, without the dot.
    pub fn extension(self) -> &'static str {
        self.code()
    }

    /// What the file extension claims, if it is one we know. The claim is not checked: see [`crate::sniff`].
    pub fn from_name(file_name: &str) -> Option<Format> {
        let extension = Path::new(file_name).extension()?.to_str()?;
        extension.parse().ok()
    }

    /// Every format, in the order of the enum.
    pub fn all() -> &'static [Format] {
        &ALL
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A format name that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a known format; known are: {list}", list = known())]
pub struct UnknownFormat(pub String);

fn known() -> String {
    ALL.map(Format::code).join(", ")
}

impl FromStr for Format {
    type Err = UnknownFormat;

    /// Reads a code or one of its aliases in any case, with or without a leading dot: `PDF`, `.jpeg`, `markdown`.
    fn from_str(name: &str) -> Result<Format, UnknownFormat> {
        let wanted = name.trim().trim_start_matches('.').to_ascii_lowercase();
        TABLE
            .iter()
            .find(|(_, code, _, aliases)| *code == wanted || aliases.contains(&wanted.as_str()))
            .map(|(format, ..)| *format)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (at, format) in Format::all().iter().enumerate() {
            assert_eq!(*format as usize, at, "{format}");
        }
    }

    #[test]
    fn names_are_read_in_any_case_and_by_alias() {
        assert_eq!("PDF".parse(), Ok(Format::Pdf));
        assert_eq!(".jpeg".parse(), Ok(Format::Jpg));
        assert_eq!(Format::from_name("Notes.MARKDOWN"), Some(Format::Md));
        assert_eq!(Format::from_name("a.tar.tif"), Some(Format::Tiff));
        assert_eq!(Format::from_name("no extension"), None);
        assert!("exe".parse::<Format>().is_err());
    }

    #[test]
    fn a_code_survives_display_and_serde() {
        for format in Format::all() {
            assert_eq!(format.to_string().parse(), Ok(*format));
            assert_eq!(serde_json::to_string(format).unwrap(), format!("\"{format}\""));
        }
    }
}
