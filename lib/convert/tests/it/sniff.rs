//! What a file is, whatever it is called.

use mshub_convert::{Error, Format, sniff};
use proptest::prelude::*;

use crate::files::{Desk, docx, encoded, letter, paragraph, sample, xlsx, zip_of};

fn code(result: Result<Format, Error>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn content_decides_when_there_is_no_name() {
    let desk = Desk::new();
    let formats = [
        Format::Docx,
        Format::Xlsx,
        Format::Odt,
        Format::Ods,
        Format::Pdf,
        Format::Png,
        Format::Jpg,
        Format::Webp,
        Format::Gif,
        Format::Bmp,
        Format::Tiff,
        Format::Rtf,
        Format::Html,
        Format::Txt,
    ];
    for format in formats {
        let path = desk.put("upload", sample(format).unwrap());
        assert_eq!(sniff(&path, "upload", None), Ok(format));
    }
}

#[test]
fn a_name_or_a_claim_that_lies_is_refused() {
    let desk = Desk::new();
    let png = desk.put("photo.jpg", encoded(image::ImageFormat::Png));
    let error = sniff(&png, "photo.jpg", None).unwrap_err();
    assert_eq!(error, Error::Mislabelled { said: "jpg".into(), found: "png".into() });
    assert!(error.to_string().contains("--from png"), "{error}");
    assert_eq!(sniff(&png, "photo.jpg", Some(Format::Png)), Ok(Format::Png));
    assert_eq!(code(sniff(&png, "photo.png", Some(Format::Jpg))), "mislabelled");

    let text = desk.put("a.docx", "just text");
    assert_eq!(code(sniff(&text, "a.docx", None)), "mislabelled");
    let book = desk.put("b.docx", xlsx());
    assert_eq!(
        sniff(&book, "b.docx", None),
        Err(Error::Mislabelled { said: "docx".into(), found: "xlsx".into() })
    );
    let archive = desk.put("c.docx", zip_of(&[("readme.txt", b"hello")]));
    assert_eq!(code(sniff(&archive, "c.docx", None)), "mislabelled");
    let junk = desk.put("d.csv", [0_u8, 1, 2, 3, 255, 0, 0, 7].repeat(40));
    assert_eq!(code(sniff(&junk, "d.csv", None)), "mislabelled");
}

#[test]
fn damage_is_named() {
    let desk = Desk::new();
    let empty = desk.put("a.docx", "");
    assert_eq!(sniff(&empty, "a.docx", None), Err(Error::Empty));
    let whole = letter();
    let cut = desk.put("b.docx", &whole[..whole.len() - 40]);
    assert_eq!(code(sniff(&cut, "b.docx", None)), "corrupt");
    let junk = desk.put("c.docx", [0_u8, 159, 146, 150].repeat(100));
    assert_eq!(code(sniff(&junk, "c.docx", None)), "corrupt");
    let pdf = sample(Format::Pdf).unwrap();
    let cut = desk.put("d.pdf", &pdf[..pdf.len() / 2]);
    assert_eq!(code(sniff(&cut, "d.pdf", None)), "corrupt");
    let film = desk.put("e.mkv", [0x1a, 0x45, 0xdf, 0xa3, 0, 0, 1].repeat(20));
    let error = sniff(&film, "e.mkv", None).unwrap_err();
    assert!(error.to_string().contains("accepted are docx"), "{error}");
}

#[test]
fn a_text_is_what_its_name_says() {
    let desk = Desk::new();
    let path = desk.put("x", "a,b\n1,2\n");
    for (name, format) in
        [("x.csv", Format::Csv), ("x.md", Format::Md), ("x.txt", Format::Txt), ("x.log", Format::Txt)]
    {
        assert_eq!(sniff(&path, name, None), Ok(format));
    }
    assert_eq!(code(sniff(&path, "x.json", None)), "mislabelled");
}

#[test]
fn a_document_with_macros_is_still_a_document() {
    let desk = Desk::new();
    let path = desk.put("a.docm", docx(&paragraph("x")));
    assert_eq!(sniff(&path, "a.docm", None), Ok(Format::Docx));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000), magic in 0_usize..8) {
        let starts: [&[u8]; 8] = [
            b"", b"PK\x03\x04", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"RIFF\0\0\0\0WEBP", b"II*\0",
        ];
        let desk = Desk::new();
        let path = desk.put("x", [starts[magic], &bytes].concat());
        for name in ["x", "x.docx", "x.csv", "x.png"] {
            let _ = sniff(&path, name, None);
        }
    }

    #[test]
    fn no_cut_makes_it_panic(cut in 0_usize..3000, kind in 0_usize..6) {
        let formats = [Format::Docx, Format::Xlsx, Format::Pdf, Format::Png, Format::Tiff, Format::Odt];
        let bytes = sample(formats[kind]).unwrap();
        let desk = Desk::new();
        let path = desk.put("x", &bytes[..cut.min(bytes.len())]);
        let _ = sniff(&path, "x", None);
    }

    #[test]
    fn no_changed_byte_makes_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        kind in 0_usize..6,
    ) {
        let formats = [Format::Docx, Format::Xlsx, Format::Pdf, Format::Png, Format::Tiff, Format::Odt];
        let mut bytes = sample(formats[kind]).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let desk = Desk::new();
        let path = desk.put("x", bytes);
        let _ = sniff(&path, "x", None);
    }
}
