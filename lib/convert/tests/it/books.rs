//! Books and slides: chapters in order, structure, what is left out.

use mshub_convert::{Format, convert_here, sniff};

use crate::files::{Desk, docx, epub, paragraph, pdf_text, sample, zip_of};

#[test]
fn a_book_is_read_in_its_order_and_does_nothing() {
    let desk = Desk::new();
    desk.put("a.epub", epub());

    let html = desk.text("a.epub", Format::Html);
    assert!(html.contains("<title>Harbour &amp; Sea</title>"), "{html}");
    assert!(html.contains("café at the <em>harbour</em>"), "{html}");
    assert!(html.contains("<img alt=\"boats\" src=\"data:image/png;base64,"), "{html}");
    assert!(html.contains("href=\"#c1-end\"") && html.contains("id=\"c1-end\""), "{html}");
    assert!(!html.contains("alert") && !html.contains("onclick"), "{html}");

    let text = desk.text("a.epub", Format::Txt);
    assert!(text.find("First").unwrap() < text.find("Second").unwrap() && text.contains("- ropes"), "{text}");
    assert!(desk.text("a.epub", Format::Md).contains("# Second"));
    let (report, pdf) = desk.converted("a.epub", Format::Pdf);
    assert_eq!((report.recall, report.degraded), (Some(1.0), false), "{report:?}");
    assert!(pdf_text(&pdf).contains("agreed"));
}

#[test]
fn documents_become_books_that_are_read_again() {
    let desk = Desk::new();
    desk.put("a.md", "# Tea & Time\n\nThe *plan*.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n");
    desk.put("b.docx", docx(&(paragraph("The harbour") + &paragraph("is full."))));
    for name in ["a.md", "b.docx"] {
        let (report, book) = desk.converted(name, Format::Epub);
        assert_eq!((report.recall, report.degraded), (Some(1.0), false), "{report:?}");
        let path = desk.put("c.epub", &book);
        assert_eq!(sniff(&path, "c.epub", None), Ok(Format::Epub));
        assert!(book[30..].starts_with(b"mimetypeapplication/epub+zip"), "a book begins with what it is");
    }
    assert!(desk.text("c.epub", Format::Txt).contains("is full."));
}

#[test]
fn a_locked_or_broken_book_says_so() {
    let desk = Desk::new();
    let locked = br#"<encryption><EncryptedData><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/>
        </EncryptedData></encryption>"#;
    desk.put(
        "locked.epub",
        zip_of(&[("mimetype", b"application/epub+zip"), ("META-INF/encryption.xml", locked)]),
    );
    desk.put("empty.epub", zip_of(&[("mimetype", b"application/epub+zip")]));

    let error = desk.convert("locked.epub", Format::Txt).unwrap_err();
    assert!(error.code() == "unsupported" && error.to_string().contains("DRM"), "{error}");
    assert_eq!(desk.convert("empty.epub", Format::Txt).unwrap_err().code(), "corrupt");
}

/// The same document, locked with the password `secret` as Office does since 2010.
fn locked(document: Vec<u8>) -> Vec<u8> {
    let package = oxml_opc::OpcPackage::from_reader(std::io::Cursor::new(document)).unwrap();
    let mut bytes = Vec::new();
    package.write_encrypted_to(&mut bytes, "secret").unwrap();
    bytes
}

#[test]
fn locked_workbooks_and_slides_open_with_their_password_only() {
    let desk = Desk::new();
    desk.put("a.xlsx", locked(sample(Format::Xlsx).unwrap()));
    desk.put("a.pptx", locked(sample(Format::Pptx).unwrap()));
    for (name, to) in [("a.xlsx", Format::Csv), ("a.xlsx", Format::Pdf), ("a.pptx", Format::Txt)] {
        let mut request = desk.request(name, to);
        assert_eq!(convert_here(&request, &mut |_| ()).unwrap_err().code(), "encrypted", "{name}");
        request.options.password = Some("other".into());
        assert_eq!(convert_here(&request, &mut |_| ()).unwrap_err().code(), "wrong_password", "{name}");
        request.options.password = Some("secret".into());
        let report = convert_here(&request, &mut |_| ()).unwrap();
        assert_eq!(report.recall, Some(1.0), "{name}: {report:?}");
    }
}

