//! Real documents, where there are some: `MSHUB_CORPUS` names a folder with a subfolder per format.

use std::path::Path;
use std::time::Instant;

use mshub_convert::{Format, Request, convert_here, sniff, supports};

#[test]
fn real_documents_end_well_or_say_what_is_wrong() {
    convert_all(&["docx", "md", "odt", "rtf", "html"]);
}

#[test]
fn real_tables_end_well_or_say_what_is_wrong() {
    convert_all(&["xlsx", "csv", "xls", "ods"]);
}

#[test]
fn real_pictures_and_pages_end_well_or_say_what_is_wrong() {
    convert_all(&["img", "pdf", "epub", "svg"]);
}

fn convert_all(folders: &[&str]) {
    let Ok(corpus) = std::env::var("MSHUB_CORPUS") else {
        println!("MSHUB_CORPUS is not set: no real documents were converted");
        return;
    };
    let out = tempfile::tempdir().unwrap();
    println!("{:<42} {:>7} {:>5} {:>7} {:>8}  lost or error", "document", "ms", "pages", "recall", "bytes");
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(Path::new(&corpus).join(folder)) else { continue };
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            row(&path, out.path());
        }
    }
}

fn row(path: &Path, out: &Path) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let found = sniff(path, name, None);
    let to = if found == Ok(Format::Pdf) { Format::Txt } else { Format::Pdf };
    let started = Instant::now();
    let outcome = found.and_then(|from| {
        supports(from, to)?;
        convert_here(&Request::new(path, from, out.join("result"), to), &mut |_| ())
    });
    let millis = started.elapsed().as_millis();
    match outcome {
        Ok(report) => {
            let recall = report.recall.unwrap_or(1.0);
            println!(
                "{name:<42} {millis:>7} {:>5} {recall:>7.4} {:>8}  {}",
                report.pages.unwrap_or(0),
                report.bytes_out,
                report.lost.join("; ")
            );
            assert!(recall >= 0.97 || (report.degraded && !report.lost.is_empty()), "{name}: silent loss");
        }
        Err(error) => {
            println!("{name:<42} {millis:>7} {:>5} {:>7} {:>8}  {}: {error}", "-", "-", "-", error.code());
            assert!(error.is_input(), "{name}: {error}");
        }
    }
}
