//! Text documents: pages, words, what is said about loss.

use mshub_convert::{Error, Format, Options, Paper, Request, Stage, convert_here};

use crate::files::{Desk, docx, letter, paragraph, pdf_text};

#[test]
fn a_letter_keeps_all_its_words_on_two_pages() {
    let desk = Desk::new();
    desk.put("letter.docx", letter());

    let (report, pdf) = desk.converted("letter.docx", Format::Pdf);

    assert_eq!(report.pages, Some(2));
    assert_eq!(report.recall, Some(1.0));
    assert!(!report.degraded, "{report:?}");
    let text = pdf_text(&pdf);
    assert!(text.contains("Point 12."), "{text}");
}

/// Width and height of the first page in whole points.
fn page_size(pdf: &[u8]) -> (i64, i64) {
    let document = pdf_extract::Document::load_mem(pdf).unwrap();
    let page = document.get_dictionary(document.get_pages()[&1]).unwrap();
    let corners = page.get(b"MediaBox").unwrap().as_array().unwrap();
    let side = |at: usize| corners[at].as_float().unwrap().round() as i64;
    (side(2) - side(0), side(3) - side(1))
}

#[test]
fn what_has_no_pages_of_its_own_gets_a4_unless_somebody_wants_letter() {
    let desk = Desk::new();
    for name in ["a.md", "a.html", "a.txt"] {
        desk.put(name, "<p>Some words</p>");
        let usual = desk.converted(name, Format::Pdf).1;
        let mut request = desk.request(name, Format::Pdf);
        request.options.paper = Paper::Letter;
        convert_here(&request, &mut |_| ()).unwrap();

        assert_eq!(page_size(&usual), (595, 842), "{name}");
        assert_eq!(page_size(&std::fs::read(&request.output).unwrap()), (612, 792), "{name}");
    }
}

#[test]
fn a_document_without_a_font_for_its_letters_says_so() {
    let desk = Desk::new();
    // A letter for private use, which no font of any machine has by default.
    desk.put("signs.docx", docx(&paragraph("signs\u{f8fe}")));
    desk.put("signs.csv", "signs\u{f8fe}\n");
    desk.put("plain.docx", docx(&paragraph("signs")));

    for name in ["signs.docx", "signs.csv"] {
        let report = desk.convert(name, Format::Pdf).unwrap();
        assert!(report.degraded && report.lost[0].contains("empty boxes"), "{report:?}");
        assert!(report.missing_glyphs.is_some_and(|share| (0.05..0.3).contains(&share)), "{report:?}");
    }
    assert_eq!(desk.convert("plain.docx", Format::Pdf).unwrap().missing_glyphs, Some(0.0));
}

#[test]
fn strict_refuses_what_otherwise_is_degraded() {
    let desk = Desk::new();
    // Text in a drawing of the old kind, far below the paper.
    let off_page = r##"<w:p><w:r><w:pict xmlns:v="urn:schemas-microsoft-com:vml">
        <v:shape style="position:absolute;margin-left:0;margin-top:5000pt;width:100pt;height:50pt"><v:textbox>
        <w:txbxContent><w:p><w:r><w:t>lost words under the table</w:t></w:r></w:p></w:txbxContent>
        </v:textbox></v:shape></w:pict></w:r></w:p>"##;
    desk.put("deep.docx", docx(&format!("{}{off_page}", paragraph("one two"))));
    let report = desk.convert("deep.docx", Format::Pdf).unwrap();
    assert!(report.degraded, "{report:?}");
    assert!(report.lost[0].contains("words of the source are missing"), "{report:?}");

    let mut request = desk.request("deep.docx", Format::Pdf);
    request.strict = true;
    request.output = desk.path("strict.pdf");

    assert!(
        matches!(convert_here(&request, &mut |_| ()), Err(Error::LowFidelity { recall, lost }) if recall < 0.97 && lost == report.lost)
    );
    assert!(!request.output.exists());
}

