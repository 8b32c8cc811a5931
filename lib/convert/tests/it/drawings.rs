//! SVG drawings: pixels, pages, and what they are not allowed.

use image::GenericImageView;
use mshub_convert::{Format, convert_here};

use crate::files::{Desk, encoded, pdf_text, svg};

#[test]
fn a_drawing_becomes_a_picture_of_its_size_or_of_another() {
    let desk = Desk::new();
    desk.put("a.svg", svg());

    let picture = image::load_from_memory(&desk.converted("a.svg", Format::Png).1).unwrap();
    assert_eq!(picture.dimensions(), (200, 100));
    assert_eq!(picture.get_pixel(5, 5).0, [0, 255, 0, 255]);
    assert_eq!(picture.get_pixel(105, 5).0[3], 0, "nothing is drawn there");
    let [red, green, blue, _] = picture.get_pixel(80, 75).0;
    assert!(blue > red && green < 60, "the gradient ends blue: {red} {green} {blue}");
    // Left of the clip's circle nothing is seen of the picture within it.
    assert_eq!(picture.get_pixel(112, 12).0[3], 0);
    assert_eq!(picture.get_pixel(180, 50).0, [0, 0, 200, 255]);

    let mut request = desk.request("a.svg", Format::Jpg);
    request.options.width = Some(50);
    convert_here(&request, &mut |_| ()).unwrap();
    let small = image::load_from_memory(&std::fs::read(&request.output).unwrap()).unwrap();
    assert_eq!(small.dimensions(), (50, 25));
}

#[test]
fn a_drawing_on_a_page_keeps_its_text_as_text() {
    let desk = Desk::new();
    desk.put("a.svg", svg());
    // Half-transparent groups, masks and text with outlines have no shape in PDF.
    let odd = r##"<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"><mask id="m"><rect width="50"
        height="100" fill="white"/></mask><g mask="url(#m)"><rect width="100" height="100" fill="red"/><text y="90"
        font-size="9">masked</text></g><text x="5" y="50" font-size="20" stroke="red" fill="none">outlined</text></svg>"##;
    desk.put("odd.svg", odd);

    let (report, pdf) = desk.converted("a.svg", Format::Pdf);
    assert_eq!((report.pages, report.recall, report.degraded), (Some(1), Some(1.0), false), "{report:?}");
    let text = pdf_text(&pdf).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("The harbour plan"), "{text}");
    assert!(report.warnings.is_empty(), "{report:?}");
    desk.put("a.pdf", pdf);
    let picture = image::load_from_memory(&desk.converted("a.pdf", Format::Png).1).unwrap();
    // 150 points at 150 dpi: about two pixels for each of the drawing's own.
    assert_eq!(picture.dimensions(), (313, 156));
    assert_eq!(picture.get_pixel(8, 8).0[..3], [0, 255, 0]);
    assert_eq!(picture.get_pixel(180, 8).0[..3], [255, 255, 255]);
    assert_eq!(picture.get_pixel(280, 78).0[..3], [0, 0, 200]);
    let [red, green, blue, _] = picture.get_pixel(125, 117).0;
    assert!(blue > red && green < 60, "the gradient ends blue: {red} {green} {blue}");

    let (report, pdf) = desk.converted("odd.svg", Format::Pdf);
    assert!(!report.degraded && report.warnings.len() == 2, "{report:?}");
    desk.put("odd.pdf", pdf);
    let picture = image::load_from_memory(&desk.converted("odd.pdf", Format::Png).1).unwrap();
    assert_eq!(picture.get_pixel(20, 10).0[..3], [255, 0, 0]);
    assert_eq!(picture.get_pixel(120, 10).0[..3], [255, 255, 255]);
}

#[test]
fn nothing_outside_a_drawing_is_read_and_it_is_said() {
    let desk = Desk::new();
    let secret = desk.put("secret.png", encoded(image::ImageFormat::Png));
    let linked = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><image width="10" height="10" href="{0}"/>
        <image width="10" height="10" href="file://{0}"/><image width="10" height="10" href="http://127.0.0.1:9/"/>
        <foreignObject><p>html</p></foreignObject></svg>"##,
        secret.display()
    );
    desk.put("linked.svg", linked);

    for to in [Format::Png, Format::Pdf] {
        let report = desk.convert("linked.svg", to).unwrap();
        assert!(report.degraded && report.lost.len() == 2, "{report:?}");
        assert!(report.lost[0].contains("not fetched (3)"), "{report:?}");
    }
    let picture = image::load_from_memory(&desk.converted("linked.svg", Format::Png).1).unwrap();
    assert!(picture.pixels().all(|(_, _, pixel)| pixel.0[3] == 0));
}

#[test]
fn drawings_that_grow_without_end_are_refused() {
    let desk = Desk::new();
    let laughs: String =
        (1..12).map(|at| format!("<!ENTITY l{at} '{}'>", format!("&l{};", at - 1).repeat(10))).collect();
    let uses: String = (1..12)
        .map(|at| format!("<g id='g{at}'>{}</g>", format!("<use href='#g{}'/>", at - 1).repeat(10)))
        .collect();
    let cases = [
        (
            "entities.svg",
            format!(
                "<!DOCTYPE svg [<!ENTITY l0 'ha'>{laughs}]><svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><text>&l11;</text></svg>"
            ),
        ),
        (
            "uses.svg",
            format!(
                "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><defs><g id='g0'><path d='M0 0h1'/></g>{uses}</defs><use href='#g11'/></svg>"
            ),
        ),
        (
            "deep.svg",
            format!(
                "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>{}{}</svg>",
                "<g>".repeat(9_000),
                "</g>".repeat(9_000)
            ),
        ),
        (
            "wide.svg",
            "<svg xmlns='http://www.w3.org/2000/svg' width='90000' height='90000'><path d='M0 0h1'/></svg>"
                .to_owned(),
        ),
    ];
    for (name, bomb) in cases {
        desk.put(name, bomb);
        assert_eq!(desk.convert(name, Format::Png).unwrap_err().code(), "limit_exceeded", "{name}");
    }
    desk.put("broken.svg", "<svg xmlns='http://www.w3.org/2000/svg'><g></svg>");
    assert_eq!(desk.convert("broken.svg", Format::Pdf).unwrap_err().code(), "corrupt");
}
