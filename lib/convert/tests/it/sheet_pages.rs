//! Sheets on pages: fonts, fills, borders and merges where they were, pictures on their cells, areas that are printed.

use image::{Rgb, RgbImage};
use mshub_convert::{Format, convert_here};
use pdf_extract::{Document, Object};
use rust_xlsxwriter::{Format as Look, FormatAlign, FormatBorder, Image, Workbook};

use crate::files::{Desk, encoded, pdf_text};

const GREEN: Rgb<u8> = Rgb([0, 255, 0]);
const BLUE: Rgb<u8> = Rgb([0, 0, 255]);

/// The first page of a workbook as a picture in which an inch has 72 pixels.
fn painted(desk: &Desk, workbook: &mut Workbook) -> RgbImage {
    desk.put("a.xlsx", workbook.save_to_buffer().unwrap());
    let (report, pdf) = desk.converted("a.xlsx", Format::Pdf);
    assert!(!report.degraded, "{report:?}");
    desk.put("a.pdf", pdf);
    let mut request = desk.request("a.pdf", Format::Png);
    request.options.dpi = Some(72);
    convert_here(&request, &mut |_| ()).unwrap();
    image::open(&request.output).unwrap().into_rgb8()
}

/// Left, top, right and bottom of all pixels of about this colour.
fn area(picture: &RgbImage, wanted: Rgb<u8>) -> Option<[u32; 4]> {
    let near = |pixel: &Rgb<u8>| pixel.0.iter().zip(wanted.0).all(|(one, other)| one.abs_diff(other) < 40);
    picture.enumerate_pixels().filter(|(.., pixel)| near(pixel)).fold(None, |area, (x, y, _)| {
        let [left, top, right, bottom] = area.unwrap_or([x, y, x, y]);
        Some([left.min(x), top.min(y), right.max(x), bottom.max(y)])
    })
}

#[test]
fn fills_merges_and_borders_are_where_they_were() {
    let desk = Desk::new();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let wide = Look::new().set_background_color("00FF00").set_align(FormatAlign::Center);
    sheet.merge_range(0, 0, 0, 3, "mid", &wide).unwrap();
    let framed = Look::new().set_border(FormatBorder::Thick).set_border_color("0000FF");
    sheet.write_with_format(3, 1, "framed", &framed).unwrap();
    sheet.write(5, 3, "end").unwrap();

    let page = painted(&desk, &mut book);

    let [left, top, right, bottom] = area(&page, GREEN).unwrap();
    let column = (right - left) / 4;
    assert!(
        (40..=70).contains(&column) && (8..=30).contains(&(bottom - top)),
        "{left} {top} {right} {bottom}"
    );
    // The text of the area is in its middle, which is no middle of any of its cells.
    let row = image::imageops::crop_imm(&page, left, top, right - left, bottom - top).to_image();
    let [text_left, _, text_right, _] = area(&row, Rgb([0, 0, 0])).unwrap();
    assert!((text_left + text_right).abs_diff(right - left) < 12, "{text_left} {text_right}");
    let [frame_left, frame_top, frame_right, _] = area(&page, BLUE).unwrap();
    assert!(frame_left.abs_diff(left + column) < 5 && frame_right.abs_diff(left + 2 * column) < 5);
    assert!(frame_top > bottom + 20, "{frame_top}");
}

#[test]
fn fonts_of_cells_are_those_of_the_pages() {
    let desk = Desk::new();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_with_format(0, 0, "loud", &Look::new().set_bold().set_font_color("0000FF")).unwrap();
    sheet.write_with_format(1, 0, "slanted", &Look::new().set_italic()).unwrap();
    sheet.write_with_format(2, 0, "large", &Look::new().set_font_size(40)).unwrap();

    let page = painted(&desk, &mut book);

    let pdf = Document::load_mem(&std::fs::read(desk.path("a.pdf")).unwrap()).unwrap();
    let names: Vec<String> = pdf
        .objects
        .values()
        .filter_map(|object| object.as_dict().ok()?.get(b"BaseFont").and_then(Object::as_name).ok())
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    for style in ["Bold", "Italic"] {
        assert!(names.iter().any(|name| name.contains(style)), "{names:?}");
    }
    let [_, top, _, bottom] = area(&page, BLUE).unwrap();
    assert!((6..16).contains(&(bottom - top)), "{top} {bottom}");
    let [_, top, _, bottom] = area(&page, Rgb([0, 0, 0])).unwrap();
    assert!(bottom - top > 40, "{top} {bottom}");
}

#[test]
fn pictures_lie_on_their_cells_and_make_pages_of_their_own() {
    let desk = Desk::new();
    let picture = Image::new_from_buffer(&encoded(image::ImageFormat::Png)).unwrap();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(3, 3, "beside").unwrap();
    let large = picture.clone().set_scale_width(4.0).set_scale_height(4.0);
    sheet.insert_image(1, 0, &large).unwrap();

    let page = painted(&desk, &mut book);

    // 40 × 20 pixels, of which an inch has 96, four times as large; the left half is red, and the right one blue.
    let [red_left, red_top, red_right, red_bottom] = area(&page, Rgb([200, 0, 0])).unwrap();
    let [blue_left, ..] = area(&page, Rgb([0, 0, 200])).unwrap();
    assert!((55..=65).contains(&(red_right - red_left)) && (55..=65).contains(&(red_bottom - red_top)));
    assert!(blue_left.abs_diff(red_right) < 4, "{red_right} {blue_left}");
    // Its row is the first that has anything, right below the margin.
    assert!((34..40).contains(&red_top), "{red_top}");

    // Nothing but a picture, far down: still a page, and nothing lost.
    let mut book = Workbook::new();
    book.add_worksheet().insert_image(80, 1, &picture).unwrap();
    let page = painted(&desk, &mut book);
    assert!(area(&page, Rgb([200, 0, 0])).is_some());
}

