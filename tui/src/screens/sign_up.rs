//! Sign up: a new account.

use ratatui::{Frame, layout::Rect};

use crate::{
    app::State,
    widgets::{field, frame},
};

/// Paints the screen; `active` when nothing lies over it.
pub fn draw(out: &mut Frame<'_>, state: &State, area: Rect, active: bool) {
    let title = format!("New account · {} ({})", state.label, state.server);
    let inside = frame::popup(out, state.theme, area, &title, area.width, area.height.saturating_sub(2));
    let roomy = inside.height >= 10;
    let top = u16::from(roomy);
    let form = Rect { y: inside.y + top, height: inside.height.saturating_sub(top), ..inside };
    field::draw(out, state.theme, form, &state.sign_up, active);
}
