//! Workbooks and tables of values in memory: every sheet as rows of cells that know their value and what they show.

use calamine::{Data, Dimensions, Reader, SheetVisible, Sheets, StyleRange};

use crate::container::Container;
use crate::limits::CELLS;
use crate::verify::Words;
use crate::{Error, Format, Request};

use super::beside_values::Beside;
use super::dates::DateTime;
use super::sheet_geometry::Geometry;
use super::sheet_look::{Look, Looks};
use super::sheet_pictures::Picture;
use super::{number_format, sheet_parts, text_file, unlocked};

/// What a cell holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Value {
    #[default]
    Empty,
    Text(String),
    Number(f64),
    Bool(bool),
    /// A date or time, as ISO 8601.
    Moment(String),
    /// An error of the calculation, such as `#DIV/0!`.
    Error(String),
}

/// One cell. `shown` is set where what a reader sees differs from the plain value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cell {
    pub(super) value: Value,
    pub(super) shown: Option<Box<str>>,
    /// Index into the looks of the sheet; 0 is plain.
    pub(super) look: u32,
}

impl Cell {
    fn of(value: Value) -> Cell {
        Cell { value, shown: None, look: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        match &self.value {
            Value::Empty => true,
            Value::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// What a reader of the sheet sees.
    pub(super) fn shown(&self) -> std::borrow::Cow<'_, str> {
        use std::borrow::Cow;
        match (&self.shown, &self.value) {
            (Some(shown), _) => Cow::Borrowed(shown),
            (None, Value::Text(text) | Value::Moment(text) | Value::Error(text)) => Cow::Borrowed(text),
            (None, Value::Number(number)) => Cow::Owned(number_format::general(*number)),
            (None, Value::Bool(true)) => Cow::Borrowed("TRUE"),
            (None, Value::Bool(false)) => Cow::Borrowed("FALSE"),
            (None, Value::Empty) => Cow::Borrowed(""),
        }
    }

    /// Numbers, dates and errors stand right in their column, or in the middle; texts stand left.
    pub(super) fn is_number(&self) -> bool {
        match &self.value {
            Value::Number(_) | Value::Moment(_) => true,
            Value::Text(text) => number_of(text).is_some(),
            _ => false,
        }
    }
}

/// One sheet without its empty edges.
#[derive(Clone, Debug, Default)]
pub(super) struct Sheet {
    pub(super) name: String,
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) looks: Vec<Look>,
    pub(super) geometry: Geometry,
    /// Merged areas as (first row, first column, last row, last column), counted within `rows`.
    pub(super) merges: Vec<[usize; 4]>,
    /// The values come from a file without any layout, such as CSV.
    pub(super) bare: bool,
    /// What lies on the cells; places count within `rows`.
    pub(super) pictures: Vec<Picture>,
    /// Rows and columns up to the last one with a value; what follows is there for pictures.
    pub(super) used: (usize, usize),
    /// What the file has in its cells and reading it left out.
    pub(super) unread: Vec<String>,
}

/// All visible sheets of a workbook.
#[derive(Clone, Debug, Default)]
pub(super) struct Workbook {
    pub(super) sheets: Vec<Sheet>,
    pub(super) warnings: Vec<String>,
    /// What a workbook has that we do not draw.
    pub(super) undrawn: Vec<String>,
    /// What of its values could not be read at all.
    pub(super) lost: Vec<String>,
}

impl Workbook {
    /// What the cells show, and what was left out of them when they were read.
    pub(super) fn words(&self) -> Words {
        let mut words = Words::default();
        for sheet in &self.sheets {
            let cells = sheet.rows.iter().flatten().filter(|cell| !cell.is_empty());
            cells.for_each(|cell| words.add(&cell.shown()));
            sheet.unread.iter().for_each(|text| words.add(text));
        }
        words
    }
}

/// Reads the input of a request and keeps the sheets it asks for.
///
/// # Errors
/// `Encrypted`, `Corrupt`, `LimitExceeded` above five million cells, `Unsupported` for a sheet that is not there.
pub(super) fn read(req: &Request) -> Result<Workbook, Error> {
    let mut workbook = match req.from {
        Format::Csv => separated(req, None)?,
        Format::Tsv => separated(req, Some(b'\t'))?,
        _ => spreadsheet(req)?,
    };
    if let Some(wanted) = &req.options.sheet {
        choose(&mut workbook, wanted, req)?;
    }
    Ok(workbook)
}

fn choose(workbook: &mut Workbook, wanted: &str, req: &Request) -> Result<(), Error> {
    let by_name = workbook.sheets.iter().position(|sheet| sheet.name.eq_ignore_ascii_case(wanted));
    let by_number = || wanted.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let Some(at) = by_name.or_else(by_number).filter(|at| *at < workbook.sheets.len()) else {
        let names: Vec<&str> = workbook.sheets.iter().map(|sheet| sheet.name.as_str()).collect();
        return Err(Error::Unsupported {
            from: format!("the sheet '{wanted}'"),
            to: req.to.to_string(),
            hint: match names.as_slice() {
                [] | [""] => "it is one table without a name: choose no sheet".to_owned(),
                names => format!("the workbook has: {}", names.join(", ")),
            },
        });
    };
    workbook.sheets = vec![workbook.sheets.swap_remove(at)];
    Ok(())
}

fn separated(req: &Request, separator: Option<u8>) -> Result<Workbook, Error> {
    let file = text_file::read(&req.input)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator.unwrap_or_else(|| guess_separator(&file.text)))
        .from_reader(file.text.as_bytes());
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut cells = 0;
    for record in reader.records() {
        let record = record.map_err(|error| Error::corrupt(format!("the table cannot be read ({error})")))?;
        cells += record.len() as u64;
        check_cells(cells)?;
        let cell = |field: &str| {
            if field.is_empty() { Cell::default() } else { Cell::of(Value::Text(field.to_owned())) }
        };
        rows.push(record.iter().map(cell).collect());
    }
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let used = (rows.len(), width);
    let sheet = Sheet { rows, bare: true, looks: vec![Look::default()], used, ..Sheet::default() };
    let sheets = if sheet.rows.iter().flatten().all(Cell::is_empty) { Vec::new() } else { vec![sheet] };
    Ok(Workbook { sheets, warnings: file.warnings, ..Workbook::default() })
}

