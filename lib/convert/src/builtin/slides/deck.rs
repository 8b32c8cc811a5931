//! PowerPoint presentations read slide by slide: titles, lists, tables, pictures and notes (ECMA-376 Part 1, 19).

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use crate::Error;
use crate::container::Container;

use super::reader::read_slide;
use crate::builtin::parts::{Relation, elements, relations};
use crate::builtin::source_words::is_hidden;

/// Slides in the order in which they are shown.
#[derive(Debug, Default)]
pub(super) struct Deck {
    pub(super) slides: Vec<Slide>,
    /// How many slides are not shown.
    pub(super) hidden: usize,
}

/// What is on one slide.
#[derive(Debug, Default)]
pub(super) struct Slide {
    /// Its place in the presentation, from 1; hidden slides count.
    pub(super) number: usize,
    pub(super) title: String,
    pub(super) blocks: Vec<Block>,
    /// What the speaker sees, a paragraph each.
    pub(super) notes: Vec<String>,
    pub(super) undrawn: Undrawn,
}

/// A piece of a slide.
#[derive(Debug, PartialEq)]
pub(super) enum Block {
    /// A paragraph; with a level from 0 it is an item of a list. A newline is a line break.
    Text { level: Option<usize>, text: String },
    /// Rows of cells.
    Table(Vec<Vec<String>>),
    /// A picture: what it shows, its relation, and its file where there is one.
    Picture { alt: String, relation: String, file: Option<(&'static str, Vec<u8>)> },
}

/// What is on a slide and has no words here.
#[derive(Debug, Default)]
pub(super) struct Undrawn {
    pub(super) charts: usize,
    pub(super) diagrams: usize,
    pub(super) media: usize,
}

/// Reads the shown slides; pictures only when they are wanted.
///
/// # Errors
/// `Corrupt` when there is no presentation in the container, or a slide is no XML.
pub(super) fn read<R: Read + Seek>(container: &mut Container<R>, pictures: bool) -> Result<Deck, Error> {
    const PRESENTATION: &str = "ppt/presentation.xml";
    let xml = container
        .read(PRESENTATION)?
        .ok_or_else(|| Error::corrupt("there is no presentation in the container"))?;
    let parts = relations(container, PRESENTATION)?;
    let mut deck = Deck::default();
    for (at, slide) in elements(&xml, b"sldId").iter().enumerate() {
        let part = slide.get("id").and_then(|id| parts.get(id)).and_then(|part| part.path.clone());
        let lost = || Error::corrupt(format!("slide {} is missing", at + 1));
        let path = part.ok_or_else(lost)?;
        let xml = container.read(&path)?.ok_or_else(lost)?;
        if is_hidden(&xml) {
            deck.hidden += 1;
            continue;
        }
        let mut slide = read_slide(&xml)?;
        slide.number = at + 1;
        let near = relations(container, &path)?;
        slide.notes = notes(container, &near)?;
        if pictures {
            load(container, &mut slide, &near)?;
        }
        deck.slides.push(slide);
    }
    Ok(deck)
}

fn notes<R: Read + Seek>(
    container: &mut Container<R>,
    near: &BTreeMap<String, Relation>,
) -> Result<Vec<String>, Error> {
    let path = near.values().find(|relation| relation.kind == "notesSlide").and_then(|it| it.path.as_ref());
    let Some(path) = path else { return Ok(Vec::new()) };
    let Some(xml) = container.read(path)? else { return Ok(Vec::new()) };
    let blocks = read_slide(&xml)?.blocks;
    Ok(blocks
        .into_iter()
        .filter_map(|block| match block {
            Block::Text { text, .. } => Some(text),
            _ => None,
        })
        .collect())
}

fn load<R: Read + Seek>(
    container: &mut Container<R>,
    slide: &mut Slide,
    near: &BTreeMap<String, Relation>,
) -> Result<(), Error> {
    for block in &mut slide.blocks {
        let Block::Picture { relation, file, .. } = block else { continue };
        let Some(path) = near.get(relation).and_then(|relation| relation.path.as_ref()) else { continue };
        let ending = path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        let kind = match ending.as_str() {
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "gif" => "image/gif",
            _ => continue,
        };
        *file = container.read(path)?.map(|bytes| (kind, bytes));
    }
    Ok(())
}
