//! Files made by code: small, real documents of every format the tests need, and a folder to convert in.

use std::io::{Cursor, Write};
use std::path::PathBuf;

use mshub_convert::{Error, Format, Progress, Report, Request, convert_here};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A folder of its own for one test.
pub(crate) struct Desk {
    folder: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        Desk { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file on the desk.
    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn request(&self, name: &str, to: Format) -> Request {
        let from = Format::from_name(name).unwrap();
        Request::new(self.path(name), from, self.path(&format!("{name}.out.{to}")), to)
    }

    /// Converts a file on the desk in this process.
    pub(crate) fn convert(&self, name: &str, to: Format) -> Result<Report, Error> {
        convert_here(&self.request(name, to), &mut |_| ())
    }

    /// Converts and reads the result.
    pub(crate) fn converted(&self, name: &str, to: Format) -> (Report, Vec<u8>) {
        let request = self.request(name, to);
        let report =
            convert_here(&request, &mut |_| ()).unwrap_or_else(|error| panic!("{name} to {to}: {error}"));
        (report, std::fs::read(&request.output).unwrap())
    }

    /// Converts and returns the result as text.
    pub(crate) fn text(&self, name: &str, to: Format) -> String {
        String::from_utf8(self.converted(name, to).1).unwrap()
    }

    /// Converts and returns the progress it made.
    pub(crate) fn steps(&self, name: &str, to: Format) -> Vec<Progress> {
        let mut steps = Vec::new();
        convert_here(&self.request(name, to), &mut |step| steps.push(step)).unwrap();
        steps
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// Text of a PDF, by a reader that is not ours.
pub(crate) fn pdf_text(pdf: &[u8]) -> String {
    pdf_extract::extract_text_from_mem(pdf).unwrap()
}

pub(crate) fn zip_of(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A Word document with this XML in its body.
pub(crate) fn docx(body: &str) -> Vec<u8> {
    docx_with("", body)
}

/// The same with something between the XML declaration and the document.
pub(crate) fn docx_with(prologue: &str, body: &str) -> Vec<u8> {
    let types = r#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
        <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
        <Default Extension="xml" ContentType="application/xml"/>
        <Override PartName="/word/document.xml"
          ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"#;
    let relations = r#"<?xml version="1.0"?>
        <Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1"
          Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
          Target="word/document.xml"/></Relationships>"#;
    let document = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>{prologue}
        <w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>"#
    );
    zip_of(&[
        ("[Content_Types].xml", types.as_bytes()),
        ("_rels/.rels", relations.as_bytes()),
        ("word/document.xml", document.as_bytes()),
    ])
}

/// One paragraph of a Word document.
pub(crate) fn paragraph(text: &str) -> String {
    format!("<w:p><w:r><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>")
}

/// A letter of two pages.
pub(crate) fn letter() -> Vec<u8> {
    let filler =
        "The committee met in spring and agreed on the plan for the harbour without a vote. ".repeat(6);
    let body: String = (1..=12).map(|number| paragraph(&format!("Point {number}. {filler}"))).collect();
    docx(&body)
}

/// An OpenDocument text as LibreOffice zips it: with folder entries.
pub(crate) fn odt(text: &str) -> Vec<u8> {
    let content = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><office:document-content office:version="1.3"
        xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
        xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:text>
        <text:p>{text}</text:p></office:text></office:body></office:document-content>"#
    );
    open_document("application/vnd.oasis.opendocument.text", &content)
}

pub(crate) fn ods() -> Vec<u8> {
    let content = r#"<?xml version="1.0" encoding="UTF-8"?><office:document-content office:version="1.3"
        xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
        xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
        xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"><office:body><office:spreadsheet>
        <table:table table:name="Stock"><table:table-row>
        <table:table-cell office:value-type="string"><text:p>tea</text:p></table:table-cell>
        <table:table-cell office:value-type="float" office:value="12.5"><text:p>12.5</text:p></table:table-cell>
        </table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"#;
    open_document("application/vnd.oasis.opendocument.spreadsheet", content)
}

pub(crate) fn open_document(mime: &str, content: &str) -> Vec<u8> {
    let manifest = format!(
        r#"<?xml version="1.0"?><manifest:manifest manifest:version="1.3"
        xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">
        <manifest:file-entry manifest:full-path="/" manifest:media-type="{mime}"/>
        <manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>"#
    );
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    // Writers put no space between elements, and not every reader skips it.
    let content: String =
        content.lines().map(|line| format!("{} ", line.trim())).collect::<String>().replace("> <", "><");
    zip.start_file("mimetype", stored).unwrap();
    zip.write_all(mime.as_bytes()).unwrap();
    zip.add_directory("Configurations2/", stored).unwrap();
    for (name, part) in [("content.xml", &content), ("META-INF/manifest.xml", &manifest)] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(part.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A picture with a red left half, a blue right half, and a transparent corner.
pub(crate) fn picture() -> image::DynamicImage {
    image::DynamicImage::ImageRgba8(image::RgbaImage::from_fn(40, 20, |x, y| match (x, y) {
        (0..4, 0..4) => image::Rgba([0, 0, 0, 0]),
        (0..20, _) => image::Rgba([200, 0, 0, 255]),
        _ => image::Rgba([0, 0, 200, 255]),
    }))
}

pub(crate) fn encoded(format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let picture = picture();
    let plain = image::DynamicImage::ImageRgb8(picture.to_rgb8());
    let wanted = if format == image::ImageFormat::Jpeg { &plain } else { &picture };
    wanted.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A workbook with a header, dates, money, percents and a second sheet.
pub(crate) fn xlsx() -> Vec<u8> {
    use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};

    let mut book = Workbook::new();
    let bold = Format::new().set_bold();
    let money = Format::new().set_num_format("#,##0.00 \"€\"");
    let date = Format::new().set_num_format("d mmm yyyy");
    let percent = Format::new().set_num_format("0.0%");
    let sheet = book.add_worksheet().set_name("Sales").unwrap();
    for (column, name) in ["Day", "Item", "Price", "Share", "Note"].into_iter().enumerate() {
        sheet.write_with_format(0, column as u16, name, &bold).unwrap();
    }
    let day = ExcelDateTime::from_ymd(2024, 5, 1).unwrap();
    sheet.write_with_format(1, 0, &day, &date).unwrap();
    sheet.write(1, 1, "Tea").unwrap();
    sheet.write_with_format(1, 2, 1234.5, &money).unwrap();
    sheet.write_with_format(1, 3, 0.125, &percent).unwrap();
    sheet.write(1, 4, "keeps, well").unwrap();
    sheet.write(2, 1, "Coffee").unwrap();
    sheet.write(2, 2, 7).unwrap();
    let second = book.add_worksheet().set_name("Notes").unwrap();
    second.write(0, 0, "Remember the milk").unwrap();
    book.add_worksheet().set_name("Nothing").unwrap();
    book.save_to_buffer().unwrap()
}

/// A sample of a format, for as many formats as code can make here.
pub(crate) fn sample(format: Format) -> Option<Vec<u8>> {
    let markdown =
        "# Harbour\n\nThe *plan* is **agreed**.\n\n- boats\n- nets\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
    let html = "<!DOCTYPE html><html><head><title>T</title></head><body><h1>Harbour</h1>\
                <p>The <em>plan</em> is <b>agreed</b>.</p><ul><li>boats</li></ul></body></html>";
    Some(match format {
        Format::Docx | Format::Docm => letter(),
        Format::Odt => odt("The plan for the harbour is agreed."),
        Format::Rtf => {
            br"{\rtf1\ansi The plan for the \b harbour\b0  is agreed.\par Second line.\par}".to_vec()
        }
        Format::Html => html.into(),
        Format::Md => markdown.into(),
        Format::Txt => "The plan\nis agreed.\n".into(),
        Format::Xlsx | Format::Xlsm => xlsx(),
        Format::Ods => ods(),
        Format::Xls => include_bytes!("samples/stock.xls").to_vec(),
        Format::Csv => "item,price\ntea,12.5\ncoffee,7\n".into(),
        Format::Tsv => "item\tprice\ntea\t12.5\n".into(),
        Format::Json => r#"[{"item":"tea","price":12.5}]"#.into(),
        Format::Png => encoded(image::ImageFormat::Png),
        Format::Jpg => encoded(image::ImageFormat::Jpeg),
        Format::Webp => encoded(image::ImageFormat::WebP),
        Format::Gif => encoded(image::ImageFormat::Gif),
        Format::Bmp => encoded(image::ImageFormat::Bmp),
        Format::Tiff => encoded(image::ImageFormat::Tiff),
        Format::Pdf => {
            let desk = Desk::new();
            desk.put("a.txt", "The plan is agreed.");
            desk.converted("a.txt", Format::Pdf).1
        }
        Format::Svg => svg(),
        Format::Epub => epub(),
        Format::Pptx => include_bytes!("samples/slides.pptx").to_vec(),
        _ => return None,
    })
}

/// A drawing with shapes, a gradient, a clip, text and a picture of its own.
pub(crate) fn svg() -> Vec<u8> {
    use base64::Engine as _;
    let picture = base64::engine::general_purpose::STANDARD.encode(encoded(image::ImageFormat::Png));
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="200" height="100">
        <defs><linearGradient id="g"><stop offset="0" stop-color="red"/><stop offset="1" stop-color="blue"/></linearGradient>
        <clipPath id="c"><circle cx="150" cy="50" r="40"/></clipPath></defs>
        <rect width="100" height="100" fill="#00ff00"/>
        <rect x="10" y="60" width="80" height="30" fill="url(#g)" stroke="black" stroke-width="2"/>
        <g clip-path="url(#c)"><image x="110" y="10" width="80" height="80" xlink:href="data:image/png;base64,{picture}"/></g>
        <text x="10" y="30" font-family="Helvetica" font-size="16">The <tspan font-weight="bold">harbour</tspan> plan</text>
        </svg>"##
    )
    .into_bytes()
}

/// A book of two chapters, with a picture, a link between them, and a script.
pub(crate) fn epub() -> Vec<u8> {
    let container = br#"<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
        <rootfile full-path="OPS/package.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"#;
    let package = br#"<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata
        xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Harbour &amp; Sea</dc:title></metadata><manifest>
        <item id="b" href="text/two.xhtml" media-type="application/xhtml+xml"/>
        <item id="a" href="text/one.xhtml" media-type="application/xhtml+xml"/>
        <item id="p" href="my%20picture.png" media-type="image/png"/></manifest>
        <spine><itemref idref="a"/><itemref idref="b"/></spine></package>"#;
    let one = r#"<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>1</title></head><body>
        <h1>First</h1><p onclick="x()">The caf&eacute; at the <em>harbour</em>.</p><script>alert('no')</script>
        <img src="../my%20picture.png" alt="boats"/><p><a href="two.xhtml#end">on</a></p></body></html>"#;
    let two = r#"<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>Second</h1><ul><li>nets</li><li>ropes</li></ul>
        <p id="end">The plan is agreed.</p></body></html>"#;
    zip_of(&[
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", container),
        ("OPS/package.opf", package),
        ("OPS/text/one.xhtml", one.as_bytes()),
        ("OPS/text/two.xhtml", two.as_bytes()),
        ("OPS/my picture.png", &encoded(image::ImageFormat::Png)),
    ])
}
