//! The text of a shape or a cell: its paragraphs with the look of each run.

use super::scheme::Scheme;
use super::style::{Cascade, ParagraphLook, RunLook};
use super::tree::{Node, child, children, is};

/// A paragraph and its runs. A newline in a run is a line break.
pub(super) struct Paragraph {
    pub(super) look: ParagraphLook,
    pub(super) runs: Vec<(RunLook, String)>,
    /// How high a line without words is.
    pub(super) end: RunLook,
}

/// Reads the paragraphs of a `p:txBody`; `number` is that of the slide.
pub(super) fn paragraphs<'a>(
    body: Node<'a>,
    cascade: &Cascade<'a>,
    scheme: &Scheme<'a>,
    number: usize,
) -> Vec<Paragraph> {
    children(body)
        .into_iter()
        .filter(|node| is(*node, "p"))
        .map(|node| paragraph(node, cascade, scheme, number))
        .collect()
}

fn paragraph<'a>(node: Node<'a>, cascade: &Cascade<'a>, scheme: &Scheme<'a>, number: usize) -> Paragraph {
    let parts = children(node);
    let own = |name: &str| parts.iter().copied().find(|part| is(*part, name));
    let properties = own("pPr");
    let first = parts.iter().find_map(|part| child(*part, "rPr"));
    let look = cascade.paragraph(properties, first, scheme);
    let runs = parts
        .iter()
        .filter_map(|part| {
            let run = cascade.run(child(*part, "rPr"), (properties, look.level), scheme);
            let text = words(*part, number)?;
            Some(if run.capitals { (run, text.to_uppercase()) } else { (run, text) })
        })
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let end = cascade.run(own("endParaRPr"), (properties, look.level), scheme);
    Paragraph { look, runs, end }
}

/// What a part of a paragraph says; nothing when it is no text.
fn words(part: Node<'_>, number: usize) -> Option<String> {
    match part.tag_name().name() {
        "r" => Some(said(part)),
        "br" => Some("\n".to_owned()),
        "fld" if part.attribute("type") == Some("slidenum") => Some(number.to_string()),
        "fld" => Some(said(part)),
        // A formula, on one line.
        "m" | "oMath" | "oMathPara" => Some(
            part.descendants().filter(|inner| is(*inner, "t")).map(said_by).collect::<Vec<_>>().join(" "),
        ),
        _ => None,
    }
}

fn said(run: Node<'_>) -> String {
    child(run, "t").map(said_by).unwrap_or_default()
}

fn said_by(text: Node<'_>) -> String {
    text.text().unwrap_or_default().replace(['\u{b}', '\r'], "\n")
}

/// How many formulas a text has.
pub(super) fn formulas(body: Node<'_>) -> usize {
    body.descendants().filter(|inner| is(*inner, "oMath")).count()
}
