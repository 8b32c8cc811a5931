//! What the sheets of an OpenDocument workbook show, and how: read from its XML, as far as the library that reads its
//! values does not (OpenDocument 1.3 Part 3, 9).

use std::collections::{BTreeMap, HashMap};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::limits::CELLS;

use super::parts::{Attributes, attributes};
use super::sheet_geometry::Geometry;
use super::source_words::letter_of;

/// How often a cell or row that repeats itself is repeated here: what is more often is a background, and no table.
const REPEATS: u32 = 10_000;

/// One sheet.
#[derive(Debug, Default)]
pub(super) struct OpenSheet {
    /// What each cell shows, by row and column from 0.
    pub(super) shown: HashMap<(u32, u32), String>,
    /// First row, first column, last row, last column.
    pub(super) merges: Vec<[u32; 4]>,
    pub(super) geometry: Geometry,
}

/// All sheets of a workbook.
#[derive(Debug, Default)]
pub(super) struct OpenBook {
    pub(super) sheets: BTreeMap<String, OpenSheet>,
    /// Pictures, charts and other objects.
    pub(super) objects: usize,
    /// Cells have fonts, colours or borders.
    pub(super) styled: bool,
}

/// Reads `content.xml`. XML that breaks off ends it.
pub(super) fn read(content: &[u8]) -> OpenBook {
    let mut scan = Scan::default();
    let mut reader = Reader::from_reader(content);
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) => scan.open(&element),
            Event::Empty(element) => {
                scan.open(&element);
                scan.close(element.name().as_ref());
            }
            Event::End(element) => scan.close(element.name().as_ref()),
            Event::Text(piece) => scan.text(&piece.decode().unwrap_or_default()),
            Event::GeneralRef(reference) => scan.text(letter_of(&reference).encode_utf8(&mut [0; 4])),
            Event::Eof => break,
            _ => {}
        }
    }
    scan.book
}

#[derive(Default)]
struct Scan {
    book: OpenBook,
    /// Widths of styles of columns, in characters.
    widths: BTreeMap<String, f64>,
    /// Name and family of the style that is described here.
    style: (String, String),
    table: Option<(String, OpenSheet)>,
    row: u32,
    column: u32,
    /// Column of the next `table:table-column`.
    described: u32,
    /// Within the rows that are repeated on each page.
    header: bool,
    row_repeats: u32,
    /// The cells of this row that show something: column, repetitions, text.
    cells: Vec<(u32, u32, String)>,
    cell: Option<(u32, String)>,
    in_text: bool,
    /// Elements within one that is no part of the text of its cell: comments, drawings.
    apart: u32,
    /// Cells kept so far.
    kept: u64,
}

impl Scan {
    fn open(&mut self, element: &BytesStart<'_>) {
        let name = element.name();
        let name = name.as_ref();
        if matches!(name, b"draw:image" | b"draw:object" | b"draw:custom-shape") {
            self.book.objects += 1;
        }
        if self.apart > 0
            || name.starts_with(b"draw:")
            || matches!(name, b"office:annotation" | b"table:shapes")
        {
            self.apart += 1;
            return;
        }
        match name {
            b"style:style" => {
                let mut given = attributes(element);
                let taken = |given: &mut Attributes, key: &str| given.remove(key).unwrap_or_default();
                self.style = (taken(&mut given, "name"), taken(&mut given, "family"));
            }
            b"style:table-column-properties" => {
                let width = attributes(element).get("column-width").and_then(|width| points(width));
                // Characters of Calibri 11, as the other kinds of workbooks count.
                self.widths.extend(width.map(|width| (self.style.0.clone(), (width / 0.75 - 5.0) / 7.0)));
            }
            b"style:table-cell-properties" | b"style:text-properties" if self.style.1 == "table-cell" => {
                self.book.styled |= is_seen(&attributes(element));
            }
            b"table:table" => {
                let name = attributes(element).remove("name").unwrap_or_default();
                self.table = Some((name, OpenSheet::default()));
                (self.row, self.described) = (0, 0);
            }
            b"table:table-column" => self.describe(&attributes(element)),
            b"table:table-header-rows" => self.header = true,
            b"table:table-row" => self.begin_row(&attributes(element)),
            b"table:table-cell" | b"table:covered-table-cell" => self.begin_cell(&attributes(element)),
            b"text:p" => {
                if let Some((_, text)) = self.cell.as_mut().filter(|(_, text)| !text.is_empty()) {
                    text.push('\n');
                }
                self.in_text = true;
            }
            b"text:s" | b"text:tab" => self.text(" "),
            b"text:line-break" => self.text("\n"),
            _ => {}
        }
    }

    fn close(&mut self, name: &[u8]) {
        if self.apart > 0 {
            self.apart -= 1;
            return;
        }
        match name {
            b"text:p" => self.in_text = false,
            b"table:table-cell" | b"table:covered-table-cell" => {
                if let Some((repeats, text)) = self.cell.take() {
                    if !text.trim().is_empty() {
                        self.cells.push((self.column, repeats, text));
                    }
                    self.column = self.column.saturating_add(repeats);
                }
            }
            b"table:table-row" => self.end_row(),
            b"table:table-header-rows" => self.header = false,
            b"table:table" => self.book.sheets.extend(self.table.take()),
            _ => {}
        }
    }

    fn text(&mut self, piece: &str) {
        if let (Some((_, text)), true, 0) = (&mut self.cell, self.in_text, self.apart) {
            text.push_str(piece);
        }
    }