/// A presentation of two shown slides and a hidden one, out of the order of their files.
fn slides() -> Vec<u8> {
    let slide = |show: &str, title: &str, rest: &str| {
        format!(
            "<p:sld xmlns:p='p' xmlns:a='a' xmlns:r='r' xmlns:c='c'{show}><p:sp><p:nvPr><p:ph type='title'/></p:nvPr>\
            <a:p><a:r><a:t>{title}</a:t></a:r></a:p></p:sp>{rest}</p:sld>"
        )
    };
    let list = "<p:sp><p:nvPr><p:ph idx='1'/></p:nvPr><a:p><a:r><a:t>boats</a:t></a:r></a:p>\
        <a:p><a:pPr lvl='1'/><a:r><a:t>nets &amp; ropes</a:t></a:r></a:p></p:sp>\
        <p:pic><p:cNvPr id='4' descr='a boat'/><a:blip r:embed='rId2'/></p:pic><c:chart r:id='rId9'/>";
    let table = "<a:tbl><a:tr><a:tc><a:p><a:r><a:t>tea</a:t></a:r></a:p></a:tc><a:tc><a:p><a:r><a:t>12</a:t></a:r>\
        </a:p></a:tc></a:tr></a:tbl>";
    let relation = |id: &str, kind: &str, target: &str| {
        format!("<Relationship Id='{id}' Type='http://x/relationships/{kind}' Target='{target}'/>")
    };
    let relations = |inner: String| format!("<Relationships>{inner}</Relationships>").into_bytes();
    let picture = crate::files::encoded(image::ImageFormat::Png);
    zip_of(&[
        (
            "ppt/presentation.xml",
            b"<p:presentation xmlns:p='p' xmlns:r='r'><p:sldIdLst><p:sldId r:id='rId2' id='256'/>\
            <p:sldId id='257' r:id='rId3'/><p:sldId id='258' r:id='rId1'/></p:sldIdLst></p:presentation>",
        ),
        (
            "ppt/_rels/presentation.xml.rels",
            &relations(
                relation("rId1", "slide", "slides/slide1.xml")
                    + &relation("rId2", "slide", "/ppt/slides/slide2.xml")
                    + &relation("rId3", "slide", "slides/slide3.xml"),
            ),
        ),
        ("ppt/slides/slide1.xml", slide("", "Second", table).as_bytes()),
        ("ppt/slides/slide2.xml", slide("", "First", list).as_bytes()),
        ("ppt/slides/slide3.xml", slide(" show='0'", "Secret", "").as_bytes()),
        (
            "ppt/slides/_rels/slide2.xml.rels",
            &relations(
                relation("rId1", "notesSlide", "../notesSlides/notesSlide1.xml")
                    + &relation("rId2", "image", "../media/image1.png"),
            ),
        ),
        (
            "ppt/notesSlides/notesSlide1.xml",
            b"<p:notes xmlns:p='p' xmlns:a='a'><p:sp><p:nvPr><p:ph type='body'/></p:nvPr><a:p><a:r><a:t>say this</a:t>\
            </a:r></a:p></p:sp></p:notes>",
        ),
        ("ppt/media/image1.png", &picture),
    ])
}

#[test]
fn slides_become_an_outline_with_notes() {
    let desk = Desk::new();
    desk.put("a.pptx", slides());

    let (report, text) = desk.converted("a.pptx", Format::Txt);
    let text = String::from_utf8(text).unwrap();
    let places: Vec<usize> = ["First", "- boats", "nets & ropes", "say this", "Second", "tea\t12"]
        .map(|part| text.find(part).unwrap())
        .into();
    assert!(places.is_sorted() && !text.contains("Secret"), "{text}");
    assert!(report.warnings[0].contains("hidden"), "{report:?}");
    assert!(report.degraded && report.lost[0].contains("charts"), "{report:?}");
    assert_eq!(report.recall, Some(1.0));

    let markdown = desk.text("a.pptx", Format::Md);
    assert!(markdown.contains("## First\n\n- boats\n  - nets \\& ropes\n"), "{markdown}");
    assert!(markdown.contains("> Notes: say this\n") && markdown.contains("| tea | 12 |"), "{markdown}");
    let html = desk.text("a.pptx", Format::Html);
    assert!(html.contains("<img alt=\"a boat\" src=\"data:image/png;base64,"), "{html}");
}