#[test]
fn pictures_that_cannot_be_drawn_and_what_values_do_not_have_are_said() {
    let desk = Desk::new();
    let picture = Image::new_from_buffer(&encoded(image::ImageFormat::Png)).unwrap();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, 7).unwrap();
    sheet.insert_image(0, 2, &picture).unwrap();
    sheet.set_header("&CHarbour office");
    desk.put("a.xlsx", book.save_to_buffer().unwrap());

    let report = desk.convert("a.xlsx", Format::Pdf).unwrap();
    assert_eq!(report.lost, ["headers and footers of pages of the workbook are not drawn (1)"]);
    for to in [Format::Csv, Format::Json, Format::Md, Format::Html] {
        let report = desk.convert("a.xlsx", to).unwrap();
        let said = report.warnings.join("\n");
        assert!(said.contains("pictures of the workbook are not drawn (1)"), "{to}: {said}");
        assert!(!report.degraded, "{to}");
    }
}

#[test]
fn only_what_shall_be_printed_is_and_titles_are_on_every_page() {
    let desk = Desk::new();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for row in 0..120 {
        sheet.write(row, 0, format!("inside{row}")).unwrap();
        sheet.write(row, 4, format!("outside{row}")).unwrap();
    }
    sheet.write(0, 0, "title").unwrap();
    sheet.set_print_area(0, 0, 99, 1).unwrap();
    sheet.set_repeat_rows(0, 0).unwrap();
    desk.put("a.xlsx", book.save_to_buffer().unwrap());

    let (report, pdf) = desk.converted("a.xlsx", Format::Pdf);
    let text = pdf_text(&pdf);
    assert!(text.contains("inside99") && !text.contains("inside100") && !text.contains("outside"), "{text}");
    assert_eq!(text.matches("title").count(), report.pages.unwrap() as usize);
    assert!(report.pages > Some(1) && !report.degraded, "{report:?}");
    assert_eq!(report.warnings, ["sheet 'Sheet1': only its print areas are printed (1)"]);
    assert!(desk.text("a.xlsx", Format::Csv).contains("outside119"));
}

/// LibreOffice made it of a workbook with merged cells, a percentage and a date, that begins at B3.
const OLD: &[u8] = include_bytes!("samples/stock.xls");

#[test]
fn what_is_not_read_of_an_old_workbook_is_said_and_its_merged_cells_are_one() {
    let desk = Desk::new();
    desk.put("a.xls", OLD);

    let (report, pdf) = desk.converted("a.xls", Format::Pdf);
    assert_eq!(report.recall, Some(1.0));
    assert!(report.degraded && report.lost[0].contains("number formats"), "{report:?}");
    assert!(pdf_text(&pdf).contains("Harbour stock of the whole year"));
    // The first row is one cell over three columns, without lines between them; the second has three.
    desk.put("b.pdf", pdf);
    let mut request = desk.request("b.pdf", Format::Png);
    request.options.dpi = Some(288);
    convert_here(&request, &mut |_| ()).unwrap();
    let page = image::open(&request.output).unwrap().into_luma8();
    let lines = |points: f64| {
        let row = (0..page.width()).map(|x| page.get_pixel(x, (points * 4.0) as u32).0[0] < 250);
        row.fold((0, false), |(count, before), dark| (count + u32::from(dark && !before), dark)).0
    };
    assert_eq!((lines(36.0 + 1.3), lines(36.0 + 15.42 + 1.3)), (2, 4));
    assert!(desk.text("a.xls", Format::Csv).contains("Nets,0.125"));
    let (report, book) = desk.converted("a.xls", Format::Xlsx);
    assert_eq!(report.recall, Some(1.0));
    desk.put("b.xlsx", book);
    assert!(desk.text("b.xlsx", Format::Csv).contains("Ropes & knots,7"));
}

#[test]
fn an_open_document_sheet_prints_what_it_shows_over_its_merged_cells() {
    let desk = Desk::new();
    desk.put("a.ods", crate::files::open_document("application/vnd.oasis.opendocument.spreadsheet",
        r#"<?xml version="1.0" encoding="UTF-8"?><office:document-content office:version="1.3"
        xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
        xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
        xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"><office:body><office:spreadsheet>
        <table:table table:name="Stock"><table:table-row table:number-rows-repeated="2"/><table:table-row><table:table-cell/>
        <table:table-cell office:value-type="string" table:number-columns-spanned="3"><text:p>Harbour stock of the year</text:p></table:table-cell>
        <table:covered-table-cell table:number-columns-repeated="2"/></table:table-row><table:table-row><table:table-cell/>
        <table:table-cell office:value-type="percentage" office:value="0.125"><text:p>12.5 %</text:p></table:table-cell>
        <table:table-cell office:value-type="date" office:date-value="2024-05-01"><text:p>1 May 2024</text:p></table:table-cell>
        </table:table-row><table:table-row table:visibility="collapse"><table:table-cell office:value-type="string">
        <text:p>hidden</text:p></table:table-cell></table:table-row></table:table>
        </office:spreadsheet></office:body></office:document-content>"#));

    let (report, pdf) = desk.converted("a.ods", Format::Pdf);
    let text = pdf_text(&pdf);
    for shown in ["12.5 %", "1 May 2024", "Harbour stock of the year"] {
        assert!(text.contains(shown), "{shown} is not in {text}");
    }
    assert!(!text.contains("hidden"), "{text}");
    assert_eq!((report.recall, report.degraded), (Some(1.0), false), "{report:?}");
    // A program gets the values.
    assert!(desk.text("a.ods", Format::Csv).contains("0.125,2024-05-01"));
}
