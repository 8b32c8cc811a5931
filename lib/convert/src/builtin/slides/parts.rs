//! The parts that the slides of a presentation are drawn from: layouts, masters, themes, pictures.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::rc::Rc;
use std::sync::Arc;

use crate::container::Container;
use crate::{Error, Request};

use super::pictures::Pictures;
use super::tree::{self, at, children, is, length, reference};
use crate::builtin::parts::{Relation, relations};
use crate::builtin::source_words::is_hidden;
use crate::builtin::{text_file, unlocked};

/// Slides of a presentation.
const SLIDES: usize = 2_000;
/// The longest side of a page that every reader opens, in points.
const LONGEST: f64 = 14_400.0;

/// A part as text, and where it leads.
pub(super) struct Part {
    pub(super) text: String,
    pub(super) relations: BTreeMap<String, Relation>,
}

/// A presentation that is open.
pub(super) struct Parts {
    container: Container<Cursor<Arc<[u8]>>>,
    shared: HashMap<String, Rc<Part>>,
    /// The numbers of the pictures at these paths.
    numbers: HashMap<String, Option<usize>>,
    pub(super) pictures: Pictures,
    presentation: Rc<Part>,
    /// Width and height of a page in points.
    pub(super) size: (f64, f64),
    /// Place, from 1, and path of each slide that is shown.
    pub(super) slides: Vec<(usize, String)>,
    /// How many are not shown.
    pub(super) hidden: usize,
}

impl Parts {
    /// Opens a presentation and finds its slides.
    ///
    /// # Errors
    /// `Corrupt` when it has no presentation or a slide is missing, `LimitExceeded` when it has too many slides.
    pub(super) fn open(req: &Request) -> Result<Parts, Error> {
        let mut container = Container::of(unlocked::read(req)?)?;
        let presentation = part(&mut container, "ppt/presentation.xml")?
            .ok_or_else(|| Error::corrupt("there is no presentation in the container"))?;
        let tree = tree::parse(&presentation.text)?;
        let root = tree.root_element();
        let side = |name: &str, usual: f64| {
            let given = tree::child(root, "sldSz").and_then(|size| length(size, name));
            given.filter(|side| *side >= 1.0).unwrap_or(usual).min(LONGEST)
        };
        let size = (side("cx", 720.0), side("cy", 540.0));
        let listed = tree::child(root, "sldIdLst").map(children).unwrap_or_default();
        let ids: Vec<_> = listed.into_iter().filter(|slide| is(*slide, "sldId")).collect();
        if ids.len() > SLIDES {
            return Err(Error::limit(format!("{} slides, allowed are {SLIDES}", ids.len())));
        }
        let (mut slides, mut hidden) = (Vec::new(), 0);
        for (at, slide) in ids.into_iter().enumerate() {
            let relation = reference(slide, "id").and_then(|id| presentation.relations.get(id));
            let lost = || Error::corrupt(format!("slide {} is missing", at + 1));
            let path = relation.and_then(|relation| relation.path.clone()).ok_or_else(lost)?;
            if is_hidden(&container.read(&path)?.ok_or_else(lost)?) {
                hidden += 1;
            } else {
                slides.push((at + 1, path));
            }
        }
        drop(tree);
        let presentation = Rc::new(presentation);
        let (shared, numbers) = (HashMap::new(), HashMap::new());
        Ok(Parts {
            container,
            shared,
            numbers,
            pictures: Pictures::default(),
            presentation,
            size,
            slides,
            hidden,
        })
    }

    /// The container, for whoever counts its words.
    pub(super) fn container(&mut self) -> &mut Container<Cursor<Arc<[u8]>>> {
        &mut self.container
    }

    /// The part that names the slides and says how text looks where nothing else does.
    pub(super) fn presentation(&self) -> Rc<Part> {
        Rc::clone(&self.presentation)
    }

    /// A part that only one slide needs.
    pub(super) fn part(&mut self, path: &str) -> Result<Option<Part>, Error> {
        part(&mut self.container, path)
    }

    /// The part of this kind that a part leads to, such as the layout of a slide.
    pub(super) fn next(&mut self, of: &Part, kind: &str) -> Result<Option<Rc<Part>>, Error> {
        let relation = of.relations.values().find(|relation| relation.kind == kind);
        let Some(path) = relation.and_then(|relation| relation.path.as_deref()) else { return Ok(None) };
        if let Some(known) = self.shared.get(path) {
            return Ok(Some(Rc::clone(known)));
        }
        let Some(read) = part(&mut self.container, path)? else { return Ok(None) };
        let read = Rc::new(read);
        self.shared.insert(path.to_owned(), Rc::clone(&read));
        Ok(Some(read))
    }

    /// The number of a picture that a part names; nothing when it is linked, of a kind that is not drawn, or one too many.
    pub(super) fn picture(&mut self, of: &Part, id: &str) -> Result<Option<usize>, Error> {
        let Some(path) = of.relations.get(id).and_then(|relation| relation.path.as_deref()) else {
            return Ok(None);
        };
        if let Some(known) = self.numbers.get(path) {
            return Ok(*known);
        }
        let number = self.pictures.keep(&self.container.read(path)?.unwrap_or_default());
        self.numbers.insert(path.to_owned(), number);
        Ok(number)
    }
}

fn part(container: &mut Container<Cursor<Arc<[u8]>>>, path: &str) -> Result<Option<Part>, Error> {
    let Some(bytes) = container.read(path)? else { return Ok(None) };
    let relations = relations(container, path)?;
    Ok(Some(Part { text: text_file::decode(&bytes).text, relations }))
}

/// The style of a table that the presentation has under this name.
pub(super) fn table_style<'a>(styles: tree::Node<'a>, name: &str) -> Option<tree::Node<'a>> {
    children(styles).into_iter().find(|style| style.attribute("styleId") == Some(name))
}

/// The shapes of a slide, a layout or a master.
pub(super) fn shapes<'a>(root: tree::Node<'a>) -> Option<tree::Node<'a>> {
    at(root, &["cSld", "spTree"]).or_else(|| tree::child(root, "spTree"))
}
