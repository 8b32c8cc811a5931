//! The XML of a presentation's parts as trees of bounded size, walked by local names.

use quick_xml::Reader;
use quick_xml::events::Event;
use resvg::usvg::roxmltree::{self, Document, ParsingOptions};

use crate::Error;

/// An element of a part.
pub(super) type Node<'a> = roxmltree::Node<'a, 'a>;

/// Elements within elements; what programs write needs a tenth of it.
const DEPTH: usize = 256;
/// Elements and texts of a part.
const NODES: u32 = 1_000_000;
/// Points of an English Metric Unit, in which lengths are given (ECMA-376 Part 1, 20.1.10.16).
const EMU: f64 = 1.0 / 12_700.0;

/// Reads a part.
///
/// # Errors
/// `Corrupt` when it is no XML, `LimitExceeded` when it is too deep or has too many elements.
pub(super) fn parse(xml: &str) -> Result<Document<'_>, Error> {
    look_through(xml)?;
    let options = ParsingOptions { nodes_limit: NODES, ..ParsingOptions::default() };
    Document::parse_with_options(xml, options).map_err(|error| match error {
        roxmltree::Error::NodesLimitReached => Error::limit(format!("more than {NODES} elements on a slide")),
        error => Error::corrupt(format!("a slide is not well formed ({error})")),
    })
}

/// Counts how deep elements lie in each other before anything recurses into them.
fn look_through(xml: &str) -> Result<(), Error> {
    let mut reader = Reader::from_str(xml);
    let mut depth = 0_usize;
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => depth += 1,
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Eof) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(Error::corrupt(format!("a slide is not well formed ({error})"))),
        }
        if depth > DEPTH {
            return Err(Error::limit(format!(
                "elements {depth} deep within each other, allowed are {DEPTH}"
            )));
        }
    }
}

/// The elements of an element. Of what is there twice, for new programs and for old ones, the first that can be drawn.
pub(super) fn children<'a>(node: Node<'a>) -> Vec<Node<'a>> {
    let mut found = Vec::new();
    for inner in node.children().filter(Node::is_element) {
        if is(inner, "AlternateContent") {
            found.extend(
                chosen(inner).into_iter().flat_map(|branch| branch.children()).filter(Node::is_element),
            );
        } else {
            found.push(inner);
        }
    }
    found
}

fn chosen(alternate: Node<'_>) -> Option<Node<'_>> {
    let shows = |branch: &Node<'_>| {
        branch.descendants().any(|inner| {
            ["sp", "pic", "cxnSp", "tbl", "chart", "relIds", "r", "m"].iter().any(|name| is(inner, name))
        })
    };
    let branches = || alternate.children().filter(Node::is_element);
    branches().find(shows).or_else(|| branches().next())
}

/// Whether an element has this local name.
pub(super) fn is(node: Node<'_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

/// The first element of this name within an element.
pub(super) fn child<'a>(node: Node<'a>, name: &str) -> Option<Node<'a>> {
    children(node).into_iter().find(|inner| is(*inner, name))
}

/// The element that a path of names leads to.
pub(super) fn at<'a>(node: Node<'a>, path: &[&str]) -> Option<Node<'a>> {
    path.iter().try_fold(node, |node, name| child(node, name))
}

/// The first element of this name anywhere within.
pub(super) fn below<'a>(node: Node<'a>, name: &str) -> Option<Node<'a>> {
    node.descendants().find(|inner| is(*inner, name))
}

/// An attribute that leads to another part, such as `r:embed`.
pub(super) fn reference<'a>(node: Node<'a>, name: &str) -> Option<&'a str> {
    node.attributes()
        .find(|attribute| attribute.name() == name && attribute.namespace().is_some())
        .map(|attribute| attribute.value())
}

/// A number.
pub(super) fn number(node: Node<'_>, name: &str) -> Option<f64> {
    node.attribute(name)?.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// A share: thousandths of a percent, or percent with their sign.
pub(super) fn share(node: Node<'_>, name: &str) -> Option<f64> {
    let text = node.attribute(name)?.trim();
    match text.strip_suffix('%') {
        Some(percent) => percent.parse().ok().map(|percent: f64| percent / 100.0),
        None => text.parse().ok().map(|thousandths: f64| thousandths / 100_000.0),
    }
    .filter(|share| share.is_finite())
}

/// A length in points.
pub(super) fn length(node: Node<'_>, name: &str) -> Option<f64> {
    // Whatever is farther away is on no slide.
    number(node, name).map(|emu| (emu * EMU).clamp(-1e6, 1e6))
}

/// Something that is on or off.
pub(super) fn flag(node: Node<'_>, name: &str) -> Option<bool> {
    node.attribute(name).map(|value| matches!(value, "1" | "true" | "on"))
}

/// The XML of an element as it is written.
pub(super) fn written(node: Node<'_>) -> &str {
    node.document().input_text().get(node.range()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_that_can_be_drawn_is_taken() {
        let xml = "<a xmlns:mc='m'><mc:AlternateContent><mc:Choice><new/></mc:Choice><mc:Fallback><pic/></mc:Fallback>\
            </mc:AlternateContent><mc:AlternateContent><mc:Choice><sp id='1'/></mc:Choice><mc:Fallback><sp/></mc:Fallback>\
            </mc:AlternateContent></a>";
        let tree = parse(xml).unwrap();
        let names: Vec<&str> =
            children(tree.root_element()).iter().map(|node| node.tag_name().name()).collect();
        assert_eq!(names, ["pic", "sp"]);
        assert_eq!(child(tree.root_element(), "sp").and_then(|shape| number(shape, "id")), Some(1.0));
    }

    #[test]
    fn what_is_deep_or_broken_is_refused() {
        assert_eq!(parse(&"<a>".repeat(300)).unwrap_err().code(), "limit_exceeded");
        assert_eq!(parse("<a><b></a>").unwrap_err().code(), "corrupt");
    }

    #[test]
    fn shares_are_written_in_two_ways() {
        let tree = parse("<a old='90000' new='90%' not='x'/>").unwrap();
        let root = tree.root_element();
        assert_eq!(
            [share(root, "old"), share(root, "new"), share(root, "not")],
            [Some(0.9), Some(0.9), None]
        );
    }
}
