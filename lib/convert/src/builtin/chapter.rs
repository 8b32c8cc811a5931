//! Chapters of a book as HTML that does nothing: known elements, their harmless attributes, contained pictures.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use base64::Engine as _;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::Error;
use crate::container::Container;
use crate::limits::{MIB, TEXT};

use super::epub::{Book, Pictures, UNREADABLE, place};
use super::html_text::entity;
use super::markdown::escape;
use super::parts::{Attributes, attributes};

/// Elements that mean something on any page. Others are left out, and what is in them stays.
const KNOWN: &[&str] = &[
    "a",
    "abbr",
    "address",
    "article",
    "aside",
    "b",
    "bdi",
    "bdo",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "ins",
    "kbd",
    "li",
    "main",
    "mark",
    "nav",
    "ol",
    "p",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "section",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "u",
    "ul",
    "var",
    "wbr",
];
/// Elements without an end.
const VOID: &[&str] = &["br", "col", "hr", "wbr"];
/// Attributes that do nothing but say something.
const HARMLESS: &[&str] = &["alt", "colspan", "dir", "lang", "rowspan", "start", "title"];
/// What every browser shows; a picture in a page runs no scripts, not even of SVG.
const PICTURES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"];
/// All pictures of a book together. Base64 makes a third more of them.
const PICTURE_BYTES: usize = 24 * MIB as usize;

/// The chapters so far.
pub(super) struct Chapter<'a> {
    book: &'a Book,
    pictures: Pictures,
    numbers: BTreeMap<&'a str, usize>,
    out: String,
    picture_bytes: usize,
    left_out: BTreeSet<String>,
    too_many: usize,
    media: usize,
}