/// The separator that splits the first lines into the same number of fields, and into most of them.
fn guess_separator(text: &str) -> u8 {
    let score = |separator: u8| {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .from_reader(text.as_bytes());
        let counts: Vec<usize> = reader.records().take(20).flatten().map(|record| record.len()).collect();
        let first = counts.first().copied().unwrap_or(0);
        let same = counts.iter().filter(|count| **count == first).count();
        if first > 1 { (same * 1000 / counts.len().max(1), first) } else { (0, 0) }
    };
    // On a tie the earlier one wins: max_by_key keeps the last.
    *b"|\t;,".iter().max_by_key(|separator| score(**separator)).unwrap_or(&b',')
}

fn spreadsheet(req: &Request) -> Result<Workbook, Error> {
    let bytes = unlocked::read(req)?;
    let parts = bytes.clone();
    if req.from == Format::Ods {
        unlocked::refuse_open_document(&mut Container::of(bytes.clone())?, req)?;
    }
    let mut book = match req.from {
        Format::Xls => calamine::Xls::new(bytes).map(Sheets::Xls).map_err(|error| problem(error, req)),
        Format::Xlsb => calamine::Xlsb::new(bytes).map(Sheets::Xlsb).map_err(|error| problem(error, req)),
        Format::Ods => calamine::Ods::new(bytes).map(Sheets::Ods).map_err(|error| problem(error, req)),
        _ => calamine::Xlsx::new(bytes).map(Sheets::Xlsx).map_err(|error| problem(error, req)),
    }?;
    let mut workbook = Workbook::default();
    let mut beside = Beside::read(req, parts, &mut workbook)?;
    let epoch_1904 = matches!(&mut book, Sheets::Xlsx(xlsx) if xlsx.has_1904_epoch());
    let mut cells = 0;
    let mut hidden = 0;
    for info in book.sheets_metadata().to_vec() {
        if info.visible != SheetVisible::Visible {
            hidden += 1;
            continue;
        }
        let Ok(range) = book.worksheet_range(&info.name) else {
            // Chart sheets have no cells; a damaged sheet must not vanish without a word.
            if info.typ == calamine::SheetType::WorkSheet {
                workbook.lost.push(format!("the sheet '{}' cannot be read", info.name));
            }
            continue;
        };
        let geometry = beside.geometry(&info.name);
        let pictures = beside.pictures(&geometry.part);
        let first = range.start().map(|(row, column)| (row as usize, column as usize));
        let Some(start) = pictures.iter().map(|picture| picture.begins()).chain(first).reduce(upper_left)
        else {
            continue;
        };
        cells += range.get_size().0 as u64 * range.get_size().1 as u64;
        check_cells(cells)?;
        let styles = book.worksheet_style(&info.name).unwrap_or_else(|_| StyleRange::empty());
        let mut sheet = Sheet { name: info.name.clone(), ..Sheet::default() };
        let mut looks = Looks::default();
        let corner = range.start().unwrap_or_default();
        sheet.rows.resize(first.map_or(0, |(row, _)| row - start.0), Vec::new());
        for (row, values) in (corner.0..).zip(range.rows()) {
            let mut cells = vec![Cell::default(); corner.1 as usize - start.1];
            cells.extend((corner.1..).zip(values).map(|(column, value)| {
                let style = styles.get((row, column));
                let code = style
                    .and_then(|style| style.number_format.as_ref())
                    .map(|format| format.format_code.as_str());
                let (mut cell, color) = cell(value, code, epoch_1904);
                cell.look = looks.index_of(style, color);
                cell
            }));
            sheet.rows.push(cells);
        }
        sheet.looks = looks.into_list();
        let merges = match &mut book {
            Sheets::Xlsx(xlsx) => xlsx.merge_cells_by_sheet_name(&info.name).unwrap_or_default(),
            Sheets::Xls(xls) => xls.merge_cells_by_sheet_name(&info.name).unwrap_or_default(),
            _ => beside.merges(&info.name),
        };
        sheet.merges = merges.iter().filter_map(|area| within(area, start)).collect();
        beside.compare(&mut sheet, start, &geometry)?;
        sheet.geometry = geometry.starting_at((start.0 as u32, start.1 as u32));
        sheet.pictures = pictures.into_iter().map(|picture| picture.counted_from(start)).collect();
        sheet_parts::printed(sheet, req.to == Format::Pdf, &mut workbook);
    }
    if hidden > 0 {
        workbook.warnings.push(format!("{hidden} hidden sheets were left out"));
    }
    Ok(workbook)
}

