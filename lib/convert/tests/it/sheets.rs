//! Workbooks and tables: number formats, headers, wide and long tables.

use mshub_convert::{Error, Format, convert_here};

use crate::files::{Desk, ods, pdf_text, xlsx};

#[test]
fn a_workbook_prints_what_it_shows() {
    let desk = Desk::new();
    desk.put("sales.xlsx", xlsx());

    let (report, pdf) = desk.converted("sales.xlsx", Format::Pdf);

    assert_eq!((report.pages, report.recall), (Some(2), Some(1.0)), "{report:?}");
    let text = pdf_text(&pdf);
    for shown in ["1 May 2024", "1,234.50 €", "12.5%", "Coffee", "Remember the milk", "Sales", "2 / 2"] {
        assert!(text.contains(shown), "{shown} is not in {text}");
    }
    assert!(!text.contains("Nothing"), "an empty sheet was printed");
}

#[test]
fn words_beside_a_line_break_in_a_field_are_not_lost() {
    let desk = Desk::new();
    desk.put("a.csv", "id,note\n1,\"x\ny\"\n2,\"C:\\new \"\"z\"\"\"\n");

    for to in [Format::Json, Format::Tsv, Format::Html, Format::Md, Format::Xlsx, Format::Pdf] {
        let report = desk.convert("a.csv", to).unwrap();
        assert_eq!((report.recall, report.degraded), (Some(1.0), false), "{to}: {report:?}");
    }
    desk.put("b.xlsx", {
        let mut book = rust_xlsxwriter::Workbook::new();
        let sheet = book.add_worksheet();
        sheet.write(0, 0, 1e21).unwrap();
        sheet.write(1, 0, 1e-7).unwrap();
        book.save_to_buffer().unwrap()
    });
    let report = desk.convert("b.xlsx", Format::Json).unwrap();
    assert_eq!(report.recall, Some(1.0), "{report:?}");
}

#[test]
fn what_a_workbook_has_beside_its_cells_is_said_to_be_missing() {
    let desk = Desk::new();
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, 7).unwrap();
    sheet.insert_shape(2, 2, &rust_xlsxwriter::Shape::textbox().set_text("Read the harbour rules")).unwrap();
    sheet.add_conditional_format(0, 0, 4, 0, &rust_xlsxwriter::ConditionalFormatDataBar::new()).unwrap();
    desk.put("a.xlsx", book.save_to_buffer().unwrap());

    let report = desk.convert("a.xlsx", Format::Pdf).unwrap();

    let lost = report.lost.join("\n");
    for said in ["text boxes and shapes", "conditional formats", "Read the harbour rules"] {
        assert!(lost.contains(said), "{said} is not in {lost}");
    }
    assert!(report.degraded);
}

#[test]
fn a_long_text_in_a_narrow_column_is_cut_and_not_a_tower_of_letters() {
    let desk = Desk::new();
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.set_column_width(0, 2).unwrap();
    for row in 0..30 {
        sheet
            .write(row, 0, "a note that nobody sees because its column is narrow and the next is taken")
            .unwrap();
        sheet.write(row, 1, "seen").unwrap();
    }
    desk.put("a.xlsx", book.save_to_buffer().unwrap());

    let (report, pdf) = desk.converted("a.xlsx", Format::Pdf);

    assert_eq!((report.pages, report.recall), (Some(1), Some(1.0)), "{report:?}");
    assert!(pdf_text(&pdf).contains("narrow"));
}

#[test]
fn values_leave_a_workbook_exactly() {
    let desk = Desk::new();
    desk.put("sales.xlsx", xlsx());

    let (report, csv) = desk.converted("sales.xlsx", Format::Csv);
    assert_eq!(
        String::from_utf8(csv).unwrap(),
        "Day,Item,Price,Share,Note\n2024-05-01,Tea,1234.5,0.125,\"keeps, well\"\n,Coffee,7,,\n"
    );
    assert!(report.degraded && report.lost[0].contains("Notes"), "{report:?}");

    let json: serde_json::Value = serde_json::from_str(&desk.text("sales.xlsx", Format::Json)).unwrap();
    assert_eq!(json["Sales"][0]["Price"], 1234.5);
    assert_eq!(json["Sales"][0]["Day"], "2024-05-01");
    assert_eq!(json["Sales"][1]["Price"], 7);
    assert!(desk.text("sales.xlsx", Format::Html).contains("1,234.50 €"));
}

