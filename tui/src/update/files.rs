//! Files on their way into a room and out of it: sent, converted for everybody there, saved.

use std::path::{Path, PathBuf};

use client::Attachment;
use wire::{
    RoomId, Timestamp,
    files::{File, plain_name},
};

use super::{chat, failed, notify, overlay, select};
use crate::{
    app::{Prompt, PromptKind, Screen, State, Tone},
    entry::Entry,
    form::{Field, Form},
    msg::{Answer, Effect, NamedFile},
    paths, text,
    unsaid::Unsaid,
    widgets::progress,
};

/// Asks for a file to send, or to have converted.
pub(super) fn ask(state: &mut State, now: Timestamp) -> Vec<Effect> {
    let Some(room) = state.open else {
        notify(state, Tone::Plain, "open a room first", now);
        return Vec::new();
    };
    let fields = vec![Field::text("File", "path", ""), convert_field()];
    overlay::open(state, PromptKind::Send(room), Form::new(fields));
    formats(state).into_iter().chain([Effect::CompletePath(String::new())]).collect()
}

fn convert_field() -> Field {
    Field::text("Convert to", "to", "a format, such as pdf; empty sends the file as it is")
}

/// What can become what is asked for once.
fn formats(state: &State) -> Option<Effect> {
    state.conversions.formats.is_empty().then_some(Effect::LoadFormats)
}

/// A pasted text may be a file that was dropped on the terminal.
pub(super) fn pasted(room: RoomId, text: &str) -> Option<Effect> {
    let may_be = !paths::dropped(text).is_empty();
    may_be.then(|| Effect::LookAt { room, text: text.to_owned(), typed: false })
}

/// It is one, or several: what is to be done with them?
pub(super) fn named(
    state: &mut State,
    room: RoomId,
    text: String,
    typed: bool,
    files: Vec<NamedFile>,
    now: Timestamp,
) -> Vec<Effect> {
    let is_here = state.screen == Screen::Chat && state.open == Some(room) && state.overlay.is_none();
    if files.is_empty() {
        if typed {
            let word = text.split_whitespace().next().unwrap_or_default();
            let what = format!("{word} is no file and no command; /help lists commands, // begins a text");
            notify(state, Tone::Bad, what, now);
        }
        return Vec::new();
    }
    // Whoever went on meanwhile meant a text.
    if !is_here {
        return Vec::new();
    }
    let form = Form::new(vec![convert_field()]);
    overlay::open(state, PromptKind::Send(room), form);
    if let Some(prompt) = super::prompt(state) {
        prompt.files = files;
        prompt.pasted = text;
    }
    formats(state).into_iter().collect()
}

/// The form is filled: the files are read, then sent or converted. In its place nothing is left of a dropped path.
pub(super) fn submit(state: &mut State, room: RoomId, prompt: Prompt) -> Vec<Effect> {
    let to = format_of(&prompt.form.get("to"));
    let typed = Some(prompt.form.get("path")).filter(|path| !path.is_empty());
    let typed = typed.map(|path| PathBuf::from(paths::typed(&path)));
    let files: Vec<PathBuf> =
        typed.into_iter().chain(prompt.files.into_iter().map(|file| file.path)).collect();
    if let Some(room) = state.room_mut(room) {
        room.composer.without(&prompt.pasted);
    }
    state.typing = true;
    into_room(room, files, to, String::new())
}

/// A conversion is of one file; otherwise all go with one message.
fn into_room(room: RoomId, files: Vec<PathBuf>, to: Option<String>, body: String) -> Vec<Effect> {
    let said = Unsaid { convert: to.clone(), ..Unsaid::text(body) };
    if to.is_none() {
        return vec![Effect::Attach { room, said, paths: files }];
    }
    files.into_iter().map(|file| Effect::Attach { room, said: said.clone(), paths: vec![file] }).collect()
}

fn format_of(typed: &str) -> Option<String> {
    let to = typed.trim().trim_start_matches('.').to_lowercase();
    Some(to).filter(|to| !to.is_empty())
}

/// The files were read: they go under way as they are now.
pub(super) fn attached(
    state: &mut State,
    room: RoomId,
    said: Unsaid,
    files: Answer<Vec<Attachment>>,
    now: Timestamp,
) -> Vec<Effect> {
    let files = match files {
        Ok(files) => files,
        Err(failure) => {
            if let Some(room) = state.room_mut(room).filter(|room| room.composer.is_blank()) {
                room.composer.put(&said.body);
            }
            return failed(state, &failure, now);
        }
    };
    let draft = state.next_number();
    let Some(room) = state.room_mut(room) else { return Vec::new() };
    let body = match &said.convert {
        Some(_) => files.first().map(|file| file.name.clone()).unwrap_or_default(),
        None => said.body.clone(),
    };
    chat::say(room, draft, Unsaid { body, files, ..said }, now)
}

/// `/send FILE [TEXT]`.
pub(super) fn send_line(state: &mut State, rest: &str) -> Vec<Effect> {
    let Some(room) = state.open else { return Vec::new() };
    let (path, body) = first_word(rest);
    into_room(room, vec![path.into()], None, body)
}

/// A path, perhaps in quotes or with backslashes, and the rest behind it.
fn first_word(text: &str) -> (String, String) {
    let quoted = ['\'', '"'].into_iter().find_map(|mark| text.strip_prefix(mark)?.split_once(mark));
    if let Some((path, rest)) = quoted {
        return (path.to_owned(), rest.trim().to_owned());
    }
    let mut path = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => path.extend(letters.next().map(|(_, letter)| letter)),
            ' ' => return (path, text[at..].trim().to_owned()),
            letter => path.push(letter),
        }
    }
    (path, String::new())
}

