//! Help: the key table by place, the place one came from first.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    app::{Screen, State},
    commands::USAGE,
    keys::Place,
    layout,
    manual::{self, Part},
    text,
    theme::Theme,
    widgets::frame,
};

/// Columns of the popup.
const WIDTH: u16 = 72;
/// Columns of the keys.
const KEYS: usize = 18;
/// With fewer columns left for what a key does, that stands below the key.
const LEFT: usize = 24;

/// Paints the popup, scrolled down by so many lines.
pub fn draw(out: &mut Frame<'_>, state: &State, area: Rect, scrolled: u16) {
    let title = if area.width < WIDTH {
        "Help · ↑↓ PgDn · Esc"
    } else {
        "Help · ↑↓ PgUp PgDn scroll · Esc closes"
    };
    let rows = area.height.saturating_sub(2);
    let inside = frame::popup(out, state.theme, area, title, WIDTH, rows);
    for (index, line) in lines(state).into_iter().skip(usize::from(scrolled)).enumerate() {
        let Some(row) = u16::try_from(index).ok().and_then(|index| frame::row(inside, index)) else { return };
        out.render_widget(line, row);
    }
}

/// How many lines are seen at once, and how far they can be scrolled down.
pub fn extent(state: &State) -> (u16, u16) {
    let shown = layout::inside(layout::above_footer(state.size)).height;
    let lines = u16::try_from(lines(state).len()).unwrap_or(u16::MAX);
    (shown, lines.saturating_sub(shown))
}

fn lines(state: &State) -> Vec<Line<'static>> {
    let columns = usize::from(WIDTH.min(state.size.0).saturating_sub(4));
    let parts =
        manual::parts(&here(state)).into_iter().flat_map(|part| part_lines(state.theme, columns, part));
    let end = text::wrap("Text is selected with the mouse as always; the mouse is not captured.", columns);
    parts.chain(end.into_iter().map(Line::raw)).collect()
}

/// The places of the screen below the help.
fn here(state: &State) -> Vec<Place> {
    match state.screen {
        Screen::Connecting => vec![Place::Connecting],
        Screen::SignIn => vec![Place::SignIn, Place::SignInNav],
        Screen::SignUp => vec![Place::SignUp],
        Screen::Verify => vec![Place::Verify],
        Screen::Chat if state.typing => vec![Place::Writing, Place::Chat],
        Screen::Chat if state.selected().is_some() => vec![Place::Messages, Place::Writing],
        Screen::Chat => vec![Place::Chat, Place::Messages, Place::Writing],
        Screen::Convert => vec![Place::Convert],
    }
}

/// Its heading, a row or more for each line, and an empty one.
fn part_lines(theme: Theme, columns: usize, part: Part) -> Vec<Line<'static>> {
    let widest = part.rows.iter().map(|(what, _)| text::width(what)).max().unwrap_or(0);
    let beside = if widest > KEYS { USAGE } else { KEYS };
    let head = text::wrap(&part.title, columns).into_iter().map(|line| Line::styled(line, theme.strong()));
    let rows = part.rows.iter().flat_map(|(what, about)| row_lines(theme, columns, beside, what, about));
    head.chain(rows).chain([Line::default()]).collect()
}

/// What a key does beside it, where there is room for that, else below it.
fn row_lines(theme: Theme, columns: usize, beside: usize, what: &str, about: &str) -> Vec<Line<'static>> {
    let left = columns.saturating_sub(beside + 3);
    let (indent, mut lines) = if left < LEFT {
        (4, vec![Line::styled(format!("  {what}"), theme.accent())])
    } else {
        (beside + 3, Vec::new())
    };
    for line in text::wrap(about, columns.saturating_sub(indent)) {
        let before = if lines.is_empty() {
            Span::styled(format!("  {} ", text::fit(what, beside)), theme.accent())
        } else {
            Span::raw(" ".repeat(indent))
        };
        lines.push(Line::from(vec![before, Span::raw(line)]));
    }
    lines
}
