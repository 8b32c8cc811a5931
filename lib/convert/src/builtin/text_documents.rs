//! Word, OpenDocument, RTF, HTML and Markdown documents through rdocx: to PDF, HTML, Markdown, text and Word.

use std::fs;
use std::io::{Cursor, Read, Seek};

use oxml_layout::LayoutResult;
use rdocx::{Document, Length};

use crate::container::Container;
use crate::verify::Words;
use crate::{Error, Format, Request};

use super::epub::{self, Pictures};
use super::html_text::text_of_html;
use super::margins::{self, Margins};
use super::unlocked::{self, PACKAGE_LIMITS};
use super::{
    Output, Ticker, canvas, fonts, html_hidden, macros, markdown, rtf, source_words, text_file, undrawn,
    word_rewriter,
};

/// A document in memory, with what its words are and what reading it had to leave out.
struct Opened {
    document: Document,
    words: Words,
    margins: Margins,
    /// How many different pictures it shows, where that was counted.
    pictures: usize,
    warnings: Vec<String>,
    lost: Vec<String>,
}

impl Opened {
    /// One that has nothing but its words.
    fn of(document: Document, words: Words, warnings: Vec<String>) -> Opened {
        Opened { document, words, margins: Margins::default(), pictures: 0, warnings, lost: Vec::new() }
    }
}

pub(super) fn convert(req: &Request, ticker: &mut Ticker<'_>) -> Result<Output, Error> {
    if (req.from, req.to) == (Format::Docm, Format::Docx) {
        return without_macros(req, ticker);
    }
    let Opened { mut document, mut words, margins, pictures, warnings, mut lost } = open(req)?;
    if matches!(req.from, Format::Md | Format::Html | Format::Epub) {
        // They have no pages of their own, and the importer thinks of American ones.
        let (width, height) = req.options.paper.points();
        document.set_page_size(Length::pt(width), Length::pt(height));
    }
    match req.to {
        Format::Html | Format::Md | Format::Txt => words.append(&margins.words()),
        // Word's are drawn, which is seen to; the importers of other formats pass over theirs.
        Format::Pdf if matches!(req.from, Format::Docx | Format::Docm) => words.append(&margins.steady),
        _ => lost.extend(margins.left_out()),
    }
    ticker.converting();
    let around = |text: String| margins.around(text, req.to);
    let mut output = match req.to {
        Format::Pdf => to_pdf(&document)?,
        Format::Html => of_text(around(document.to_html()), text_of_html),
        Format::Md => of_text(around(markdown_of(&document)), |text| text_of_html(&markdown::body(text))),
        Format::Txt => of_text(around(text_of_html(&document.to_html())), str::to_owned),
        Format::Epub => to_epub(&document)?,
        _ => to_docx(&mut document)?,
    };
    if req.to == Format::Pdf {
        output.lost.extend(undrawn::pictures(pictures, &output.bytes));
    } else if pictures > 0 && words.total() == 0 {
        output.lost.push(format!(
            "pictures are all that the document has, and no word is in the result ({pictures})"
        ));
    }
    output.source = Some(words);
    output.warnings.splice(0..0, warnings);
    output.lost.extend(lost);
    Ok(output)
}

/// A Word document whose macros are cut out, and which is the same otherwise.
fn without_macros(req: &Request, ticker: &mut Ticker<'_>) -> Result<Output, Error> {
    let mut container = Container::of(unlocked::read(req)?)?;
    let source = source_words::of_docx(&mut container)?;
    ticker.converting();
    let bytes = macros::cut_out(&mut container)?;
    let result = source_words::of_docx(&mut Container::of(Cursor::new(&bytes))?)?;
    Ok(Output {
        bytes,
        source: Some(source),
        result: Some(result),
        warnings: macros::said(&container).into_iter().collect(),
        ..Output::default()
    })
}

