//! Pages of PDFs as pictures: which, how large, and what cannot be painted.

use std::io::{Cursor, Read as _};

use image::GenericImageView;
use mshub_convert::{Format, convert_here};

use crate::files::{Desk, letter};

/// Pixels that are not white.
fn ink(picture: &image::DynamicImage) -> usize {
    picture.to_luma8().pixels().filter(|pixel| pixel.0[0] < 128).count()
}

#[test]
fn one_page_or_all_of_them_become_pictures() {
    let desk = Desk::new();
    desk.put("letter.docx", letter());
    desk.put("letter.pdf", desk.converted("letter.docx", Format::Pdf).1);

    let mut request = desk.request("letter.pdf", Format::Png);
    request.options.dpi = Some(72);
    let report = convert_here(&request, &mut |_| ()).unwrap();
    let first = image::load_from_memory(&std::fs::read(&request.output).unwrap()).unwrap();
    // US Letter, a pixel a point.
    assert_eq!(first.dimensions(), (612, 792));
    assert!(report.warnings[0].contains("first of 2 pages"), "{report:?}");
    assert!(!report.degraded && ink(&first) > 2_000, "{report:?} {}", ink(&first));

    let mut request = desk.request("letter.pdf", Format::Jpg);
    (request.options.page, request.options.width) = (Some(2), Some(200));
    let report = convert_here(&request, &mut |_| ()).unwrap();
    assert!(report.warnings.is_empty(), "{report:?}");
    let second = image::load_from_memory(&std::fs::read(&request.output).unwrap()).unwrap();
    assert_eq!(second.dimensions(), (200, 259));
    assert!(ink(&second) > 100);
    request.options.page = Some(3);
    let error = convert_here(&request, &mut |_| ()).unwrap_err();
    assert!(error.code() == "unsupported" && error.to_string().contains("2 pages"), "{error}");

    let mut request = desk.request("letter.pdf", Format::Zip);
    request.options.dpi = Some(36);
    let report = convert_here(&request, &mut |_| ()).unwrap();
    assert_eq!(report.pages, Some(2));
    let mut zip = zip::ZipArchive::new(Cursor::new(std::fs::read(&request.output).unwrap())).unwrap();
    assert_eq!(zip.file_names().flatten().collect::<Vec<_>>(), ["page-001.png", "page-002.png"]);
    let mut bytes = Vec::new();
    zip.by_name("page-002.png").unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(image::load_from_memory(&bytes).unwrap().dimensions(), (306, 396));
}

/// A PDF whose only page, 100 × 100 points, has this content and these resources.
fn page(resources: &str, content: &str) -> Vec<u8> {
    let stream = |about: &str, content: &str| {
        format!("<<{about}/Length {}>>\nstream\n{content}\nendstream", content.len())
    };
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R/Resources<<{resources}>>>>"),
        stream("", content),
        stream(
            "/Type/XObject/Subtype/Form/BBox[0 0 100 100]/Group<</S/Transparency/CS/DeviceGray>>",
            "1 g 0 0 50 100 re f",
        ),
        stream(
            "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 10 10]/XStep 10/YStep 10/Resources<<>>",
            "0 0 1 rg 0 0 5 10 re f",
        ),
    ];
    let mut pdf = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        pdf.extend(format!("{} 0 obj\n{object}\nendobj\n", number + 1).into_bytes());
    }
    let table = pdf.len();
    pdf.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).into_bytes());
    for place in places {
        pdf.extend(format!("{place:010} 00000 n \n").into_bytes());
    }
    let end = format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF", objects.len() + 1);
    pdf.extend(end.into_bytes());
    pdf
}

#[test]
fn what_a_page_says_is_painted() {
    let desk = Desk::new();
    let resources = "/ExtGState<</M<</SMask<</Type/Mask/S/Luminosity/G 5 0 R>>>>/H<</ca 0.5>>/X<</BM/Multiply>>>>\
        /Pattern<</P 6 0 R/S<</PatternType 2/Shading<</ShadingType 2/ColorSpace/DeviceRGB/Coords[0 0 100 0]\
        /Function<</FunctionType 2/Domain[0 1]/N 1/C0[1 0 0]/C1[0 0 1]>>>>>>>>/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>";
    // Each band of ten points, from the top, says one thing.
    let content = "q 1 0 0 rg 0 90 100 10 re f Q \
        q 0 80 50 10 re W n 0 0 1 rg 0 80 100 10 re f Q \
        q /H gs 0 g 0 70 100 10 re f Q \
        q /M gs 0 1 0 rg 0 60 100 10 re f Q \
        q /Pattern cs /S scn 0 50 100 10 re f Q \
        q /Pattern cs /P scn 0 40 100 10 re f Q \
        q 1 1 0 rg 0 30 100 10 re f /X gs 0 1 1 rg 0 30 100 10 re f Q \
        q 100 0 0 10 0 20 cm BI /W 2 /H 1 /BPC 8 /CS /G ID \x00\u{7f} EI Q \
        BT /F 12 Tf 0 2 Td (MMMMMMMMM) Tj ET";
    desk.put("a.pdf", page(resources, content));
    let mut request = desk.request("a.pdf", Format::Png);
    request.options.dpi = Some(72);

    let report = convert_here(&request, &mut |_| ()).unwrap();

    let picture = image::load_from_memory(&std::fs::read(&request.output).unwrap()).unwrap();
    assert_eq!(picture.dimensions(), (100, 100));
    let at = |x, y| -> [u8; 3] { picture.get_pixel(x, y).0[..3].try_into().unwrap() };
    let near =
        |is: [u8; 3], wanted: [u8; 3]| is.iter().zip(wanted).all(|(is, wanted)| is.abs_diff(wanted) < 8);
    let cases = [
        ("a rectangle", 50, 5, [255, 0, 0]),
        ("within a clip", 25, 15, [0, 0, 255]),
        ("beyond a clip", 75, 15, [255, 255, 255]),
        ("half transparent", 50, 25, [127, 127, 127]),
        ("through a soft mask", 25, 35, [0, 255, 0]),
        ("behind a soft mask", 75, 35, [255, 255, 255]),
        ("a gradient's middle", 50, 45, [127, 0, 127]),
        ("a pattern", 2, 55, [0, 0, 255]),
        ("a pattern's gap", 7, 55, [255, 255, 255]),
        ("colours multiplied", 50, 65, [0, 255, 0]),
        ("a picture's left", 10, 75, [0, 0, 0]),
        ("a picture's right", 90, 75, [127, 127, 127]),
    ];
    for (what, x, y, wanted) in cases {
        assert!(near(at(x, y), wanted), "{what}: {:?} is not {wanted:?}", at(x, y));
    }
    let letters = (0..100).flat_map(|x| (86..100).map(move |y| (x, y))).filter(|(x, y)| at(*x, *y)[0] < 100);
    assert!(letters.count() > 100, "no letters of a font that is not in the file");
    assert!(!report.degraded, "{report:?}");
}

#[test]
fn what_is_no_pdf_or_locked_or_too_large_is_refused() {
    let desk = Desk::new();
    desk.put("a.pdf", page("", "0 g 0 0 10 10 re f"));
    let mut request = desk.request("a.pdf", Format::Png);
    request.options.width = Some(20_000);
    assert_eq!(convert_here(&request, &mut |_| ()).unwrap_err().code(), "limit_exceeded");
    desk.put("b.pdf", "%PDF-1.7\nnothing\nstartxref\n0\n%%EOF");
    assert_eq!(desk.convert("b.pdf", Format::Png).unwrap_err().code(), "corrupt");
}
