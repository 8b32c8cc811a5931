//! The values of xlsx sheets as their XML has them, read without the library that reads workbooks: to notice what it
//! leaves out, and to read back what was written.

use std::io::{Read, Seek};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::Error;
use crate::container::Container;
use crate::verify::Words;

use super::sheet_geometry;
use super::source_words::letter_of;

/// What is written in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raw<'a> {
    Text(&'a str),
    /// A number, a date or an error, as it is written.
    Value(&'a str),
    Bool(bool),
}

/// The texts that cells share (`sst`, 18.4.9), without readings of characters.
pub(super) fn shared<R: Read + Seek>(container: &mut Container<R>) -> Result<Vec<String>, Error> {
    let xml = container.read("xl/sharedStrings.xml")?.unwrap_or_default();
    let mut texts = Vec::new();
    let mut reader = Reader::from_reader(xml.as_slice());
    let (mut text, mut reading, mut counts) = (String::new(), false, false);
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) => match element.local_name().as_ref() {
                b"rPh" => reading = true,
                b"t" => counts = !reading,
                _ => {}
            },
            Event::Empty(element) if element.local_name().as_ref() == b"si" => texts.push(String::new()),
            Event::End(element) => match element.local_name().as_ref() {
                b"rPh" => reading = false,
                b"t" => counts = false,
                b"si" => texts.push(unescaped(&std::mem::take(&mut text))),
                _ => {}
            },
            Event::Text(piece) if counts => text.push_str(&piece.decode().unwrap_or_default()),
            Event::CData(piece) if counts => text.push_str(&piece.decode().unwrap_or_default()),
            Event::GeneralRef(reference) if counts => text.push(letter_of(&reference)),
            Event::Eof => break,
            _ => {}
        }
    }
    Ok(texts)
}

/// Tells each cell of a sheet that has a value, with its row and column from 0. XML that breaks off ends it.
pub(super) fn cells(sheet: &[u8], shared: &[String], each: &mut dyn FnMut(u32, u32, Raw<'_>)) {
    let mut reader = Reader::from_reader(sheet);
    let (mut row, mut column) = (0, 0);
    let mut kind: Vec<u8> = Vec::new();
    let (mut text, mut counts, mut reading) = (String::new(), false, false);
    let (mut next_row, mut next_column) = (0, 0);
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) => match element.local_name().as_ref() {
                b"row" => {
                    row = attribute(&element, b"r")
                        .and_then(|number| std::str::from_utf8(&number).ok()?.parse::<u32>().ok())
                        .map_or(next_row, |number| number.saturating_sub(1));
                    (next_row, next_column) = (row.saturating_add(1), 0);
                }
                b"c" => {
                    column = attribute(&element, b"r")
                        .and_then(|name| place(&name))
                        .map_or(next_column, |(_, column)| column);
                    next_column = column.saturating_add(1);
                    kind = attribute(&element, b"t").unwrap_or_default();
                    text.clear();
                }
                b"rPh" => reading = true,
                b"v" | b"t" => counts = !reading,
                _ => {}
            },
            // A row or a cell without anything takes its place.
            Event::Empty(element) => match element.local_name().as_ref() {
                b"row" => next_row = next_row.saturating_add(1),
                b"c" => {
                    let named = attribute(&element, b"r").and_then(|name| place(&name));
                    next_column = named.map_or(next_column, |(_, column)| column).saturating_add(1);
                }
                _ => {}
            },
            Event::End(element) => match element.local_name().as_ref() {
                b"rPh" => reading = false,
                b"v" | b"t" => counts = false,
                b"c" => tell(&kind, &std::mem::take(&mut text), shared, &mut |raw| each(row, column, raw)),
                _ => {}
            },
            Event::Text(piece) if counts => text.push_str(&piece.decode().unwrap_or_default()),
            Event::CData(piece) if counts => text.push_str(&piece.decode().unwrap_or_default()),
            Event::GeneralRef(reference) if counts => text.push(letter_of(&reference)),
            Event::Eof => break,
            _ => {}
        }
    }
}

