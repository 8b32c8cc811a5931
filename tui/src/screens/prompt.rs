//! Small forms over a screen: new room, invitation, file to convert, where to save.

use ratatui::{Frame, layout::Rect};

use crate::{
    app::{Prompt, PromptKind, State},
    form::Field,
    text,
    widgets::{field, frame},
};

/// Paints the popup.
pub fn draw(out: &mut Frame<'_>, state: &State, area: Rect, prompt: &Prompt) {
    let theme = state.theme;
    let (title, notes) = words(state, prompt);
    let count = u16::try_from(prompt.form.fields.len() * 2 + notes.len() + 2).unwrap_or(u16::MAX);
    let inside = frame::popup(out, theme, area, &title, 70, count);
    let rows = field::draw(out, theme, inside, &prompt.form, true);
    for (index, note) in notes.into_iter().enumerate() {
        frame::put(out, inside, rows + index as u16, &note, theme.dim());
    }
}

fn words(state: &State, prompt: &Prompt) -> (String, Vec<String>) {
    match prompt.kind {
        PromptKind::NewRoom => ("New room · Enter makes it".to_owned(), Vec::new()),
        PromptKind::Invite(room) => {
            let name = state.room(room).map(|room| room.room.name.clone()).unwrap_or_default();
            (format!("Invite into #{name}"), vec!["They are in at once and see the room's past.".to_owned()])
        }
        PromptKind::AddFile => ("Convert a file".to_owned(), file_notes(state, prompt)),
        PromptKind::Save(_) => {
            ("Save the result".to_owned(), vec!["An existing file is never written over.".to_owned()])
        }
    }
}

/// Names that begin as typed, and what the file can become.
fn file_notes(state: &State, prompt: &Prompt) -> Vec<String> {
    let mut notes = Vec::new();
    let completes =
        |field: &Field| field.name == "path" && prompt.found.iter().any(|path| path != field.value());
    if prompt.form.focused().is_some_and(completes) {
        notes.push("Tab completes:".to_owned());
        let short = |path: &String| path.trim_end_matches('/').rsplit('/').next().map(str::to_owned);
        let folder = |path: &String| if path.ends_with('/') { "/" } else { "" };
        let names = prompt.found.iter().take(4);
        notes.extend(names.map(|path| format!("  {}{}", short(path).unwrap_or_default(), folder(path))));
        if prompt.found.len() > 4 {
            notes.push(format!("  … and {} more", prompt.found.len() - 4));
        }
        return notes;
    }
    let path = prompt.form.get("path");
    let name = path.rsplit('/').next().unwrap_or_default();
    let targets = state.conversions.targets(name);
    if !targets.is_empty() {
        notes.extend(text::wrap(&format!("can become: {}", targets.join(" ")), 64));
    }
    notes
}
