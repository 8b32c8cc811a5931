//! The words of a document read from its own bytes, without asking the engine that will convert it or has made it.

use std::fs;
use std::io::{Read, Seek};
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::container::Container;
use crate::verify::Words;
use crate::{Error, Format, Request};

use super::dates::DateTime;
use super::html_hidden::without_hidden;
use super::html_text::{entity, text_of_html};
use super::parts::{attributes, elements};
use super::workbook::Value;
use super::{epub, markdown, rtf, text_file, workbook};

/// Words that a reader of this file sees; `None` where nothing here reads the format without converting it.
pub(crate) fn of_file(path: &Path, format: Format) -> Result<Option<Words>, Error> {
    use Format::*;
    let words = match format {
        Docx | Docm => of_docx(&mut Container::open(path)?)?,
        Odt | Odp => of_open_document(path)?,
        Pptx => of_pptx(&mut Container::open(path)?)?,
        Epub => of_epub(&mut Container::open(path)?)?,
        Rtf => Words::of(&rtf::read(&fs::read(path)?).body),
        Txt => Words::of(&text_file::read(path)?.text),
        Md => Words::of(&text_of_html(&markdown::body(&text_file::read(path)?.text))),
        Html => Words::of(&text_of_html(&without_hidden(&text_file::read(path)?.text))),
        Xlsx | Xlsm | Xlsb | Xls | Ods | Csv | Tsv => of_sheets(path, format)?,
        _ => return Ok(None),
    };
    Ok(Some(words))
}

/// Values of a table that another program wrote as a table again. Programs agree on those, but neither on how they look
/// nor on their last digits.
pub(crate) fn of_table(path: &Path, format: Format) -> Result<Option<Words>, Error> {
    let book = workbook::read(&Request::new(path, format, "", Format::Xlsx))?;
    let mut words = Words::default();
    for cell in book.sheets.iter().flat_map(|sheet| sheet.rows.iter().flatten()) {
        match &cell.value {
            Value::Number(number) => words.add(&rounded(*number)),
            Value::Moment(text) => words.add(&to_the_minute(text)),
            Value::Text(text) | Value::Error(text) => words.add(text),
            Value::Bool(value) => words.add(&value.to_string()),
            Value::Empty => {}
        }
    }
    Ok(Some(words))
}

/// The day of a moment, or the hours and minutes of one without a day: programs cut or round their seconds.
fn to_the_minute(moment: &str) -> String {
    let clock = DateTime::clock(moment).unwrap_or_else(|| moment.to_owned());
    let day = clock.split('T').next().unwrap_or_default();
    day.rsplit_once(':').map_or(day, |(minutes, _)| minutes).trim_start_matches('0').to_owned()
}

/// Twelve digits of a number.
fn rounded(number: f64) -> String {
    let digits = format!("{number:.11e}");
    digits.parse::<f64>().map_or(digits, |rounded| rounded.to_string())
}

/// Words of all visible cells as they are shown.
fn of_sheets(path: &Path, format: Format) -> Result<Words, Error> {
    Ok(workbook::read(&Request::new(path, format, "", Format::Pdf))?.words())
}

/// Words on the slides, without notes and hidden slides.
pub(super) fn of_pptx<R: Read + Seek>(container: &mut Container<R>) -> Result<Words, Error> {
    let mut slides: Vec<String> = container.names();
    slides.retain(|name| name.starts_with("ppt/slides/slide") && name.ends_with(".xml"));
    // In the order of their numbers, which is mostly the order in which they are shown.
    slides.sort_by_key(|name| (name.len(), name.clone()));
    let mut text = String::new();
    for name in slides {
        let Some(xml) = container.read(&name)? else { continue };
        if !is_hidden(&xml) {
            visible_text(&xml, &SLIDE, &mut text)?;
        }
    }
    Ok(Words::of(&text))
}

/// What the shapes of a drawing say, a line each.
pub(super) fn of_shapes(drawing: &[u8]) -> Result<String, Error> {
    let mut text = String::new();
    visible_text(drawing, &SLIDE, &mut text)?;
    Ok(text)
}

/// Whether a slide is not shown (`p:sld`, 19.3.1.38).
pub(super) fn is_hidden(slide: &[u8]) -> bool {
    let root = elements(slide, b"sld").into_iter().next().unwrap_or_default();
    root.get("show").is_some_and(|show| matches!(show.as_str(), "0" | "false"))
}

