//! Where the cells of a sheet go: paper, scale, column widths, bands of columns, row heights.

use std::collections::HashMap;

use crate::Error;

use super::canvas::{Canvas, TextStyle};
use super::sheet_geometry::Paper;
use super::sheet_look::{Align, Look};
use super::workbook::{Cell, Sheet, Value};

/// White on all sides of the paper, in points.
pub(super) const MARGIN: f64 = 36.0;
/// Space for the page number below the table.
pub(super) const FOOTER: f64 = 18.0;
/// Between the edge of a cell and its text.
pub(super) const PAD: f64 = 3.0;
/// Height of a line over the size of its font.
pub(super) const LEADING: f64 = 1.22;
/// A sheet is made smaller to fit the width of the paper, but not below this.
const SMALLEST: f64 = 0.58;
/// What a sheet too wide for one page is scaled to, before its columns are dealt out to several.
const BANDED: f64 = 0.75;
/// A column of texts without a given width is not wider than this; longer texts are wrapped.
const WIDEST: f64 = 230.0;
const NARROWEST: f64 = 26.0;
/// A text is not broken into lines of fewer letters than this, as wide as they are high.
const NARROW_LETTERS: f64 = 3.0;
/// Letters measured of a text; what is longer is wrapped anyway.
const MEASURED: usize = 160;

/// The plan of one sheet. Lengths are points on the paper, already scaled.
pub(super) struct Plan {
    pub(super) page: (f64, f64),
    pub(super) scale: f64,
    pub(super) columns: Vec<f64>,
    /// Columns that share a page; bands after the first may begin with the first column again.
    pub(super) bands: Vec<Vec<usize>>,
    pub(super) heights: Vec<f64>,
    /// Rows repeated at the top of every page.
    pub(super) header: usize,
    /// Columns of a bare table that hold nothing but numbers below their header: these stand right.
    pub(super) numeric: Vec<bool>,
    /// Nobody drew borders, so we draw a quiet grid.
    pub(super) grid: bool,
    /// Width of each text on one line.
    widths: Vec<Vec<f32>>,
    /// The merged area a cell belongs to.
    merged: HashMap<(usize, usize), usize>,
}

impl Plan {
    pub(super) fn of(sheet: &Sheet, canvas: &mut Canvas) -> Result<Plan, Error> {
        let mut plan = Plan {
            page: (0.0, 0.0),
            scale: 1.0,
            columns: Vec::new(),
            bands: Vec::new(),
            heights: Vec::new(),
            header: header_rows(sheet),
            numeric: numeric_columns(sheet),
            grid: sheet.looks.iter().all(|look| look.edges.iter().all(Option::is_none)),
            widths: Vec::with_capacity(sheet.rows.len()),
            merged: merged(sheet),
        };
        plan.measure(sheet, canvas)?;
        plan.fit_columns(sheet);
        for row in 0..sheet.rows.len() {
            let height = plan.row_height(sheet, canvas, row)?;
            plan.heights.push(height);
        }
        plan.stretch_for_merges(sheet, canvas)?;
        Ok(plan)
    }

    fn measure(&mut self, sheet: &Sheet, canvas: &mut Canvas) -> Result<(), Error> {
        for (at, row) in sheet.rows.iter().enumerate() {
            let mut widths = Vec::with_capacity(row.len());
            for cell in row {
                let shown = cell.shown();
                let mut width = 0.0_f64;
                for line in shown.split('\n').filter(|line| !line.is_empty()) {
                    let end = line.char_indices().nth(MEASURED).map_or(line.len(), |(end, _)| end);
                    let part = canvas.line(&line[..end], &self.style(sheet, cell, at))?.width;
                    width = width.max(part * line.len() as f64 / end as f64);
                }
                widths.push(width as f32);
            }
            self.widths.push(widths);
        }
        Ok(())
    }

