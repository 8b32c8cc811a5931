//! Frames: the box around a screen or pane, and the popup in its middle.

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Block, Clear},
};

use crate::{text, theme::Theme};

/// A box with a title, bright when keys act in it.
pub fn pane<'a>(theme: Theme, title: &str, columns: u16, active: bool) -> Block<'a> {
    let style = if active { theme.accent() } else { theme.frame() };
    let title = text::cut(title, usize::from(columns.saturating_sub(4)));
    let title = if title.is_empty() {
        Line::default()
    } else {
        Line::from(Span::styled(format!(" {title} "), theme.strong().not_dim()))
    };
    Block::bordered().border_style(style).title(title)
}

/// A popup of at most that size in the middle of an area: emptied, framed; the inside is returned.
pub fn popup(frame: &mut Frame<'_>, theme: Theme, area: Rect, title: &str, columns: u16, rows: u16) -> Rect {
    let width = columns.min(area.width);
    let height = rows.saturating_add(2).min(area.height);
    let x = area.x + (area.width - width) / 2;
    let y = area.y + (area.height - height) / 2;
    let place = Rect { x, y, width, height };
    frame.render_widget(Clear, place);
    let block = pane(theme, title, width, true);
    let inside = block.inner(place);
    frame.render_widget(block, place);
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}

/// The n-th row of an area, if it is within it.
pub fn row(area: Rect, index: u16) -> Option<Rect> {
    (index < area.height).then(|| Rect { y: area.y + index, height: 1, ..area })
}

/// Puts a line of text on the n-th row of an area; rows outside it are left away.
pub fn put(frame: &mut Frame<'_>, area: Rect, index: u16, line: &str, style: Style) {
    if let Some(place) = row(area, index) {
        let line = text::cut(line, usize::from(place.width));
        frame.render_widget(Line::styled(line, style), place);
    }
}
