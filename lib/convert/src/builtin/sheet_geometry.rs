//! Column widths, row heights, paper and repeated rows of xlsx sheets, read from their XML (ECMA-376 Part 1, 18.3).

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::Error;
use crate::container::Container;

use super::parts::{Attributes, attributes, elements, resolve};
use super::print_areas::{self, Area, Printed};
use super::source_words;

/// Letters of the text boxes that a report quotes.
const QUOTED: usize = 120;

/// The paper a sheet wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Paper {
    #[default]
    A4,
    Letter,
    A3,
}

/// What a sheet says about its layout. Positions count from the first cell with a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Geometry {
    /// Width in characters of the default font.
    columns: BTreeMap<usize, f64>,
    hidden_columns: Vec<(usize, usize)>,
    /// Height in points.
    rows: BTreeMap<usize, f64>,
    hidden_rows: Vec<usize>,
    pub(super) default_width: Option<f64>,
    pub(super) landscape: Option<bool>,
    pub(super) paper: Paper,
    /// Rules of conditional formats.
    conditions: usize,
    /// Its pages have a header or footer that says more than their number.
    margins: bool,
    /// The part of the container that it is in.
    pub(super) part: String,
    pub(super) printed: Printed,
    /// Rows frozen at the top.
    pub(super) frozen_rows: usize,
}

impl Geometry {
    pub(super) fn column_width(&self, column: usize) -> Option<f64> {
        self.columns.get(&column).copied()
    }

    pub(super) fn row_height(&self, row: usize) -> Option<f64> {
        self.rows.get(&row).copied()
    }

    pub(super) fn row_hidden(&self, row: usize) -> bool {
        self.hidden_rows.binary_search(&row).is_ok()
    }

    pub(super) fn column_hidden(&self, column: usize) -> bool {
        self.hidden_columns.iter().any(|(first, last)| (*first..=*last).contains(&column))
    }

    pub(super) fn hide_row(&mut self, row: usize) {
        self.hidden_rows.push(row);
    }

    pub(super) fn hide_columns(&mut self, first: usize, last: usize) {
        self.hidden_columns.push((first, last));
    }

    /// Characters of the default font.
    pub(super) fn set_widths(&mut self, first: usize, last: usize, width: f64) {
        // A style for all columns to the end of the world is common; nobody has that many cells.
        self.columns.extend((first..=last.min(first + 1024)).map(|at| (at, width)));
    }

    /// Counts from another first cell.
    pub(super) fn starting_at(self, (row, column): (u32, u32)) -> Geometry {
        let (row, column) = (row as usize, column as usize);
        let shift = |map: BTreeMap<usize, f64>, by: usize| {
            map.into_iter().filter_map(|(at, size)| Some((at.checked_sub(by)?, size))).collect()
        };
        Geometry {
            columns: shift(self.columns, column),
            rows: shift(self.rows, row),
            hidden_columns: self
                .hidden_columns
                .into_iter()
                .filter(|(_, last)| *last >= column)
                .map(|(first, last)| (first.saturating_sub(column), last - column))
                .collect(),
            hidden_rows: self.hidden_rows.into_iter().filter_map(|at| at.checked_sub(row)).collect(),
            frozen_rows: self.frozen_rows.saturating_sub(row),
            printed: Printed {
                areas: self.printed.areas.iter().filter_map(|area| shifted(*area, (row, column))).collect(),
                titles: self.printed.titles.saturating_sub(row),
            },
            ..self
        }
    }

    /// Only these rows and columns are left, in this order.
    pub(super) fn keep(&self, rows: &[usize], columns: &[usize]) -> Geometry {
        let chosen = |map: &BTreeMap<usize, f64>, kept: &[usize]| {
            kept.iter().enumerate().filter_map(|(at, old)| Some((at, *map.get(old)?))).collect()
        };
        Geometry {
            columns: chosen(&self.columns, columns),
            rows: chosen(&self.rows, rows),
            hidden_columns: Vec::new(),
            hidden_rows: Vec::new(),
            frozen_rows: rows.iter().filter(|row| **row < self.frozen_rows.max(self.printed.titles)).count(),
            ..self.clone()
        }
    }
}

/// An area counted from another first cell; nothing when it lies before it.
fn shifted([top, left, bottom, right]: Area, (row, column): (usize, usize)) -> Option<Area> {
    Some([
        top.saturating_sub(row),
        left.saturating_sub(column),
        bottom.checked_sub(row)?,
        right.checked_sub(column)?,
    ])
}