#[test]
fn markdown_becomes_a_page_with_its_structure() {
    let desk = Desk::new();
    desk.put("notes.md", "# Tea & Time\n\n1. one\n2. two\n\n> quote\n\n```rust\nlet a = 1 < 2;\n```\n\n~~old~~ [link](https://example.org)\n");

    let html = desk.text("notes.md", Format::Html);

    assert!(html.contains("<title>Tea &amp; Time</title>"), "{html}");
    assert!(html.contains("<li>one</li>") && html.contains("<blockquote>"), "{html}");
    assert!(html.contains("1 &lt; 2") && html.contains("<del>old</del>"), "{html}");
    assert!(html.contains("default-src 'none'"), "{html}");
    let (report, pdf) = desk.converted("notes.md", Format::Pdf);
    assert_eq!(report.recall, Some(1.0), "{report:?}");
    assert!(pdf_text(&pdf).contains("quote"));
}

#[test]
fn a_word_document_becomes_text_markdown_and_html() {
    let desk = Desk::new();
    desk.put("a.docx", docx(&(paragraph("First &amp; foremost") + &paragraph("Second"))));

    assert_eq!(desk.text("a.docx", Format::Txt).trim().lines().filter(|line| !line.is_empty()).count(), 2);
    assert!(desk.text("a.docx", Format::Md).contains("Second"));
    assert!(desk.text("a.docx", Format::Html).contains("First &amp; foremost"));
}

#[test]
fn check_boxes_and_tables_in_tables_reach_every_result() {
    let desk = Desk::new();
    let tick = |on: u8| {
        format!(
            "<w:p><w:r><w:fldChar w:fldCharType='begin'><w:ffData><w:checkBox><w:default w:val='{on}'/></w:checkBox>\
            </w:ffData></w:fldChar></w:r><w:r><w:instrText> FORMCHECKBOX </w:instrText></w:r>\
            <w:r><w:fldChar w:fldCharType='separate'/></w:r><w:r><w:fldChar w:fldCharType='end'/></w:r>\
            <w:r><w:t>choice {on}</w:t></w:r></w:p>"
        )
    };
    let control = "<w:p><w:sdt><w:sdtPr><w14:checkbox \
        xmlns:w14='http://schemas.microsoft.com/office/word/2010/wordml'><w14:checked w14:val='1'/></w14:checkbox>\
        </w:sdtPr><w:sdtContent><w:r><w:t>☒</w:t></w:r></w:sdtContent></w:sdt><w:r><w:t> agreed</w:t></w:r></w:p>";
    let table = |cells: &str| format!("<w:tbl><w:tblPr/><w:tblGrid/><w:tr>{cells}</w:tr></w:tbl>");
    let cell = |content: &str| format!("<w:tc>{content}</w:tc>");
    let inner = table(&(cell(&paragraph("inner left")) + &cell(&paragraph("inner right"))));
    let outer = table(&(cell(&(inner + &paragraph("below"))) + &cell(&paragraph("beside"))));
    desk.put("a.docx", docx(&(tick(0) + &tick(1) + control + &outer)));

    for to in [Format::Md, Format::Txt, Format::Html] {
        let (report, bytes) = desk.converted("a.docx", to);
        let text = String::from_utf8(bytes).unwrap();
        assert!(!report.degraded, "{to}: {report:?}");
        for wanted in ["☐choice 0", "☒choice 1", "☒ agreed"] {
            assert!(text.contains(wanted), "{to}: {text}");
        }
    }
    let text = desk.text("a.docx", Format::Md);
    assert!(text.contains("| inner left inner right<br>below | beside |"), "{text}");
    // A machine without a font for them says so, and asks somebody else.
    let (report, pdf) = desk.converted("a.docx", Format::Pdf);
    let text = pdf_text(&pdf);
    assert!(report.degraded || text.contains('☐') && text.contains('☒'), "{text}");
}

#[test]
fn what_is_hidden_does_not_come_out() {
    let desk = Desk::new();
    let hidden = "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r></w:p>";
    desk.put("a.docx", docx(&(paragraph("seen") + hidden)));
    desk.put("b.html", "<p>seen</p><p hidden>secret</p><div style='display:none'><p>secret</p></div>");

    for name in ["a.docx", "b.html"] {
        for to in [Format::Md, Format::Txt, Format::Pdf] {
            let (report, bytes) = desk.converted(name, to);
            let text = if to == Format::Pdf { pdf_text(&bytes) } else { String::from_utf8(bytes).unwrap() };
            assert!(text.contains("seen") && !text.contains("secret"), "{name} to {to}: {text}");
            assert!(!report.degraded, "{name} to {to}: {report:?}");
        }
    }
}