/// The value of a cell of this kind (`ST_CellType`, 18.18.11).
fn tell(kind: &[u8], text: &str, shared: &[String], each: &mut dyn FnMut(Raw<'_>)) {
    match kind {
        b"s" => {
            let text = text.trim().parse().ok().and_then(|at: usize| shared.get(at));
            text.into_iter().for_each(|text| each(Raw::Text(text)));
        }
        b"inlineStr" | b"str" => each(Raw::Text(&unescaped(text))),
        b"b" => each(Raw::Bool(text.trim() == "1")),
        _ if text.trim().is_empty() => {}
        _ => each(Raw::Value(text.trim())),
    }
}

/// All values of a workbook as a program reads them.
pub(super) fn words<R: Read + Seek>(container: &mut Container<R>) -> Result<Words, Error> {
    let shared = shared(container)?;
    let mut words = Words::default();
    for (_, part) in sheet_geometry::sheets(container)? {
        let xml = container.read(&part)?.unwrap_or_default();
        cells(&xml, &shared, &mut |_, _, raw| match raw {
            Raw::Text(text) | Raw::Value(text) => words.add(text),
            Raw::Bool(value) => words.add(&value.to_string()),
        });
    }
    Ok(words)
}

/// Row and column from 0 of a name such as `B3`.
pub(super) fn place(name: &[u8]) -> Option<(u32, u32)> {
    let letters = name.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (letters, digits) = name.split_at(letters);
    let column = letters.iter().try_fold(0_u32, |column, letter| {
        column.checked_mul(26)?.checked_add(u32::from(letter.to_ascii_uppercase() - b'A') + 1)
    })?;
    let row: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((row.checked_sub(1)?, column.checked_sub(1)?))
}

/// One attribute, without reading the others into memory: a sheet has many cells.
fn attribute(element: &BytesStart<'_>, name: &[u8]) -> Option<Vec<u8>> {
    let mut found = element.attributes();
    found
        .with_checks(false)
        .flatten()
        .find(|given| given.key.as_ref() == name)
        .map(|given| given.value.into_owned())
}

/// `_x000D_` is how a sheet writes a letter that XML does not have (22.9.2.19).
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let letter = rest
            .get(at + 2..at + 7)
            .and_then(|code| code.strip_suffix('_'))
            .and_then(|digits| char::from_u32(u32::from_str_radix(digits, 16).ok()?));
        let (end, letter) = letter.map_or((at + 2, None), |letter| (at + 7, Some(letter)));
        out.push_str(&rest[..if letter.is_some() { at } else { end }]);
        out.extend(letter);
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_cell_is_told_with_its_place() {
        let shared = ["one".to_owned(), "two".to_owned()];
        let xml = br#"<worksheet><sheetData><row r="2"><c r="B2" t="s"><v>1</v></c><c t="inlineStr"><is><r><t>in</t></r>
            <r><t>line</t></r><rPh><t>x</t></rPh></is></c><c r="E2"/><c><v>1.5</v></c><c t="b"><v>1</v></c></row><row/>
            <row><c t="str"><f>A&amp;B</f><v>R&amp;D_x000D_</v></c><c t="s"><v>9</v></c><c><f>1</f></c></row></sheetData></worksheet>"#;
        let mut told = Vec::new();
        cells(xml, &shared, &mut |row, column, raw| told.push(format!("{row} {column} {raw:?}")));

        assert_eq!(
            told,
            [
                "1 1 Text(\"two\")",
                "1 2 Text(\"inline\")",
                "1 5 Value(\"1.5\")",
                "1 6 Bool(true)",
                "3 0 Text(\"R&D\\r\")",
            ]
        );
    }

    #[test]
    fn places_and_escapes_are_read() {
        assert_eq!((place(b"AB12"), place(b"A0"), place(b"12")), (Some((11, 27)), None, None));
        assert_eq!(unescaped("a_x0041_b_x_c_xZZZZ_"), "aAb_x_c_xZZZZ_");
    }
}
