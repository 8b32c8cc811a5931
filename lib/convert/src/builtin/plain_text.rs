//! Plain text on pages: monospaced, wrapped, numbered.

use std::collections::BTreeSet;

use oxml_layout::Color;

use crate::verify::Words;
use crate::{Error, Request};

use super::canvas::{Canvas, Drawing, Line, TextStyle};
use super::{Output, Ticker, text_file};

const MARGIN: f64 = 56.7;
const SIZE: f64 = 10.0;
const LEADING: f64 = 13.0;
/// Columns of a tab stop.
const TAB: usize = 8;
const GREY: Color = Color { r: 0.45, g: 0.45, b: 0.45, a: 1.0 };

pub(super) fn to_pdf(req: &Request, ticker: &mut Ticker<'_>) -> Result<Output, Error> {
    let (width, height) = req.options.paper.points();
    let file = text_file::read(&req.input)?;
    let letters: BTreeSet<char> = file.text.chars().collect();
    let mut canvas = Canvas::for_letters(&letters)?;
    let style = TextStyle::new("Liberation Mono", SIZE);

    let total = file.text.lines().count() as u64;
    let mut lines: Vec<Option<Line>> = Vec::new();
    for (at, row) in file.text.lines().enumerate() {
        // A form feed is a page break, as it was on every line printer.
        for (part, row) in row.split('\u{c}').enumerate() {
            if part > 0 {
                lines.push(None);
            }
            for line in canvas.wrap(&expand_tabs(row), &style, width - 2.0 * MARGIN)? {
                lines.push(Some(line));
            }
        }
        ticker.counted(at as u64 + 1, total, "rows");
    }

    let per_page = ((height - 2.0 * MARGIN) / LEADING) as usize;
    let sheets: Vec<&[Option<Line>]> =
        lines.split(Option::is_none).flat_map(|part| part.chunks(per_page)).collect();
    let count = sheets.len().max(1);
    for at in 0..count {
        let mut drawing = Drawing::default();
        let rows = sheets.get(at).copied().unwrap_or_default();
        for (row, line) in rows.iter().flatten().enumerate() {
            drawing.text(line, &style, MARGIN, MARGIN + SIZE + row as f64 * LEADING);
        }
        if count > 1 {
            footer(&mut canvas, &mut drawing, (width, height), (at + 1, count))?;
        }
        canvas.page(width, height, drawing);
    }
    let mut output = canvas.finish()?;
    output.source = Some(Words::of(&file.text));
    output.warnings.extend(file.warnings);
    Ok(output)
}

fn footer(
    canvas: &mut Canvas,
    drawing: &mut Drawing,
    (width, height): (f64, f64),
    (page, pages): (usize, usize),
) -> Result<(), Error> {
    let style = TextStyle { color: GREY, ..TextStyle::new("Liberation Sans", 8.0) };
    let line = canvas.line(&format!("{page} / {pages}"), &style)?;
    drawing.text(&line, &style, (width - line.width) / 2.0, height - MARGIN / 2.0);
    Ok(())
}

fn expand_tabs(row: &str) -> String {
    if !row.contains('\t') {
        return row.to_owned();
    }
    let mut out = String::new();
    let mut column = 0;
    for letter in row.chars() {
        let width = if letter == '\t' { TAB - column % TAB } else { 1 };
        if letter == '\t' {
            out.extend(std::iter::repeat_n(' ', width));
        } else {
            out.push(letter);
        }
        column += width;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_reach_the_next_stop() {
        assert_eq!(expand_tabs("a\tb"), "a       b");
        assert_eq!(expand_tabs("12345678\tb"), "12345678        b");
    }
}
