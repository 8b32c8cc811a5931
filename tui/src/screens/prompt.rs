//! Small forms over a screen: new room, invitation, file to convert, where to save.

use ratatui::{Frame, layout::Rect};
use wire::RoomId;

use crate::{
    app::{Prompt, PromptKind, State},
    form::Field,
    text,
    update::overlay::SIGNS,
    widgets::{field, frame},
};

/// Columns of the popup.
const WIDTH: u16 = 70;
/// Columns of a note.
const NOTE: usize = 64;
const KEPT: &str = "An existing file is never written over.";

/// Paints the popup.
pub fn draw(out: &mut Frame<'_>, state: &State, area: Rect, prompt: &Prompt) {
    let theme = state.theme;
    let (title, notes) = words(state, prompt);
    let count = u16::try_from(prompt.form.fields.len() * 2 + notes.len() + 2).unwrap_or(u16::MAX);
    let more = field::more_rows(&prompt.form, WIDTH.min(area.width).saturating_sub(4));
    let inside = frame::popup(out, theme, area, &title, WIDTH, count.saturating_add(more));
    let rows = field::draw(out, theme, inside, &prompt.form, true);
    for (index, note) in notes.into_iter().enumerate() {
        frame::put(out, inside, rows + index as u16, &note, theme.dim());
    }
}

fn words(state: &State, prompt: &Prompt) -> (String, Vec<String>) {
    match &prompt.kind {
        PromptKind::NewRoom => ("New room · Enter makes it".to_owned(), Vec::new()),
        PromptKind::Invite(room) => {
            let name = state.room(*room).map(|room| room.room.name.clone()).unwrap_or_default();
            (format!("Invite into #{name}"), vec!["They are in at once and see the room's past.".to_owned()])
        }
        PromptKind::AddFile => ("Convert a file".to_owned(), file_notes(state, prompt)),
        PromptKind::Save(_) => ("Save the result".to_owned(), vec![KEPT.to_owned()]),
        PromptKind::Send(room) => (send_title(state, *room, prompt), send_notes(state, prompt)),
        PromptKind::ConvertFile(_, file) => {
            let title = format!("Convert {} for everybody here", text::clean_line(&file.name));
            (title, can_become(state, &file.name))
        }
        PromptKind::SaveFiles(files) => {
            let names = files.iter().map(|file| text::clean_line(&file.name)).collect::<Vec<_>>().join(", ");
            let notes = text::wrap(&names, NOTE).into_iter().chain([KEPT.to_owned()]);
            ("Save".to_owned(), notes.collect())
        }
        PromptKind::React(..) => {
            let signs = SIGNS.iter().map(|(digit, sign)| format!("{digit} {sign}")).collect::<Vec<_>>();
            let notes = vec![
                signs.join("   "),
                "or any emoji or short word; the same once more takes it back".into(),
            ];
            ("Put a sign on it".to_owned(), notes)
        }
    }
}

fn send_title(state: &State, room: RoomId, prompt: &Prompt) -> String {
    let name = state.room(room).map(|room| room.room.name.clone()).unwrap_or_default();
    match prompt.files.as_slice() {
        [] => format!("A file for #{name}"),
        [one] => format!("{} for #{name}", file_name(&one.path)),
        files => format!("{} files for #{name}", files.len()),
    }
}

fn file_name(path: &std::path::Path) -> String {
    path.file_name().map(|name| text::clean_line(&name.to_string_lossy())).unwrap_or_default()
}

/// What was dropped, or what is found; and what it can become.
fn send_notes(state: &State, prompt: &Prompt) -> Vec<String> {
    let Some(first) = prompt.files.first() else { return file_notes(state, prompt) };
    let files = prompt.files.iter().take(6);
    let mut notes: Vec<String> =
        files.map(|file| format!("▤ {}  {}", file_name(&file.path), text::bytes(file.bytes))).collect();
    if prompt.files.len() > notes.len() {
        notes.push(format!("  … and {} more", prompt.files.len() - notes.len()));
    }
    notes.extend(can_become(state, &file_name(&first.path)));
    notes.push("Enter sends · Esc keeps the path as text".to_owned());
    notes
}

fn can_become(state: &State, name: &str) -> Vec<String> {
    let targets = state.conversions.targets(name);
    if targets.is_empty() {
        return Vec::new();
    }
    text::wrap(&format!("can become: {}", targets.join(" ")), NOTE)
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
    notes.extend(can_become(state, name));
    notes
}
