//! What a workbook has beside the values that the library reads, from the parts of its container: how its sheets are laid
//! out, what lies on them, what they show; and a second look at the values, so that none is left out in silence.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use calamine::Dimensions;

use crate::container::Container;
use crate::{Error, Format, Request};

use super::macros;
use super::open_sheets::{self, OpenSheet};
use super::raw_xlsx::{self, Raw};
use super::sheet_geometry::{self, Geometry};
use super::sheet_pictures::{self, Picture};
use super::workbook::{Cell, Sheet, Value, Workbook};

type Parts = Container<Cursor<Arc<[u8]>>>;

/// What was found, for one sheet after the other.
#[derive(Default)]
pub(super) struct Beside {
    xlsx: Option<Xlsx>,
    open: BTreeMap<String, OpenSheet>,
}

struct Xlsx {
    container: Parts,
    geometries: BTreeMap<String, Geometry>,
    shared: Vec<String>,
    /// By the part of their sheet, where pages are drawn.
    pictures: BTreeMap<String, Vec<Picture>>,
}

impl Beside {
    /// Reads what is there, and says what of it nobody draws.
    pub(super) fn read(
        req: &Request,
        parts: Cursor<Arc<[u8]>>,
        workbook: &mut Workbook,
    ) -> Result<Beside, Error> {
        match req.from {
            Format::Xls | Format::Xlsb => {
                workbook.undrawn.push(format!(
                    "number formats, fonts, colours, borders, widths, pictures and charts of {} files are not read here",
                    req.from
                ));
                Ok(Beside::default())
            }
            Format::Ods => {
                let content = Container::of(parts)?.read("content.xml")?.unwrap_or_default();
                let book = open_sheets::read(&content);
                if book.styled {
                    workbook.undrawn.push("fonts, colours and borders of cells are not drawn".into());
                }
                if book.objects > 0 {
                    workbook.undrawn.push(format!(
                        "pictures, charts and drawings of the workbook are not drawn ({})",
                        book.objects
                    ));
                }
                Ok(Beside { open: book.sheets, ..Beside::default() })
            }
            _ => {
                let mut container = Container::of(parts)?;
                let geometries = sheet_geometry::read(&mut container)?;
                let (mut pictures, mut undrawn) = (BTreeMap::new(), 0);
                if req.to == Format::Pdf {
                    for Geometry { part, .. } in geometries.values() {
                        let (found, others) = sheet_pictures::of_sheet(&mut container, part)?;
                        pictures.insert(part.clone(), found);
                        undrawn += others;
                    }
                } else {
                    undrawn = sheet_geometry::pictures(&container);
                }
                workbook.undrawn = sheet_geometry::undrawn(&mut container, &geometries, undrawn)?;
                workbook.warnings.extend(macros::said(&container));
                let shared = raw_xlsx::shared(&mut container)?;
                Ok(Beside {
                    xlsx: Some(Xlsx { container, geometries, shared, pictures }),
                    ..Beside::default()
                })
            }
        }
    }

    /// The layout of a sheet, which is told once.
    pub(super) fn geometry(&mut self, sheet: &str) -> Geometry {
        match &mut self.xlsx {
            Some(xlsx) => xlsx.geometries.remove(sheet).unwrap_or_default(),
            None => {
                self.open.get_mut(sheet).map(|sheet| std::mem::take(&mut sheet.geometry)).unwrap_or_default()
            }
        }
    }

    /// The pictures of the sheet in this part, which are told once.
    pub(super) fn pictures(&mut self, part: &str) -> Vec<Picture> {
        self.xlsx.as_mut().and_then(|xlsx| xlsx.pictures.remove(part)).unwrap_or_default()
    }

    /// Merged areas that the library does not read.
    pub(super) fn merges(&self, sheet: &str) -> Vec<Dimensions> {
        let merges = self.open.get(sheet).map(|sheet| sheet.merges.as_slice()).unwrap_or_default();
        let area = |[top, left, bottom, right]: &[u32; 4]| Dimensions::new((*top, *left), (*bottom, *right));
        merges.iter().map(area).collect()
    }