/// Words a reader of the Word document sees in its body and notes.
///
/// Field codes, deleted and hidden text, and the second copy of a drawing kept for old readers (`mc:Fallback`) are no
/// words. Headers and footers are asked for apart: a document may carry some that no page shows.
pub(super) fn of_docx<R: Read + Seek>(container: &mut Container<R>) -> Result<Words, Error> {
    let mut text = String::new();
    for part in ["word/document.xml", "word/footnotes.xml", "word/endnotes.xml"] {
        if let Some(xml) = container.read(part)? {
            visible_text(&xml, &WORD, &mut text)?;
        }
    }
    Ok(Words::of(&text))
}

/// What a part of a Word document says, a line for each paragraph, with or without what its fields show.
pub(super) fn of_word_part(xml: &[u8], fields: bool) -> Result<String, Error> {
    let mut text = String::new();
    visible_text(xml, if fields { &WORD } else { &STEADY_WORD }, &mut text)?;
    Ok(text)
}

/// Words of an OpenDocument text or presentation, without comments, notes and tracked deletions.
pub(super) fn of_open_document(path: &Path) -> Result<Words, Error> {
    let mut container = Container::open(path)?;
    let mut text = String::new();
    if let Some(xml) = container.read("content.xml")? {
        visible_text(&xml, &OPEN_DOCUMENT, &mut text)?;
    }
    Ok(Words::of(&text))
}

/// Words of the chapters of a book, in order.
pub(super) fn of_epub<R: Read + Seek>(container: &mut Container<R>) -> Result<Words, Error> {
    let mut text = String::new();
    for path in epub::open(container)?.chapters {
        if let Some(xml) = container.read(&path)? {
            visible_text(text_file::decode(&xml).text.as_bytes(), &BOOK, &mut text)?;
            text.push('\n');
        }
    }
    Ok(Words::of(&text))
}

/// Which elements of an XML vocabulary hold text, hide it, or separate words.
struct Vocabulary {
    /// Elements whose direct text counts; empty: all text counts.
    text: &'static [&'static [u8]],
    /// Elements whose whole content is skipped.
    hidden: &'static [&'static [u8]],
    /// Elements that separate words.
    breaks: &'static [&'static [u8]],
    /// Whether the results of fields count (`w:fldChar`).
    fields: bool,
}

const WORD: Vocabulary = Vocabulary {
    text: &[b"t"],
    hidden: &[b"instrText", b"delText", b"del", b"moveFrom", b"Fallback", b"rt"],
    breaks: &[b"p", b"tab", b"br", b"cr", b"tc", b"ptab"],
    fields: true,
};

/// The same without fields: whoever shows a page counts and dates it anew.
const STEADY_WORD: Vocabulary = Vocabulary {
    hidden: &[b"instrText", b"delText", b"del", b"moveFrom", b"Fallback", b"rt", b"fldSimple"],
    fields: false,
    ..WORD
};

const OPEN_DOCUMENT: Vocabulary = Vocabulary {
    text: &[],
    hidden: &[
        b"annotation",
        b"tracked-changes",
        b"forms",
        b"scripts",
        b"automatic-styles",
        b"ruby-text",
        b"notes",
    ],
    breaks: &[b"p", b"h", b"tab", b"line-break", b"s", b"table-cell", b"list-item"],
    fields: true,
};

/// Fields, such as the number of the slide, are counted anew by whoever shows it.
const SLIDE: Vocabulary =
    Vocabulary { text: &[b"t"], hidden: &[b"Fallback", b"fld"], breaks: &[b"p", b"br", b"tc"], fields: true };

const BOOK: Vocabulary = Vocabulary {
    text: &[],
    hidden: epub::UNREADABLE,
    breaks: &[
        b"p",
        b"br",
        b"div",
        b"li",
        b"td",
        b"th",
        b"h1",
        b"h2",
        b"h3",
        b"h4",
        b"h5",
        b"h6",
        b"dt",
        b"dd",
        b"hr",
        b"pre",
        b"blockquote",
        b"section",
        b"figcaption",
        b"caption",
        b"img",
    ],
    fields: true,
};

