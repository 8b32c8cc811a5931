//! What of a workbook is printed: areas that somebody chose, and rows that stand on every page
//! (ECMA-376 Part 1, 18.2.5: `_xlnm.Print_Area`, `_xlnm.Print_Titles`).

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::parts::attributes;
use super::source_words::letter_of;

/// First row, first column, last row, last column, from 0.
pub(super) type Area = [usize; 4];

/// What is chosen for one sheet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Printed {
    /// Each is printed by itself; none is everything.
    pub(super) areas: Vec<Area>,
    /// Rows from the first one on that are repeated.
    pub(super) titles: usize,
}

/// By the number of the sheet in the workbook, from 0.
pub(super) fn read(workbook: &[u8]) -> BTreeMap<usize, Printed> {
    let mut found: BTreeMap<usize, Printed> = BTreeMap::new();
    let mut reader = Reader::from_reader(workbook);
    let mut name: Option<(String, usize)> = None;
    let mut text = String::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) if element.local_name().as_ref() == b"definedName" => {
                let mut given = attributes(&element);
                let sheet = given.get("localSheetId").and_then(|number| number.parse().ok());
                name = given.remove("name").zip(sheet);
                text.clear();
            }
            Event::Text(piece) => text.push_str(&piece.decode().unwrap_or_default()),
            Event::GeneralRef(reference) => text.push(letter_of(&reference)),
            Event::End(element) if element.local_name().as_ref() == b"definedName" => {
                let Some((name, sheet)) = name.take() else { continue };
                let printed = found.entry(sheet).or_default();
                match name.as_str() {
                    "_xlnm.Print_Area" => printed.areas = references(&text),
                    "_xlnm.Print_Titles" => printed.titles = titles(&references(&text)),
                    _ => {}
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    found
}

/// Rows that are repeated begin with the first; others would be a table within the sheet.
fn titles(areas: &[Area]) -> usize {
    let rows = areas.iter().find(|[top, left, _, right]| (*top, *left, *right) == (0, 0, usize::MAX));
    rows.map_or(0, |[_, _, bottom, _]| bottom + 1)
}

/// The areas of a list such as `'A, B'!$A$1:$D$20,'A, B'!$F$1`; none when one of them is no plain area.
fn references(list: &str) -> Vec<Area> {
    let mut pieces = vec![String::new()];
    let mut quoted = false;
    for letter in list.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ',' if !quoted => pieces.push(String::new()),
            '!' if !quoted => pieces.last_mut().into_iter().for_each(String::clear),
            '$' if !quoted => {}
            _ => pieces.last_mut().into_iter().for_each(|piece| piece.push(letter)),
        }
    }
    pieces.iter().map(|piece| area(piece.trim())).collect::<Option<_>>().unwrap_or_default()
}

fn area(text: &str) -> Option<Area> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    let ((top, left), (bottom, right)) = (corner(first)?, corner(last)?);
    let area =
        [top.unwrap_or(0), left.unwrap_or(0), bottom.unwrap_or(usize::MAX), right.unwrap_or(usize::MAX)];
    (area[0] <= area[2] && area[1] <= area[3]).then_some(area)
}

/// Row and column of a corner; whole columns have no row, and whole rows no column.
fn corner(name: &str) -> Option<(Option<usize>, Option<usize>)> {
    let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (letters, digits) = name.split_at(letters);
    if letters.len() > 3 || name.is_empty() {
        return None;
    }
    let column = letters
        .bytes()
        .fold(0, |column, letter| column * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1);
    let row = match digits {
        "" => None,
        digits => Some(digits.parse::<u32>().ok()?.checked_sub(1)? as usize),
    };
    Some((row, column.checked_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_and_titles_are_read_for_their_sheet() {
        let xml = br#"<workbook><definedNames>
            <definedName name="_xlnm.Print_Area" localSheetId="0">'A, &amp; B!'!$B$2:$D$20,'A, &amp; B!'!$F$1</definedName>
            <definedName name="_xlnm.Print_Titles" localSheetId="0">'A, &amp; B!'!$A:$B,'A, &amp; B!'!$1:$2</definedName>
            <definedName name="_xlnm.Print_Area" localSheetId="2">C!$A:$C</definedName>
            <definedName name="_xlnm.Print_Area" localSheetId="3">OFFSET(D!$A$1,0,0)</definedName>
            <definedName name="other">A!$A$1</definedName></definedNames></workbook>"#;

        let found = read(xml);

        let first = Printed { areas: vec![[1, 1, 19, 3], [0, 5, 0, 5]], titles: 2 };
        assert_eq!((&found[&0], found.contains_key(&1)), (&first, false));
        assert_eq!(found[&2].areas, [[0, 0, usize::MAX, 2]]);
        assert_eq!(found[&3].areas, [] as [Area; 0]);
    }
}
