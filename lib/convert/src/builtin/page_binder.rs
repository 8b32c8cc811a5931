//! Pages of several PDFs bound into one: each takes along what it needs, and nothing that it does not.

use std::collections::{HashMap, HashSet};

use lopdf::{Dictionary, Document, Object, ObjectId, dictionary};

use crate::Error;

use super::page_places::{Places, bookmarks};

/// What a page may have from the nodes above it (ISO 32000-1, 7.7.3.4).
const INHERITED: [&[u8]; 4] = [b"Resources", b"MediaBox", b"CropBox", b"Rotate"];
/// What of a page points into parts of the document that stay behind.
const LEFT_BEHIND: [&[u8]; 3] = [b"Parent", b"StructParents", b"B"];
/// Nodes above a page; a document may go round in circles.
const DEPTH: usize = 256;

/// A document in the making.
pub(super) struct Binder {
    bound: Document,
    /// The root of its page tree.
    root: ObjectId,
    pages: Vec<ObjectId>,
    /// The root of its bookmarks, and those right under it.
    marks: (ObjectId, Vec<ObjectId>),
}

impl Binder {
    pub(super) fn new() -> Binder {
        let mut bound = Document::with_version("1.7");
        let root = bound.new_object_id();
        let marks = (bound.new_object_id(), Vec::new());
        Binder { bound, root, pages: Vec::new(), marks }
    }

    /// Adds these pages of a document, in this order, `whole` with its bookmarks. What nothing on them points to is not
    /// taken.
    pub(super) fn add(&mut self, mut source: Document, pages: &[ObjectId], whole: bool) -> Result<(), Error> {
        let mut taken = Taken {
            every: source.page_iter().collect(),
            copied: HashMap::new(),
            left: Vec::new(),
            places: Places::of(&source),
        };
        let mut placed = Vec::new();
        for &old in pages {
            let new = self.bound.new_object_id();
            // A page that is taken twice becomes two; whoever points at it means the first.
            taken.copied.entry(old).or_insert(new);
            placed.push((old, new));
        }
        for (old, new) in placed {
            let mut page = Object::Dictionary(page_of(&source, old)?);
            taken.point(&mut page, &source, &mut self.bound);
            if let Ok(page) = page.as_dict_mut() {
                page.set("Parent", self.root);
            }
            self.bound.objects.insert(new, page);
            self.pages.push(new);
        }
        self.info(&source, &mut taken);
        if whole {
            self.bookmarks(&source, &mut taken);
        }
        while let Some((old, new)) = taken.left.pop() {
            // Each is taken once, so that the bytes need not be there twice.
            let Some(mut object) = source.objects.remove(&old) else { continue };
            taken.point(&mut object, &source, &mut self.bound);
            self.bound.objects.insert(new, object);
        }
        Ok(())
    }

    /// Title and author are those of the first document.
    fn info(&mut self, source: &Document, taken: &mut Taken) {
        if self.bound.trailer.has(b"Info") {
            return;
        }
        if let Ok(Object::Reference(id)) = source.trailer.get(b"Info") {
            let mut info = Object::Reference(*id);
            taken.point(&mut info, source, &mut self.bound);
            self.bound.trailer.set("Info", info);
        }
    }

    /// Bookmarks follow those of the documents before.
    fn bookmarks(&mut self, source: &Document, taken: &mut Taken) {
        let Some((root, marks)) = bookmarks(source) else { return };
        taken.copied.insert(root, self.marks.0);
        let placed = marks.into_iter().filter_map(|mark| taken.place(mark, source, &mut self.bound));
        self.marks.1.extend(placed);
    }