/// `/convert FORMAT [FILE]`.
pub(super) fn convert_line(state: &mut State, rest: &str, now: Timestamp) -> Vec<Effect> {
    let (to, path) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let (Some(room), Some(to)) = (state.open, format_of(to)) else { return Vec::new() };
    if !path.trim().is_empty() {
        return into_room(room, vec![paths::typed(path).into()], Some(to), String::new());
    }
    convert_meant(state, &to, now)
}

/// Has the file of the meant message converted.
fn convert_meant(state: &mut State, to: &str, now: Timestamp) -> Vec<Effect> {
    match meant_source(state) {
        Some((room, file)) => convert(state, room, file, to, now),
        None => {
            let what = "no file here to convert; /convert FORMAT FILE takes one of yours, Ctrl-O asks for it";
            notify(state, Tone::Plain, what, now);
            Vec::new()
        }
    }
}

/// The file that a conversion would be made of, and its room.
fn meant_source(state: &State) -> Option<(RoomId, File)> {
    let room = state.open_room()?;
    let entry = select::meant(room, |entry| !entry.sources().is_empty())?;
    Some((room.id(), entry.sources().first().cloned()?))
}

/// A file of a room is to become something for everybody there.
fn convert(state: &mut State, room: RoomId, file: File, to: &str, now: Timestamp) -> Vec<Effect> {
    let draft = state.next_number();
    state.typing = true;
    let Some(room) = state.room_mut(room) else { return Vec::new() };
    room.timeline.selected = None;
    let said = Unsaid { att: vec![file.id], convert: Some(to.to_owned()), ..Unsaid::text(file.name) };
    chat::say(room, draft, said, now)
}

/// Asks what the file of the chosen message is to become.
pub(super) fn ask_format(state: &mut State, now: Timestamp) -> Vec<Effect> {
    let Some((room, file)) = meant_source(state) else {
        notify(state, Tone::Plain, "this message has no file to convert", now);
        return Vec::new();
    };
    let mut field = Field::text("Convert to", "to", "");
    field.set(state.conversions.targets(&file.name).into_iter().next().unwrap_or_default());
    overlay::open(state, PromptKind::ConvertFile(room, Box::new(file)), Form::new(vec![field]));
    formats(state).into_iter().collect()
}

/// The format is chosen.
pub(super) fn submit_format(
    state: &mut State,
    (room, file): (RoomId, File),
    prompt: &Prompt,
    now: Timestamp,
) -> Vec<Effect> {
    match format_of(&prompt.form.get("to")) {
        Some(to) => convert(state, room, file, &to, now),
        None => Vec::new(),
    }
}

/// Asks where the files of the chosen message are to be saved.
pub(super) fn save(state: &mut State, now: Timestamp) -> Vec<Effect> {
    let files = state.open_room().and_then(|room| select::meant(room, has_files)).map(Entry::files);
    let Some(files) = files else {
        notify(state, Tone::Plain, "this message has no file", now);
        return Vec::new();
    };
    let place = match files.as_slice() {
        [file] => state.folder.join(plain_name(&text::clean_line(&file.name), "file")),
        _ => state.folder.clone(),
    };
    let mut field = Field::text(if files.len() == 1 { "Save as" } else { "Into folder" }, "path", "");
    field.set(place.display().to_string());
    overlay::open(state, PromptKind::SaveFiles(files), Form::new(vec![field]));
    Vec::new()
}

/// The same for the newest message of the room that has a file.
pub(super) fn save_newest(state: &mut State, now: Timestamp) -> Vec<Effect> {
    let found = state.open_room().and_then(|room| select::meant(room, has_files));
    match found.map(|entry| entry.pos) {
        Some(pos) => {
            state.came_from_typing = false;
            select::choose(state, crate::room::Place::At(pos));
            save(state, now)
        }
        None => {
            notify(state, Tone::Plain, "there is no file in what is loaded of this room", now);
            Vec::new()
        }
    }
}

fn has_files(entry: &Entry) -> bool {
    !entry.files().is_empty()
}

/// `/save [PATH]`: without a path into the folder the client runs in.
pub(super) fn save_line(state: &mut State, rest: &str, now: Timestamp) -> Vec<Effect> {
    let Some(files) = state.open_room().and_then(|room| select::meant(room, has_files)).map(Entry::files)
    else {
        notify(state, Tone::Plain, "there is no file to save", now);
        return Vec::new();
    };
    let path = if rest.is_empty() { state.folder.clone() } else { paths::typed(rest).into() };
    fetch(state, files, path, now)
}

/// The files begin to come.
pub(super) fn fetch(state: &mut State, files: Vec<File>, path: PathBuf, now: Timestamp) -> Vec<Effect> {
    let what = match files.as_slice() {
        [file] => file.name.clone(),
        files => format!("{} files", files.len()),
    };
    notify(state, Tone::Plain, format!("saving {what}…"), now);
    vec![Effect::Fetch(files, path)]
}

pub(super) fn fetching(state: &mut State, name: &str, bytes: u64, total: u64, now: Timestamp) -> Vec<Effect> {
    let percent = progress::percent(bytes, total);
    notify(state, Tone::Plain, format!("saving {name}… {percent} %"), now);
    Vec::new()
}

pub(super) fn fetched(state: &mut State, answer: Answer<Vec<PathBuf>>, now: Timestamp) -> Vec<Effect> {
    let paths = match answer {
        Ok(paths) => paths,
        Err(failure) => return failed(state, &failure, now),
    };
    let folder = paths.first().and_then(|path| path.parent()).unwrap_or(Path::new("."));
    let what = match paths.as_slice() {
        [path] => format!("saved as {}", path.display()),
        paths => format!("{} files saved in {}", paths.len(), folder.display()),
    };
    notify(state, Tone::Good, what, now);
    Vec::new()
}