impl<'a> Chapter<'a> {
    pub(super) fn new(book: &'a Book, pictures: Pictures) -> Chapter<'a> {
        let numbers =
            book.chapters.iter().enumerate().map(|(number, path)| (path.as_str(), number)).collect();
        Chapter {
            book,
            pictures,
            numbers,
            out: String::new(),
            picture_bytes: 0,
            left_out: BTreeSet::new(),
            too_many: 0,
            media: 0,
        }
    }

    /// Adds the chapter with this number that is at `path`.
    pub(super) fn add<R: Read + Seek>(
        &mut self,
        number: usize,
        path: &str,
        xml: &str,
        container: &mut Container<R>,
    ) -> Result<(), Error> {
        let mut reader = Reader::from_str(xml);
        let mut hidden = 0_u32;
        self.out.push_str(&format!("<section id=\"c{number}\">\n"));
        loop {
            let event = reader.read_event().map_err(|error| {
                Error::corrupt(format!("its chapter {path} is not well formed ({error})"))
            })?;
            match event {
                Event::Eof => break,
                Event::Start(element) => {
                    self.media += usize::from(matches!(element.local_name().as_ref(), b"audio" | b"video"));
                    if hidden > 0 || UNREADABLE.contains(&element.local_name().as_ref()) {
                        hidden += 1;
                    } else {
                        self.begin(&element, number, path, container)?;
                    }
                }
                Event::Empty(element) if hidden == 0 => {
                    self.begin(&element, number, path, container)?;
                    self.end(element.local_name().as_ref());
                }
                Event::End(_) if hidden > 0 => hidden -= 1,
                Event::End(element) => self.end(element.local_name().as_ref()),
                Event::Text(text) if hidden == 0 => {
                    self.out.push_str(&escape(&text.decode().map_err(Error::corrupt)?));
                }
                Event::CData(text) if hidden == 0 => {
                    self.out.push_str(&escape(&text.decode().map_err(Error::corrupt)?));
                }
                Event::GeneralRef(name) if hidden == 0 => {
                    let name = name.decode().map_err(Error::corrupt)?;
                    // What the book defines itself is never expanded.
                    self.out.push_str(&escape(&entity(&name).unwrap_or(' ').to_string()));
                }
                _ => {}
            }
            if self.out.len() as u64 > TEXT + PICTURE_BYTES as u64 * 2 {
                return Err(Error::limit(format!("more than {} MiB of text in one book", TEXT / MIB)));
            }
        }
        self.out.push_str("</section>\n");
        Ok(())
    }

    /// The body of the page, and what is not in it.
    pub(super) fn finish(self) -> (String, Vec<String>) {
        let mut lost = Vec::new();
        if !self.left_out.is_empty() {
            let some: Vec<&str> = self.left_out.iter().take(5).map(String::as_str).collect();
            let (count, some) = (self.left_out.len(), some.join(", "));
            lost.push(format!("pictures that are not in the book, or of a kind no browser shows, are left out ({count}): {some}"));
        }
        if self.too_many > 0 {
            let limit = PICTURE_BYTES as u64 / MIB;
            lost.push(format!("pictures beyond {limit} MiB are left out ({})", self.too_many));
        }
        if self.media > 0 {
            lost.push(format!("sounds and films are left out ({})", self.media));
        }
        (self.out, lost)
    }

    fn begin<R: Read + Seek>(
        &mut self,
        element: &BytesStart<'_>,
        number: usize,
        path: &str,
        container: &mut Container<R>,
    ) -> Result<(), Error> {
        let name = element.local_name();
        let name = String::from_utf8_lossy(name.as_ref()).to_ascii_lowercase();
        let given = attributes(element);
        if matches!(name.as_str(), "img" | "image") {
            return self.picture(&given, path, container);
        }
        if !KNOWN.contains(&name.as_str()) {
            return Ok(());
        }
        self.out.push('<');
        self.out.push_str(&name);
        for (key, value) in given.iter().filter(|(key, _)| HARMLESS.contains(&key.as_str())) {
            self.attribute(key, value);
        }
        if let Some(id) = given.get("id") {
            self.attribute("id", &format!("c{number}-{id}"));
        }
        if let Some(target) = given.get("href").and_then(|href| self.target(href, number, path)) {
            self.attribute("href", &target);
        }
        self.out.push('>');
        Ok(())
    }

    fn end(&mut self, name: &[u8]) {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        if KNOWN.contains(&name.as_str()) && !VOID.contains(&name.as_str()) {
            self.out.push_str(&format!("</{name}>"));
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push_str(&format!(" {name}=\"{}\"", escape(value)));
    }

    /// Where a link leads: outside by the web or mail, or to another place of this page.
    fn target(&self, href: &str, number: usize, path: &str) -> Option<String> {
        if ["http:", "https:", "mailto:"].iter().any(|scheme| href.starts_with(scheme)) {
            return Some(href.to_owned());
        }
        let (file, id) = href.split_once('#').map_or((href, None), |(file, id)| (file, Some(id)));
        let chapter = if file.is_empty() { number } else { *self.numbers.get(place(path, file).as_str())? };
        Some(id.map_or_else(|| format!("#c{chapter}"), |id| format!("#c{chapter}-{id}")))
    }

    fn picture<R: Read + Seek>(
        &mut self,
        given: &Attributes,
        path: &str,
        container: &mut Container<R>,
    ) -> Result<(), Error> {
        let source = given.get("src").or_else(|| given.get("href")).map(String::as_str).unwrap_or_default();
        let alt = given.get("alt").map(String::as_str).unwrap_or_default();
        let place = place(path, source);
        let kind = self.book.media.get(&place).filter(|kind| PICTURES.contains(&kind.as_str()));
        let bytes = if kind.is_some() { container.read(&place)? } else { None };
        let (Some(kind), Some(bytes)) = (kind, bytes) else {
            self.left_out.insert(source.chars().take(80).collect());
            return Ok(());
        };
        if self.pictures == Pictures::Described {
            self.out.push_str(&escape(alt));
            return Ok(());
        }
        if self.picture_bytes + bytes.len() > PICTURE_BYTES {
            self.too_many += 1;
            return Ok(());
        }
        self.picture_bytes += bytes.len();
        let data = base64::engine::general_purpose::STANDARD.encode(&bytes);
        self.out.push_str(&format!("<img alt=\"{}\" src=\"data:{kind};base64,{data}\">", escape(alt)));
        Ok(())
    }
}
