//! The styles of tables: what the first row, every other row and all cells look like.

use oxml_layout::Color;

use super::fill::{Fill, Outline, fill_in, outline};
use super::scheme::Scheme;
use super::tree::{Node, at, child, flag};

/// The style that programs give to a table unless somebody wants another, and its siblings in the other colours of the
/// theme. Files name them without containing them.
const USUAL: [(&str, &str); 7] = [
    ("{073A0DAA-6AF3-43AB-8588-CEC1D06C72B9}", "dk1"),
    ("{5C22544A-7EE6-4342-B048-85BDC9FD1C3A}", "accent1"),
    ("{21E4AEA4-8DFA-4A89-87EB-49C32662AFE0}", "accent2"),
    ("{F5AB1C69-6EDB-4FF4-983F-18BD219EF322}", "accent3"),
    ("{00A15C55-8517-42AA-B614-E9B94910E393}", "accent4"),
    ("{7DF18680-E054-41AD-8BC1-D1AEF772440D}", "accent5"),
    ("{93296810-A885-4BE3-A3E7-6D5BEEA58F35}", "accent6"),
];
/// Black lines around each cell, and nothing at all.
const GRID: &str = "{5940675A-B579-460E-94D1-54222C63F5DA}";
const BARE: &str = "{2D5ABB26-0587-4C30-8999-92F81FD0307C}";

/// A style, and the parts of it that a table wants.
pub(super) struct TableStyle<'a> {
    style: Option<Node<'a>>,
    wants: Wants,
}

#[derive(Clone, Copy, Default)]
struct Wants {
    first_row: bool,
    last_row: bool,
    first_column: bool,
    last_column: bool,
    bands: bool,
    column_bands: bool,
}

/// How a style draws one cell.
#[derive(Default)]
pub(super) struct Cell<'a> {
    pub(super) fill: Option<Fill<'a>>,
    /// Left, top, right, bottom.
    pub(super) lines: [Option<Outline>; 4],
    pub(super) color: Option<Color>,
    pub(super) bold: bool,
}

/// The XML of a style that a file names and that every program knows; nothing when we do not.
pub(super) fn known(id: &str) -> Option<String> {
    let line = |name: &str, width: u32, color: &str| {
        format!("<{name}><ln w='{width}'><solidFill><schemeClr val='{color}'/></solidFill></ln></{name}>")
    };
    let lines = |color: &str| {
        let sides = ["left", "right", "top", "bottom", "insideH", "insideV"];
        format!("<tcBdr>{}</tcBdr>", sides.map(|side| line(side, 12_700, color)).concat())
    };
    if id == BARE {
        return Some("<tblStyle/>".into());
    }
    if id == GRID {
        return Some(format!(
            "<tblStyle><wholeTbl><tcStyle>{}</tcStyle></wholeTbl></tblStyle>",
            lines("tx1")
        ));
    }
    let (_, color) = USUAL.iter().find(|(known, _)| *known == id)?;
    let fill = |tint: u32| {
        let tint = if tint == 0 { String::new() } else { format!("<tint val='{tint}'/>") };
        format!("<fill><solidFill><schemeClr val='{color}'>{tint}</schemeClr></solidFill></fill>")
    };
    let strong = |name: &str, border: String| {
        format!(
            "<{name}><tcTxStyle b='on'><schemeClr val='lt1'/></tcTxStyle><tcStyle><tcBdr>{border}</tcBdr>{}</tcStyle></{name}>",
            fill(0)
        )
    };
    Some(format!(
        "<tblStyle><wholeTbl><tcTxStyle><schemeClr val='dk1'/></tcTxStyle><tcStyle>{}{}</tcStyle></wholeTbl>\
         <band1H><tcStyle>{}</tcStyle></band1H><band1V><tcStyle>{}</tcStyle></band1V>{}{}{}{}</tblStyle>",
        lines("lt1"),
        fill(20_000),
        fill(40_000),
        fill(40_000),
        strong("lastCol", String::new()),
        strong("firstCol", String::new()),
        strong("lastRow", line("top", 38_100, "lt1")),
        strong("firstRow", line("bottom", 38_100, "lt1")),
    ))
}

