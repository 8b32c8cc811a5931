//! Workbooks to PDF: every sheet on as many pages as it needs, with its formats, fonts, fills and borders.

use std::collections::BTreeSet;
use std::ops::Range;

use oxml_layout::Color;

use crate::{Error, Request};

use super::canvas::{Canvas, Drawing, Line, TextStyle};
use super::sheet_layout::{FOOTER, LEADING, MARGIN, PAD, Plan, is_numeric, look};
use super::sheet_look::{Align, Stand};
use super::sheet_pictures::{Extent, Picture};
use super::workbook::{self, Cell, Sheet};
use super::{Output, Ticker};

const GRID: Color = Color { r: 0.80, g: 0.82, b: 0.84, a: 1.0 };
const HEADER: Color = Color { r: 0.93, g: 0.94, b: 0.95, a: 1.0 };
const GREY: Color = Color { r: 0.45, g: 0.45, b: 0.45, a: 1.0 };
/// Space above the table for the name of the sheet.
const HEADING: f64 = 24.0;
/// A runaway sheet ends here instead of filling the disk.
const PAGES: usize = 5_000;

pub(super) fn to_pdf(req: &Request, ticker: &mut Ticker<'_>) -> Result<Output, Error> {
    let book = workbook::read(req)?;
    if book.sheets.is_empty() && book.undrawn.is_empty() {
        return Err(Error::Empty);
    }
    let mut letters: BTreeSet<char> = BTreeSet::new();
    for cell in
        book.sheets.iter().flat_map(|sheet| sheet.rows.iter().flatten()).filter(|cell| !cell.is_empty())
    {
        letters.extend(cell.shown().chars());
    }
    letters.extend(book.sheets.iter().flat_map(|sheet| sheet.name.chars()));

    let mut canvas = Canvas::for_letters(&letters)?;
    let total: usize = book.sheets.iter().map(|sheet| sheet.rows.len()).sum();
    let mut done = 0;
    let mut pages = Vec::new();
    let mut undrawn = 0;
    for sheet in &book.sheets {
        let plan = Plan::of(sheet, &mut canvas)?;
        let heading = book.sheets.len() > 1;
        let mut printer =
            Printer { sheet, plan: &plan, canvas: &mut canvas, pages: Vec::new(), heading, pictures: 0 };
        for band in plan.bands.clone() {
            let first_band = band.first() == Some(&0) && band.get(1).is_none_or(|second| *second == 1);
            printer.band(&band, &mut |row| {
                if first_band {
                    ticker.counted((done + row) as u64, total as u64, "rows");
                }
            })?;
        }
        done += sheet.rows.len();
        ticker.counted(done as u64, total as u64, "rows");
        undrawn += sheet.pictures.len().saturating_sub(printer.pictures);
        let size = plan.page;
        pages.extend(printer.pages.into_iter().map(|drawing| (size, drawing, sheet.name.as_str())));
        if pages.len() > PAGES {
            return Err(Error::limit(format!("more than {PAGES} pages")));
        }
    }
    if pages.is_empty() {
        pages.push(((595.28, 841.89), Drawing::default(), ""));
    }
    let count = pages.len();
    for (at, ((width, height), mut drawing, name)) in pages.into_iter().enumerate() {
        footer(&mut canvas, &mut drawing, (width, height), name, at + 1, count)?;
        canvas.page(width, height, drawing);
    }

    let mut output = canvas.finish()?;
    output.source = Some(book.words());
    output.lost.extend(book.lost);
    output.lost.extend(book.undrawn);
    if undrawn > 0 {
        output.lost.push(format!("pictures far from the values are not drawn ({undrawn})"));
    }
    output.warnings.extend(book.warnings);
    Ok(output)
}

fn footer(
    canvas: &mut Canvas,
    drawing: &mut Drawing,
    (width, height): (f64, f64),
    name: &str,
    page: usize,
    pages: usize,
) -> Result<(), Error> {
    let style = TextStyle { color: GREY, ..TextStyle::new("Carlito", 8.0) };
    let y = height - MARGIN + 8.0;
    let number = canvas.line(&format!("{page} / {pages}"), &style)?;
    drawing.text(&number, &style, width - MARGIN - number.width, y);
    if !name.is_empty() {
        let name = canvas.line(name, &style)?;
        drawing.text(&name, &style, MARGIN, y);
    }
    Ok(())
}

/// Draws one sheet onto its pages.
struct Printer<'a> {
    sheet: &'a Sheet,
    plan: &'a Plan,
    canvas: &'a mut Canvas,
    pages: Vec<Drawing>,
    heading: bool,
    /// Pictures drawn so far.
    pictures: usize,
}

