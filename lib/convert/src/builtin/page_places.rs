//! Where links and bookmarks of a PDF lead: names are replaced by what they stand for, and bookmarks are listed.

use std::collections::{HashMap, HashSet};

use lopdf::{Dictionary, Document, Object, ObjectId};

/// The places of a document that have a name (ISO 32000-1, 12.3.2.3).
pub(super) struct Places(HashMap<Vec<u8>, Object>);

impl Places {
    pub(super) fn of(source: &Document) -> Places {
        let mut places = Places(HashMap::new());
        let Ok(catalog) = source.catalog() else { return places };
        if let Some(named) = dictionary(source, catalog, b"Dests") {
            for (name, place) in named.iter() {
                places.learn(source, name, place);
            }
        }
        let names = dictionary(source, catalog, b"Names");
        let mut nodes: Vec<&Dictionary> =
            names.and_then(|names| dictionary(source, names, b"Dests")).into_iter().collect();
        // A tree may be its own branch: each is looked at once.
        let mut seen = HashSet::new();
        while let Some(node) = nodes.pop() {
            for pair in list(source, node, b"Names").chunks_exact(2) {
                if let Ok(name) = resolved(source, &pair[0]).as_str() {
                    places.learn(source, name, &pair[1]);
                }
            }
            for kid in list(source, node, b"Kids") {
                let again = kid.as_reference().is_ok_and(|id| !seen.insert(id));
                if !again {
                    nodes.extend(resolved(source, kid).as_dict());
                }
            }
        }
        places
    }

    fn learn(&mut self, source: &Document, name: &[u8], place: &Object) {
        let place = resolved(source, place);
        let place = match place.as_dict() {
            Ok(described) => described.get_deref(b"D", source).unwrap_or(place),
            Err(_) => place,
        };
        if place.as_array().is_ok() {
            self.0.insert(name.to_vec(), place.clone());
        }
    }

    /// Puts the place for its name, in a link, a bookmark, or what either does.
    pub(super) fn spell_out(&self, dictionary: &mut Dictionary) {
        let goes = dictionary.get(b"S").and_then(Object::as_name).is_ok_and(|action| action == b"GoTo");
        for key in [&b"Dest"[..], b"D"] {
            let place = match dictionary.get(key) {
                Ok(Object::Name(name) | Object::String(name, _)) => self.0.get(name),
                _ => None,
            };
            if let Some(place) = place.filter(|_| goes || key == b"Dest") {
                dictionary.set(key, place.clone());
            }
        }
        if dictionary.has(b"Title") {
            // A bookmark's way into the tags, which stay behind.
            dictionary.remove(b"SE");
        }
    }
}

/// The root of the bookmarks, and those right under it in order.
pub(super) fn bookmarks(source: &Document) -> Option<(ObjectId, Vec<ObjectId>)> {
    let root = source.catalog().ok()?.get(b"Outlines").and_then(Object::as_reference).ok()?;
    let (mut marks, mut seen) = (Vec::new(), HashSet::new());
    let mut next = source.get_dictionary(root).ok()?.get(b"First").and_then(Object::as_reference);
    while let Ok(mark) = next {
        // A chain may bite its own tail.
        let Ok(found) = source.get_dictionary(mark) else { break };
        if !seen.insert(mark) {
            break;
        }
        marks.push(mark);
        next = found.get(b"Next").and_then(Object::as_reference);
    }
    Some((root, marks))
}

fn dictionary<'a>(source: &'a Document, of: &'a Dictionary, key: &[u8]) -> Option<&'a Dictionary> {
    of.get_deref(key, source).and_then(Object::as_dict).ok()
}

fn list<'a>(source: &'a Document, of: &'a Dictionary, key: &[u8]) -> &'a [Object] {
    of.get_deref(key, source).and_then(Object::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn resolved<'a>(source: &'a Document, object: &'a Object) -> &'a Object {
    source.dereference(object).map_or(object, |(_, found)| found)
}