impl<'a> TableStyle<'a> {
    /// The style of a table with these properties (`a:tblPr`).
    pub(super) fn of(style: Option<Node<'a>>, properties: Option<Node<'_>>) -> TableStyle<'a> {
        let on = |name: &str| properties.and_then(|own| flag(own, name)).unwrap_or(false);
        let wants = Wants {
            first_row: on("firstRow"),
            last_row: on("lastRow"),
            first_column: on("firstCol"),
            last_column: on("lastCol"),
            bands: on("bandRow"),
            column_bands: on("bandCol"),
        };
        TableStyle { style, wants }
    }

    /// The look of the cell at this row and column of a table of so many of them.
    pub(super) fn cell(&self, place: (usize, usize), size: (usize, usize), scheme: &Scheme<'a>) -> Cell<'a> {
        let mut cell = Cell::default();
        for part in self.parts(place, size) {
            if let Some(style) = child(part, "tcStyle") {
                let fill = child(style, "fill").and_then(|fill| fill_in(fill, scheme, None));
                let named = child(style, "fillRef").and_then(|named| {
                    let (fill, own) = scheme.style(named)?;
                    Some(super::fill::fill(fill, scheme, own))
                });
                cell.fill = fill.or(named).or(cell.fill);
                lines(&mut cell, style, place, size, (scheme, is_whole(part)));
            }
            if let Some(text) = child(part, "tcTxStyle") {
                cell.color = scheme.color_in(text, None).or(cell.color);
                cell.bold = flag(text, "b").unwrap_or(cell.bold);
            }
        }
        cell
    }

    /// The parts of the style that a cell is in, the strongest last.
    fn parts(&self, (row, column): (usize, usize), (rows, columns): (usize, usize)) -> Vec<Node<'a>> {
        let Wants { first_row, last_row, first_column, last_column, bands, column_bands } = self.wants;
        let band = |place: usize, first: bool| {
            if (place - usize::from(first && place > 0)).is_multiple_of(2) { "1" } else { "2" }
        };
        let mut names = vec!["wholeTbl".to_owned()];
        if bands {
            names.push(format!("band{}H", band(row, first_row)));
        }
        if column_bands {
            names.push(format!("band{}V", band(column, first_column)));
        }
        let wanted = [
            (last_column && column + 1 == columns, "lastCol"),
            (first_column && column == 0, "firstCol"),
            (last_row && row + 1 == rows, "lastRow"),
            (first_row && row == 0, "firstRow"),
        ];
        names.extend(wanted.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned()));
        names.iter().filter_map(|name| child(self.style?, name)).collect()
    }
}

fn is_whole(part: Node<'_>) -> bool {
    part.tag_name().name() == "wholeTbl"
}

/// The lines of a part: around the whole table those of its edges, within it those between cells.
fn lines<'a>(
    cell: &mut Cell<'a>,
    style: Node<'a>,
    (row, column): (usize, usize),
    (rows, columns): (usize, usize),
    (scheme, whole): (&Scheme<'a>, bool),
) {
    let line = |name: &str| {
        let side = at(style, &["tcBdr", name])?;
        let own = child(side, "ln").and_then(|own| outline(&[own], scheme, None));
        own.or_else(|| {
            let (line, color) = scheme.style(child(side, "lnRef")?)?;
            outline(&[line], scheme, color)
        })
    };
    let sides = [
        ("left", "insideV", column == 0),
        ("top", "insideH", row == 0),
        ("right", "insideV", column + 1 == columns),
        ("bottom", "insideH", row + 1 == rows),
    ];
    for ((edge, inside, at_edge), known) in sides.into_iter().zip(&mut cell.lines) {
        let name = if at_edge || !whole { edge } else { inside };
        *known = line(name).or_else(|| known.take());
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::parse;
    use super::*;

    #[test]
    fn the_usual_style_has_a_strong_first_row_and_bands() {
        let xml = known(USUAL[1].0).unwrap();
        let (tree, wants) = (parse(&xml).unwrap(), parse("<tblPr firstRow='1' bandRow='1'/>").unwrap());
        let style = TableStyle::of(Some(tree.root_element()), Some(wants.root_element()));
        let names = |row| -> Vec<&str> {
            style.parts((row, 0), (3, 2)).into_iter().map(|part| part.tag_name().name()).collect()
        };
        assert_eq!(names(0), ["wholeTbl", "band1H", "firstRow"]);
        assert_eq!((names(1), names(2)), (vec!["wholeTbl", "band1H"], vec!["wholeTbl"]));
        assert!(known("{nobody}").is_none());
    }
}