#[test]
fn marks_that_readers_of_markdown_take_differently_are_no_loss() {
    let desk = Desk::new();
    desk.put("a.md", "Water is H~2~O, and nothing else.\n");

    assert!(!desk.convert("a.md", Format::Pdf).unwrap().degraded);
}

#[test]
fn pictures_that_no_page_shows_are_said() {
    let desk = Desk::new();
    let place = |relation: &str| {
        format!(
            "<w:p><w:r><w:pict xmlns:v='urn:schemas-microsoft-com:vml' \
            xmlns:r='http://schemas.openxmlformats.org/officeDocument/2006/relationships'>\
            <v:shape style='width:100pt;height:50pt'><v:imagedata r:id='{relation}'/></v:shape></w:pict></w:r></w:p>"
        )
    };
    desk.put("a.docx", docx(&(paragraph("a boat") + &place("rId7") + &place("rId8"))));

    let report = desk.convert("a.docx", Format::Pdf).unwrap();

    assert!(
        report.degraded && report.lost[0].contains("pictures of the document are not drawn (2 of 2)"),
        "{report:?}"
    );
}

#[test]
fn plain_text_of_any_encoding_gets_pages() {
    let desk = Desk::new();
    let lines: String = (1..=130).map(|number| format!("line {number}\tGrüße\n")).collect();
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(lines.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    desk.put("utf16.txt", utf16);
    desk.put("latin.txt", b"Gr\xfc\xdfe aus K\xf6ln");

    let (report, pdf) = desk.converted("utf16.txt", Format::Pdf);
    assert_eq!((report.pages, report.recall), (Some(3), Some(1.0)));
    assert!(pdf_text(&pdf).contains("Grüße"));

    let (report, pdf) = desk.converted("latin.txt", Format::Pdf);
    assert!(pdf_text(&pdf).contains("Köln"));
    assert!(report.warnings[0].contains("windows-1252"), "{report:?}");
}

#[test]
fn a_pdf_gives_its_text_back() {
    let desk = Desk::new();
    desk.put("a.txt", "The plan is agreed.\n");
    let (_, pdf) = desk.converted("a.txt", Format::Pdf);
    desk.put("b.pdf", pdf);

    assert!(desk.text("b.pdf", Format::Txt).contains("The plan is agreed."));
}

#[test]
fn progress_names_the_stages_in_order_and_counts_rows_of_text() {
    let desk = Desk::new();
    desk.put("long.txt", "word\n".repeat(400));

    let steps = desk.steps("long.txt", Format::Pdf);

    let mut stages: Vec<Stage> = steps.iter().map(|step| step.stage).collect();
    stages.dedup();
    assert_eq!(stages, [Stage::Opening, Stage::Converting, Stage::Verifying, Stage::Writing]);
    let counted: Vec<u8> =
        steps.iter().filter(|step| step.stage == Stage::Converting).filter_map(|step| step.percent).collect();
    assert!(counted.is_sorted() && counted.last() == Some(&100), "{counted:?}");
    assert!(counted.len() <= 101);
}

#[test]
fn a_failed_conversion_leaves_nothing_behind() {
    let desk = Desk::new();
    desk.put("a.docx", docx("<w:p><w:oops"));

    let error = desk.convert("a.docx", Format::Pdf).unwrap_err();

    assert_eq!(error.code(), "corrupt");
    assert_eq!(desk.names(), ["a.docx"]);
}

#[test]
fn a_request_travels_as_json_and_absent_wishes_have_defaults() {
    let json = r#"{"input":"/a","output":"/b","from":"docx","to":"pdf"}"#;
    let request: Request = serde_json::from_str(json).unwrap();
    assert_eq!(request, Request::new("/a", Format::Docx, "/b", Format::Pdf));
    assert_eq!(request.options, Options::default());
}
