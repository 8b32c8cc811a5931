//! Documents made to hurt: each ends at once with the right error, or harmlessly.

use std::io::{Cursor, Write};
use std::time::{Duration, Instant};

use mshub_convert::{Format, sniff};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::files::{Desk, docx, docx_with, paragraph, pdf_text, zip_of};

/// A PNG of a few bytes that says it has 30,000 × 30,000 pixels.
pub(crate) fn pixel_bomb() -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(30_000_u32.to_be_bytes());
    header.extend(30_000_u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for chunk in [header, b"IDAT\x78\x9c\x03\x00\x00\x00\x00\x01".to_vec(), b"IEND".to_vec()] {
        png.extend((chunk.len() as u32 - 4).to_be_bytes());
        png.extend(&chunk);
        png.extend(crc(&chunk).to_be_bytes());
    }
    png
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}

/// A part of zeros that packs a thousand times smaller.
fn bomb(megabytes: usize) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("word/document.xml", SimpleFileOptions::default()).unwrap();
    let zeros = vec![b' '; 1024 * 1024];
    for _ in 0..megabytes {
        zip.write_all(&zeros).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A compound file with a stream of this name ([MS-CFB] directory entry at its first sector).
fn compound(stream: &str) -> Vec<u8> {
    let mut file = vec![0_u8; 1536];
    file[..8].copy_from_slice(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);
    let name: Vec<u8> = stream.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    file[640..640 + name.len()].copy_from_slice(&name);
    file[704..706].copy_from_slice(&(name.len() as u16).to_le_bytes());
    file[706] = 2;
    file
}

#[test]
fn a_zip_bomb_is_refused_without_unpacking() {
    let desk = Desk::new();
    for megabytes in [4, 100] {
        let mut bomb = bomb(megabytes);
        // Whoever unpacked it would find it damaged: in the middle it is no deflated data.
        let middle = bomb.len() / 2;
        bomb[middle - 500..middle + 500].fill(0xff);
        let path = desk.put("bomb.docx", bomb);
        let error = sniff(&path, "bomb.docx", None).unwrap_err();
        assert_eq!(error.code(), "limit_exceeded", "{error}");
        assert_eq!(desk.convert("bomb.docx", Format::Pdf).unwrap_err().code(), "limit_exceeded");
    }
}

#[test]
fn a_crowd_of_parts_is_refused() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for part in 0..5_001 {
        zip.start_file(format!("{part}"), SimpleFileOptions::default()).unwrap();
    }
    let desk = Desk::new();
    let path = desk.put("crowd.docx", zip.finish().unwrap().into_inner());
    assert_eq!(sniff(&path, "crowd.docx", None).unwrap_err().code(), "limit_exceeded");
}

#[test]
fn entities_are_neither_fetched_nor_multiplied() {
    let desk = Desk::new();
    desk.put("secret.txt", "the secret");
    let secret = desk.path("secret.txt");
    let xxe = format!("<!DOCTYPE d [<!ENTITY x SYSTEM \"file://{}\">]>", secret.display());
    desk.put("xxe.docx", docx_with(&xxe, &paragraph("before &x; after")));
    let mut laughs = String::from("<!DOCTYPE d [<!ENTITY a0 \"ha\">");
    for level in 1..20 {
        laughs.push_str(&format!("<!ENTITY a{level} \"{}\">", format!("&a{};", level - 1).repeat(10)));
    }
    laughs.push_str("]>");
    desk.put("laughs.docx", docx_with(&laughs, &paragraph("&a19;")));

    for name in ["xxe.docx", "laughs.docx"] {
        let started = Instant::now();
        match desk.convert(name, Format::Pdf) {
            Ok(report) => {
                let pdf = std::fs::read(desk.request(name, Format::Pdf).output).unwrap();
                assert!(!pdf_text(&pdf).contains("the secret"));
                assert!(report.bytes_out < 1_000_000);
            }
            Err(error) => assert_eq!(error.code(), "corrupt", "{error}"),
        }
        assert!(started.elapsed() < Duration::from_secs(60));
    }
}

#[test]
fn encrypted_and_old_office_files_are_recognised() {
    let desk = Desk::new();
    let cases = [("EncryptedPackage", "a.docx"), ("EncryptedPackage", "a.xlsx")];
    for (stream, name) in cases {
        let path = desk.put(name, compound(stream));
        assert_eq!(sniff(&path, name, None).unwrap_err().code(), "encrypted");
    }
    for (stream, name, format) in [("WordDocument", "a.doc", Format::Doc), ("Workbook", "a.xls", Format::Xls)]
    {
        let path = desk.put(name, compound(stream));
        assert_eq!(sniff(&path, name, None), Ok(format));
    }
    assert_eq!(desk.convert("a.xls", Format::Pdf).unwrap_err().code(), "corrupt");
    let pdf =
        desk.put("a.pdf", "%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer <</Encrypt 2 0 R>>\nstartxref\n9\n%%EOF");
    assert_eq!(sniff(&pdf, "a.pdf", None).unwrap_err().code(), "encrypted");
}

#[test]
fn names_that_climb_out_of_the_container_write_nothing() {
    let desk = Desk::new();
    let evil = zip_of(&[("../../evil.txt", b"x"), ("word/document.xml", b"<a/>")]);
    desk.put("slip.docx", evil);
    let _ = desk.convert("slip.docx", Format::Pdf);
    assert!(desk.names().iter().all(|name| name.starts_with("slip.docx")));
}

#[test]
fn pictures_and_links_of_a_page_are_not_fetched() {
    let desk = Desk::new();
    desk.put("secret.png", pixel_bomb());
    let page = format!(
        "<html><body><p>safe text</p><img src=\"file://{}\"><iframe src=\"http://127.0.0.1:9/\"></iframe>\
                        <script>document.write('no')</script></body></html>",
        desk.path("secret.png").display()
    );
    desk.put("page.html", page);
    let (report, pdf) = desk.converted("page.html", Format::Pdf);
    assert!(pdf_text(&pdf).contains("safe text"));
    assert!(report.bytes_out < 1_000_000);
}

#[test]
fn deep_nesting_ends() {
    let desk = Desk::new();
    let deep = format!(
        "{}{}{}",
        "<w:tbl><w:tr><w:tc>".repeat(300),
        paragraph("core"),
        "</w:tc></w:tr></w:tbl>".repeat(300)
    );
    desk.put("deep.docx", docx(&deep));
    // On a thread with the stack a job child has.
    let outcome = std::thread::Builder::new()
        .stack_size(64 * 1024 * 1024)
        .spawn(move || desk.convert("deep.docx", Format::Pdf).map(|_| ()))
        .unwrap()
        .join();
    assert!(outcome.is_ok(), "it panicked");
}
