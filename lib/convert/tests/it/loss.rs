//! What documents say outside of their body, and in ways that importers pass over: it reaches the result, or is said.

use std::io::Cursor;

use mshub_convert::{Error, Format, convert_here, sniff};
use zip::ZipArchive;

use crate::files::{Desk, docx, letter, paragraph, pdf_text, xlsx, zip_of};

/// RTF with a link, a note, a text box, a header and a footer.
const RTF: &str = r#"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\stylesheet{\s1 Heading;}}{\header Harbour office\par}
{\footer Page {\field{\*\fldinst PAGE}{\fldrslt 1}}\par}\pard\plain Read
 {\field{\*\fldinst{HYPERLINK "https://example.org"}}{\fldrslt{\ul the seventeen rules}}} first.{\super\chftn}{\footnote\pard\plain{\super\chftn} Everybody signs below}\par
Boats{\shp{\*\shpinst\shpleft0{\sp{\sn fill}{\sv 0}}{\shptxt\pard Moored outside\par}}} and nets.\par}"#;

#[test]
fn fields_notes_and_text_boxes_of_rtf_reach_every_result() {
    let desk = Desk::new();
    desk.put("a.rtf", RTF.replace('\n', ""));

    for to in [Format::Txt, Format::Md, Format::Html, Format::Pdf, Format::Docx, Format::Epub] {
        let (report, bytes) = desk.converted("a.rtf", to);
        assert_eq!(report.recall, Some(1.0), "{to}: {report:?}");
        let said = report.warnings.join("\n");
        assert!(said.contains("links keep their text") && said.contains("notes stand at the end"), "{said}");
        assert!(!said.contains("unsupported RTF destination"), "{said}");
        let text = match to {
            Format::Txt | Format::Md | Format::Html => String::from_utf8(bytes).unwrap(),
            Format::Pdf => pdf_text(&bytes),
            _ => continue,
        };
        for words in ["the seventeen rules", "Everybody signs below", "Moored outside"] {
            assert!(text.contains(words), "{words} is not in {to}: {text}");
        }
    }
}

#[test]
fn headers_and_footers_of_rtf_are_in_texts_and_said_where_they_are_not() {
    let desk = Desk::new();
    desk.put("a.rtf", RTF.replace('\n', ""));

    let (report, text) = desk.converted("a.rtf", Format::Txt);
    let text = String::from_utf8(text).unwrap();
    assert!(text.starts_with("Harbour office\n") && text.ends_with("Page 1\n"), "{text}");
    assert!(!report.degraded, "{report:?}");
    for to in [Format::Pdf, Format::Docx, Format::Epub] {
        let report = desk.convert("a.rtf", to).unwrap();
        assert_eq!(report.lost, ["headers and footers are left out (4 words)"], "{to}");
    }
}

/// A Word document with two headers of which one is shown, and a footer that counts the pages.
fn with_margins(body: &str) -> Vec<u8> {
    let part = |root: &str, inner: &str| {
        format!(
            "<w:{root} xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'>{inner}</w:{root}>"
        )
    };
    let relation = |id: &str, kind: &str| {
        format!(
            "<Relationship Id='{id}' Target='{id}.xml' \
            Type='http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}'/>"
        )
    };
    let relations = format!(
        "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>{}{}{}</Relationships>",
        relation("top", "header"),
        relation("first", "header"),
        relation("bottom", "footer")
    );
    let section = "<w:sectPr xmlns:r='http://schemas.openxmlformats.org/officeDocument/2006/relationships'>\
        <w:headerReference w:type='default' r:id='top'/><w:headerReference w:type='first' r:id='first'/>\
        <w:footerReference w:type='default' r:id='bottom'/><w:pgSz w:w='11906' w:h='16838'/></w:sectPr>";
    let counted = "<w:p><w:r><w:t>Sheet </w:t></w:r><w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r><w:instrText> PAGE \
        </w:instrText></w:r><w:r><w:fldChar w:fldCharType='separate'/></w:r><w:r><w:t>77</w:t></w:r>\
        <w:r><w:fldChar w:fldCharType='end'/></w:r></w:p>";
    let typed = |name: &str, kind: &str| {
        format!(
            "<Override PartName='/word/{name}.xml' \
            ContentType='application/vnd.openxmlformats-officedocument.wordprocessingml.{kind}+xml'/>"
        )
    };
    let document = docx(&format!("{body}{section}"));
    let mut parts = parts_of(&document);
    for (name, part) in &mut parts {
        if name == "[Content_Types].xml" {
            let types = typed("top", "header") + &typed("first", "header") + &typed("bottom", "footer");
            let known = String::from_utf8(std::mem::take(part)).unwrap();
            *part = known.replace("</Types>", &format!("{types}</Types>")).into_bytes();
        }
    }
    parts.push(("word/_rels/document.xml.rels".into(), relations.into_bytes()));
    parts.push(("word/top.xml".into(), part("hdr", &paragraph("Harbour office")).into_bytes()));
    parts.push(("word/first.xml".into(), part("hdr", &paragraph("never shown")).into_bytes()));
    parts.push(("word/bottom.xml".into(), part("ftr", counted).into_bytes()));
    packed(&parts)
}

fn parts_of(container: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(container)).unwrap();
    (0..zip.len())
        .map(|at| {
            let mut part = zip.by_index(at).unwrap();
            let name = part.name().unwrap().into_owned();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut part, &mut bytes).unwrap();
            (name, bytes)
        })
        .collect()
}

fn packed(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let parts: Vec<(&str, &[u8])> =
        parts.iter().map(|(name, part)| (name.as_str(), part.as_slice())).collect();
    zip_of(&parts)
}