    /// Looks at the values of a sheet a second time: notes what was left out, and takes what cells show where that is
    /// written. Rows of the sheet count from `start`; nothing is hidden yet.
    pub(super) fn compare(
        &mut self,
        sheet: &mut Sheet,
        start: (usize, usize),
        geometry: &Geometry,
    ) -> Result<(), Error> {
        let is_hidden = |row: u32, column: u32| {
            geometry.row_hidden(row as usize) || geometry.column_hidden(column as usize)
        };
        if let Some(xlsx) = &mut self.xlsx {
            let xml = xlsx.container.read(&geometry.part)?.unwrap_or_default();
            let (rows, unread) = (&sheet.rows, &mut sheet.unread);
            raw_xlsx::cells(&xml, &xlsx.shared, &mut |row, column, raw| {
                let cell = at(row, column, start).and_then(|(row, column)| rows.get(row)?.get(column));
                if !is_hidden(row, column) && !is_there(raw, cell) {
                    unread.push(written(raw));
                }
            });
        }
        if let Some(open) = self.open.remove(&sheet.name) {
            for ((row, column), shown) in open.shown {
                let cell = at(row, column, start)
                    .and_then(|(row, column)| sheet.rows.get_mut(row)?.get_mut(column))
                    .filter(|cell| cell.value != Value::Empty);
                match cell {
                    Some(Cell { value: Value::Text(text), .. })
                        if letters_of(text).eq(letters_of(&shown)) => {}
                    Some(cell) if !matches!(cell.value, Value::Text(_)) => cell.shown = Some(shown.into()),
                    _ if is_hidden(row, column) => {}
                    _ => sheet.unread.push(shown),
                }
            }
            sheet.unread.sort_unstable();
        }
        Ok(())
    }
}

fn at(row: u32, column: u32, start: (usize, usize)) -> Option<(usize, usize)> {
    Some(((row as usize).checked_sub(start.0)?, (column as usize).checked_sub(start.1)?))
}

/// Whether what is written in a cell was read. How numbers and dates are understood is not judged here.
fn is_there(raw: Raw<'_>, cell: Option<&Cell>) -> bool {
    match (raw, cell.map(|cell| &cell.value)) {
        (Raw::Text(text), _) if letters_of(text).next().is_none() => true,
        (_, None | Some(Value::Empty)) => false,
        (Raw::Text(text), Some(Value::Text(read))) => letters_of(text).eq(letters_of(read)),
        _ => true,
    }
}

fn letters_of(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|letter| letter.is_alphanumeric())
}

fn written(raw: Raw<'_>) -> String {
    match raw {
        Raw::Text(text) | Raw::Value(text) => text.to_owned(),
        Raw::Bool(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn text(text: &str) -> Cell {
        Cell { value: Value::Text(text.into()), ..Cell::default() }
    }

    #[test]
    fn what_the_library_left_out_of_a_sheet_is_noticed() {
        let xml = "<worksheet><sheetData><row r='2'><c r='B2' t='inlineStr'><is><t>Nets</t></is></c><c r='C2'><v>7</v></c>\
            <c r='D2' t='inlineStr'><is><t>ropes</t></is></c></row><row r='3' hidden='1'><c r='B3'><v>8</v></c></row>\
            <row r='4'><c r='B4'><v>9.5</v></c></row></sheetData></worksheet>";
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("sheet.xml", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(xml.as_bytes()).unwrap();
        let container = Container::of(Cursor::new(zip.finish().unwrap().into_inner().into())).unwrap();
        let (geometries, shared, pictures) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        let xlsx = Xlsx { container, geometries, shared, pictures };
        let mut beside = Beside { xlsx: Some(xlsx), ..Beside::default() };
        let mut geometry = Geometry::default();
        geometry.part = "sheet.xml".into();
        geometry.hide_row(2);
        // Another text, and nothing in the rows below.
        let number = Cell { value: Value::Number(7.0), ..Cell::default() };
        let mut sheet = Sheet { rows: vec![vec![text("Nets"), number, text("rop")]], ..Sheet::default() };

        beside.compare(&mut sheet, (1, 1), &geometry).unwrap();

        assert_eq!(sheet.unread, ["ropes", "9.5"]);
        let book = Workbook { sheets: vec![sheet], ..Workbook::default() };
        assert_eq!(book.words().total(), 6);
    }
}
