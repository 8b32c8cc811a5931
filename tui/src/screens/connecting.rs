//! The first screen: asking the hub who is signed in, and what to do when no hub answers.

use ratatui::{Frame, layout::Rect};

use crate::{app::State, text, widgets::frame};

/// Paints the screen.
pub fn draw(out: &mut Frame<'_>, state: &State, area: Rect) {
    let theme = state.theme;
    let inside = frame::popup(out, theme, area, "MicroServiceHub", area.width, area.height.saturating_sub(2));
    let columns = usize::from(inside.width);
    let Some(failure) = &state.unreachable else {
        frame::put(out, inside, 1, &format!("connecting to {}…", state.server), theme.text());
        return;
    };
    let mut row = 1;
    let mut say = |line: &str, style| {
        for line in text::wrap(line, columns) {
            frame::put(out, inside, row, &line, style);
            row += 1;
        }
    };
    say(&format!("✗ No hub at {}", state.server), theme.bad());
    say(&text::clean_line(&failure.sentence()), theme.text());
    say("", theme.text());
    say("It is asked again every few seconds.", theme.text());
    say("r  ask now", theme.text());
    say("q  quit", theme.text());
    say("", theme.text());
    say("`mshub up` starts a hub on this machine; `--server URL` names another one.", theme.dim());
}
