//! Questions before something cannot be taken back.

use ratatui::{Frame, layout::Rect};

use crate::{
    app::{Confirm, State},
    text,
    widgets::frame,
};

/// Paints the popup.
pub fn draw(out: &mut Frame<'_>, state: &State, area: Rect, confirm: Confirm) {
    let theme = state.theme;
    let inside = frame::popup(out, theme, area, "Sure?", 60, 4);
    let mut row = 0;
    for line in text::wrap(&question(state, confirm), usize::from(inside.width)) {
        frame::put(out, inside, row, &line, theme.text());
        row += 1;
    }
    frame::put(out, inside, row + 1, "y yes · n no", theme.accent());
}

fn question(state: &State, confirm: Confirm) -> String {
    match confirm {
        Confirm::Quit => {
            format!(
                "Quit? {} uploads would be lost; {} unsent messages stay in the outbox and are sent next time.",
                state.conversions.sending(),
                state.queued()
            )
        }
        Confirm::Leave(room) => {
            let Some(room) = state.room(room) else { return String::new() };
            let members = room.members.len().max(room.room.members as usize);
            let back = match (room.room.private, members) {
                (false, _) => "You hear no more of it until you join again.",
                (true, 0 | 1) => {
                    "Nobody else is in it: nobody can ever bring you back to what was said there."
                }
                (true, _) => "You hear no more of it until somebody invites you again.",
            };
            format!("Leave #{}? {back}", room.room.name)
        }
        Confirm::SignOut => format!("Sign out of {}?", state.label),
        Confirm::StopUpload(_) => "Stop this upload?".to_owned(),
        Confirm::CancelJob(job) => {
            let name = state.conversions.jobs.get(&job).map(|job| job.name.clone()).unwrap_or_default();
            format!("Stop converting {name}?")
        }
        Confirm::Delete(room, pos) => {
            let entry = state.room(room).and_then(|room| room.timeline.entry(pos));
            let brief = entry.map(|entry| text::cut(&entry.brief(), 60)).unwrap_or_default();
            format!("Remove “{brief}” for everybody? Its text and files are gone for good.")
        }
        Confirm::Withdraw(_) => "Not send this message? It is taken out of the outbox.".to_owned(),
    }
}