/// The name of every sheet and the part that it is in, in their order.
pub(super) fn sheets<R: Read + Seek>(container: &mut Container<R>) -> Result<Vec<(String, String)>, Error> {
    let (Some(workbook), Some(relations)) =
        (container.read("xl/workbook.xml")?, container.read("xl/_rels/workbook.xml.rels")?)
    else {
        return Ok(Vec::new());
    };
    let targets: BTreeMap<String, String> = elements(&relations, b"Relationship")
        .into_iter()
        .filter_map(|mut relation| Some((relation.remove("Id")?, relation.remove("Target")?)))
        .collect();
    let mut found = Vec::new();
    for mut sheet in elements(&workbook, b"sheet") {
        let (Some(name), Some(id)) = (sheet.remove("name"), sheet.remove("id")) else { continue };
        // One that leads nowhere keeps its number, by which others name it.
        let target = targets.get(&id).map(String::as_str).unwrap_or_default();
        found.push((name, resolve("xl/workbook.xml", target)));
    }
    Ok(found)
}

/// The geometry of every sheet, by name. Sheets whose XML is unusual are left out: they get plain widths.
pub(super) fn read<R: Read + Seek>(
    container: &mut Container<R>,
) -> Result<BTreeMap<String, Geometry>, Error> {
    let mut geometries = BTreeMap::new();
    let workbook = container.read("xl/workbook.xml")?.unwrap_or_default();
    let mut printed = print_areas::read(&workbook);
    for (number, (name, part)) in sheets(container)?.into_iter().enumerate() {
        if let Some(xml) = container.read(&part)? {
            let printed = printed.remove(&number).unwrap_or_default();
            geometries.insert(name, Geometry { part, printed, ..geometry(&xml) });
        }
    }
    Ok(geometries)
}

/// How many pictures are in a workbook.
pub(super) fn pictures<R: Read + Seek>(container: &Container<R>) -> usize {
    let is_picture = |name: &&String| name.strip_prefix("xl/media/").is_some_and(|file| !file.contains('/'));
    container.names().iter().filter(is_picture).count()
}

/// Sentences about what a workbook has that is not drawn, of its pictures so many.
pub(super) fn undrawn<R: Read + Seek>(
    container: &mut Container<R>,
    sheets: &BTreeMap<String, Geometry>,
    pictures: usize,
) -> Result<Vec<String>, Error> {
    let names = container.names();
    let (boxes, words) = boxes(container, &names)?;
    let rules = sheets.values().map(|sheet| sheet.conditions).sum::<usize>();
    let count = |folder: &str| {
        names.iter().filter(|name| name.strip_prefix(folder).is_some_and(|file| !file.contains('/'))).count()
    };
    let charts = names
        .iter()
        .filter(|name| {
            name.strip_prefix("xl/charts/")
                .is_some_and(|file| file.starts_with("chart") && !file.contains('/'))
        })
        .count();
    let margins = sheets.values().filter(|sheet| sheet.margins).count();
    let found = [
        (margins, "headers and footers of pages"),
        (charts, "charts"),
        (pictures, "pictures"),
        (boxes, "text boxes and shapes"),
        (rules, "colours and icons of conditional formats"),
        (count("xl/pivotTables/"), "pivot tables (their values are)"),
    ];
    let said = found.into_iter().filter(|(count, _)| *count > 0);
    let mut said: Vec<String> =
        said.map(|(count, what)| format!("{what} of the workbook are not drawn ({count})")).collect();
    if !words.is_empty() {
        said.push(format!("the text boxes say: {words}"));
    }
    Ok(said)
}

/// How many shapes there are, and the first of what they say.
fn boxes<R: Read + Seek>(container: &mut Container<R>, names: &[String]) -> Result<(usize, String), Error> {
    let (mut boxes, mut text) = (0, String::new());
    for name in names.iter().filter(|name| name.starts_with("xl/drawings/drawing") && name.ends_with(".xml"))
    {
        let Some(xml) = container.read(name)? else { continue };
        boxes += elements(&xml, b"sp").len();
        if text.len() < QUOTED {
            text.push_str(&source_words::of_shapes(&xml)?);
        }
    }
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(QUOTED) {
        words.truncate(end);
        words.push('…');
    }
    Ok((boxes, words))
}

