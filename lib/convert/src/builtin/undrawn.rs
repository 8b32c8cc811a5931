//! What a text document has beside its words and the result has not: counted, because no engine tells.

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use pdf_extract::{Dictionary, Document, Object};

use crate::container::Container;
use crate::{Error, Format};

use super::parts::elements;

/// What a Word document has that no result has whole, a sentence each.
pub(super) fn of_docx<R: Read + Seek>(container: &Container<R>, to: Format) -> Vec<String> {
    let names = container.names();
    let count = |folder: &str, start: &str| {
        let within = |name: &&String| name.strip_prefix(folder).is_some_and(|file| file.starts_with(start));
        names.iter().filter(within).filter(|name| name.ends_with(".xml")).count()
    };
    let charts = match to {
        Format::Pdf => "charts are drawn without their titles, legends and colours",
        _ => "charts are left out",
    };
    [(count("word/charts/", "chart"), charts), (count("word/diagrams/", "data"), "diagrams are left out")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{what} ({count})"))
        .collect()
}

/// How many different pictures the body of a Word document shows.
pub(super) fn pictures_of_docx<R: Read + Seek>(container: &mut Container<R>) -> Result<usize, Error> {
    let xml = container.read("word/document.xml")?.unwrap_or_default();
    let xml = without_copies(&String::from_utf8_lossy(&xml));
    let named = |element: &[u8], attribute: &str| {
        elements(xml.as_bytes(), element)
            .into_iter()
            .filter_map(|mut found| found.remove(attribute))
            .collect()
    };
    let (drawn, old): (BTreeSet<String>, BTreeSet<String>) =
        (named(b"blip", "embed"), named(b"imagedata", "id"));
    Ok(drawn.union(&old).count())
}

/// How many different pictures that lie in an OpenDocument text it shows.
pub(super) fn pictures_of_open_document(container: &mut Container) -> Result<usize, Error> {
    let xml = container.read("content.xml")?.unwrap_or_default();
    let shown: BTreeSet<String> = elements(&xml, b"image")
        .into_iter()
        .filter_map(|mut image| image.remove("href"))
        .filter(|href| href.starts_with("Pictures/"))
        .collect();
    Ok(shown.len())
}

/// The sentence for pictures of the source that are not in the PDF.
pub(super) fn pictures(placed: usize, pdf: &[u8]) -> Option<String> {
    let drawn = pictures_in_pdf(pdf)?;
    (drawn < placed)
        .then(|| format!("pictures of the document are not drawn ({} of {placed})", placed - drawn))
}

/// Pictures, without the masks that belong to some of them.
fn pictures_in_pdf(pdf: &[u8]) -> Option<usize> {
    let document = Document::load_mem(pdf).ok()?;
    let images: Vec<&Dictionary> = document
        .objects
        .values()
        .filter_map(|object| object.as_stream().ok())
        .map(|stream| &stream.dict)
        .filter(|dict| dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|name| name == b"Image"))
        .collect();
    let masks = images.iter().filter(|dict| dict.has(b"SMask")).count();
    Some(images.len().saturating_sub(masks))
}

/// The XML without the second copies that old programs read instead (`mc:Fallback`).
fn without_copies(xml: &str) -> String {
    const END: &str = "</mc:Fallback>";
    let mut out = String::with_capacity(xml.len());
    let mut rest = xml;
    while let Some(at) = rest.find("<mc:Fallback") {
        out.push_str(&rest[..at]);
        rest = rest[at..].find(END).map_or("", |end| &rest[at + end + END.len()..]);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_for_old_programs_is_no_second_picture() {
        let xml = "<a/><mc:Fallback><v:imagedata r:id='1'/></mc:Fallback><b/><mc:Fallback>cut off";
        assert_eq!(without_copies(xml), "<a/><b/>");
    }
}