/// Rows of tables that stood in a cell become lines of it.
fn markdown_of(document: &Document) -> String {
    let end = word_rewriter::ROW_END;
    let (several, last, first) = (format!("{end} {end}"), format!(" {end} |"), format!("| {end} "));
    let mut text = document.to_markdown();
    while text.contains(&several) {
        text = text.replace(&several, &end.to_string());
    }
    text.replace(&last, " |").replace(&first, "| ").replace(&format!(" {end} "), "<br>").replace(end, "")
}

fn of_text(text: String, readable: impl Fn(&str) -> String) -> Output {
    Output { result: Some(Words::of(&readable(&text))), bytes: text.into_bytes(), ..Output::default() }
}

/// What is in the book is read back from it.
fn to_epub(document: &Document) -> Result<Output, Error> {
    let written = document.to_epub_bytes().map_err(problem)?;
    let words = source_words::of_epub(&mut Container::of(Cursor::new(&written.bytes))?)?;
    Ok(Output {
        warnings: summary("EPUB", written.diagnostics.iter().map(|found| &found.message)),
        bytes: written.bytes,
        result: Some(words),
        ..Output::default()
    })
}

/// What is in the document is read back from its bytes.
fn to_docx(document: &mut Document) -> Result<Output, Error> {
    let bytes = document.to_bytes().map_err(problem)?;
    let result = source_words::of_docx(&mut Container::of(Cursor::new(&bytes))?)?;
    Ok(Output { bytes, result: Some(result), ..Output::default() })
}

/// Lays out with the bundled fonts, so that the same document gives the same bytes on every machine; only for
/// characters that none of them has, fonts of this machine are added.
fn to_pdf(document: &Document) -> Result<Output, Error> {
    let layout = document.layout_deterministic().map_err(problem)?;
    let missing = canvas::missing_letters(&layout.layout);
    if missing.is_empty() {
        return print(&layout.layout);
    }
    let found = fonts::covering(&missing);
    if found.is_empty() {
        return print(&layout.layout);
    }
    let files: Vec<(&str, &[u8])> =
        found.iter().map(|font| (font.family.as_str(), font.data.as_slice())).collect();
    let layout = document.layout_with_fonts_and_bundled_fallback(&files).map_err(problem)?;
    print(&layout.layout)
}

fn print(layout: &LayoutResult) -> Result<Output, Error> {
    let bytes = oxml_pdf::render_to_pdf_checked(layout)
        .map_err(|error| Error::corrupt(format!("the pages cannot be written as PDF ({error})")))?;
    let mut output = Output {
        bytes,
        pages: u32::try_from(layout.pages.len()).ok(),
        result: Some(canvas::words_of(layout)),
        ..Output::default()
    };
    canvas::say_missing(layout, &mut output);
    for diagnostic in &layout.diagnostics {
        if output.warnings.len() < 20 && !output.warnings.contains(&diagnostic.message) {
            output.warnings.push(diagnostic.message.clone());
        }
    }
    Ok(output)
}

fn open(req: &Request) -> Result<Opened, Error> {
    match req.from {
        Format::Docx | Format::Docm => open_docx(req),
        Format::Odt => open_odt(req),
        Format::Rtf => open_rtf(&fs::read(&req.input)?),
        Format::Md => {
            let file = text_file::read(&req.input)?;
            let words = Words::of(&text_of_html(&markdown::body(&file.text)));
            let read = Document::from_markdown(&file.text).map_err(problem)?;
            let mut warnings = file.warnings;
            warnings.extend(summary("Markdown feature", read.diagnostics.iter().map(|found| &found.message)));
            Ok(Opened::of(read.document, words, warnings))
        }
        Format::Epub => {
            // Markdown would carry the pictures as endless lines of letters.
            let pictures = if req.to == Format::Md { Pictures::Described } else { Pictures::Inside };
            let page = epub::read(&req.input, pictures)?;
            Ok(Opened { lost: page.lost, ..of_html(&page.html, page.words, Vec::new())? })
        }
        Format::Txt => {
            let file = text_file::read(&req.input)?;
            of_html(&paragraphs(&file.text), Words::of(&file.text), file.warnings)
        }
        _ => {
            let file = text_file::read(&req.input)?;
            let html = html_hidden::without_hidden(&file.text);
            of_html(&html, Words::of(&text_of_html(&html)), file.warnings)
        }
    }
}

