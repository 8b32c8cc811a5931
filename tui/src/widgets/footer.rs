//! The last line: the mode as a word, what keys do here (or a notice), the link and who is signed in.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    app::{Link, State, Tone},
    keys, text,
    update::select,
};

/// Paints the line.
pub fn draw(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let theme = state.theme;
    let place = state.place();
    let mode = Span::styled(format!(" {} ", place.mode()), theme.mode());
    let right = right(state);
    let left = usize::from(area.width).saturating_sub(text::width(&mode.content) + 1);
    let mut spans = vec![mode, Span::raw(" ")];
    // A notice may need the whole line; the hints make do with what is left.
    let needed = state.notice.as_ref().map_or(24, |notice| text::width(&notice.text) + 3);
    let right = if left >= text::width(&right.content) + needed { Some(right) } else { None };
    let room = left.saturating_sub(right.as_ref().map_or(0, |span| text::width(&span.content) + 1));
    let middle = match &state.notice {
        Some(notice) => {
            let (glyph, style) = match notice.tone {
                Tone::Good => ("✓", theme.good()),
                Tone::Plain => ("·", theme.text()),
                Tone::Bad => ("✗", theme.bad()),
            };
            vec![Span::styled(text::cut(&format!("{glyph} {}", notice.text), room), style)]
        }
        None => hints(state, room),
    };
    let used: usize = middle.iter().map(|span| text::width(&span.content)).sum();
    spans.extend(middle);
    if let Some(right) = right {
        spans.push(Span::raw(" ".repeat(room.saturating_sub(used) + 1)));
        spans.push(right);
    }
    frame.render_widget(Line::from(spans), area);
}

/// As many hints as there is room for; the help is always among them.
fn hints(state: &State, room: usize) -> Vec<Span<'static>> {
    let theme = state.theme;
    let all: Vec<(String, &str)> = keys::of(state.place())
        .filter(|line| !line.hint.is_empty())
        .filter(|line| state.place() != keys::Place::Messages || select::applies(state, line.action))
        .filter_map(|line| line.keys.first().map(|key| (key.label(), line.hint)))
        .collect();
    let wide = |(key, hint): &(String, &str)| text::width(key) + 1 + text::width(hint);
    let (help, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, hint)| *hint == "help");
    let mut left = room.saturating_sub(help.iter().map(wide).sum());
    let mut shown = Vec::new();
    for hint in others {
        let needs = wide(&hint) + 2;
        if needs > left {
            break;
        }
        left -= needs;
        shown.push(hint);
    }
    shown.extend(help);
    let mut spans = Vec::new();
    for (index, (key, hint)) in shown.into_iter().enumerate() {
        if index > 0 {
            spans.push(Span::raw("  "));
        }
        spans.push(Span::styled(key, theme.accent()));
        spans.push(Span::raw(format!(" {hint}")));
    }
    spans
}

fn right(state: &State) -> Span<'static> {
    let theme = state.theme;
    if state.me.is_none() {
        return Span::styled(text::cut(&state.label, 24), theme.dim());
    }
    let (glyph, style) = match state.link {
        Link::Live => ("● live", theme.good()),
        Link::Connecting => ("◐ connecting", theme.warn()),
        Link::Reconnecting { .. } => ("○ offline", theme.bad()),
    };
    let name = text::cut(&state.my_name(), 12);
    Span::styled(format!("{glyph} {name}@{}", text::cut(&state.label, 14)), style)
}