#[test]
fn one_sheet_can_be_chosen_by_name_or_number() {
    let desk = Desk::new();
    desk.put("sales.xlsx", xlsx());
    for wish in ["notes", "2"] {
        let mut request = desk.request("sales.xlsx", Format::Csv);
        request.options.sheet = Some(wish.into());
        let report = convert_here(&request, &mut |_| ()).unwrap();
        assert!(!report.degraded);
        assert_eq!(std::fs::read_to_string(&request.output).unwrap(), "Remember the milk\n");
    }

    let mut request = desk.request("sales.xlsx", Format::Csv);
    request.options.sheet = Some("Tomorrow".into());
    let error = convert_here(&request, &mut |_| ()).unwrap_err();
    assert!(matches!(&error, Error::Unsupported { hint, .. } if hint.contains("Sales")), "{error}");

    desk.put("a.csv", "a,b\n1,2\n");
    let mut request = desk.request("a.csv", Format::Json);
    request.options.sheet = Some("Tomorrow".into());
    let error = convert_here(&request, &mut |_| ()).unwrap_err();
    assert!(error.to_string().ends_with("one table without a name: choose no sheet"), "{error}");
}

#[test]
fn a_long_table_repeats_its_header_and_a_wide_one_its_first_column() {
    let desk = Desk::new();
    let mut long = String::from("name,amount\n");
    let mut wide = String::from("key");
    for column in 0..60 {
        wide.push_str(&format!(",column number {column}"));
    }
    wide.push_str("\nrowname");
    for row in 0..200 {
        long.push_str(&format!("item {row},{row}\n"));
    }
    for column in 0..60 {
        wide.push_str(&format!(",value {column}"));
    }
    desk.put("long.csv", long);
    desk.put("wide.csv", wide);

    let (report, pdf) = desk.converted("long.csv", Format::Pdf);
    let pages = report.pages.unwrap() as usize;
    assert!(pages > 1);
    assert_eq!(pdf_text(&pdf).matches("amount").count(), pages);

    let (report, pdf) = desk.converted("wide.csv", Format::Pdf);
    assert_eq!(report.recall, Some(1.0));
    assert_eq!(pdf_text(&pdf).matches("rowname").count(), report.pages.unwrap() as usize);
}

#[test]
fn a_cell_longer_than_a_page_goes_on_overleaf() {
    let desk = Desk::new();
    let words: String = (0..1000).map(|number| format!("word{number} ")).collect();
    desk.put("essay.csv", format!("title,text\nessay,\"{words}\"\n"));

    let report = desk.convert("essay.csv", Format::Pdf).unwrap();

    assert_eq!(report.recall, Some(1.0), "{report:?}");
    assert!(report.pages.unwrap() > 1);
}

#[test]
fn separators_and_quotes_survive_a_round_trip() {
    let desk = Desk::new();
    desk.put("semicolons.csv", "name;price\n\"a; \"\"b\"\"\";1,5\n");

    assert_eq!(desk.text("semicolons.csv", Format::Tsv), "name\tprice\n\"a; \"\"b\"\"\"\t1,5\n");
}

#[test]
fn numbers_with_leading_zeros_stay_texts_in_a_workbook() {
    let desk = Desk::new();
    desk.put("codes.csv", "code,amount\n007,12\n");
    let (_, book) = desk.converted("codes.csv", Format::Xlsx);
    desk.put("back.xlsx", book);

    assert_eq!(desk.text("back.xlsx", Format::Csv), "code,amount\n007,12\n");
    let json: serde_json::Value = serde_json::from_str(&desk.text("back.xlsx", Format::Json)).unwrap();
    assert_eq!(json[0]["amount"], 12);
}

#[test]
fn an_open_document_sheet_prints() {
    let desk = Desk::new();
    desk.put("stock.ods", ods());
    let (_, pdf) = desk.converted("stock.ods", Format::Pdf);
    assert!(pdf_text(&pdf).contains("12.5"));
}

#[test]
fn a_table_without_values_is_empty() {
    let desk = Desk::new();
    desk.put("blank.csv", ",,\n,,\n");
    assert_eq!(desk.convert("blank.csv", Format::Pdf).unwrap_err(), Error::Empty);
}
