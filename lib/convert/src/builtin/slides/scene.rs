//! A slide with all that it inherits from: its layout, its master, its theme and the presentation.

use std::collections::HashMap;

use super::parts::{Part, shapes};
use super::scheme::Scheme;
use super::style::Cascade;
use super::tree::{Node, at, below, child, children, number};

/// The root of a part, and the part.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) root: Node<'a>,
    pub(super) part: &'a Part,
}

/// All that one slide is drawn from.
pub(super) struct Scene<'a> {
    /// Slide, layout, master and theme, as far as there are some.
    pub(super) layers: Vec<Layer<'a>>,
    pub(super) layout: Option<Node<'a>>,
    pub(super) master: Option<Node<'a>>,
    pub(super) scheme: Scheme<'a>,
    pub(super) presentation: Node<'a>,
    pub(super) table_styles: Option<Node<'a>>,
    /// Drawings of SmartArt by their relations.
    pub(super) diagrams: HashMap<&'a str, Layer<'a>>,
    /// The place of the slide, from 1.
    pub(super) number: usize,
}

/// What a placeholder is for: its type, and the number that its layout has for it (19.3.1.36).
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Holder<'a> {
    kind: Kind,
    index: Option<&'a str>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Title,
    Body,
    Footer,
    Date,
    Number,
}

/// What a shape of a slide holds the place of; nothing when it is no placeholder.
pub(super) fn holder<'a>(shape: Node<'a>) -> Option<Holder<'a>> {
    let frame = children(shape).into_iter().find(|node| node.tag_name().name().starts_with("nv"))?;
    let named = at(frame, &["nvPr", "ph"])?;
    let kind = match named.attribute("type") {
        Some("title" | "ctrTitle") => Kind::Title,
        Some("ftr") => Kind::Footer,
        Some("dt") => Kind::Date,
        Some("sldNum") => Kind::Number,
        _ => Kind::Body,
    };
    Some(Holder { kind, index: named.attribute("idx") })
}

impl<'a> Scene<'a> {
    /// A shape and those it inherits from, the nearest first.
    pub(super) fn line(&self, shape: Node<'a>) -> Vec<Node<'a>> {
        let Some(wanted) = holder(shape) else { return vec![shape] };
        let on_layout = self.layout.and_then(|layout| counterpart(layout, wanted, true));
        let on_master = self.master.and_then(|master| counterpart(master, wanted, false));
        let mut line = vec![shape];
        line.extend(on_layout.into_iter().chain(on_master).filter(|other| *other != shape));
        line
    }

    /// Who has a say about the text of a shape with this body.
    pub(super) fn cascade(&self, line: &[Node<'a>]) -> Cascade<'a> {
        let list = |shape: &Node<'a>| at(*shape, &["txBody", "lstStyle"]);
        let mut inherited: Vec<Node<'a>> = line.iter().skip(1).filter_map(list).collect();
        let texts = self.master.and_then(|master| child(master, "txStyles"));
        let of_master = |name: &str| texts.and_then(|texts| child(texts, name));
        let presentation = child(self.presentation, "defaultTextStyle");
        let kind = line.first().and_then(|shape| holder(*shape)).map(|holder| holder.kind);
        match kind {
            Some(Kind::Title) => inherited.extend(of_master("titleStyle")),
            Some(Kind::Body) => inherited.extend(of_master("bodyStyle")),
            Some(_) => inherited.extend(of_master("otherStyle")),
            None => {}
        }
        inherited.extend(presentation);
        if kind.is_none() {
            inherited.extend(of_master("otherStyle"));
        }
        let part = line.first().and_then(|shape| self.part(*shape));
        Cascade { own: line.first().and_then(list), inherited, part, ..Cascade::default() }
    }

    /// The part that an element is from.
    pub(super) fn part(&self, node: Node<'a>) -> Option<&'a Part> {
        let mut layers = self.layers.iter().chain(self.diagrams.values());
        layers.find(|layer| std::ptr::eq(layer.root.document(), node.document())).map(|layer| layer.part)
    }
}

/// The placeholder of a layout, by its number, or of a master, by its type.
fn counterpart<'a>(root: Node<'a>, wanted: Holder<'_>, by_index: bool) -> Option<Node<'a>> {
    let all: Vec<(Node<'a>, Holder<'a>)> =
        children(shapes(root)?).into_iter().filter_map(|shape| Some((shape, holder(shape)?))).collect();
    let same = |(_, other): &&(Node<'a>, Holder<'a>)| other.index == wanted.index && other.index.is_some();
    let alike = |(_, other): &&(Node<'a>, Holder<'a>)| other.kind == wanted.kind;
    let found = by_index.then(|| all.iter().find(same)).flatten().or_else(|| all.iter().find(alike));
    found.map(|(shape, _)| *shape)
}

/// The relation of the drawing that a program keeps of a SmartArt, as its data name it.
pub(super) fn drawing_of(data: Node<'_>) -> Option<String> {
    below(data, "dataModelExt").and_then(|kept| kept.attribute("relId")).map(str::to_owned)
}

/// Degrees that a frame is turned by.
pub(super) fn turn(frame: Node<'_>) -> f64 {
    number(frame, "rot").unwrap_or(0.0) / 60_000.0 % 360.0
}