    /// Chooses paper, widths and scale, and deals the columns out to pages.
    fn fit_columns(&mut self, sheet: &Sheet) {
        let mut columns = self.natural_columns(sheet);
        let (short, long) = match sheet.geometry.paper {
            Paper::A4 => (595.28, 841.89),
            Paper::Letter => (612.0, 792.0),
            Paper::A3 => (841.89, 1190.55),
        };
        let total: f64 = columns.iter().sum();
        let landscape = sheet.geometry.landscape.unwrap_or(total > short - 2.0 * MARGIN);
        self.page = if landscape { (long, short) } else { (short, long) };
        let room = self.page.0 - 2.0 * MARGIN;

        if total * SMALLEST > room {
            // Text columns nobody gave a width to can be narrower; they wrap.
            let given = |column: usize| sheet.geometry.column_width(column).is_some();
            let capped = |cap: f64| -> Vec<f64> {
                let narrow = |(at, width): (usize, &f64)| if given(at) { *width } else { width.min(cap) };
                columns.iter().enumerate().map(narrow).collect()
            };
            let caps = [200.0, 170.0, 140.0, 115.0, 95.0, 80.0, 68.0];
            let fitting = caps
                .iter()
                .map(|cap| capped(*cap))
                .find(|columns| columns.iter().sum::<f64>() * SMALLEST <= room);
            columns = fitting.unwrap_or_else(|| capped(140.0));
        }
        let total: f64 = columns.iter().sum();
        self.scale = if total * SMALLEST <= room { (room / total.max(1.0)).min(1.0) } else { BANDED };
        self.columns = columns.iter().map(|width| (width * self.scale).min(room)).collect();

        // Rows of a second page across would be nameless without their first column.
        let repeat = sheet.bare && self.columns.first().is_some_and(|first| *first < room / 4.0);
        let mut band = Vec::new();
        let mut used = 0.0;
        for (at, width) in self.columns.iter().enumerate() {
            if used + width > room + 0.01 && !band.is_empty() {
                self.bands.push(std::mem::take(&mut band));
                used = 0.0;
                if repeat {
                    band.push(0);
                    used = self.columns[0];
                }
            }
            band.push(at);
            used += width;
        }
        if !band.is_empty() {
            self.bands.push(band);
        }
    }