/// The part of a page that is still free.
struct Cursor {
    drawing: Drawing,
    /// Pictures, which lie on the cells of later rows, too.
    over: Drawing,
    y: f64,
}

impl Cursor {
    /// All that is on the page.
    fn page(mut self) -> Drawing {
        self.drawing.append(self.over);
        self.drawing
    }
}

impl Printer<'_> {
    fn band(&mut self, band: &[usize], on_row: &mut dyn FnMut(usize)) -> Result<(), Error> {
        let bottom = self.plan.page.1 - MARGIN - FOOTER;
        let mut cursor = self.new_page(band, 0, self.pages.is_empty())?;
        for row in 0..self.sheet.rows.len() {
            let height = self.plan.heights[row];
            let top = self.first_free(row);
            // A picture is not cut: it begins on the page that it fits on.
            let needed =
                self.pictures_at(band, row).map(|picture| self.lowest(picture)).fold(height, f64::max);
            if cursor.y + needed > bottom && cursor.y > top {
                let next = self.new_page(band, row, false)?;
                self.pages.push(std::mem::replace(&mut cursor, next).page());
            }
            self.draw_pictures(&mut cursor, band, row);
            if cursor.y + height <= bottom {
                self.row(&mut cursor, band, row, 0, usize::MAX)?;
            } else {
                self.tall_row(&mut cursor, band, row, bottom)?;
            }
            on_row(row + 1);
        }
        self.pages.push(cursor.page());
        Ok(())
    }

    /// The pictures that begin in this row, in the columns that this band is the first to have.
    fn pictures_at(&self, band: &[usize], row: usize) -> impl Iterator<Item = &Picture> {
        let own = move |column: usize| {
            let first = self.plan.bands.iter().find(|other| other.contains(&column));
            first.is_some_and(|first| first == band)
        };
        self.sheet.pictures.iter().filter(move |picture| {
            let (begins, column) = picture.begins();
            begins == row && own(column)
        })
    }

    /// How far below the top of its first row a picture ends.
    fn lowest(&self, picture: &Picture) -> f64 {
        picture.at.down * self.plan.scale + self.size(picture).1
    }

    /// Width and height of a picture in points on the paper.
    fn size(&self, picture: &Picture) -> (f64, f64) {
        let scale = self.plan.scale;
        let between = |sizes: &[f64], plain: f64, (from, into): (usize, f64), (to, beyond): (usize, f64)| {
            let whole: f64 = (from..to).map(|at| sizes.get(at).copied().unwrap_or(plain * scale)).sum();
            (whole + (beyond - into) * scale).max(1.0)
        };
        let at = picture.at;
        match picture.extent {
            Extent::Points(width, height) => (width * scale, height * scale),
            Extent::To(end) => (
                between(&self.plan.columns, 48.0, (at.column, at.right), (end.column, end.right)),
                between(&self.plan.heights, 15.0, (at.row, at.down), (end.row, end.down)),
            ),
        }
    }

    /// Draws the pictures that begin in the row the cursor is at; smaller where the page has no room for them.
    fn draw_pictures(&mut self, cursor: &mut Cursor, band: &[usize], row: usize) {
        let (right, bottom) = (self.plan.page.0 - MARGIN, self.plan.page.1 - MARGIN - FOOTER);
        let mut drawn = 0;
        for picture in self.pictures_at(band, row) {
            let before = band.iter().take_while(|column| **column != picture.at.column);
            let x = MARGIN + before.map(|column| self.plan.columns[*column]).sum::<f64>();
            let (x, y) =
                (x + picture.at.right * self.plan.scale, cursor.y + picture.at.down * self.plan.scale);
            let (width, height) = self.size(picture);
            let fit = ((right - x) / width).min((bottom - y) / height).clamp(0.01, 1.0);
            cursor.over.picture(x, y, width * fit, height * fit, picture.data.clone(), picture.mime);
            drawn += 1;
        }
        self.pictures += drawn;
    }

    /// Where the table of a later page begins, below the repeated rows.
    fn first_free(&self, row: usize) -> f64 {
        let repeated = if row >= self.plan.header { self.plan.header } else { 0 };
        MARGIN + self.plan.heights[..repeated].iter().sum::<f64>() + 0.01
    }

    fn new_page(&mut self, band: &[usize], row: usize, first: bool) -> Result<Cursor, Error> {
        let mut cursor = Cursor { drawing: Drawing::default(), over: Drawing::default(), y: MARGIN };
        if first && self.heading {
            let style = TextStyle { bold: true, ..TextStyle::new("Carlito", 14.0) };
            let line = self.canvas.line(&self.sheet.name, &style)?;
            cursor.drawing.text(&line, &style, MARGIN, MARGIN + 12.0);
            cursor.y += HEADING;
        }
        // A header as high as the page would leave no room for anything.
        let repeated: f64 = self.plan.heights[..self.plan.header].iter().sum();
        if row >= self.plan.header && repeated < self.plan.page.1 / 3.0 {
            for header in 0..self.plan.header {
                self.row(&mut cursor, band, header, 0, usize::MAX)?;
            }
        }
        Ok(cursor)
    }

    /// A row higher than a page: as many of its lines on each page as fit.
    fn tall_row(
        &mut self,
        cursor: &mut Cursor,
        band: &[usize],
        row: usize,
        bottom: f64,
    ) -> Result<(), Error> {
        let largest = self.sheet.rows[row]
            .iter()
            .map(|cell| self.plan.scaled_style(self.sheet, cell, row).size * LEADING)
            .fold(1.0, f64::max);
        let total = (self.plan.heights[row] / largest).ceil() as usize + 1;
        let mut from = 0;
        while from < total {
            let lines = (((bottom - cursor.y) / largest) as usize).max(1);
            self.row(cursor, band, row, from, lines)?;
            from += lines;
            if from < total {
                let next = self.new_page(band, row, false)?;
                self.pages.push(std::mem::replace(cursor, next).page());
            }
        }
        Ok(())
    }

    /// Draws lines `from..from + count` of every cell of a row and moves the cursor below it.
    fn row(
        &mut self,
        cursor: &mut Cursor,
        band: &[usize],
        row: usize,
        from: usize,
        count: usize,
    ) -> Result<(), Error> {
        let bottom = self.plan.page.1 - MARGIN - FOOTER;
        let height = self.plan.heights[row].min(bottom - cursor.y);
        let (top, mut x) = (cursor.y, MARGIN);
        for &column in band {
            let width = self.plan.columns[column];
            if let Some(cell) = self.sheet.rows[row].get(column) {
                self.background(cursor, cell, row, [x, top, width, height]);
            }
            x += width;
        }
        let mut x = MARGIN;
        for &column in band {
            let width = self.plan.columns[column];
            self.borders(cursor, row, column, [x, top, width, height]);
            x += width;
        }
        let mut x = MARGIN;
        for (at, &column) in band.iter().enumerate() {
            let width = self.plan.columns[column];
            if column < self.sheet.rows[row].len() {
                // The neighbour of a repeated column is not the one it may run over.
                let alone = band.get(at + 1).is_some_and(|next| *next != column + 1);
                self.text(
                    cursor,
                    row,
                    column,
                    alone,
                    [x, top, width, height],
                    from..from.saturating_add(count),
                )?;
            }
            x += width;
        }
        cursor.y += height;
        Ok(())
    }

    fn background(&self, cursor: &mut Cursor, cell: &Cell, row: usize, [x, y, width, height]: [f64; 4]) {
        let header = self.sheet.bare && row < self.plan.header;
        let fill = look(self.sheet, cell).fill.map(color).or(header.then_some(HEADER));
        if let Some(fill) = fill {
            cursor.drawing.fill(x, y, width, height, fill);
        }
    }

    fn borders(&self, cursor: &mut Cursor, row: usize, column: usize, [x, y, width, height]: [f64; 4]) {
        let (right, bottom) = (x + width, y + height);
        let sides = [
            ((x, y), (x, bottom)),
            ((right, y), (right, bottom)),
            ((x, y), (right, y)),
            ((x, bottom), (right, bottom)),
        ];
        // Edges inside a merged area are not there.
        let area = self.plan.area(self.sheet, row, column).map(|(area, _)| self.sheet.merges[area]);
        let inside = match area {
            Some([first, left, last, end]) => [column > left, column < end, row > first, row < last],
            None => [false; 4],
        };
        // Beyond the values there are only pictures.
        let used = row < self.sheet.used.0 && column < self.sheet.used.1;
        if self.plan.grid && !used {
            return;
        }
        if self.plan.grid {
            for ((from, to), _) in sides.iter().zip(inside).filter(|(_, inside)| !inside) {
                cursor.drawing.stroke(*from, *to, 0.4, GRID);
            }
            return;
        }
        let Some(cell) = self.sheet.rows[row].get(column) else { return };
        for ((edge, (from, to)), inside) in look(self.sheet, cell).edges.iter().zip(sides).zip(inside) {
            if let Some(edge) = edge.filter(|_| !inside) {
                cursor.drawing.stroke(from, to, edge.width * self.plan.scale.max(0.7), color(edge.color));
            }
        }
    }

    fn text(
        &mut self,
        cursor: &mut Cursor,
        row: usize,
        column: usize,
        alone: bool,
        [x, y, width, height]: [f64; 4],
        part: Range<usize>,
    ) -> Result<(), Error> {
        let cell = &self.sheet.rows[row][column];
        let area = self.plan.area(self.sheet, row, column);
        if cell.is_empty() || area.is_some_and(|(_, first)| !first) {
            return Ok(());
        }
        let look = look(self.sheet, cell);
        let mut style = self.plan.scaled_style(self.sheet, cell, row);
        style.color = look.color.map_or(Color::BLACK, color);
        let mut room = self.plan.room(self.sheet, row, column);
        if alone {
            room = room.min(width - 2.0 * PAD * self.plan.scale);
        }
        let shown = cell.shown();
        let cut = !is_numeric(cell) && self.plan.is_cut(self.sheet, row, column);
        let lines = if is_numeric(cell) {
            // Excel would print ####; a smaller number says more.
            let wide = self.plan.line_width(row, column);
            style.size *= (room / wide.max(0.1)).clamp(0.35, 1.0);
            vec![self.canvas.line(&shown, &style)?]
        } else if cut || (self.plan.line_width(row, column) <= room && !shown.contains('\n')) {
            vec![self.canvas.line(&shown, &style)?]
        } else {
            self.canvas.wrap(&shown, &style, room)?
        };

        let (mut box_width, mut box_height) = (width, height);
        if let Some((area, _)) = area {
            let [top, _, last_row, last_column] = self.sheet.merges[area];
            let columns = &self.plan.columns;
            box_width = columns[column..(last_column + 1).min(columns.len())].iter().sum();
            let rows = &self.plan.heights;
            let below: f64 = rows[top..(last_row + 1).min(rows.len())].iter().sum();
            box_height = below.min(self.plan.page.1 - MARGIN - FOOTER - y);
        }
        let shown_lines = &lines[part.start.min(lines.len())..part.end.min(lines.len())];
        let leading = style.size * LEADING;
        let block = shown_lines.len() as f64 * leading;
        let slack = (box_height - block).max(0.0);
        let above = match look.stand {
            _ if lines.len() > shown_lines.len() => 0.0,
            Stand::Top | Stand::Bottom if self.sheet.bare => self.plan.scale.min(slack),
            Stand::Top => self.plan.scale.min(slack),
            Stand::Middle => slack / 2.0,
            Stand::Bottom => (slack - self.plan.scale).max(0.0),
        };
        let (ascent, descent) = self.canvas.line_metrics(&style)?;
        let mut baseline = y + above + (leading - ascent - descent) / 2.0 + ascent;
        let mut inner = Drawing::default();
        let drawing = if cut { &mut inner } else { &mut cursor.drawing };
        for line in shown_lines {
            let left = self.left(cell, column, line, x, box_width);
            drawing.text(line, &style, left, baseline);
            for (on, rise) in [(look.underline, -0.12), (look.strike, 0.26)] {
                if on {
                    let y = baseline - rise * style.size;
                    drawing.stroke((left, y), (left + line.width, y), style.size * 0.05, style.color);
                }
            }
            baseline += leading;
        }
        if cut {
            cursor.drawing.within(x, y, box_width, height, inner);
        }
        Ok(())
    }

    fn left(&self, cell: &Cell, column: usize, line: &Line, x: f64, width: f64) -> f64 {
        let look = look(self.sheet, cell);
        let pad = PAD * self.plan.scale;
        let indent = self.plan.indent(look);
        let align = match look.align {
            Align::ByValue if matches!(cell.value, workbook::Value::Bool(_) | workbook::Value::Error(_)) => {
                Align::Center
            }
            Align::ByValue if self.sheet.bare && self.plan.numeric.get(column) == Some(&true) => Align::Right,
            Align::ByValue if !self.sheet.bare && is_numeric(cell) => Align::Right,
            Align::ByValue => Align::Left,
            given => given,
        };
        match align {
            Align::Right => x + width - pad - indent - line.width,
            Align::Center => x + (width - line.width) / 2.0,
            _ => x + pad + indent,
        }
    }
}

fn color([red, green, blue]: [u8; 3]) -> Color {
    Color { r: f64::from(red) / 255.0, g: f64::from(green) / 255.0, b: f64::from(blue) / 255.0, a: 1.0 }
}