fn upper_left(one: (usize, usize), other: (usize, usize)) -> (usize, usize) {
    (one.0.min(other.0), one.1.min(other.1))
}

fn within(area: &Dimensions, start: (usize, usize)) -> Option<[usize; 4]> {
    let at = |position: u32, start: usize| (position as usize).checked_sub(start);
    Some([
        at(area.start.0, start.0)?,
        at(area.start.1, start.1)?,
        at(area.end.0, start.0)?,
        at(area.end.1, start.1)?,
    ])
}

fn cell(data: &Data, code: Option<&str>, epoch_1904: bool) -> (Cell, Option<[u8; 3]>) {
    let code = code.filter(|code| !code.eq_ignore_ascii_case("general") && !code.is_empty());
    let formatted = |number: f64, value: Value| {
        let shown = code.map(|code| number_format::number(number, code, epoch_1904));
        let color = shown.as_ref().and_then(|shown| shown.color);
        (Cell { value, shown: shown.map(|shown| shown.text.into()), look: 0 }, color)
    };
    match data {
        Data::Empty => (Cell::default(), None),
        Data::String(text) => {
            let shown = code.map(|code| number_format::text(text, code)).filter(|shown| shown != text);
            (Cell { value: Value::Text(text.clone()), shown: shown.map(Into::into), look: 0 }, None)
        }
        Data::Bool(value) => (Cell::of(Value::Bool(*value)), None),
        Data::Int(number) => formatted(*number as f64, Value::Number(*number as f64)),
        Data::Float(number) => formatted(*number, Value::Number(*number)),
        Data::DateTime(moment) => {
            let serial = moment.as_f64();
            let iso = match DateTime::from_serial(serial, epoch_1904, 0) {
                Some(date) if moment.is_duration() => Value::Moment(date.duration()),
                Some(date) => Value::Moment(date.iso()),
                None => Value::Number(serial),
            };
            formatted(serial, iso)
        }
        Data::DateTimeIso(text) => {
            let iso = text.trim_end_matches("T00:00:00");
            let shown = iso.contains('T').then(|| iso.replace('T', " ").into());
            (Cell { value: Value::Moment(iso.to_owned()), shown, look: 0 }, None)
        }
        Data::DurationIso(text) => {
            let shown = DateTime::clock(text).map(Into::into);
            (Cell { value: Value::Moment(text.clone()), shown, look: 0 }, None)
        }
        Data::Error(error) => (Cell::of(Value::Error(error.to_string())), None),
    }
}

fn check_cells(cells: u64) -> Result<(), Error> {
    if cells > CELLS {
        return Err(Error::limit(format!("more than {CELLS} cells")));
    }
    Ok(())
}

/// The number a text is, if writing the number gives the text again: `007` and `1e5` stay texts.
pub(super) fn number_of(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    if !plain(whole) || !plain(rest) || leading_zero || whole.len() + rest.len() > 16 {
        return None;
    }
    text.parse().ok()
}

fn problem(error: impl std::fmt::Display, req: &Request) -> Error {
    let detail = error.to_string();
    if detail.to_lowercase().contains("password") || detail.to_lowercase().contains("encrypt") {
        return unlocked::locked_elsewhere(req);
    }
    Error::corrupt(format!("the workbook cannot be read ({detail})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_found_by_looking() {
        assert_eq!(guess_separator("a,b,c\n1,2,3\n"), b',');
        assert_eq!(guess_separator("a;b\n1,5;2\n3,5;4\n"), b';');
        assert_eq!(guess_separator("a\tb\n1\t2\n"), b'\t');
        assert_eq!(guess_separator("just one column\nof text\n"), b',');
    }

    #[test]
    fn only_canonical_numbers_are_numbers() {
        assert_eq!(number_of("-12.50"), Some(-12.5));
        assert_eq!(number_of("0"), Some(0.0));
        for text in ["007", "1e5", "", "-", "1.", ".5", "12345678901234567", "1,5"] {
            assert_eq!(number_of(text), None, "{text}");
        }
    }
}
