//! Tables of values to other forms of tables: csv, tsv, json, html, md and xlsx.

use std::fmt::Write;
use std::io::Cursor;

use rust_xlsxwriter::{Format as CellFormat, Workbook as XlsxWriter, XlsxError};
use serde_json::Value as Json;

use crate::container::Container;
use crate::verify::Words;
use crate::{Error, Format, Request};

use super::markdown::escape;
use super::workbook::{self, Cell, Sheet, Value, Workbook, number_of};
use super::{Output, Ticker, json_table, raw_xlsx, text_file};

/// Excel's own limits of a sheet.
const XLSX_ROWS: usize = 1_048_576;
const XLSX_COLUMNS: usize = 16_384;

pub(super) fn convert(req: &Request, ticker: &mut Ticker<'_>) -> Result<Output, Error> {
    let mut book = if req.from == Format::Json {
        json_table::read(&text_file::read(&req.input)?.text)?
    } else {
        workbook::read(req)?
    };
    let mut output = Output::default();
    // A file of values holds one table.
    if matches!(req.to, Format::Csv | Format::Tsv) && book.sheets.len() > 1 {
        let left: Vec<String> = book.sheets.drain(1..).map(|sheet| sheet.name).collect();
        output.lost.push(format!(
            "{} holds one sheet: '{}' was converted, not {}; choose another with `sheet` (on the command line --sheet)",
            req.to,
            book.sheets[0].name,
            left.join(", ")
        ));
    }
    let total = book.sheets.iter().map(|sheet| sheet.rows.len()).sum::<usize>() as u64;
    ticker.counted(0, total, "rows");
    output.source = Some(words(&book, req.to));
    let written = match req.to {
        Format::Csv => separated(&book, b',')?,
        Format::Tsv => separated(&book, b'\t')?,
        Format::Json => json(&book)?,
        Format::Html => html(&book),
        Format::Md => markdown(&book),
        _ => {
            output.bytes = xlsx(&book)?;
            String::new()
        }
    };
    output.result = match req.to {
        Format::Xlsx => Some(raw_xlsx::words(&mut Container::of(Cursor::new(&output.bytes))?)?),
        Format::Json => Some(Words::of(&without_escapes(&written))),
        _ => Some(Words::of(&written)),
    };
    if req.to != Format::Xlsx {
        output.bytes = written.into_bytes();
    }
    ticker.counted(total, total, "rows");
    output.warnings.extend(book.warnings);
    output.lost.extend(book.lost);
    if output.source.as_ref().is_some_and(|words| words.total() == 0) {
        // Then this is all that the document has.
        output.lost.extend(book.undrawn);
    } else {
        output.warnings.extend(book.undrawn);
    }
    Ok(output)
}

/// The words a table of this kind has to hold: what is shown for people, the plain values for programs.
fn words(book: &Workbook, to: Format) -> Words {
    let mut words = Words::default();
    for cell in book.sheets.iter().flat_map(|sheet| sheet.rows.iter().flatten()) {
        match (to, &cell.value) {
            (Format::Html | Format::Md, _) => words.add(&cell.shown()),
            // Very large and very small ones are written with an exponent there.
            (Format::Json, Value::Number(number)) => words.add(&whole(*number).to_string()),
            // A text that is a number is written as one.
            (Format::Xlsx, Value::Text(text)) => match number_of(text) {
                Some(number) => words.add(&number.to_string()),
                None => words.add(text),
            },
            _ => words.add(&plain(cell)),
        }
    }
    book.sheets.iter().flat_map(|sheet| &sheet.unread).for_each(|text| words.add(text));
    words
}