fn of_html(html: &str, words: Words, mut warnings: Vec<String>) -> Result<Opened, Error> {
    let read = Document::from_html(html).map_err(problem)?;
    warnings.extend(summary("HTML feature", read.diagnostics.iter().map(|found| &found.message)));
    Ok(Opened::of(read.document, words, warnings))
}

/// Plain text as a page: a blank line ends a paragraph, and every line stays one.
fn paragraphs(text: &str) -> String {
    let mut html = String::from("<!DOCTYPE html>\n<html><body>\n");
    for paragraph in text.split("\n\n").map(|paragraph| paragraph.trim_matches('\n')) {
        if !paragraph.trim().is_empty() {
            let lines = markdown::escape(paragraph).replace(['\u{c}', '\t'], " ").replace('\n', "<br>");
            html.push_str(&format!("<p>{lines}</p>\n"));
        }
    }
    html.push_str("</body></html>\n");
    html
}

/// The importer gets fields, notes and text boxes in a way that it can read; the words are those of the file.
fn open_rtf(bytes: &[u8]) -> Result<Opened, Error> {
    let said = rtf::read(bytes);
    let moved = rtf::rewritten(bytes).unwrap_or_else(|| rtf::Rewritten::of(bytes));
    let read = Document::from_rtf_bytes(&moved.bytes).map_err(problem)?;
    let mut warnings = summary("RTF feature", read.diagnostics.iter().map(|found| &found.message));
    let sentences = [
        (moved.links, "links keep their text and lead nowhere"),
        (moved.notes, "notes stand at the end of the document"),
        (moved.boxes, "text boxes stand at the end of the document"),
    ];
    for (count, what) in sentences.into_iter().filter(|(count, _)| *count > 0) {
        warnings.push(format!("{what} ({count})"));
    }
    let (words, margins) = (Words::of(&said.body), margins::of_rtf(&said));
    Ok(Opened { margins, ..Opened::of(read.document, words, warnings) })
}

fn open_docx(req: &Request) -> Result<Opened, Error> {
    let bytes = unlocked::read(req)?;
    let mut container = Container::of(bytes.clone())?;
    let words = source_words::of_docx(&mut container)?;
    let margins = margins::of_docx(&mut container)?;
    let rewritten = legible(&mut container, req.to);
    let bytes: &[u8] = rewritten.as_deref().unwrap_or(bytes.get_ref());
    let document = Document::from_bytes_with_limits(bytes, PACKAGE_LIMITS).map_err(problem)?;
    let pictures = undrawn::pictures_of_docx(&mut container)?;
    let lost = undrawn::of_docx(&container, req.to);
    let warnings = macros::said(&container).into_iter().collect();
    Ok(Opened { document, words, margins, pictures, warnings, lost })
}

/// The document with what the importer passes over; nothing when it is good as it is, or stays a Word document.
fn legible<R: Read + Seek>(container: &mut Container<R>, to: Format) -> Option<Vec<u8>> {
    if matches!(to, Format::Docx | Format::Docm) {
        return None;
    }
    let mut parts = word_rewriter::rewritten(container, to);
    if parts.is_empty() {
        return None;
    }
    let other = |name: &str, part: Vec<u8>| match parts.iter_mut().find(|(changed, _)| changed == name) {
        Some((_, changed)) => std::mem::take(changed),
        None => part,
    };
    container.packed(other).ok()
}

