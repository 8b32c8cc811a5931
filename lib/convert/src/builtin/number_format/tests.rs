//! What spreadsheets print, as spreadsheets print it.

use proptest::prelude::*;

use super::*;

fn shown(value: f64, code: &str) -> String {
    number(value, code, false).text
}

#[test]
fn general_numbers_read_as_in_excel() {
    let cases = [
        (0.0, "0"),
        (12.5, "12.5"),
        (-3.0, "-3"),
        (0.1 + 0.2, "0.3"),
        (1.0 / 3.0, "0.333333333"),
        (std::f64::consts::PI, "3.141592654"),
        (1_234_567.891_234, "1234567.891"),
        (12_345_678_901.0, "12345678901"),
        (123_456_789_012.0, "1.23457E+11"),
        (0.00001, "0.00001"),
        (0.000012345678, "1.23457E-05"),
    ];
    for (value, text) in cases {
        assert_eq!(general(value), text, "{value}");
    }
}

#[test]
fn numbers_follow_their_format() {
    let cases = [
        (1234.5, "#,##0.00", "1,234.50"),
        (-1234.5, "#,##0.00", "-1,234.50"),
        (-1234.5, "#,##0.00;[Red](#,##0.00)", "(1,234.50)"),
        (0.0, "#,##0;-#,##0;\"-\"", "-"),
        (0.125, "0.0%", "12.5%"),
        (0.005, "0%", "1%"),
        (1.005, "0.00", "1.01"),
        (-0.001, "0.00", "0.00"),
        (1234.5, "$#,##0.00", "$1,234.50"),
        (1234.5, "[$€-407] #,##0.00", "€ 1,234.50"),
        (1234.5, "#,##0.00\\ \"kr\"", "1,234.50 kr"),
        (12_345_678.0, "0.0,,\"M\"", "12.3M"),
        (7.0, "000", "007"),
        (5551234.0, "000-0000", "555-1234"),
        (0.5, "#.##", ".5"),
        (12345.0, "0.00E+00", "1.23E+04"),
        (0.00012, "0.0E-0", "1.2E-4"),
        (1.75, "# ?/?", "1 3/4"),
        (0.375, "?/8", "3/8"),
        (99.0, "[>=100]\"many\";\"few\"", "few"),
        (12.5, "General\" kg\"", "12.5 kg"),
        (5.0, "", ""),
    ];
    for (value, code, text) in cases {
        assert_eq!(shown(value, code), text, "{value} as {code}");
    }
}

#[test]
fn dates_and_times_follow_their_format() {
    let cases = [
        (45_413.0, "yyyy-mm-dd", "2024-05-01"),
        (45_413.0, "d mmm yy", "1 May 24"),
        (45_413.0, "dddd, mmmm dd, yyyy", "Wednesday, May 01, 2024"),
        (45_413.75, "m/d/yyyy h:mm AM/PM", "5/1/2024 6:00 PM"),
        (45_413.520_844, "hh:mm:ss", "12:30:01"),
        (1.5, "[h]:mm", "36:00"),
        (0.000_011_574_074, "mm:ss.0", "00:01.0"),
        (60.0, "yyyy-mm-dd", "1900-02-29"),
        (1.0, "yyyy-mm-dd", "1900-01-01"),
    ];
    for (value, code, text) in cases {
        assert_eq!(shown(value, code), text, "{value} as {code}");
    }
    assert_eq!(number(0.0, "yyyy-mm-dd", true).text, "1904-01-01");
}

#[test]
fn texts_and_colours_follow_their_format() {
    assert_eq!(text("x", "0;0;0;\"<\"@\">\""), "<x>");
    assert_eq!(text("x", "General"), "x");
    assert_eq!(number(-1.0, "0;[Red]-0", false).color, Some([255, 0, 0]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_code_and_no_value_make_it_panic_or_boundless(
        value in prop_oneof![any::<f64>(), -1.0e5..1.0e5, Just(f64::NAN), Just(f64::INFINITY)],
        code in prop_oneof!["\\PC{0,40}", "[0#?.,;%EeGgAaPpMmHhDdYyss/@_*\\\\\"\\[\\]<>=!+ -]{0,40}"],
        epoch_1904 in any::<bool>(),
    ) {
        let shown = number(value, &code, epoch_1904);
        let said = text("word", &code);

        // A value has up to 309 digits, and a thousands separator after every third.
        prop_assert!(shown.text.len() < 1_000 + 20 * code.len(), "{}", shown.text.len());
        prop_assert!(said.len() < 100 + 20 * code.len(), "{}", said.len());
    }

    #[test]
    fn what_is_shown_without_a_format_is_the_number(value in -1.0e9..1.0e9) {
        let shown: f64 = general(value).parse().unwrap();

        prop_assert!((shown - value).abs() <= value.abs() * 1.0e-4, "{shown} for {value}");
    }
}
