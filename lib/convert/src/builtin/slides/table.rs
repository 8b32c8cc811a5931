//! Tables on slides: the heights of their rows, their fills and borders, and the text of their cells.

use oxml_layout::{Path, Rect};

use crate::Error;

use super::body::{Paragraph, paragraphs};
use super::fill::{Fill, fill_in, outline};
use super::scheme::Scheme;
use super::style::Cascade;
use super::table_style::{Cell as CellStyle, TableStyle};
use super::text_box::{Stand, TextBox, height};
use super::tree::{Node, child, children, flag, is, length, number};
use crate::builtin::canvas::{Canvas, Drawing};

/// Cells of one table.
const CELLS: usize = 100_000;

/// A table that is read, without its place.
struct Table<'a> {
    columns: Vec<f64>,
    rows: Vec<f64>,
    cells: Vec<Cell<'a>>,
}

/// A cell with all that it is merged with.
struct Cell<'a> {
    row: usize,
    column: usize,
    rows: usize,
    columns: usize,
    style: CellStyle<'a>,
    properties: Option<Node<'a>>,
    text: Vec<Paragraph>,
    frame: TextBox,
}

/// Draws an `a:tbl` from the upper left corner of its frame on. It is as wide and high as its columns and rows say, and
/// a row is as high as its text needs.
pub(super) fn draw<'a>(
    canvas: &mut Canvas,
    drawing: &mut Drawing,
    node: Node<'a>,
    corner: (f64, f64),
    style: &TableStyle<'a>,
    cascade: &Cascade<'a>,
    (scheme, number): (&Scheme<'a>, usize),
) -> Result<(), Error> {
    let mut table = read(node, style, cascade, (scheme, number))?;
    table.stretch(canvas)?;
    for cell in &table.cells {
        let area = table.area(cell, corner);
        let own = cell.properties.and_then(|own| fill_in(own, scheme, None));
        if let Some(Fill::Paint(ink)) = own.or_else(|| cell.style.fill.clone()) {
            drawing.path(Path::rect(area), Some(ink.on(area)), None);
        }
    }
    for cell in &table.cells {
        borders(drawing, cell, table.area(cell, corner), scheme);
    }
    for cell in &table.cells {
        cell.frame.draw(canvas, drawing, &cell.text, table.area(cell, corner))?;
    }
    Ok(())
}

fn read<'a>(
    node: Node<'a>,
    style: &TableStyle<'a>,
    cascade: &Cascade<'a>,
    (scheme, slide): (&Scheme<'a>, usize),
) -> Result<Table<'a>, Error> {
    let grid = child(node, "tblGrid").map(children).unwrap_or_default();
    let columns: Vec<f64> = grid.iter().map(|column| length(*column, "w").unwrap_or(0.0).max(0.0)).collect();
    let lines: Vec<Node<'a>> = children(node).into_iter().filter(|line| is(*line, "tr")).collect();
    let rows: Vec<f64> = lines.iter().map(|line| length(*line, "h").unwrap_or(0.0).max(0.0)).collect();
    let mut cells = Vec::new();
    for (row, line) in lines.iter().enumerate() {
        let inner = children(*line).into_iter().filter(|cell| is(*cell, "tc"));
        for (column, cell) in inner.enumerate().take(columns.len()) {
            if flag(cell, "hMerge") == Some(true) || flag(cell, "vMerge") == Some(true) {
                continue;
            }
            if cells.len() >= CELLS {
                return Err(Error::limit(format!("a table of more than {CELLS} cells")));
            }
            let spans = |name: &str, most: usize| {
                number(cell, name).map_or(1, |count| count.clamp(1.0, 100_000.0) as usize).min(most)
            };
            let style = style.cell((row, column), (rows.len(), columns.len()), scheme);
            let properties = child(cell, "tcPr");
            let body = child(cell, "txBody");
            let own = Cascade {
                own: body.and_then(|body| child(body, "lstStyle")),
                color: style.color.or(cascade.color),
                bold: style.bold,
                ..cascade.clone()
            };
            cells.push(Cell {
                row,
                column,
                rows: spans("rowSpan", rows.len() - row),
                columns: spans("gridSpan", columns.len() - column),
                style,
                properties,
                text: body.map(|body| paragraphs(body, &own, scheme, slide)).unwrap_or_default(),
                frame: frame(properties),
            });
        }
    }
    Ok(Table { columns, rows, cells })
}

/// The margins of a cell have names of their own.
fn frame(properties: Option<Node<'_>>) -> TextBox {
    let says: Vec<Node<'_>> = properties.into_iter().collect();
    let mut frame = TextBox::of(&says);
    for (margin, name) in frame.margins.iter_mut().zip(["marL", "marT", "marR", "marB"]) {
        *margin = properties.and_then(|own| length(own, name)).unwrap_or(*margin).clamp(0.0, 1_000.0);
    }
    if let Some(own) = properties {
        frame.stand = match own.attribute("anchor") {
            Some("ctr") => Stand::Middle,
            Some("b") => Stand::Bottom,
            _ => Stand::Top,
        };
    }
    frame
}

impl Table<'_> {
    /// Makes rows as high as their text, the last of those that a cell lies over where it lies over several.
    fn stretch(&mut self, canvas: &mut Canvas) -> Result<(), Error> {
        let mut cells: Vec<&Cell<'_>> = self.cells.iter().collect();
        cells.sort_by_key(|cell| cell.rows);
        for cell in cells {
            let width: f64 = self.columns[cell.column..cell.column + cell.columns].iter().sum();
            let [left, top, right, bottom] = cell.frame.margins;
            let needed = height(canvas, &cell.text, width - left - right)? + top + bottom;
            let has: f64 = self.rows[cell.row..cell.row + cell.rows].iter().sum();
            if needed > has {
                self.rows[cell.row + cell.rows - 1] += needed - has;
            }
        }
        Ok(())
    }

    fn area(&self, cell: &Cell<'_>, (x, y): (f64, f64)) -> Rect {
        let sum = |sides: &[f64]| sides.iter().sum::<f64>();
        Rect {
            x: x + sum(&self.columns[..cell.column]),
            y: y + sum(&self.rows[..cell.row]),
            width: sum(&self.columns[cell.column..cell.column + cell.columns]),
            height: sum(&self.rows[cell.row..cell.row + cell.rows]),
        }
    }
}

fn borders<'a>(drawing: &mut Drawing, cell: &Cell<'a>, area: Rect, scheme: &Scheme<'a>) {
    let (right, bottom) = (area.x + area.width, area.y + area.height);
    let sides = [
        ("lnL", (area.x, area.y), (area.x, bottom)),
        ("lnT", (area.x, area.y), (right, area.y)),
        ("lnR", (right, area.y), (right, bottom)),
        ("lnB", (area.x, bottom), (right, bottom)),
    ];
    for ((name, from, to), styled) in sides.into_iter().zip(&cell.style.lines) {
        let own = cell.properties.and_then(|own| child(own, name));
        let line = match own {
            Some(own) => outline(&[own], scheme, None),
            None => styled.clone(),
        };
        if let Some(line) = line {
            drawing.stroke(from, to, line.width, line.color);
        }
    }
}
