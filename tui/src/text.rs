//! Text from elsewhere made safe for cells: no control, escape or bidi characters, tabs expanded, width by Unicode.

use ratatui::{style::Style, text::Span};
use unicode_width::UnicodeWidthStr;
use wire::signs::is_deceptive;

/// Columns between tab stops.
const TAB: usize = 4;

/// Remote or pasted text that may have several lines: terminal sequences and invisible steering characters are
/// dropped, line ends become `\n`, tabs become spaces.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_control_sequence(&mut rest),
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' | '\r' | '\u{2028}' | '\u{2029}' => {
                out.push('\n');
                column = 0;
            }
            '\t' => {
                let spaces = TAB - column % TAB;
                out.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            steering if is_deceptive(steering) => {}
            plain => {
                out.push(plain);
                column += 1;
            }
        }
    }
    out
}

/// The same for names and titles: one line, no space at the ends.
pub fn clean_line(text: &str) -> String {
    clean(text).replace('\n', " ").trim().to_owned()
}

/// What follows ESC: a control sequence, a string up to BEL or ST, or one more character (ECMA-48).
fn skip_escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_control_sequence(rest);
        }
        Some(']' | 'P' | '^' | '_' | 'X') => {
            while let Some(next) = rest.next() {
                if next == '\u{7}' || next == '\u{9c}' {
                    return;
                }
                if next == '\u{1b}' {
                    if rest.peek() == Some(&'\\') {
                        rest.next();
                    }
                    return;
                }
            }
        }
        Some(c) if c.is_ascii_graphic() => {
            rest.next();
        }
        _ => {}
    }
}

/// Parameters and the final byte of a control sequence; stops at the first character that cannot belong to one.
fn skip_control_sequence(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(next) = rest.peek().copied() {
        match next {
            '\u{20}'..='\u{3f}' => {
                rest.next();
            }
            '\u{40}'..='\u{7e}' => {
                rest.next();
                return;
            }
            _ => return,
        }
    }
}

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text, or its beginning and `…`, in at most that many columns.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in graphemes(text) {
        let wide = width(&grapheme);
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        out.push_str(&grapheme);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// The text padded with spaces, or cut, to exactly that many columns.
pub fn fit(text: &str, columns: usize) -> String {
    let mut out = cut(text, columns);
    let used = width(&out);
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(used)));
    out
}

/// Lines of at most that many columns: broken at spaces where possible, inside words where not.
/// A text with n line ends gives at least n + 1 lines; nothing but the spaces at breaks is lost.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    text.split('\n').flat_map(|line| wrap_line(line, columns)).collect()
}

fn wrap_line(line: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    let mut used = 0;
    for word in line.split_inclusive(' ') {
        let wide = width(word.trim_end_matches(' '));
        if used > 0 && used + wide > columns {
            lines.push(std::mem::take(&mut current));
            used = 0;
        }
        for grapheme in graphemes(word) {
            let wide = width(&grapheme);
            if used + wide > columns && used > 0 {
                if grapheme == " " {
                    continue;
                }
                lines.push(std::mem::take(&mut current));
                used = 0;
            }
            used += wide;
            current.push_str(&grapheme);
        }
    }
    lines.push(current);
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// What a reader takes for one character (UAX #29).
fn graphemes(text: &str) -> Vec<String> {
    Span::raw(text).styled_graphemes(Style::default()).map(|one| one.symbol.to_owned()).collect()
}

/// A size such as `11 KiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or("TiB");
    if value < 10.0 { format!("{value:.1} {name}") } else { format!("{value:.0} {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_sequences_and_bidi_controls_do_not_survive() {
        assert_eq!(clean("a\u{1b}[31mred\u{1b}[0m \u{202e}b\u{7}"), "ared b");
        assert_eq!(clean("x\u{1b}]52;c;c2VjcmV0\u{7}y\u{1b}]0;t\u{1b}\\z\u{9b}2Jw"), "xyzw");
        assert_eq!(clean("one\r\ntwo\rthree"), "one\ntwo\nthree");
        assert_eq!(clean("a\tb"), "a   b");
        assert_eq!(clean_line("  two\nlines "), "two lines");
    }

    #[test]
    fn words_wrap_long_words_break_and_empty_lines_stay() {
        assert_eq!(wrap("the quick brown fox", 10), ["the quick", "brown fox"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a\n\nb", 10), ["a", "", "b"]);
        assert_eq!(wrap("漢字漢字", 5), ["漢字", "漢字"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn cutting_counts_columns_not_characters() {
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("longer", 5), "long…");
        assert_eq!(cut("any", 0), "");
        assert_eq!(width(&fit("漢", 5)), 5);
    }

    #[test]
    fn sizes_read_like_sizes() {
        assert_eq!(bytes(17), "17 B");
        assert_eq!(bytes(2_202_009), "2.1 MiB");
        assert_eq!(bytes(14 * 1024 * 1024), "14 MiB");
    }
}
