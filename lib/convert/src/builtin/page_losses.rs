//! What a PDF has besides its pages, and what therefore does not come along when pages change books.

use lopdf::{Dictionary, Document, Object};

/// What is lost when pages of this document, `whole` or some, are put into another one; each as the middle of a sentence.
pub(super) fn of(source: &Document, whole: bool) -> Vec<&'static str> {
    let Ok(catalog) = source.catalog() else { return Vec::new() };
    let part = |key: &[u8]| dictionary(source, catalog, key);
    let names = part(b"Names");
    let named = |key: &[u8]| names.is_some_and(|names| names.has(key));
    let form = form(source);
    let checks = [
        (!whole && part(b"Outlines").is_some_and(|outline| outline.has(b"First")), "bookmarks"),
        (form.is_some_and(has_fields), "form fields that can be filled in"),
        (is_signed(source), "signatures that are valid"),
        (named(b"EmbeddedFiles"), "attached files"),
        (named(b"JavaScript") || catalog.has(b"AA"), "scripts"),
        (catalog.has(b"OCProperties"), "layers that can be hidden"),
        (catalog.has(b"StructTreeRoot"), "tags for screen readers"),
        (catalog.has(b"PageLabels"), "page numbers of its own"),
    ];
    checks.into_iter().filter(|(there, _)| *there).map(|(_, what)| what).collect()
}

/// Whether the document is signed: not for long, once a byte of it changes. Bit 1 of the flags says so (ISO 32000-1, 12.7.2).
pub(super) fn is_signed(source: &Document) -> bool {
    let flags = form(source).and_then(|form| form.get(b"SigFlags").and_then(Object::as_i64).ok());
    flags.is_some_and(|flags| flags & 1 == 1)
}

fn form(source: &Document) -> Option<&Dictionary> {
    dictionary(source, source.catalog().ok()?, b"AcroForm")
}

fn has_fields(form: &Dictionary) -> bool {
    form.get(b"Fields").and_then(Object::as_array).is_ok_and(|fields| !fields.is_empty())
}

fn dictionary<'a>(source: &'a Document, of: &'a Dictionary, key: &[u8]) -> Option<&'a Dictionary> {
    of.get_deref(key, source).and_then(Object::as_dict).ok()
}