#[test]
fn headers_and_footers_of_a_word_document_are_in_every_result_or_said() {
    let desk = Desk::new();
    desk.put("a.docx", with_margins(&paragraph("The plan is agreed.")));

    for to in [Format::Txt, Format::Md, Format::Html] {
        let text = desk.text("a.docx", to);
        let places: Vec<usize> =
            ["Harbour office", "The plan", "Sheet 77"].map(|words| text.find(words).unwrap()).into();
        assert!(places.is_sorted() && !text.contains("never shown"), "{to}: {text}");
        assert!(!desk.convert("a.docx", to).unwrap().degraded, "{to}");
    }
    let (report, pdf) = desk.converted("a.docx", Format::Pdf);
    let text = pdf_text(&pdf);
    assert!(text.contains("Harbour office") && text.contains("Sheet"), "{text}");
    assert_eq!((report.words_in, report.recall), (Some(7), Some(1.0)), "{report:?}");
    let report = desk.convert("a.docx", Format::Epub).unwrap();
    assert_eq!(report.lost, ["headers and footers are left out (4 words)"]);
}

#[test]
fn a_document_that_has_nothing_but_a_header_gives_its_header() {
    let desk = Desk::new();
    desk.put("a.docx", with_margins("<w:p/>"));
    desk.put("b.docx", docx("<w:p/>"));

    assert_eq!(desk.text("a.docx", Format::Txt), "Harbour office\n\nSheet 77\n");
    assert!(!desk.convert("b.docx", Format::Txt).unwrap().degraded);
}

/// A document with macros, as Word and Excel keep them.
fn with_macros(document: &[u8], part: &str) -> Vec<u8> {
    let mut parts = parts_of(document);
    for (name, bytes) in &mut parts {
        let text = String::from_utf8(bytes.clone()).unwrap_or_default();
        if name == "[Content_Types].xml" {
            let main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";
            let macros = "application/vnd.ms-word.document.macroEnabled.main+xml";
            let binary =
                "<Default Extension=\"bin\" ContentType=\"application/vnd.ms-office.vbaProject\"/></Types>";
            *bytes = text.replace(main, macros).replace("</Types>", binary).into_bytes();
        }
    }
    parts.push((part.into(), b"\xd0\xcf\x11\xe0 no real macros".to_vec()));
    packed(&parts)
}

#[test]
fn macros_are_found_by_content_said_and_in_no_result() {
    let desk = Desk::new();
    let word = desk.put("a.docm", with_macros(&letter(), "word/vbaProject.bin"));
    let excel = desk.put("a.xlsm", with_macros(&xlsx(), "xl/vbaProject.bin"));
    assert_eq!(sniff(&word, "upload", None), Ok(Format::Docm));
    assert_eq!(sniff(&excel, "upload", None), Ok(Format::Xlsm));

    for (name, to) in [("a.docm", Format::Pdf), ("a.docm", Format::Txt), ("a.xlsm", Format::Pdf)] {
        let report = desk.convert(name, to).unwrap();
        assert!(report.warnings.iter().any(|said| said.contains("macros were not run")), "{to}: {report:?}");
    }
    let (report, plain) = desk.converted("a.docm", Format::Docx);
    assert_eq!((report.recall, report.degraded), (Some(1.0), false), "{report:?}");
    let plain_at = desk.put("plain.docx", &plain);
    assert_eq!(sniff(&plain_at, "upload", None), Ok(Format::Docx));
    let types = parts_of(&plain).into_iter().find(|(name, _)| name == "[Content_Types].xml").unwrap().1;
    assert!(!String::from_utf8(types).unwrap().contains("macroEnabled"));
    assert!(
        !desk.convert("plain.docx", Format::Txt).unwrap().warnings.iter().any(|said| said.contains("macros"))
    );
}

#[test]
fn open_document_files_with_a_password_are_refused_by_name() {
    let desk = Desk::new();
    let manifest = b"<manifest:manifest><manifest:file-entry manifest:full-path='content.xml'>\
        <manifest:encryption-data/></manifest:file-entry></manifest:manifest>";
    for (name, kind) in [("a.odt", "text"), ("a.ods", "spreadsheet")] {
        let mime = format!("application/vnd.oasis.opendocument.{kind}");
        let path = desk.put(
            name,
            zip_of(&[
                ("mimetype", mime.as_bytes()),
                ("content.xml", b"\x01\x02 nobody reads this"),
                ("META-INF/manifest.xml", manifest),
            ]),
        );
        assert_eq!(sniff(&path, name, None), Err(Error::Encrypted));
        let mut request = desk.request(name, Format::Pdf);
        assert_eq!(convert_here(&request, &mut |_| ()).unwrap_err(), Error::Encrypted, "{name}");
        request.options.password = Some("secret".into());
        let error = convert_here(&request, &mut |_| ()).unwrap_err();
        assert!(
            matches!(&error, Error::Unsupported { hint, .. } if hint.contains("without a password")),
            "{error}"
        );
    }
}

#[test]
fn a_text_in_word_and_markdown_is_the_same_text() {
    let desk = Desk::new();
    desk.put("a.txt", "First line\nsecond line\n\n# no heading * no list\n");
    desk.put("a.odt", crate::files::odt("The plan for the harbour is agreed."));

    let (report, markdown) = desk.converted("a.txt", Format::Md);
    assert_eq!(report.recall, Some(1.0), "{report:?}");
    desk.put("back.md", markdown);
    assert!(desk.text("back.md", Format::Txt).contains("# no heading * no list"));

    let (report, document) = desk.converted("a.odt", Format::Docx);
    assert_eq!((report.recall, report.degraded), (Some(1.0), false), "{report:?}");
    desk.put("b.docx", document);
    assert!(desk.text("b.docx", Format::Txt).contains("The plan for the harbour is agreed."));
}
