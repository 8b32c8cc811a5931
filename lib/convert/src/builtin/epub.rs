//! EPUB books: their chapters in reading order, as one page of HTML or as text.

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::path::Path;

use percent_encoding::percent_decode_str;

use crate::container::Container;
use crate::verify::Words;
use crate::{Error, Request};

use super::chapter::Chapter;
use super::html_text::text_of_html;
use super::parts::{elements, resolve};
use super::{Output, markdown, source_words, text_file};

/// Elements whose content nobody reads.
pub(super) const UNREADABLE: &[&[u8]] = &[
    b"head",
    b"script",
    b"style",
    b"template",
    b"noscript",
    b"iframe",
    b"object",
    b"embed",
    b"audio",
    b"video",
    b"desc",
    b"metadata",
    b"title",
];

/// Fonts may be scrambled (EPUB 3.3, 4.4.2); whoever scrambles chapters sells them to one reader only.
const SCRAMBLED_FONTS: [&str; 2] = ["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"];

/// What is in a book.
#[derive(Debug, Default)]
pub(super) struct Book {
    title: Option<String>,
    /// The paths of its chapters, in reading order.
    pub(super) chapters: Vec<String>,
    /// The media type of each of its other files, by path.
    pub(super) media: BTreeMap<String, String>,
}

/// Whether the pictures of a book are wanted.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Pictures {
    /// As part of the page.
    Inside,
    /// Their descriptions only.
    Described,
}

/// A whole book on one page.
pub(super) struct Page {
    pub(super) html: String,
    pub(super) words: Words,
    pub(super) lost: Vec<String>,
}

pub(super) fn to_html(req: &Request) -> Result<Output, Error> {
    let page = read(&req.input, Pictures::Inside)?;
    Ok(Output {
        result: Some(Words::of(&text_of_html(&page.html))),
        source: Some(page.words),
        bytes: page.html.into_bytes(),
        lost: page.lost,
        ..Output::default()
    })
}

pub(super) fn to_text(req: &Request) -> Result<Output, Error> {
    let page = read(&req.input, Pictures::Described)?;
    let text = text_of_html(&page.html);
    Ok(Output {
        result: Some(Words::of(&text)),
        source: Some(page.words),
        bytes: text.into_bytes(),
        lost: page.lost,
        ..Output::default()
    })
}

/// Reads the chapters one after the other.
///
/// # Errors
/// `Corrupt` when a chapter is missing or no XML, `LimitExceeded` when they are too much text together, `Unsupported`
/// for a book that is locked to one reader.
pub(super) fn read(path: &Path, pictures: Pictures) -> Result<Page, Error> {
    let mut container = Container::open(path)?;
    let words = source_words::of_epub(&mut container)?;
    let book = open(&mut container)?;
    let mut chapter = Chapter::new(&book, pictures);
    for (number, path) in book.chapters.iter().enumerate() {
        let xml = container
            .read(path)?
            .ok_or_else(|| Error::corrupt(format!("the book lacks its chapter {path}")))?;
        chapter.add(number, path, &text_file::decode(&xml).text, &mut container)?;
    }
    let (body, lost) = chapter.finish();
    let html = markdown::page(book.title.as_deref().unwrap_or("Book"), &body);
    Ok(Page { html, words, lost })
}

/// Reads what a book says about itself (EPUB 3.3, 5: package document).
pub(super) fn open<R: Read + Seek>(container: &mut Container<R>) -> Result<Book, Error> {
    refuse_locked(container)?;
    let missing = |what: &str| Error::corrupt(format!("the book lacks its {what}"));
    let root = container.read("META-INF/container.xml")?.ok_or_else(|| missing("container.xml"))?;
    let package = elements(&root, b"rootfile")
        .into_iter()
        .find_map(|mut file| file.remove("full-path"))
        .ok_or_else(|| missing("package document"))?;
    let xml = container.read(&package)?.ok_or_else(|| missing("package document"))?;

    let mut files: BTreeMap<String, (String, String)> = BTreeMap::new();
    for mut item in elements(&xml, b"item") {
        let (Some(id), Some(href)) = (item.remove("id"), item.remove("href")) else { continue };
        let kind = item.remove("media-type").unwrap_or_default();
        files.insert(id, (place(&package, &href), kind));
    }
    let chapters: Vec<String> = elements(&xml, b"itemref")
        .iter()
        .filter_map(|chapter| files.get(chapter.get("idref")?))
        .filter(|(_, kind)| kind.contains("html") || kind.contains("dtbook"))
        .map(|(path, _)| path.clone())
        .collect();
    if chapters.is_empty() {
        return Err(missing("chapters"));
    }
    Ok(Book { title: title(&xml), chapters, media: files.into_values().collect() })
}

/// Where a reference of the part at `base` leads, without its fragment.
pub(super) fn place(base: &str, reference: &str) -> String {
    let path = reference.split('#').next().unwrap_or_default();
    resolve(base, &percent_decode_str(path).decode_utf8_lossy())
}

fn refuse_locked<R: Read + Seek>(container: &mut Container<R>) -> Result<(), Error> {
    let xml = container.read("META-INF/encryption.xml")?.unwrap_or_default();
    let locked = elements(&xml, b"EncryptionMethod").into_iter().any(|method| {
        method.get("Algorithm").is_none_or(|algorithm| !SCRAMBLED_FONTS.contains(&algorithm.as_str()))
    });
    if !locked {
        return Ok(());
    }
    Err(Error::Unsupported {
        from: "a book that is locked to one reader (DRM)".into(),
        to: "anything".into(),
        hint: "only the programs of its shop open it".into(),
    })
}

/// `dc:title`, as text.
fn title(package: &[u8]) -> Option<String> {
    let xml = String::from_utf8_lossy(package);
    let (_, after) = xml.split_once("<dc:title")?;
    let (text, _) = after.split_once('>')?.1.split_once("</")?;
    let text = text_of_html(text).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_text_and_references_are_places() {
        assert_eq!(
            title(b"<x><dc:title id='t'>Tea &amp; Time</dc:title></x>").as_deref(),
            Some("Tea & Time")
        );
        assert_eq!(title(b"<x/>"), None);
        assert_eq!(place("OPS/a/b.xhtml", "../my%20pictures/c.png#x"), "OPS/my pictures/c.png");
    }
}