/// JSON of ours with a space for each escape: what we escape (RFC 8259 §7: quotes, backslashes, control characters) is
/// never part of a word, but its letters would be taken for one.
fn without_escapes(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, escape)) = rest.split_once('\\') {
        out.push_str(before);
        out.push(' ');
        let length = if escape.starts_with('u') { 5 } else { 1 };
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The value as a program reads it: all digits, dates as ISO 8601.
fn plain(cell: &Cell) -> String {
    match &cell.value {
        Value::Empty => String::new(),
        Value::Text(text) | Value::Moment(text) | Value::Error(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
    }
}

fn separated(book: &Workbook, separator: u8) -> Result<String, Error> {
    let mut writer = csv::WriterBuilder::new().delimiter(separator).flexible(true).from_writer(Vec::new());
    let failed = |error: csv::Error| Error::Io { detail: error.to_string() };
    for row in book.sheets.iter().flat_map(|sheet| &sheet.rows) {
        if row.is_empty() {
            writer.write_record([""]).map_err(failed)?;
        } else {
            writer.write_record(row.iter().map(plain)).map_err(failed)?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| Error::Io { detail: error.to_string() })?;
    String::from_utf8(bytes).map_err(Error::corrupt)
}

/// One sheet becomes a list of objects named by its first row; several become an object of such lists.
fn json(book: &Workbook) -> Result<String, Error> {
    let mut out = String::new();
    match book.sheets.as_slice() {
        [] => out.push_str("[]"),
        [sheet] => out.push_str(&json_rows(sheet)?),
        sheets => {
            let lists: Vec<String> = sheets
                .iter()
                .map(|sheet| Ok(format!("{}: {}", json_text(&sheet.name)?, json_rows(sheet)?)))
                .collect::<Result<_, Error>>()?;
            let _ = write!(out, "{{\n{}\n}}", lists.join(",\n"));
        }
    }
    out.push('\n');
    Ok(out)
}

fn json_rows(sheet: &Sheet) -> Result<String, Error> {
    let names = column_names(sheet);
    let rows: &[Vec<Cell>] = if names.is_some() { &sheet.rows[1..] } else { &sheet.rows };
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let values: Vec<String> = row.iter().map(json_value).collect::<Result<_, Error>>()?;
        lines.push(match &names {
            Some(names) => {
                let pairs: Vec<String> =
                    names.iter().zip(values).map(|(name, value)| format!("{name}: {value}")).collect();
                format!("  {{{}}}", pairs.join(", "))
            }
            None => format!("  [{}]", values.join(", ")),
        });
    }
    Ok(if lines.is_empty() { "[]".into() } else { format!("[\n{}\n]", lines.join(",\n")) })
}

/// Names for the columns, written as JSON, if the first row has a different text for each column of every row.
fn column_names(sheet: &Sheet) -> Option<Vec<String>> {
    let (first, rest) = sheet.rows.split_first()?;
    let widest = rest.iter().map(Vec::len).max()?;
    let mut names: Vec<String> = Vec::with_capacity(first.len());
    for cell in first {
        let Value::Text(name) = &cell.value else { return None };
        let name = json_text(name.trim()).ok()?;
        if cell.is_empty() || names.contains(&name) {
            return None;
        }
        names.push(name);
    }
    (names.len() >= widest).then_some(names)
}

fn json_value(cell: &Cell) -> Result<String, Error> {
    Ok(match &cell.value {
        Value::Empty => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => serde_json::to_string(&whole(*number)).map_err(Error::corrupt)?,
        Value::Text(text) => match number_of(text) {
            Some(_) => text.clone(),
            None => json_text(text)?,
        },
        Value::Moment(text) | Value::Error(text) => json_text(text)?,
    })
}

/// 3.0 is written 3.
fn whole(number: f64) -> Json {
    if number.fract() == 0.0 && number.abs() < 9e15 { Json::from(number as i64) } else { Json::from(number) }
}

fn json_text(text: &str) -> Result<String, Error> {
    serde_json::to_string(text).map_err(Error::corrupt)
}

fn html(book: &Workbook) -> String {
    let mut out = String::from(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>Table</title>\n<style>\n\
         body { font: 14px/1.4 system-ui, sans-serif; margin: 2rem; }\ntable { border-collapse: collapse; }\n\
         td, th { border: 1px solid #d1d9e0; padding: .2rem .6rem; text-align: left; vertical-align: top; }\n\
         td.n { text-align: right; }\n</style>\n</head>\n<body>\n",
    );
    for sheet in &book.sheets {
        if book.sheets.len() > 1 {
            let _ = writeln!(out, "<h2>{}</h2>", escape(&sheet.name));
        }
        out.push_str("<table>\n");
        for row in &sheet.rows {
            out.push_str("<tr>");
            for cell in row {
                let class = if cell.is_number() { " class=\"n\"" } else { "" };
                let _ = write!(out, "<td{class}>{}</td>", escape(&cell.shown()).replace('\n', "<br>"));
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</table>\n");
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn markdown(book: &Workbook) -> String {
    let mut out = String::new();
    for sheet in &book.sheets {
        if book.sheets.len() > 1 {
            let _ = writeln!(out, "## {}\n", sheet.name);
        }
        let width = sheet.rows.iter().map(Vec::len).max().unwrap_or(0);
        for (at, row) in sheet.rows.iter().enumerate() {
            for column in 0..width {
                let shown = row.get(column).map(Cell::shown).unwrap_or_default();
                let _ = write!(out, "| {} ", shown.replace('|', "\\|").replace('\n', "<br>"));
            }
            out.push_str("|\n");
            if at == 0 {
                out.push_str(&"| --- ".repeat(width));
                out.push_str("|\n");
            }
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn xlsx(book: &Workbook) -> Result<Vec<u8>, Error> {
    let failed = |error: XlsxError| Error::Io { detail: format!("the workbook cannot be written: {error}") };
    let mut writer = XlsxWriter::new();
    // The moment of writing would make every run different.
    let epoch = rust_xlsxwriter::ExcelDateTime::from_ymd(2000, 1, 1).map_err(failed)?;
    writer.set_properties(&rust_xlsxwriter::DocProperties::new().set_creation_datetime(&epoch));
    let bold = CellFormat::new().set_bold();
    for (number, sheet) in book.sheets.iter().enumerate() {
        let widest = sheet.rows.iter().map(Vec::len).max().unwrap_or(0);
        if sheet.rows.len() > XLSX_ROWS || widest > XLSX_COLUMNS {
            return Err(Error::limit(format!(
                "{} rows × {widest} columns, Excel has {XLSX_ROWS} × {XLSX_COLUMNS}",
                sheet.rows.len()
            )));
        }
        let page = writer.add_worksheet();
        let name = if sheet.name.is_empty() { format!("Sheet{}", number + 1) } else { sheet.name.clone() };
        page.set_name(&name).map_err(failed)?;
        let header = column_names(sheet).is_some();
        for (row, cells) in (0..).zip(&sheet.rows) {
            for (column, cell) in (0..).zip(cells) {
                match &cell.value {
                    Value::Empty => Ok(()),
                    Value::Number(number) => page.write_number(row, column, *number).map(drop),
                    Value::Bool(value) => page.write_boolean(row, column, *value).map(drop),
                    Value::Text(text) => match number_of(text) {
                        Some(number) => page.write_number(row, column, number).map(drop),
                        None if header && row == 0 => {
                            page.write_string_with_format(row, column, text, &bold).map(drop)
                        }
                        None => page.write_string(row, column, text).map(drop),
                    },
                    Value::Moment(text) | Value::Error(text) => {
                        page.write_string(row, column, text).map(drop)
                    }
                }
                .map_err(failed)?;
            }
        }
        if header {
            page.set_freeze_panes(1, 0).map_err(failed)?;
        }
        page.autofit();
    }
    if book.sheets.is_empty() {
        writer.add_worksheet();
    }
    writer.save_to_buffer().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[&[&str]]) -> Workbook {
        let cell = |text: &&str| Cell { value: Value::Text((*text).into()), ..Cell::default() };
        let rows = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
        Workbook { sheets: vec![Sheet { rows, bare: true, ..Sheet::default() }], ..Workbook::default() }
    }

    #[test]
    fn named_columns_become_objects() {
        let book = table(&[&["id", "name"], &["007", "a \"b\""], &["12", "c"]]);
        assert_eq!(
            json(&book).unwrap(),
            "[\n  {\"id\": \"007\", \"name\": \"a \\\"b\\\"\"},\n  {\"id\": 12, \"name\": \"c\"}\n]\n"
        );
    }

    #[test]
    fn columns_without_names_become_lists() {
        let book = table(&[&["a", "a"], &["1", "2"]]);
        assert_eq!(json(&book).unwrap(), "[\n  [\"a\", \"a\"],\n  [1, 2]\n]\n");
    }

    #[test]
    fn what_json_escapes_is_no_word() {
        let book = table(&[&["x\ny", "C:\\new \"u0001\"", "a\u{1}b\tc"], &["1", "2", "3"]]);
        let written = Words::of(&without_escapes(&json(&book).unwrap()));

        let recall = crate::verify::recall(&words(&book, Format::Json), &written);
        assert_eq!((recall.share, written.total()), (1.0, 11), "{:?}", recall.first_lost);
    }

    #[test]
    fn bars_in_markdown_cells_are_escaped() {
        assert_eq!(
            markdown(&table(&[&["a|b", "c"], &["1", "2"]])),
            "| a\\|b | c |\n| --- | --- |\n| 1 | 2 |\n"
        );
    }

    #[test]
    fn the_same_table_gives_the_same_workbook() {
        let book = table(&[&["id"], &["1"]]);
        assert_eq!(xlsx(&book).unwrap(), xlsx(&book).unwrap());
    }
}
