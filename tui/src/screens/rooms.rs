//! The room list: type a part of the name, Enter opens; public rooms are joined by it.

use ratatui::{Frame, layout::Rect};

use crate::{
    app::{Picker, State},
    text,
    widgets::{field, frame},
};

/// Paints the popup.
pub fn draw(out: &mut Frame<'_>, state: &State, area: Rect, picker: &Picker) {
    let theme = state.theme;
    let inside = frame::popup(out, theme, area, "Find a room", 64, 14);
    let top = Rect { height: 2.min(inside.height), ..inside };
    field::draw(out, theme, top, &picker.filter, true);
    let list = Rect { y: inside.y + 2.min(inside.height), height: inside.height.saturating_sub(2), ..inside };
    let rooms = state.picks(picker);
    if rooms.is_empty() {
        frame::put(out, list, 0, "no room of that name; Ctrl-N in the chat makes one", theme.dim());
        return;
    }
    let columns = usize::from(list.width);
    let rows = usize::from(list.height);
    let height = if rooms.len() > rows { rows.saturating_sub(1) } else { rows };
    let first = (picker.selected + 1).saturating_sub(height);
    if rooms.len() > height {
        let below = rooms.len().saturating_sub(first + height);
        let line = match (first, below) {
            (0, below) => format!("  … and {below} more"),
            (above, 0) => format!("  {above} above"),
            (above, below) => format!("  {above} above · {below} below"),
        };
        frame::put(out, list, height as u16, &line, theme.dim());
    }
    for (index, room) in rooms.iter().skip(first).take(height).enumerate() {
        let here = index + first == picker.selected;
        let joined = state.room(room.id).is_some();
        let people =
            if room.members == 1 { "1 member".to_owned() } else { format!("{} members", room.members) };
        let state_word = if joined { "open" } else { "join" };
        let sign = if room.private { "◆" } else { "#" };
        let lead = if here { "▸" } else { " " };
        let name = text::fit(&format!("{lead} {sign}{}", room.name), 24);
        let line = text::fit(&format!("{name} {state_word} · {people} {}", room.topic), columns);
        let style = if here { theme.selected() } else { theme.text() };
        frame::put(out, list, index as u16, &line, style);
    }
}