    fn natural_columns(&self, sheet: &Sheet) -> Vec<f64> {
        let count = sheet
            .rows
            .iter()
            .map(|row| row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |at| at + 1))
            .max()
            .unwrap_or(0);
        let says = |row: usize, column: usize| {
            sheet.rows.get(row).and_then(|row| row.get(column)).is_some_and(|cell| !cell.is_empty())
        };
        let merged = sheet.merges.iter().filter(|[top, left, ..]| says(*top, *left));
        let merged = merged.map(|[_, _, _, right]| right + 1).max().unwrap_or(0);
        let reached = sheet.pictures.iter().map(|picture| picture.ends().1).max().unwrap_or(0).max(merged);
        let widest = sheet.rows.iter().map(Vec::len).max().unwrap_or(0);
        let count = count.max(reached.min(widest));
        let mut texts = vec![0.0_f64; count];
        let mut numbers = vec![0.0_f64; count];
        for (at, row) in sheet.rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate().take(count) {
                let spans = self
                    .merged
                    .get(&(at, column))
                    .is_some_and(|area| sheet.merges[*area][1] != sheet.merges[*area][3]);
                if cell.is_empty() || spans {
                    continue;
                }
                let width = f64::from(self.widths[at][column]) + 2.0 * PAD;
                let runs_over = row[column + 1..].iter().all(Cell::is_empty)
                    && column + 1 < count
                    && row[..column].iter().all(Cell::is_empty);
                if is_numeric(cell) {
                    numbers[column] = numbers[column].max(width);
                } else if !runs_over {
                    texts[column] = texts[column].max(width);
                }
            }
        }
        (0..count)
            .map(|column| {
                // Characters of Calibri 11 are 7 pixels wide and a cell has 5 more (18.3.1.13); a pixel is 0.75 points.
                let points =
                    |characters: f64| if characters == 0.0 { 0.0 } else { (characters * 7.0 + 5.0) * 0.75 };
                match sheet.geometry.column_width(column) {
                    Some(given) => points(given).max(numbers[column].min(WIDEST)),
                    None => {
                        let default = if sheet.bare {
                            NARROWEST
                        } else {
                            points(sheet.geometry.default_width.unwrap_or(8.43))
                        };
                        texts[column].min(WIDEST).max(numbers[column].min(WIDEST)).max(default)
                    }
                }
            })
            .collect()
    }

    fn row_height(&self, sheet: &Sheet, canvas: &mut Canvas, row: usize) -> Result<f64, Error> {
        let smallest = if sheet.bare { 14.0 } else { 15.0 };
        let given = sheet.geometry.row_height(row);
        let mut height = given.unwrap_or(smallest) * self.scale;
        for (column, cell) in sheet.rows[row].iter().enumerate().take(self.columns.len()) {
            let tall = self
                .merged
                .get(&(row, column))
                .is_some_and(|area| sheet.merges[*area][0] != sheet.merges[*area][2]);
            if cell.is_empty() || tall {
                continue;
            }
            height = height.max(self.needed(sheet, canvas, row, column)?);
        }
        Ok(height)
    }

    /// Height of the text of a cell with the space around it.
    fn needed(&self, sheet: &Sheet, canvas: &mut Canvas, row: usize, column: usize) -> Result<f64, Error> {
        let cell = &sheet.rows[row][column];
        let style = self.scaled_style(sheet, cell, row);
        let shown = cell.shown();
        let fits = self.line_width(row, column) <= self.room(sheet, row, column);
        let lines = if is_numeric(cell) || self.is_cut(sheet, row, column) || (fits && !shown.contains('\n'))
        {
            1
        } else {
            canvas.wrap(&shown, &style, self.room(sheet, row, column))?.len()
        };
        Ok(lines as f64 * style.size * LEADING + 2.0 * self.scale)
    }

    /// Text of an area merged over rows may need more than those rows have: the last one grows.
    fn stretch_for_merges(&mut self, sheet: &Sheet, canvas: &mut Canvas) -> Result<(), Error> {
        for [top, left, bottom, _] in &sheet.merges {
            let bottom = (*bottom).min(self.heights.len().saturating_sub(1));
            let there =
                sheet.rows.get(*top).and_then(|row| row.get(*left)).is_some_and(|cell| !cell.is_empty());
            if !there || *top >= bottom || *left >= self.columns.len() {
                continue;
            }
            let has: f64 = self.heights[*top..=bottom].iter().sum();
            let lacks = self.needed(sheet, canvas, *top, *left)? - has;
            if lacks > 0.0 {
                self.heights[bottom] += lacks;
            }
        }
        Ok(())
    }

    /// The style of a cell at full size.
    fn style(&self, sheet: &Sheet, cell: &Cell, row: usize) -> TextStyle {
        let look = look(sheet, cell);
        let mut style =
            TextStyle::new(if look.serif { "Liberation Serif" } else { "Carlito" }, size(sheet, look));
        style.bold = look.bold || (sheet.bare && row < self.header);
        style.italic = look.italic;
        style
    }

    /// The style of a cell as it is drawn.
    pub(super) fn scaled_style(&self, sheet: &Sheet, cell: &Cell, row: usize) -> TextStyle {
        let mut style = self.style(sheet, cell, row);
        style.size *= self.scale;
        style
    }

    /// Width of the text of a cell on one line.
    pub(super) fn line_width(&self, row: usize, column: usize) -> f64 {
        f64::from(self.widths[row][column]) * self.scale
    }

    /// Width the text of a cell may take: its column, its merged area, or the empty neighbours it may run over.
    pub(super) fn room(&self, sheet: &Sheet, row: usize, column: usize) -> f64 {
        let cell = &sheet.rows[row][column];
        let look = look(sheet, cell);
        let pads = 2.0 * PAD * self.scale + self.indent(look);
        let band_end = self
            .bands
            .iter()
            .find(|band| band.contains(&column))
            .and_then(|band| band.last())
            .map_or(column + 1, |last| last + 1);
        if let Some(area) = self.merged.get(&(row, column)) {
            let last = (sheet.merges[*area][3] + 1).min(band_end);
            return self.columns[column..last.max(column + 1)].iter().sum::<f64>() - pads;
        }
        let mut width = self.columns[column];
        if !look.wrap
            && !is_numeric(cell)
            && matches!(look.align, Align::ByValue | Align::Left)
            && !shown_breaks(cell)
        {
            for next in column + 1..band_end {
                let taken = sheet.rows[row].get(next).is_some_and(|cell| !cell.is_empty());
                if taken || self.merged.contains_key(&(row, next)) {
                    break;
                }
                width += self.columns[next];
            }
        }
        width - pads
    }

    /// Whether only the part of a text that is within its cell is seen: nobody asked for lines, and the cell is so narrow
    /// that lines would be single letters.
    pub(super) fn is_cut(&self, sheet: &Sheet, row: usize, column: usize) -> bool {
        let cell = &sheet.rows[row][column];
        let room = self.room(sheet, row, column);
        !sheet.bare
            && !look(sheet, cell).wrap
            && !shown_breaks(cell)
            && self.line_width(row, column) > room
            && room < NARROW_LETTERS * self.scaled_style(sheet, cell, row).size
    }

    pub(super) fn indent(&self, look: &Look) -> f64 {
        f64::from(look.indent) * 7.0 * self.scale
    }

    /// The merged area of a cell: its index and whether the cell is its upper left one.
    pub(super) fn area(&self, sheet: &Sheet, row: usize, column: usize) -> Option<(usize, bool)> {
        let area = *self.merged.get(&(row, column))?;
        let [top, left, ..] = sheet.merges[area];
        Some((area, (top, left) == (row, column)))
    }
}

