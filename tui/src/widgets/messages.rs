//! The rows of a timeline with their colours.

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use crate::{
    layout::{Flow, Mark, Row, RowKind},
    text,
    theme::Theme,
};

/// One row as the screen has it.
pub fn line(theme: Theme, flow: &Flow<'_>, row: Row) -> Line<'static> {
    let columns = usize::from(flow.columns);
    let indent = flow.indent();
    let named = flow.names_reader(&row);
    let body = if named { theme.strong() } else { theme.text() };
    match row.kind {
        RowKind::Day(name) => rule(&name, columns, theme.dim()),
        RowKind::New(count) => rule(&format!("{count} new"), columns, theme.warn()),
        RowKind::Gap => rule("loading what is missing here", columns, theme.warn()),
        RowKind::More => Line::from(vec![Span::raw(" ".repeat(indent)), Span::styled(row.text, body)]),
        RowKind::Answered | RowKind::Signs => {
            let text = text::cut(&row.text, columns.saturating_sub(indent));
            Line::from(vec![Span::raw(" ".repeat(indent)), Span::styled(text, theme.dim())])
        }
        RowKind::Refused => {
            Line::from(vec![Span::raw(" ".repeat(indent)), Span::styled(row.text, theme.bad())])
        }
        RowKind::Happened { time } => {
            let room = columns.saturating_sub(text::width(&time) + 4);
            Line::styled(format!("{time}    {}", text::cut(&row.text, room)), theme.dim())
        }
        RowKind::Message { time, name, by, mark } => {
            let (glyph, word, style) = if named { ("@", "", theme.warn()) } else { delivery(theme, mark) };
            let name_style = if mark == Mark::Other { theme.author(by) } else { theme.strong() };
            let mut spans = vec![
                Span::styled(format!("{time} "), theme.dim()),
                Span::styled(format!("{} ", text::fit(glyph, 2)), style),
                Span::styled(format!("{} ", text::fit(&name, flow.name_columns())), name_style),
            ];
            let free = columns.saturating_sub(indent + text::width(&row.text));
            spans.push(Span::styled(row.text, body));
            if !word.is_empty() && free > word.len() + 2 {
                spans.push(Span::styled(format!("  {word}"), style));
            }
            Line::from(spans)
        }
    }
}

/// Glyph and word for where an own message is.
fn delivery(theme: Theme, mark: Mark) -> (&'static str, &'static str, Style) {
    match mark {
        Mark::Other => ("", "", theme.text()),
        Mark::Typed => ("·", "", theme.warn()),
        Mark::Queued => ("◌", "queued", theme.warn()),
        Mark::Sent => ("✓", "", theme.good()),
        Mark::Stored => ("✓✓", "", theme.good()),
        Mark::Refused => ("✗", "", theme.bad()),
    }
}

/// A line across with words in it.
fn rule(words: &str, columns: usize, style: Style) -> Line<'static> {
    let words = text::cut(words, columns.saturating_sub(4));
    let right = columns.saturating_sub(text::width(&words) + 4);
    Line::styled(format!("── {words} {}", "─".repeat(right)), style)
}