    /// Chains the bookmarks of all documents; their root, if there are any.
    fn chain(&mut self) -> Option<ObjectId> {
        let (root, marks) = &self.marks;
        let (first, last) = (*marks.first()?, *marks.last()?);
        let mut visible = 0;
        for (at, mark) in marks.iter().enumerate() {
            let Ok(mark) = self.bound.get_dictionary_mut(*mark) else { continue };
            let open = mark.get(b"Count").and_then(Object::as_i64).unwrap_or(0);
            visible += 1 + open.clamp(0, i64::from(u32::MAX));
            let neighbours = [("Prev", at.checked_sub(1)), ("Next", Some(at + 1))];
            for (key, neighbour) in neighbours {
                match neighbour.and_then(|neighbour| marks.get(neighbour)) {
                    Some(neighbour) => mark.set(key, *neighbour),
                    None => drop(mark.remove(key.as_bytes())),
                }
            }
        }
        let outlines =
            dictionary! { "Type" => "Outlines", "First" => first, "Last" => last, "Count" => visible };
        self.bound.objects.insert(*root, outlines.into());
        Some(*root)
    }

    /// The document, with a tree of all pages.
    pub(super) fn finish(mut self) -> Document {
        let kids: Vec<Object> = self.pages.iter().map(|page| Object::Reference(*page)).collect();
        let count = i64::try_from(kids.len()).unwrap_or(i64::MAX);
        let tree = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count };
        self.bound.objects.insert(self.root, tree.into());
        let mut catalog = dictionary! { "Type" => "Catalog", "Pages" => self.root };
        if let Some(marks) = self.chain() {
            catalog.set("Outlines", marks);
        }
        let catalog = self.bound.add_object(catalog);
        self.bound.trailer.set("Root", catalog);
        self.bound
    }
}

/// What of one document has been taken.
struct Taken {
    every: HashSet<ObjectId>,
    copied: HashMap<ObjectId, ObjectId>,
    /// Those that have a number in the new document and are not there yet.
    left: Vec<(ObjectId, ObjectId)>,
    places: Places,
}

impl Taken {
    /// Lets every reference within an object point into the new document; to nothing, where its aim stays behind.
    fn point(&mut self, object: &mut Object, source: &Document, bound: &mut Document) {
        match object {
            Object::Reference(id) => match self.place(*id, source, bound) {
                Some(new) => *id = new,
                None => *object = Object::Null,
            },
            Object::Array(items) => items.iter_mut().for_each(|item| self.point(item, source, bound)),
            Object::Dictionary(dictionary) => self.point_all(dictionary, source, bound),
            Object::Stream(stream) => self.point_all(&mut stream.dict, source, bound),
            _ => {}
        }
    }

    fn point_all(&mut self, dictionary: &mut Dictionary, source: &Document, bound: &mut Document) {
        self.places.spell_out(dictionary);
        for (_, value) in dictionary.iter_mut() {
            self.point(value, source, bound);
        }
    }

    fn place(&mut self, old: ObjectId, source: &Document, bound: &mut Document) -> Option<ObjectId> {
        if let Some(new) = self.copied.get(&old) {
            return Some(*new);
        }
        // A page that is not taken, such as the aim of a link, does not come along by the back door.
        if self.every.contains(&old) || !source.objects.contains_key(&old) {
            return None;
        }
        let new = bound.new_object_id();
        self.copied.insert(old, new);
        self.left.push((old, new));
        Some(new)
    }
}

/// A page with all that it inherits, and without what stays behind.
fn page_of(source: &Document, id: ObjectId) -> Result<Dictionary, Error> {
    let mut page = source.get_dictionary(id).map_err(Error::corrupt)?.clone();
    let mut above = source.get_dictionary(id).ok();
    for _ in 0..DEPTH {
        let Some(node) = above else { break };
        for key in INHERITED {
            if let (false, Ok(value)) = (page.has(key), node.get(key)) {
                page.set(key, value.clone());
            }
        }
        let parent = node.get(b"Parent").and_then(Object::as_reference);
        above = parent.ok().and_then(|parent| source.get_dictionary(parent).ok());
    }
    for key in LEFT_BEHIND {
        page.remove(key);
    }
    Ok(page)
}
