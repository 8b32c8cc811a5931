//! The parts that one slide is drawn from, followed from the slide to its layout, its master and its theme.

use std::collections::BTreeSet;
use std::rc::Rc;

use resvg::usvg::roxmltree::Document;

use crate::Error;

use super::parts::{Part, Parts};
use super::scene::drawing_of;
use super::tree::{Node, parse};

/// The texts of the parts of one slide.
pub(super) struct Sources {
    pub(super) slide: Part,
    pub(super) layout: Option<Rc<Part>>,
    pub(super) master: Option<Rc<Part>>,
    pub(super) theme: Option<Rc<Part>>,
    pub(super) table_styles: Option<Rc<Part>>,
    pub(super) presentation: Rc<Part>,
    /// The drawings that a program keeps of its SmartArt, by the relation of their data.
    pub(super) diagrams: Vec<(String, Part)>,
}

impl Sources {
    /// Reads the parts of the slide at this path.
    ///
    /// # Errors
    /// `Corrupt` when there is no such slide.
    pub(super) fn of(parts: &mut Parts, path: &str) -> Result<Sources, Error> {
        let slide =
            parts.part(path)?.ok_or_else(|| Error::corrupt(format!("the slide {path} is missing")))?;
        let layout = parts.next(&slide, "slideLayout")?;
        let master = next(parts, layout.as_deref(), "slideMaster")?;
        let theme = next(parts, master.as_deref(), "theme")?;
        let presentation = parts.presentation();
        let table_styles = parts.next(&presentation, "tableStyles")?;
        let diagrams = diagrams(parts, &slide)?;
        Ok(Sources { slide, layout, master, theme, table_styles, presentation, diagrams })
    }

    /// Adds the letters of all that may be drawn.
    pub(super) fn letters(&self, letters: &mut BTreeSet<char>) -> Result<(), Error> {
        let drawn = [&self.layout, &self.master].into_iter().flatten().map(|part| &**part);
        for part in drawn.chain([&self.slide]).chain(self.diagrams.iter().map(|(_, part)| part)) {
            collect(&parse(&part.text)?, letters);
        }
        Ok(())
    }
}

fn next(parts: &mut Parts, from: Option<&Part>, kind: &str) -> Result<Option<Rc<Part>>, Error> {
    from.map_or(Ok(None), |from| parts.next(from, kind))
}

fn diagrams(parts: &mut Parts, slide: &Part) -> Result<Vec<(String, Part)>, Error> {
    let mut found = Vec::new();
    for (id, relation) in slide.relations.iter().filter(|(_, relation)| relation.kind == "diagramData") {
        let Some(data) = at(parts, relation.path.as_deref())? else { continue };
        let kept = drawing_of(parse(&data.text)?.root_element());
        let relation = kept.and_then(|kept| slide.relations.get(&kept));
        let drawing = at(parts, relation.and_then(|relation| relation.path.as_deref()))?;
        found.extend(drawing.map(|drawing| (id.clone(), drawing)));
    }
    Ok(found)
}

fn at(parts: &mut Parts, path: Option<&str>) -> Result<Option<Part>, Error> {
    path.map_or(Ok(None), |path| parts.part(path))
}

fn collect(tree: &Document<'_>, letters: &mut BTreeSet<char>) {
    for node in tree.descendants().filter(|node| node.is_element()) {
        if node.tag_name().name() == "t" {
            letters.extend(node.text().unwrap_or_default().chars());
        }
        // Signs of lists; those of fonts of signs are drawn as others.
        let of_signs = |letter: &char| matches!(letter, '\u{80}'..='\u{ff}' | '\u{e000}'..='\u{f8ff}');
        letters.extend(node.attribute("char").unwrap_or_default().chars().filter(|letter| !of_signs(letter)));
    }
}

/// The tree of a part that may be there.
pub(super) fn tree(part: Option<&Rc<Part>>) -> Result<Option<Document<'_>>, Error> {
    part.map(|part| parse(&part.text)).transpose()
}

/// Its root.
pub(super) fn root<'a>(tree: &'a Option<Document<'a>>) -> Option<Node<'a>> {
    tree.as_ref().map(Document::root_element)
}
