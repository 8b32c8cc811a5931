//! Sign in: e-mail and password.

use ratatui::{Frame, layout::Rect};

use crate::{
    app::State,
    widgets::{field, frame},
};

/// Paints the screen; `active` when nothing lies over it.
pub fn draw(out: &mut Frame<'_>, state: &State, area: Rect, active: bool) {
    let theme = state.theme;
    let title = format!("Sign in · {} ({})", state.label, state.server);
    let inside = frame::popup(out, theme, area, &title, area.width, area.height.saturating_sub(2));
    let form = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    let rows = field::draw(out, theme, form, &state.sign_in, active && state.typing);
    let key = if state.typing { "Ctrl-N" } else { "n" };
    frame::put(out, form, rows + 1, &format!("No account yet? {key} makes one."), theme.dim());
}
