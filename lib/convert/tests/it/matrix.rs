//! Every pair the matrix lists really works.

use mshub_convert::{Format, Report, convert_here, formats, sniff};

use crate::files::{Desk, sample};

#[test]
fn every_listed_pair_converts_a_sample_of_its_input() {
    let mut left_out = Vec::new();
    for pair in formats() {
        let Some(bytes) = sample(pair.from) else {
            left_out.push(pair.from);
            continue;
        };
        let desk = Desk::new();
        let name = format!("sample.{}", pair.from.extension());
        let path = desk.put(&name, bytes);
        let found = sniff(&path, &name, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(found == pair.from || matches!(pair.from, Format::Docm | Format::Xlsm), "{name} is {found}");

        let request = desk.request(&name, pair.to);
        let report = convert_here(&request, &mut |_| ())
            .unwrap_or_else(|error| panic!("{} to {}: {error}", pair.from, pair.to));

        whole(&report, &format!("{} to {}", pair.from, pair.to));
        let again = sniff(&request.output, &format!("x.{}", pair.to), Some(pair.to));
        assert_eq!(again, Ok(pair.to), "{} to {}", pair.from, pair.to);
    }
    left_out.dedup();
    // A binary format that nothing here writes: only the corpus has one.
    assert_eq!(left_out, [Format::Xlsb]);
}

fn whole(report: &Report, pair: &str) {
    assert_eq!(report.engine, "builtin", "{pair}");
    assert!(report.bytes_out > 0, "{pair}");
    assert!(report.recall.is_none_or(|recall| recall >= 0.97), "{pair}: {report:?}");
    // An old workbook loses its look, which is said.
    let expected_loss = report
        .lost
        .iter()
        .all(|lost| lost.contains("one sheet") || lost.contains("of xls files are not read"));
    assert!(expected_loss, "{pair}: {report:?}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let pairs = [
        (Format::Docx, Format::Pdf),
        (Format::Md, Format::Pdf),
        (Format::Xlsx, Format::Pdf),
        (Format::Csv, Format::Pdf),
        (Format::Csv, Format::Xlsx),
        (Format::Txt, Format::Pdf),
        (Format::Png, Format::Pdf),
        (Format::Png, Format::Webp),
    ];
    for (from, to) in pairs {
        let desk = Desk::new();
        let name = format!("a.{from}");
        desk.put(&name, sample(from).unwrap());
        assert!(desk.converted(&name, to).1 == desk.converted(&name, to).1, "{from} to {to}");
    }
}
