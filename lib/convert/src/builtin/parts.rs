//! The XML parts of a container: their elements and attributes, and where their relations lead.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::Error;
use crate::container::Container;

/// Values by local name.
pub(super) type Attributes = BTreeMap<String, String>;

/// Where a part leads to (ECMA-376 Part 2, 9.3).
#[derive(Debug)]
pub(super) struct Relation {
    /// The last word of its type, such as `slide`.
    pub(super) kind: String,
    /// The path in the container; nothing when it leads out of it.
    pub(super) path: Option<String>,
    /// Where it leads when it leads out: a URL, as it is written. Nothing is fetched from there.
    pub(super) outside: Option<String>,
}

/// The attributes of all elements of this local name. XML that breaks off ends the list.
pub(super) fn elements(xml: &[u8], wanted: &[u8]) -> Vec<Attributes> {
    let mut found = Vec::new();
    let mut reader = Reader::from_reader(xml);
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) | Event::Empty(element) if element.local_name().as_ref() == wanted => {
                found.push(attributes(&element));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    found
}

/// The attributes of an element. Where `id` and `r:id` stand side by side, the one with the prefix is taken.
pub(super) fn attributes(element: &BytesStart<'_>) -> Attributes {
    let mut attributes = Attributes::new();
    let mut given: Vec<_> = element.attributes().flatten().collect();
    given.sort_by_key(|attribute| attribute.key.prefix().is_some());
    for attribute in given {
        let name = String::from_utf8_lossy(attribute.key.local_name().into_inner()).into_owned();
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map(|value| value.into_owned());
        attributes.insert(name, value.unwrap_or_default());
    }
    attributes
}

/// The relations of a part by their ids; none when it has none.
pub(super) fn relations<R: Read + Seek>(
    container: &mut Container<R>,
    part: &str,
) -> Result<BTreeMap<String, Relation>, Error> {
    let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
    let xml = container.read(format!("{folder}/_rels/{name}.rels").trim_start_matches('/'))?;
    let mut relations = BTreeMap::new();
    for mut relation in elements(&xml.unwrap_or_default(), b"Relationship") {
        let (Some(id), Some(target)) = (relation.remove("Id"), relation.remove("Target")) else { continue };
        let kind = relation.remove("Type").unwrap_or_default();
        let outside = relation.get("TargetMode").is_some_and(|mode| mode == "External");
        let path = (!outside).then(|| resolve(part, &target));
        let kind = kind.rsplit('/').next().unwrap_or_default().into();
        relations.insert(id, Relation { kind, path, outside: outside.then_some(target) });
    }
    Ok(relations)
}

/// The path in the container of a `target` that the part at `base` names. It never leaves the container.
pub(super) fn resolve(base: &str, target: &str) -> String {
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut path: Vec<&str> = Vec::new();
    let start = if target.starts_with('/') { "" } else { folder };
    for step in start.split('/').chain(target.split('/')) {
        match step {
            "" | "." => {}
            ".." => drop(path.pop()),
            step => path.push(step),
        }
    }
    path.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_resolved_within_the_container() {
        assert_eq!(resolve("ppt/slides/slide1.xml", "../media/a.png"), "ppt/media/a.png");
        assert_eq!(resolve("ppt/presentation.xml", "/ppt/slides/slide1.xml"), "ppt/slides/slide1.xml");
        assert_eq!(resolve("a/b.xml", "../../../etc/passwd"), "etc/passwd");
    }
}