fn geometry(xml: &[u8]) -> Geometry {
    let mut geometry = Geometry::default();
    let mut reader = Reader::from_reader(xml);
    let mut next_row = 0;
    let mut margin: Option<String> = None;
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                b"c" | b"v" | b"f" | b"is" | b"t" => {}
                b"row" => next_row = row(&mut geometry, &attributes(&element), next_row) + 1,
                b"col" => column(&mut geometry, &attributes(&element)),
                b"sheetFormatPr" => {
                    geometry.default_width = number(&attributes(&element), "defaultColWidth");
                }
                b"cfRule" => geometry.conditions += 1,
                b"oddHeader" | b"oddFooter" | b"firstHeader" | b"firstFooter" | b"evenHeader"
                | b"evenFooter" => margin = Some(String::new()),
                b"pageSetup" => {
                    let setup = attributes(&element);
                    geometry.landscape =
                        setup.get("orientation").map(|orientation| orientation == "landscape");
                    geometry.paper = match setup.get("paperSize").map(String::as_str) {
                        Some("1") => Paper::Letter,
                        Some("8") => Paper::A3,
                        _ => Paper::A4,
                    };
                }
                b"pane" => {
                    let pane = attributes(&element);
                    if pane.get("state").is_some_and(|state| state.starts_with("frozen")) {
                        geometry.frozen_rows = number(&pane, "ySplit").unwrap_or(0.0) as usize;
                    }
                }
                _ => {}
            },
            Event::Text(piece) => {
                margin.iter_mut().for_each(|text| text.push_str(&piece.decode().unwrap_or_default()));
            }
            Event::GeneralRef(reference) => {
                margin.iter_mut().for_each(|text| text.push(source_words::letter_of(&reference)));
            }
            Event::End(_) => geometry.margins |= margin.take().is_some_and(|text| says_something(&text)),
            Event::Eof => break,
            _ => {}
        }
    }
    geometry
}

/// Whether the text of a header or footer (18.3.1.46) says more than our own, which has the sheet and the page.
fn says_something(text: &str) -> bool {
    let mut words = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        words.push_str(before);
        words.push(' ');
        let mut letters = after.chars();
        rest = match letters.next() {
            // A font by its name, a colour, a size; all others are one letter.
            Some('"') => after[1..].split_once('"').map_or("", |(_, rest)| rest),
            Some('K') => after.get(7..).unwrap_or_default(),
            Some('D' | 'T' | 'F' | 'Z') => return true,
            Some(digit) if digit.is_ascii_digit() => {
                after.trim_start_matches(|letter: char| letter.is_ascii_digit())
            }
            _ => letters.as_str(),
        };
    }
    words.push_str(rest);
    let words = words.to_lowercase();
    words
        .split(|letter: char| !letter.is_alphanumeric())
        .any(|word| !matches!(word, "" | "page" | "of" | "seite" | "von"))
}

fn number(attributes: &Attributes, name: &str) -> Option<f64> {
    attributes.get(name)?.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

fn flag(attributes: &Attributes, name: &str) -> bool {
    attributes.get(name).is_some_and(|value| value == "1" || value == "true")
}

fn row(geometry: &mut Geometry, row: &Attributes, next: usize) -> usize {
    let at = number(row, "r").map_or(next, |number| (number as usize).saturating_sub(1));
    if flag(row, "hidden") {
        geometry.hidden_rows.push(at);
    } else if let Some(height) = number(row, "ht").filter(|_| flag(row, "customHeight")) {
        geometry.rows.insert(at, height);
    }
    at
}

fn column(geometry: &mut Geometry, column: &Attributes) {
    let (Some(first), Some(last)) = (number(column, "min"), number(column, "max")) else { return };
    let (first, last) = ((first as usize).saturating_sub(1), (last as usize).saturating_sub(1));
    if flag(column, "hidden") {
        geometry.hidden_columns.push((first, last));
    } else if let Some(width) = number(column, "width") {
        geometry.set_widths(first, last, width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_heights_and_paper_are_read_and_shifted() {
        let xml =
            br#"<worksheet><sheetViews><sheetView><pane ySplit="3" state="frozen"/></sheetView></sheetViews>
            <cols><col min="2" max="3" width="20"/><col min="4" max="4" hidden="1" width="9"/></cols>
            <sheetData><row r="3" ht="30" customHeight="1"><c r="B3"/></row><row hidden="1"/></sheetData>
            <pageSetup paperSize="1" orientation="landscape"/></worksheet>"#;

        let read = geometry(xml).starting_at((2, 1));

        assert_eq!(read.column_width(0), Some(20.0));
        assert!(read.column_hidden(2) && !read.column_hidden(1));
        assert_eq!(read.row_height(0), Some(30.0));
        assert!(read.row_hidden(1));
        assert_eq!((read.landscape, read.paper, read.frozen_rows), (Some(true), Paper::Letter, 1));
    }

    #[test]
    fn headers_that_only_count_pages_say_nothing() {
        for text in ["", "&C&\"Times New Roman,Regular\"&12&A", "&CPage &P of &N", "&L&K000000&10&P"] {
            assert!(!says_something(text), "{text}");
        }
        for text in ["&CHarbour office", "&R&D", "&L&\"Arial\"Draft"] {
            assert!(says_something(text), "{text}");
        }
        let margins = |text: &str| {
            geometry(format!("<w><headerFooter><oddHeader>{text}</oddHeader></headerFooter></w>").as_bytes())
                .margins
        };
        assert_eq!((margins("&amp;CHarbour"), margins("&amp;P")), (true, false));
    }
}
