//! Macros of Office documents: said, never run, and cut out of a document that shall have none.

use std::io::{Read, Seek};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::Error;
use crate::container::Container;

use super::parts::attributes;

/// The main part of a Word document, with macros and without ([MS-OFFMACRO2] 2.2; ECMA-376 Part 1, 11.3.10).
const MAIN_TYPES: [(&str, &str); 2] = [
    (
        "application/vnd.ms-word.document.macroEnabled.main+xml",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    ),
    (
        "application/vnd.ms-word.template.macroEnabledTemplate.main+xml",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    ),
];

/// The sentence for a container with macros.
pub(super) fn said<R: Read + Seek>(container: &Container<R>) -> Option<String> {
    let found = container.names().iter().any(|name| name.ends_with("vbaProject.bin"));
    found.then(|| "its macros were not run, and are not in the result".to_owned())
}

/// The Word document without its macros and without what leads to them.
pub(super) fn cut_out<R: Read + Seek>(container: &mut Container<R>) -> Result<Vec<u8>, Error> {
    container.packed_tight(|name, part| {
        if is_of_macros(name) {
            None
        } else if name == "[Content_Types].xml" || name.ends_with(".rels") {
            Some(without_mentions(part))
        } else {
            Some(part)
        }
    })
}

fn is_of_macros(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".rels");
    file.starts_with("vbaProject") || file == "vbaData.xml"
}

/// A list of types or relations without the entries about macros. What is no XML stays as it is.
fn without_mentions(part: Vec<u8>) -> Vec<u8> {
    let mut reader = Reader::from_reader(part.as_slice());
    let mut out = Vec::with_capacity(part.len());
    let mut start = 0;
    loop {
        let Ok(event) = reader.read_event() else { return part };
        let end = usize::try_from(reader.buffer_position()).unwrap_or(part.len());
        match event {
            Event::Eof => break,
            Event::Empty(element) if mentions(&element) => {}
            _ => out.extend_from_slice(&part[start..end]),
        }
        start = end;
    }
    let text = String::from_utf8_lossy(&out).into_owned();
    MAIN_TYPES.iter().fold(text, |text, (with, without)| text.replace(with, without)).into_bytes()
}

fn mentions(element: &BytesStart<'_>) -> bool {
    let given = attributes(element);
    ["PartName", "Target"].iter().filter_map(|name| given.get(*name)).any(|path| is_of_macros(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_about_macros_are_cut_and_others_stay() {
        let relations = br#"<?xml version="1.0"?><Relationships><Relationship Id="a" Target="styles.xml"/>
            <Relationship Id="b" Target="vbaProject.bin"/></Relationships>"#;
        let kept = String::from_utf8(without_mentions(relations.to_vec())).unwrap();
        assert!(kept.contains("styles.xml") && !kept.contains("vbaProject"), "{kept}");
        assert!(kept.starts_with("<?xml") && kept.ends_with("</Relationships>"), "{kept}");

        let types = format!(
            r#"<Types><Override PartName="/word/document.xml" ContentType="{}"/></Types>"#,
            MAIN_TYPES[0].0
        );
        let kept = String::from_utf8(without_mentions(types.into_bytes())).unwrap();
        assert!(kept.contains(MAIN_TYPES[0].1) && !kept.contains("macroEnabled"), "{kept}");
    }
}