fn visible_text(xml: &[u8], vocabulary: &Vocabulary, text: &mut String) -> Result<(), Error> {
    let mut reader = Reader::from_reader(xml);
    let mut hidden = 0_u32;
    let mut in_text = vocabulary.text.is_empty();
    // `w:vanish` comes before the text of its run.
    let mut run_vanishes = false;
    // For each field that is open, whether its result has begun.
    let mut fields: Vec<bool> = Vec::new();
    loop {
        match reader
            .read_event()
            .map_err(|error| Error::corrupt(format!("its XML is not well formed ({error})")))?
        {
            Event::Start(element) => {
                let name = local(&element);
                if hidden > 0 || vocabulary.hidden.contains(&name) {
                    hidden += 1;
                } else if vocabulary.text.contains(&name) {
                    in_text = true;
                } else if name == b"r" {
                    run_vanishes = false;
                }
                run_vanishes |= vanishes(&element);
                field(&element, vocabulary, &mut fields);
            }
            Event::Empty(element) => {
                run_vanishes |= vanishes(&element);
                field(&element, vocabulary, &mut fields);
                if hidden == 0 && vocabulary.breaks.contains(&local(&element)) {
                    text.push(' ');
                }
            }
            Event::End(element) => {
                let name = element.local_name();
                let name = name.as_ref();
                if hidden > 0 {
                    hidden -= 1;
                } else if vocabulary.text.contains(&name) {
                    in_text = false;
                } else if vocabulary.breaks.contains(&name) {
                    text.push('\n');
                }
            }
            Event::Text(_) | Event::GeneralRef(_) if fields.contains(&true) => {}
            Event::Text(piece) if in_text && hidden == 0 && !run_vanishes => {
                text.push_str(&piece.decode().map_err(Error::corrupt)?);
            }
            // An entity the document defines itself is never expanded; the five of XML are punctuation.
            Event::GeneralRef(reference) if in_text && hidden == 0 && !run_vanishes => {
                text.push(letter_of(&reference));
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn local<'a>(element: &'a BytesStart<'_>) -> &'a [u8] {
    let name = element.name().into_inner();
    name.rsplit(|byte| *byte == b':').next().unwrap_or(name)
}

/// Follows the fields of a Word document, where their results do not count (`w:fldChar`, 17.16.18).
fn field(element: &BytesStart<'_>, vocabulary: &Vocabulary, fields: &mut Vec<bool>) {
    if vocabulary.fields || local(element) != b"fldChar" {
        return;
    }
    match attributes(element).get("fldCharType").map(String::as_str) {
        Some("begin") => fields.push(false),
        Some("separate") => fields.iter_mut().last().into_iter().for_each(|began| *began = true),
        Some("end") => drop(fields.pop()),
        _ => {}
    }
}

/// The letter that a reference stands for.
pub(super) fn letter_of(reference: &BytesRef<'_>) -> char {
    reference.resolve_char_ref().ok().flatten().unwrap_or_else(|| named(reference))
}

/// The letter of a name that XML or HTML gives it; a space for any other, which separates words at worst.
fn named(reference: &[u8]) -> char {
    std::str::from_utf8(reference).ok().and_then(entity).unwrap_or(' ')
}

fn vanishes(element: &BytesStart<'_>) -> bool {
    local(element) == b"vanish"
        && !element
            .attributes()
            .flatten()
            .any(|attribute| matches!(attribute.value.as_ref(), b"0" | b"false" | b"off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(xml: &str) -> String {
        let mut text = String::new();
        visible_text(xml.as_bytes(), &WORD, &mut text).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_what_a_reader_sees_counts() {
        let xml = "<w:document xmlns:w='w' xmlns:mc='mc'><w:p>\
            <w:r><w:t>One</w:t></w:r><w:r><w:t> wo</w:t></w:r><w:r><w:t>rd</w:t></w:r>\
            <w:r><w:instrText>PAGE</w:instrText></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>\
            <w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r>\
            <mc:AlternateContent><mc:Choice><w:r><w:t> new</w:t></w:r></mc:Choice>\
            <mc:Fallback><w:r><w:t>old</w:t></w:r></mc:Fallback></mc:AlternateContent>\
            </w:p><w:p><w:r><w:t>R&amp;D</w:t></w:r></w:p></w:document>";
        assert_eq!(words(xml), "One word new R&D");
    }

    #[test]
    fn the_last_digits_of_a_number_do_not_count() {
        for (one, other) in [("2009-10-03T20:21:01", "2009-10-03T20:21:00.7"), ("06:15:01", "PT6H15M00.7S")] {
            assert_eq!(to_the_minute(one), to_the_minute(other));
        }
        assert_ne!(to_the_minute("2009-10-03T20:21:01"), to_the_minute("2009-10-04"));
        assert_eq!(rounded(741.2000000000007), rounded(741.200000000001));
        assert_eq!(
            (rounded(436.0), rounded(-0.25), rounded(1e15)),
            ("436".into(), "-0.25".into(), "1000000000000000".into())
        );
    }

    #[test]
    fn broken_xml_is_corrupt() {
        let mut text = String::new();
        let error = visible_text(b"<a><b></a>", &WORD, &mut text).unwrap_err();
        assert_eq!(error.code(), "corrupt");
    }
}
