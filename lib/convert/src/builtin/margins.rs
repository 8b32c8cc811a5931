//! Headers and footers: what stands at the top and bottom of pages, which a text without pages has only once.

use std::io::{Read, Seek};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::container::Container;
use crate::verify::Words;
use crate::{Error, Format};

use super::markdown::escape;
use super::parts::{attributes, elements, relations};
use super::rtf::Said;
use super::source_words;

/// The different headers and footers of a document, in the order in which it names them.
#[derive(Debug, Default)]
pub(super) struct Margins {
    headers: Vec<String>,
    footers: Vec<String>,
    /// What of them every page shows in the same way: no numbers of pages, no dates.
    pub(super) steady: Words,
}

impl Margins {
    fn add(&mut self, header: bool, text: &str) {
        let lines: Vec<String> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|line| !line.is_empty())
            .collect();
        let text = lines.join("\n");
        let known = if header { &mut self.headers } else { &mut self.footers };
        if !text.is_empty() && !known.contains(&text) {
            known.push(text);
        }
    }

    /// All that they say.
    pub(super) fn words(&self) -> Words {
        let mut words = Words::default();
        self.headers.iter().chain(&self.footers).for_each(|text| words.add(text));
        words
    }

    /// The sentence for a result that has none of them.
    pub(super) fn left_out(&self) -> Option<String> {
        let words = self.words().total();
        (words > 0).then(|| format!("headers and footers are left out ({words} words)"))
    }

    /// A text of this format with the headers above it and the footers below.
    pub(super) fn around(&self, text: String, format: Format) -> String {
        if self.headers.is_empty() && self.footers.is_empty() {
            return text;
        }
        match format {
            Format::Html => self.around_html(&text),
            Format::Md => {
                let paragraphs =
                    |lines: &str| lines.lines().map(plain_markdown).collect::<Vec<_>>().join("\n\n");
                joined(&self.headers, text.trim_end(), &self.footers, paragraphs)
            }
            _ => joined(&self.headers, text.trim_end(), &self.footers, str::to_owned),
        }
    }

    fn around_html(&self, html: &str) -> String {
        let piece = |name: &str, texts: &[String]| -> String {
            let lines = |text: &String| escape(text).replace('\n', "<br>");
            texts.iter().map(|text| format!("<{name}><p>{}</p></{name}>\n", lines(text))).collect()
        };
        let (headers, footers) = (piece("header", &self.headers), piece("footer", &self.footers));
        let begins = html.find("<body").and_then(|at| Some(at + html[at..].find('>')? + 1)).unwrap_or(0);
        let ends = html.rfind("</body>").filter(|end| *end >= begins).unwrap_or(html.len());
        let (before, body, after) = (&html[..begins], &html[begins..ends], &html[ends..]);
        format!("{before}\n{headers}{body}{footers}{after}")
    }
}

fn joined(headers: &[String], body: &str, footers: &[String], shown: impl Fn(&str) -> String) -> String {
    let pieces: Vec<String> = headers
        .iter()
        .map(|text| shown(text))
        .chain((!body.is_empty()).then(|| body.to_owned()))
        .chain(footers.iter().map(|text| shown(text)))
        .collect();
    pieces.join("\n\n") + "\n"
}

