//! Above the composer while a command is written: the commands that begin so, or what can follow.

use ratatui::{Frame, layout::Rect, widgets::Clear};

use crate::{
    app::State,
    commands::{self, Command},
    room::RoomState,
    text,
    update::command,
    widgets::frame,
};

/// At most so many lines.
const LINES: usize = 8;

/// Paints them over the lower end of the messages.
pub fn draw(out: &mut Frame<'_>, state: &State, room: &RoomState, messages: Rect) {
    let lines = lines(state, &room.composer.text());
    let room_for = usize::from(messages.height.saturating_sub(2)).min(LINES);
    if lines.is_empty() || room_for == 0 {
        return;
    }
    let more = lines.len().saturating_sub(room_for);
    let shown = if more > 0 { room_for - 1 } else { lines.len() };
    let height = u16::try_from(shown + usize::from(more > 0)).unwrap_or(0) + 2;
    let place = Rect { y: messages.bottom().saturating_sub(height), height, ..messages };
    out.render_widget(Clear, place);
    let block = frame::pane(state.theme, "Tab completes · Enter does it", place.width, true);
    let inside = block.inner(place);
    out.render_widget(block, place);
    for (index, line) in lines.into_iter().take(shown).enumerate() {
        let style = if index == 0 { state.theme.strong() } else { state.theme.text() };
        frame::put(out, inside, index as u16, &line, style);
    }
    if more > 0 {
        frame::put(out, inside, shown as u16, &format!("… and {} more", more + 1), state.theme.dim());
    }
}

fn lines(state: &State, text: &str) -> Vec<String> {
    let beginning = commands::beginning(text);
    if !beginning.is_empty() {
        return beginning.into_iter().map(line).collect();
    }
    let Some((command, _)) = commands::complete(text) else { return Vec::new() };
    let candidates = command::behind(state, text).map(|(_, candidates)| candidates).unwrap_or_default();
    let short = |path: String| match path.trim_end_matches('/').rsplit_once('/') {
        Some((_, name)) if path.ends_with('/') => format!("  {name}/"),
        Some((_, name)) => format!("  {name}"),
        None => format!("  {path}"),
    };
    let candidates = candidates.into_iter().map(|path| text::clean_line(&path)).map(short);
    [line(command)].into_iter().chain(candidates).collect()
}

fn line(command: &Command) -> String {
    format!("{} {}", text::fit(&command.usage(), commands::USAGE), command.about)
}
