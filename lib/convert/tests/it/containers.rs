//! Zip directories that lie, and wishes that nobody would write: refused or understood, never a crash, never a flood.

use mshub_convert::{Format, Options, Pages, Turn, convert_here, sniff};
use proptest::prelude::*;

use crate::files::{Desk, docx, epub, ods, paragraph, xlsx};

/// Where the entries of the directory begin (APPNOTE 4.3.12), and where its end is told (4.3.16).
fn directory(zip: &[u8]) -> (Vec<usize>, usize) {
    let end = zip.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap();
    let entries = (0..end).filter(|at| zip[*at..].starts_with(b"PK\x01\x02")).collect();
    (entries, end)
}

fn small(kind: usize) -> (&'static str, Vec<u8>) {
    match kind {
        0 => ("x.docx", docx(&paragraph("some words"))),
        1 => ("x.xlsx", xlsx()),
        2 => ("x.ods", ods()),
        _ => ("x.epub", epub()),
    }
}

/// Offsets and widths of the fields of an entry: flags, method, CRC, sizes, lengths, disk, place.
const ENTRY: [(usize, usize); 9] =
    [(8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (34, 2), (42, 4)];
/// And of the end: entries here and in all, size, place, comment.
const END: [(usize, usize); 5] = [(8, 2), (10, 2), (12, 4), (16, 4), (20, 2)];

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_lie_of_a_directory_makes_it_panic_or_write_much(
        kind in 0_usize..4,
        lies in prop::collection::vec(
            (any::<prop::sample::Index>(), 0_usize..14, prop_oneof![Just(0_u32), Just(1), Just(u32::MAX), any::<u32>()]),
            1..5,
        ),
    ) {
        let (name, mut zip) = small(kind);
        let (entries, end) = directory(&zip);
        for (which, field, value) in lies {
            let entry = entries[which.index(entries.len())];
            let (base, (offset, width)) =
                if field < 9 { (entry, ENTRY[field]) } else { (end, END[field - 9]) };
            zip[base + offset..base + offset + width].copy_from_slice(&value.to_le_bytes()[..width]);
        }
        let desk = Desk::new();
        let path = desk.put(name, &zip);
        if sniff(&path, name, None).is_ok()
            && let Ok(report) = desk.convert(name, Format::Html)
        {
            prop_assert!(report.bytes_out < 1 << 20);
        }
    }

    #[test]
    fn a_container_of_repeated_and_odd_names_is_judged(
        names in prop::collection::vec(
            prop_oneof![
                Just("mimetype".to_owned()), Just("word/document.xml".to_owned()), Just("xl/workbook.bin".to_owned()),
                Just("../up".to_owned()), Just("/".to_owned()), "[a-z/.\\\\\u{0}é]{1,12}",
            ],
            0..12,
        ),
    ) {
        let mut parts: Vec<(&str, &[u8])> = Vec::new();
        for name in &names {
            if !parts.iter().any(|(known, _)| known == name) {
                parts.push((name, b"application/epub+zip"));
            }
        }
        let desk = Desk::new();
        let path = desk.put("x", crate::files::zip_of(&parts));
        if let Ok(found) = sniff(&path, "x", None) {
            let mut request = desk.request("x.docx", Format::Txt);
            (request.input, request.from) = (path, found);
            let _ = convert_here(&request, &mut |_| ());
        }
    }

    #[test]
    fn pages_and_turns_read_as_they_are_written(
        ranges in prop::collection::vec((1_u32..5_000, prop::option::of(0_u32..300)), 1..20),
        quarter in 1_u16..4,
    ) {
        let written: Vec<String> = ranges
            .iter()
            .map(|(first, more)| match more {
                Some(more) => format!("{first}-{}", first + more),
                None => format!(" {first}- "),
            })
            .collect();
        let pages: Pages = written.join(",").parse().unwrap();
        prop_assert_eq!(&pages.to_string().parse::<Pages>().unwrap(), &pages);
        let turn: Turn = format!("{}:{pages}", quarter * 90).parse().unwrap();
        prop_assert_eq!(&turn.to_string().parse::<Turn>().unwrap(), &turn);
    }

    #[test]
    fn no_wish_about_pages_panics_and_what_is_read_is_written_the_same(said in "[0-9,:;\\- a-z²]{0,40}") {
        if let Ok(pages) = said.parse::<Pages>() {
            prop_assert_eq!(pages.to_string().parse::<Pages>().unwrap(), pages);
        }
        if let Ok(turn) = said.parse::<Turn>() {
            prop_assert_eq!(turn.to_string().parse::<Turn>().unwrap(), turn);
        }
    }

    #[test]
    fn options_are_read_as_they_are_written_and_nothing_else_is(
        quality in prop::option::of(any::<u8>()),
        side in prop::option::of(any::<u32>()),
        sheet in prop::option::of("\\PC{0,20}"),
        noise in "\\PC{0,60}",
    ) {
        let options = Options { quality, width: side, dpi: side, sheet, ..Options::default() };
        let json = serde_json::to_string(&options).unwrap();
        prop_assert_eq!(serde_json::from_str::<Options>(&json).unwrap(), options);
        if let Ok(read) = serde_json::from_str::<Options>(&noise) {
            prop_assert_eq!(read, Options::default());
        }
    }
}