    fn describe(&mut self, column: &Attributes) {
        let repeats = repeats(column, "number-columns-repeated");
        let Some((_, sheet)) = &mut self.table else { return };
        let (first, last) = (self.described, self.described.saturating_add(repeats - 1));
        self.described = last.saturating_add(1);
        if is_hidden(column) {
            sheet.geometry.hide_columns(first as usize, last as usize);
        } else if let Some(width) = column.get("style-name").and_then(|style| self.widths.get(style)) {
            sheet.geometry.set_widths(first as usize, last as usize, *width);
        }
    }

    fn begin_row(&mut self, row: &Attributes) {
        self.row_repeats = repeats(row, "number-rows-repeated");
        self.column = 0;
        self.cells.clear();
        let Some((_, sheet)) = &mut self.table else { return };
        if is_hidden(row) {
            let last = self.row.saturating_add(self.row_repeats.min(REPEATS));
            (self.row..last).for_each(|row| sheet.geometry.hide_row(row as usize));
        }
        if self.header {
            sheet.geometry.frozen_rows = self.row.saturating_add(self.row_repeats) as usize;
        }
    }

    fn begin_cell(&mut self, cell: &Attributes) {
        self.cell = Some((repeats(cell, "number-columns-repeated"), String::new()));
        let spans =
            |name: &str| cell.get(name).and_then(|count| count.parse::<u32>().ok()).unwrap_or(1).max(1);
        let (rows, columns) = (spans("number-rows-spanned"), spans("number-columns-spanned"));
        if let Some((_, sheet)) = self.table.as_mut().filter(|_| (rows, columns) != (1, 1)) {
            let last = (self.row.saturating_add(rows - 1), self.column.saturating_add(columns - 1));
            sheet.merges.push([self.row, self.column, last.0, last.1]);
        }
    }

    fn end_row(&mut self) {
        let Some((_, sheet)) = &mut self.table else { return };
        for row in self.row..self.row.saturating_add(self.row_repeats.min(REPEATS)) {
            for (column, repeats, text) in &self.cells {
                for column in *column..column.saturating_add((*repeats).min(REPEATS)) {
                    self.kept += 1;
                    if self.kept <= CELLS {
                        sheet.shown.insert((row, column), text.clone());
                    }
                }
            }
            if self.cells.is_empty() || self.kept > CELLS {
                break;
            }
        }
        self.row = self.row.saturating_add(self.row_repeats);
    }
}

fn repeats(given: &Attributes, name: &str) -> u32 {
    given.get(name).and_then(|count| count.parse().ok()).unwrap_or(1).max(1)
}

fn is_hidden(given: &Attributes) -> bool {
    given.get("visibility").is_some_and(|visibility| visibility != "visible")
}

/// Whether somebody sees that a cell has this style.
fn is_seen(style: &Attributes) -> bool {
    style.iter().any(|(key, value)| match key.as_str() {
        "background-color" => !matches!(value.as_str(), "transparent" | "#ffffff"),
        "font-weight" | "font-style" => value != "normal",
        "color" => value != "#000000",
        "border" | "border-left" | "border-right" | "border-top" | "border-bottom" => value != "none",
        _ => false,
    })
}

/// A length such as `2.258cm` in points.
fn points(length: &str) -> Option<f64> {
    let unit = length.find(|letter: char| letter.is_ascii_alphabetic())?;
    let number: f64 = length[..unit].parse().ok()?;
    let factor = match &length[unit..] {
        "cm" => 72.0 / 2.54,
        "mm" => 72.0 / 25.4,
        "in" => 72.0,
        "pt" => 1.0,
        _ => return None,
    };
    Some(number * factor).filter(|points| points.is_finite() && *points > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cells_show_is_read_with_spans_and_repetitions() {
        let xml = br#"<office:document-content><office:automatic-styles>
            <style:style style:name="co1" style:family="table-column"><style:table-column-properties style:column-width="1in"/></style:style>
            <style:style style:name="ce1" style:family="table-cell"><style:text-properties fo:font-weight="bold"/></style:style>
            </office:automatic-styles><office:body><table:table table:name="One">
            <table:table-column table:style-name="co1" table:number-columns-repeated="2"/><table:table-column table:visibility="collapse"/>
            <table:table-header-rows><table:table-row><table:table-cell table:number-columns-spanned="2"><text:p>A &amp; B</text:p>
            <draw:frame><draw:image/><text:p>no</text:p></draw:frame><office:annotation><text:p>no</text:p></office:annotation></table:table-cell>
            <table:covered-table-cell/></table:table-row></table:table-header-rows>
            <table:table-row table:number-rows-repeated="3"/>
            <table:table-row table:number-rows-repeated="2" table:visibility="filter"><table:table-cell/>
            <table:table-cell table:number-columns-repeated="2" office:value="0.125"><text:p>12.5 %</text:p></table:table-cell></table:table-row>
            </table:table></office:body></office:document-content>"#;

        let book = read(xml);

        let sheet = &book.sheets["One"];
        let mut shown: Vec<_> = sheet.shown.iter().map(|(place, text)| (*place, text.as_str())).collect();
        shown.sort_unstable();
        let percent = "12.5 %";
        assert_eq!(
            shown,
            [((0, 0), "A & B"), ((4, 1), percent), ((4, 2), percent), ((5, 1), percent), ((5, 2), percent)]
        );
        assert_eq!(sheet.merges, [[0, 0, 0, 1]]);
        assert_eq!((book.objects, book.styled, sheet.geometry.frozen_rows), (1, true, 1));
        assert!(
            sheet.geometry.row_hidden(4) && sheet.geometry.row_hidden(5) && sheet.geometry.column_hidden(2)
        );
        assert_eq!(sheet.geometry.column_width(1).map(f64::round), Some(13.0));
    }
}