/// A line that no reader of Markdown takes for anything but text.
fn plain_markdown(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for letter in line.chars() {
        if "\\`*_[]<>#|~&".contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// Those of a Word document that a page may show: named by a section, and for first and even pages only if it has them
/// apart (ECMA-376 Part 1, 17.10).
pub(super) fn of_docx<R: Read + Seek>(container: &mut Container<R>) -> Result<Margins, Error> {
    let mut margins = Margins::default();
    let related = relations(container, "word/document.xml")?;
    if !related.values().any(|relation| matches!(relation.kind.as_str(), "header" | "footer")) {
        return Ok(margins);
    }
    let document = container.read("word/document.xml")?.unwrap_or_default();
    let settings = container.read("word/settings.xml")?.unwrap_or_default();
    let first = is_on(&document, b"titlePg");
    let even = is_on(&settings, b"evenAndOddHeaders");
    for (element, header) in [(b"headerReference".as_slice(), true), (b"footerReference", false)] {
        for reference in elements(&document, element) {
            let shown = match reference.get("type").map(String::as_str) {
                Some("first") => first,
                Some("even") => even,
                _ => true,
            };
            let path = reference.get("id").and_then(|id| related.get(id)?.path.clone());
            let Some(path) = path.filter(|_| shown) else { continue };
            let Some(xml) = container.read(&path)? else { continue };
            let before = margins.headers.len() + margins.footers.len();
            margins.add(header, &source_words::of_word_part(&xml, true)?);
            if margins.headers.len() + margins.footers.len() > before {
                margins.steady.add(&source_words::of_word_part(&xml, false)?);
            }
        }
    }
    Ok(margins)
}

fn is_on(xml: &[u8], element: &[u8]) -> bool {
    let off = |value: &String| matches!(value.as_str(), "0" | "false" | "off");
    elements(xml, element).iter().any(|found| !found.get("val").is_some_and(off))
}

pub(super) fn of_rtf(said: &Said) -> Margins {
    let mut margins = Margins::default();
    margins.add(true, &said.headers);
    margins.add(false, &said.footers);
    margins
}

/// Those of the pages that an OpenDocument text uses (OpenDocument 1.3 Part 3, 16.9: the first one, and others by name).
pub(super) fn of_open_document(container: &mut Container) -> Result<Margins, Error> {
    let content = container.read("content.xml")?.unwrap_or_default();
    let styles = container.read("styles.xml")?.unwrap_or_default();
    let content = String::from_utf8_lossy(&content);
    let mut margins = Margins::default();
    let mut reader = Reader::from_reader(styles.as_slice());
    let (mut pages, mut used) = (0, false);
    // Whether it is a header, its element, and its text so far.
    let mut inside: Option<(bool, Vec<u8>, String)> = None;
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) if element.local_name().as_ref() == b"master-page" => {
                let name = attributes(&element).remove("name").unwrap_or_default();
                used = pages == 0 || content.contains(&format!("master-page-name=\"{name}\""));
                pages += 1;
            }
            Event::Start(element) if used && inside.is_none() => inside = margin(&element),
            Event::Empty(_) => inside.iter_mut().for_each(|(_, _, text)| text.push(' ')),
            Event::End(element) => {
                if inside.as_ref().is_some_and(|(_, name, _)| name == element.name().as_ref()) {
                    if let Some((header, _, text)) = inside.take() {
                        margins.add(header, &text);
                    }
                } else if matches!(element.local_name().as_ref(), b"p" | b"h") {
                    inside.iter_mut().for_each(|(_, _, text)| text.push('\n'));
                }
            }
            Event::Text(piece) => {
                if let (Some((_, _, text)), Ok(piece)) = (&mut inside, piece.decode()) {
                    text.push_str(&piece);
                }
            }
            Event::GeneralRef(reference) => {
                if let Some((_, _, text)) = &mut inside {
                    text.push(source_words::letter_of(&reference));
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    Ok(margins)
}

/// Whether this element is a header or footer that is shown.
fn margin(element: &BytesStart<'_>) -> Option<(bool, Vec<u8>, String)> {
    let header = match element.local_name().as_ref() {
        b"header" | b"header-left" | b"header-first" => true,
        b"footer" | b"footer-left" | b"footer-first" => false,
        _ => return None,
    };
    let shown = attributes(element).get("display").is_none_or(|display| display != "false");
    shown.then(|| (header, element.name().as_ref().to_vec(), String::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn margins() -> Margins {
        let mut margins = Margins::default();
        margins.add(true, "  Harbour   office \n\n No. *7* \n");
        margins.add(true, "Harbour office\nNo. *7*");
        margins.add(false, "a < b");
        margins
    }

    #[test]
    fn a_text_has_each_once_above_and_below() {
        let margins = margins();
        assert_eq!(
            margins.around("body\n".into(), Format::Txt),
            "Harbour office\nNo. *7*\n\nbody\n\na < b\n"
        );
        assert_eq!(
            margins.around("body\n".into(), Format::Md),
            "Harbour office\n\nNo. \\*7\\*\n\nbody\n\na \\< b\n"
        );
        let html = margins.around("<html><body class='x'><p>body</p></body></html>".into(), Format::Html);
        assert_eq!(
            html,
            "<html><body class='x'>\n<header><p>Harbour office<br>No. *7*</p></header>\n<p>body</p>\
             <footer><p>a &lt; b</p></footer>\n</body></html>"
        );
        assert_eq!(margins.left_out().unwrap(), "headers and footers are left out (6 words)");
    }

    #[test]
    fn a_document_without_them_stays_as_it_is() {
        assert_eq!(Margins::default().around("body".into(), Format::Txt), "body");
        assert_eq!(Margins::default().left_out(), None);
    }
}