fn open_odt(req: &Request) -> Result<Opened, Error> {
    let mut container = Container::open(&req.input)?;
    unlocked::refuse_open_document(&mut container, req)?;
    let words = source_words::of_open_document(&req.input)?;
    let pictures = undrawn::pictures_of_open_document(&mut container)?;
    let margins = margins::of_open_document(&mut container)?;
    let (bytes, unlinked) = repacked(&mut container)?;
    let read = Document::from_odt_bytes_with_limits(&bytes, PACKAGE_LIMITS).map_err(problem)?;
    let warnings = summary("OpenDocument feature", read.diagnostics.iter().map(|found| &found.message));
    let lost =
        (unlinked > 0).then(|| format!("{unlinked} linked pictures were not fetched")).into_iter().collect();
    Ok(Opened { document: read.document, words, margins, pictures, warnings, lost })
}

/// The importer refuses folder entries, which LibreOffice writes into every document, and pictures that are linked
/// instead of contained, which nobody here would fetch. Returns the document without them, and how many were linked.
fn repacked(container: &mut Container) -> Result<(Vec<u8>, usize), Error> {
    let mut unlinked = 0;
    let bytes = container.packed(|name, part| {
        if name != "content.xml" {
            return part;
        }
        let (content, count) = without_linked_pictures(&String::from_utf8_lossy(&part));
        unlinked = count;
        content.into_bytes()
    })?;
    Ok((bytes, unlinked))
}

/// Cuts `draw:image` elements whose target is outside the container.
fn without_linked_pictures(xml: &str) -> (String, usize) {
    let mut out = String::with_capacity(xml.len());
    let mut rest = xml;
    let mut count = 0;
    while let Some(at) = rest.find("<draw:image") {
        let (before, element) = rest.split_at(at);
        out.push_str(before);
        let tag = element.find('>').map_or(element, |end| &element[..=end]);
        let target = tag.split("xlink:href=\"").nth(1).unwrap_or_default();
        let linked =
            ["http:", "https:", "ftp:", "file:", "../", "/"].iter().any(|start| target.starts_with(start));
        let whole = match element.find("</draw:image>") {
            Some(end) if !tag.ends_with("/>") => &element[..end + "</draw:image>".len()],
            _ => tag,
        };
        if linked {
            count += 1;
        } else {
            out.push_str(whole);
        }
        rest = &element[whole.len()..];
    }
    out.push_str(rest);
    (out, count)
}

/// "3 × no support for x", each different message once, at most ten.
fn summary<'a>(what: &str, messages: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut counted: Vec<(&String, usize)> = Vec::new();
    for message in messages {
        if let Some((_, count)) = counted.iter_mut().find(|(known, _)| *known == message) {
            *count += 1;
        } else if counted.len() < 10 {
            counted.push((message, 1));
        }
    }
    counted.iter().map(|(message, count)| format!("{what} left out: {message} (×{count})")).collect()
}

fn problem(error: rdocx::Error) -> Error {
    let detail = error.to_string();
    let lower = detail.to_lowercase();
    if let (rdocx::Error::Rtf { .. }, true) = (&error, lower.contains("nested")) {
        // Word opens it: the gap is in our importer, not in the document.
        return Error::Unsupported {
            from: "RTF with tables inside tables".into(),
            to: "anything".into(),
            hint: "save it as docx and convert that".into(),
        };
    }
    if lower.contains("encrypt") {
        Error::Encrypted
    } else if lower.contains("limit") {
        Error::limit(detail)
    } else {
        Error::corrupt(detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_linked_pictures_are_cut() {
        let xml = "<a/><draw:image xlink:href=\"http://x/y.png\"><text:p/></draw:image><b/>\
                   <draw:image xlink:href=\"Pictures/1.png\"/><c/><draw:image xlink:href=\"../up.png\"/>";
        let (kept, count) = without_linked_pictures(xml);
        assert_eq!((kept.as_str(), count), ("<a/><b/><draw:image xlink:href=\"Pictures/1.png\"/><c/>", 2));
    }
}