/// The look of a cell.
pub(super) fn look<'a>(sheet: &'a Sheet, cell: &Cell) -> &'a Look {
    // Every sheet has at least the plain look.
    &sheet.looks[(cell.look as usize).min(sheet.looks.len() - 1)]
}

fn size(sheet: &Sheet, look: &Look) -> f64 {
    match (look.size, sheet.bare) {
        (0.0, true) => 9.0,
        (0.0, false) => 11.0,
        (size, _) => size,
    }
}

/// Numbers and dates are never broken into lines.
pub(super) fn is_numeric(cell: &Cell) -> bool {
    matches!(cell.value, Value::Number(_) | Value::Moment(_) | Value::Bool(_) | Value::Error(_))
}

fn numeric_columns(sheet: &Sheet) -> Vec<bool> {
    let count = sheet.rows.iter().map(Vec::len).max().unwrap_or(0);
    let body = &sheet.rows[header_rows(sheet).min(sheet.rows.len())..];
    let numbers = |column: usize| {
        let mut cells =
            body.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty()).peekable();
        cells.peek().is_some() && cells.all(Cell::is_number)
    };
    (0..count).map(numbers).collect()
}

fn shown_breaks(cell: &Cell) -> bool {
    matches!(&cell.value, Value::Text(text) if text.contains('\n'))
}

fn merged(sheet: &Sheet) -> HashMap<(usize, usize), usize> {
    let mut cells = HashMap::new();
    let width = sheet.rows.iter().map(Vec::len).max().unwrap_or(0);
    for (at, [top, left, bottom, right]) in sheet.merges.iter().enumerate() {
        for row in *top..=(*bottom).min(sheet.rows.len().saturating_sub(1)) {
            for column in *left..=(*right).min(width.saturating_sub(1)) {
                cells.insert((row, column), at);
            }
        }
    }
    cells
}

/// Rows to repeat: those frozen, or a first row that reads like names above values.
fn header_rows(sheet: &Sheet) -> usize {
    if (1..=10).contains(&sheet.geometry.frozen_rows) && sheet.geometry.frozen_rows < sheet.rows.len() {
        return sheet.geometry.frozen_rows;
    }
    let [first, second, ..] = sheet.rows.as_slice() else { return 0 };
    let names = first.len() > 1
        && first.iter().all(|cell| !cell.is_empty() && !cell.is_number() && !is_numeric(cell));
    let differs = sheet.bare || first.iter().zip(second).all(|(above, below)| above.look != below.look);
    usize::from(names && differs)
}
