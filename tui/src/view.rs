//! State → screen. Nothing is decided here; what does not fit is cut.

use ratatui::{Frame, layout::Rect, text::Line, widgets::Paragraph};

use crate::{
    app::{Overlay, Screen, State},
    layout::{self, SMALLEST},
    screens, text,
    widgets::footer,
};

/// Paints the whole state.
pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let area = frame.area();
    if (area.width, area.height) != state.size {
        // The terminal has changed, the message of it is still on its way.
        let size = (area.width, area.height);
        return draw_sized(frame, &State { size, ..state.clone() }, area);
    }
    draw_sized(frame, state, area);
}

fn draw_sized(frame: &mut Frame<'_>, state: &State, area: Rect) {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(frame, state, area);
        return;
    }
    let size = (area.width, area.height);
    let main = layout::above_footer(size);
    let over = state.overlay.is_some();
    match state.screen {
        Screen::Connecting => screens::connecting::draw(frame, state, main),
        Screen::SignIn => screens::sign_in::draw(frame, state, main, !over),
        Screen::SignUp => screens::sign_up::draw(frame, state, main, !over),
        Screen::Verify => screens::verify::draw(frame, state, main, !over),
        Screen::Chat => screens::chat::draw(frame, state, main, !over),
        Screen::Convert => screens::convert::draw(frame, state, main),
    }
    match &state.overlay {
        Some(Overlay::Help(scrolled)) => screens::help::draw(frame, state, main, *scrolled),
        Some(Overlay::Prompt(prompt)) => screens::prompt::draw(frame, state, main, prompt),
        Some(Overlay::Picker(picker)) => screens::rooms::draw(frame, state, main, picker),
        Some(Overlay::Confirm(confirm)) => screens::confirm::draw(frame, state, main, *confirm),
        None => {}
    }
    footer::draw(frame, state, Rect::new(0, main.height, area.width, 1));
}

/// One line that says what is needed, and what waits.
fn too_small(frame: &mut Frame<'_>, state: &State, area: Rect) {
    if area.is_empty() {
        return;
    }
    let unread: u64 = state.rooms.iter().map(|room| state.unread(room)).sum();
    let news = if unread > 0 { format!(" · {unread} unread") } else { String::new() };
    let (columns, rows) = SMALLEST;
    let line = format!("{}×{}: needs {columns}×{rows}{news}", area.width, area.height);
    let line = text::cut(&line, usize::from(area.width));
    frame.render_widget(Paragraph::new(Line::raw(line)), Rect { height: 1, ..area });
}
