//! Help: the key table by place, the place one came from first.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    app::{Screen, State},
    commands::{COMMANDS, USAGE},
    keys::{self, Key, Place},
    text,
    theme::Theme,
    widgets::frame,
};

/// Columns of the keys.
const KEYS: usize = 18;

/// What stands beside messages, rooms and people.
const SIGNS: &[(&str, &str)] = &[
    ("◌ ✓ ✓✓", "on its way; kept for good; also in the database"),
    ("# ◆ @", "a room for all; by invitation; one person"),
    ("● ◐ ○", "here; away; not here"),
    ("5 @1", "five unread, one of them names you"),
];

/// Paints the popup, scrolled down by so many lines.
pub fn draw(out: &mut Frame<'_>, state: &State, area: Rect, scrolled: u16) {
    let title = "Help · ↑↓ PgUp PgDn scroll · Esc closes";
    let rows = area.height.saturating_sub(2);
    let inside = frame::popup(out, state.theme, area, title, 72, rows);
    let lines = ordered(state.theme, &here(state));
    for (index, line) in lines.into_iter().skip(usize::from(scrolled)).enumerate() {
        let Some(row) = u16::try_from(index).ok().and_then(|index| frame::row(inside, index)) else { return };
        out.render_widget(line, row);
    }
}

/// All lines of the help in the order of the table.
pub fn lines(theme: Theme) -> Vec<Line<'static>> {
    ordered(theme, &[])
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

fn ordered(theme: Theme, first: &[Place]) -> Vec<Line<'static>> {
    let rest = Place::ALL.into_iter().filter(|place| !first.contains(place) && *place != Place::Help);
    let mut lines = vec![Line::styled("Everywhere", theme.strong())];
    lines.extend(
        keys::BINDINGS
            .iter()
            .filter(|line| everywhere(line))
            .map(|line| key_line(theme, line.keys, line.about)),
    );
    for place in first.iter().copied().chain(rest) {
        lines.push(Line::default());
        lines.push(Line::styled(format!("{} · {}", place.title(), place.mode()), theme.strong()));
        let own = keys::of(place).filter(|line| !everywhere(line));
        lines.extend(own.map(|line| key_line(theme, line.keys, line.about)));
        if place == Place::Writing {
            lines.extend(command_lines(theme));
        }
    }
    lines.push(Line::default());
    lines.push(Line::styled("Signs", theme.strong()));
    lines.extend(SIGNS.iter().map(|(sign, about)| {
        let sign = text::fit(sign, KEYS);
        Line::from(vec![Span::styled(format!("  {sign} "), theme.accent()), Span::raw(*about)])
    }));
    lines.push(Line::default());
    lines.push(Line::raw("Text is selected with the mouse as always; the mouse is not captured."));
    lines
}

/// What can be written behind a slash.
fn command_lines(theme: Theme) -> Vec<Line<'static>> {
    let head = Line::styled("Commands · Tab completes them; // begins a text with a slash", theme.strong());
    let lines = COMMANDS.iter().map(|command| {
        let usage = text::fit(&command.usage(), USAGE);
        Line::from(vec![Span::styled(format!("  {usage} "), theme.accent()), Span::raw(command.about)])
    });
    [Line::default(), head].into_iter().chain(lines).collect()
}

fn everywhere(line: &keys::Binding) -> bool {
    line.places.len() == Place::ALL.len()
}

fn key_line(theme: Theme, keys: &[Key], about: &str) -> Line<'static> {
    let names: Vec<String> = keys.iter().map(|key| key.label()).collect();
    let names = text::fit(&names.join(" "), KEYS);
    Line::from(vec![Span::styled(format!("  {names} "), theme.accent()), Span::raw(about.to_owned())])
}
