//! Forms on the screen: labels, boxes, complaints; the terminal's cursor stands where typing goes.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    style::Modifier,
    text::{Line, Span},
};

use super::frame;
use crate::{
    form::{Field, Form, Value},
    text,
    theme::Theme,
};

/// Paints a form from the top of an area; returns how many rows it took. With room enough every field has a row
/// for its hint or complaint; without, only complaints have one.
pub fn draw(out: &mut Frame<'_>, theme: Theme, area: Rect, form: &Form, active: bool) -> u16 {
    let count = u16::try_from(form.fields.len()).unwrap_or(u16::MAX);
    let roomy = area.height >= count.saturating_mul(2).saturating_add(1);
    let label = label_columns(form);
    let mut row = 0;
    for (index, field) in form.fields.iter().enumerate() {
        let focused = index == form.focus;
        let Some(place) = frame::row(area, row) else { return row };
        draw_field(out, theme, place, field, label, focused, active);
        row += 1;
        let (notes, style) = match &field.error {
            Some(error) => (complaint(error, label, area.width), theme.bad()),
            None if roomy => (vec![field.hint.to_owned()], theme.dim()),
            None => (Vec::new(), theme.dim()),
        };
        for note in notes {
            frame::put(out, area, row, &format!("{:label$}{note}", ""), style);
            row += 1;
        }
    }
    if let Some(error) = &form.error {
        for line in complaint(error, 0, area.width) {
            frame::put(out, area, row, &line, theme.bad());
            row += 1;
        }
    }
    if form.busy {
        frame::put(out, area, row, "asking the hub…", theme.warn());
        row += 1;
    }
    row
}

/// Rows that complaints take in so many columns, beyond the one that each field has for them anyway.
pub fn more_rows(form: &Form, columns: u16) -> u16 {
    let label = label_columns(form);
    let errors = form.fields.iter().filter_map(|field| field.error.as_ref());
    let rows: usize = errors.map(|error| complaint(error, label, columns).len() - 1).sum();
    let whole = form.error.as_ref().map_or(0, |error| complaint(error, 0, columns).len() - 1);
    u16::try_from(rows + whole).unwrap_or(u16::MAX)
}

fn label_columns(form: &Form) -> usize {
    form.fields.iter().map(|field| text::width(field.label)).max().unwrap_or(0) + 2
}

/// What is wrong, behind so many columns of labels.
fn complaint(error: &str, label: usize, columns: u16) -> Vec<String> {
    text::wrap(&format!("✗ {error}"), usize::from(columns).saturating_sub(label))
}

fn draw_field(
    out: &mut Frame<'_>,
    theme: Theme,
    place: Rect,
    field: &Field,
    label: usize,
    focused: bool,
    active: bool,
) {
    let style = if focused && active { theme.accent() } else { theme.text() };
    let name = Span::styled(text::fit(field.label, label), style);
    let columns = usize::from(place.width).saturating_sub(label + 2).min(48);
    let (shown, cursor) = content(field, columns);
    let value_style =
        if focused && active { theme.text().add_modifier(Modifier::UNDERLINED) } else { theme.text() };
    let line = Line::from(vec![
        name,
        Span::styled("[", style),
        Span::styled(text::fit(&shown, columns), value_style),
        Span::styled("]", style),
    ]);
    out.render_widget(line, place);
    if focused && active {
        let x = u16::try_from(label + 1 + cursor.min(columns)).unwrap_or(u16::MAX);
        let x = place.x.saturating_add(x).min(place.right().saturating_sub(1));
        out.set_cursor_position(Position { x, y: place.y });
    }
}

/// What a field shows in so many columns, and in which of them the cursor is.
fn content(field: &Field, columns: usize) -> (String, usize) {
    let input = match &field.value {
        Value::Text(input) => input,
        Value::Secret(input) => {
            let count = input.value().chars().count();
            let shown = count.min(columns.saturating_sub(1));
            let cursor = input.cursor().min(shown);
            return ("·".repeat(shown), cursor);
        }
        Value::Switch(on) => return (if *on { "x yes" } else { "  no" }.to_owned(), 0),
    };
    let skipped = input.visual_scroll(columns.saturating_sub(1));
    let mut column = 0;
    let mut shown = String::new();
    for letter in input.value().chars() {
        let wide = text::width(letter.encode_utf8(&mut [0; 4]));
        if column >= skipped {
            shown.push(letter);
        }
        column += wide;
    }
    let shown = cut_hard(&shown, columns);
    (shown, input.visual_cursor().saturating_sub(skipped))
}

/// The beginning of a text in so many columns, without an ellipsis: the cursor shows that there is more.
fn cut_hard(value: &str, columns: usize) -> String {
    let mut used = 0;
    let fits = |letter: &char| {
        used += text::width(letter.encode_utf8(&mut [0; 4]));
        used <= columns
    };
    value.chars().take_while(fits).collect()
}
