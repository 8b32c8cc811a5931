//! What lies over a screen: help, small forms, the room list, questions.

use std::path::Path;

use ratatui::crossterm::event::KeyEvent;
use wire::{JobId, Timestamp, conversions::Job, messages::Op, rooms::NewRoom};

use super::{convert, files, notify, rooms, select};
use crate::{
    app::{Confirm, Overlay, Picker, Prompt, PromptKind, State, Tone},
    conversions::result_name,
    form::{Field, Form},
    keys::{Action, Place},
    msg::Effect,
    paths,
};

/// Signs that a digit stands for: few keyboards have them.
pub(crate) const SIGNS: &[(&str, &str)] =
    &[("1", "👍"), ("2", "❤"), ("3", "😂"), ("4", "🎉"), ("5", "👀"), ("6", "✅")];

pub(super) fn new_room(state: &mut State) {
    let fields = vec![
        Field::text("Name", "name", "letters, digits, - _ ."),
        Field::text("Topic", "topic", "may be empty"),
        Field::switch("Private", "private", "Space: only members see it"),
    ];
    open(state, PromptKind::NewRoom, Form::new(fields));
}

pub(super) fn invite(state: &mut State, now: Timestamp) -> Vec<Effect> {
    match state.open {
        Some(room) => {
            open(state, PromptKind::Invite(room), Form::new(vec![Field::text("E-mail", "user", "")]))
        }
        None => notify(state, Tone::Plain, "open a room first", now),
    }
    Vec::new()
}

pub(super) fn add_file(state: &mut State) -> Vec<Effect> {
    let mut fields = vec![Field::text("File", "path", ""), Field::text("To", "to", "")];
    if let Some(to) = fields.last_mut() {
        to.set(state.conversions.target.clone());
    }
    open(state, PromptKind::AddFile, Form::new(fields));
    vec![Effect::CompletePath(String::new())]
}

pub(super) fn save(state: &mut State, job: &Job) {
    let path = state.folder.join(result_name(job)).display().to_string();
    let mut field = Field::text("Save as", "path", "");
    field.set(path);
    open(state, PromptKind::Save(job.id), Form::new(vec![field]));
}

/// Shows a small form.
pub(super) fn open(state: &mut State, kind: PromptKind, form: Form) {
    let (found, files, pasted) = (Vec::new(), Vec::new(), String::new());
    state.overlay = Some(Overlay::Prompt(Prompt { kind, form, found, files, pasted }));
}

pub(super) fn pick_room(state: &mut State) -> Vec<Effect> {
    pick_named(state, "")
}

/// The room list, narrowed to a name.
pub(super) fn pick_named(state: &mut State, name: &str) -> Vec<Effect> {
    let mut field = Field::text("Find", "filter", "");
    field.set(name);
    state.overlay = Some(Overlay::Picker(Picker { filter: Form::new(vec![field]), ..Picker::default() }));
    vec![Effect::LoadPublicRooms]
}

pub(super) fn act(state: &mut State, place: Place, action: Action, now: Timestamp) -> Vec<Effect> {
    match (place, action) {
        (Place::Confirm, Action::Yes) => return yes(state),
        (_, Action::Back | Action::No) => state.overlay = None,
        (Place::Help, action) => scroll_help(state, action),
        (Place::Picker, Action::Up) => move_pick(state, -1),
        (Place::Picker, Action::Down) => move_pick(state, 1),
        (Place::Picker, Action::Submit) => return pick(state),
        (Place::Prompt, Action::Submit) => return submit(state, now),
        (Place::Prompt, Action::Complete) => return complete(state),
        (Place::Prompt, Action::Next) => with_form(state, Form::next),
        (Place::Prompt, Action::Previous) => with_form(state, Form::previous),
        _ => {}
    }
    Vec::new()
}

fn with_form(state: &mut State, change: impl FnOnce(&mut Form)) {
    if let Some(prompt) = super::prompt(state) {
        change(&mut prompt.form);
    }
}

fn scroll_help(state: &mut State, action: Action) {
    let (shown, most) = crate::screens::help::extent(state);
    let page = shown.saturating_sub(1).max(1);
    if let Some(Overlay::Help(line)) = &mut state.overlay {
        *line = match action {
            Action::Up => line.saturating_sub(1),
            Action::Down => line.saturating_add(1),
            Action::PageUp => line.saturating_sub(page),
            Action::PageDown => line.saturating_add(page),
            _ => *line,
        }
        .min(most);
    }
}

fn yes(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::Confirm(confirm)) = state.overlay.take() else { return Vec::new() };
    match confirm {
        Confirm::Quit => vec![Effect::Quit],
        Confirm::Leave(room) => vec![Effect::Leave(room)],
        Confirm::SignOut => vec![Effect::SignOut],
        Confirm::StopUpload(number) => {
            state.conversions.uploads.retain(|upload| upload.number != number);
            vec![Effect::StopUpload(number)]
        }
        Confirm::CancelJob(job) => vec![Effect::CancelJob(job)],
        Confirm::Delete(room, pos) => vec![Effect::Act(room, pos, Op::Redact)],
        Confirm::Withdraw(cid) => vec![Effect::Withdraw(cid)],
    }
}

fn move_pick(state: &mut State, step: isize) {
    let Some(Overlay::Picker(picker)) = &state.overlay else { return };
    let last = state.picks(picker).len().saturating_sub(1);
    if let Some(Overlay::Picker(picker)) = &mut state.overlay {
        picker.selected = picker.selected.saturating_add_signed(step).min(last);
    }
}

/// Opens the selected room; one that is not ours is joined.
fn pick(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::Picker(picker)) = &state.overlay else { return Vec::new() };
    let Some(room) = state.picks(picker).get(picker.selected).cloned() else { return Vec::new() };
    state.overlay = None;
    if state.room(room.id).is_none() {
        return vec![Effect::Join(room.id)];
    }
    state.typing = true;
    rooms::open(state, room.id)
}

/// Enter in a small form: the next field, and on the last one what it is for.
fn submit(state: &mut State, now: Timestamp) -> Vec<Effect> {
    let Some(prompt) = super::prompt(state) else { return Vec::new() };
    if prompt.form.busy {
        return Vec::new();
    }
    if !prompt.form.at_end() && prompt.kind != PromptKind::NewRoom {
        prompt.form.next();
        return Vec::new();
    }
    match prompt.kind.clone() {
        PromptKind::NewRoom => submit_room(&mut prompt.form),
        PromptKind::Invite(room) => {
            if prompt.form.first_missing(&["user"]) {
                return Vec::new();
            }
            prompt.form.busy = true;
            vec![Effect::Invite(room, prompt.form.get("user"))]
        }
        PromptKind::AddFile => {
            if prompt.form.first_missing(&["path", "to"]) {
                return Vec::new();
            }
            let (path, to) = (paths::typed(&prompt.form.get("path")), prompt.form.get("to"));
            state.overlay = None;
            convert::upload(state, &path, &to)
        }
        PromptKind::Save(job) => submit_save(state, job, now),
        kind => {
            if prompt.form.first_missing(&["path", "sign"]) {
                return Vec::new();
            }
            let prompt = prompt.clone();
            state.overlay = None;
            submit_about_message(state, kind, prompt, now)
        }
    }
}

fn submit_about_message(state: &mut State, kind: PromptKind, prompt: Prompt, now: Timestamp) -> Vec<Effect> {
    match kind {
        PromptKind::Send(room) => files::submit(state, room, prompt),
        PromptKind::ConvertFile(room, file) => files::submit_format(state, (room, *file), &prompt, now),
        PromptKind::SaveFiles(files) => {
            files::fetch(state, files, paths::typed(&prompt.form.get("path")).into(), now)
        }
        PromptKind::React(room, pos) => {
            let typed = prompt.form.get("sign");
            let sign =
                SIGNS.iter().find(|(digit, _)| *digit == typed).map_or(typed.as_str(), |(_, sign)| sign);
            select::put_sign(state, room, pos, sign)
        }
        _ => Vec::new(),
    }
}

/// A room needs its name only: Enter makes it from any field.
fn submit_room(form: &mut Form) -> Vec<Effect> {
    if form.first_missing(&["name"]) {
        return Vec::new();
    }
    form.busy = true;
    let name = form.get("name").trim_start_matches('#').to_lowercase();
    vec![Effect::NewRoom(NewRoom { name, topic: form.get("topic"), private: form.is_on("private") })]
}

fn submit_save(state: &mut State, job: JobId, now: Timestamp) -> Vec<Effect> {
    let Some(prompt) = super::prompt(state) else { return Vec::new() };
    if prompt.form.first_missing(&["path"]) {
        return Vec::new();
    }
    let path = paths::typed(&prompt.form.get("path"));
    state.overlay = None;
    state.conversions.saving.insert(job, 0);
    notify(state, Tone::Plain, format!("saving {path}"), now);
    vec![Effect::Save(job, path.into())]
}

/// Tab in a path: as far as all found names agree; where there is nothing to add, the next field.
fn complete(state: &mut State) -> Vec<Effect> {
    let Some(prompt) = super::prompt(state) else { return Vec::new() };
    let typed =
        prompt.form.focused().filter(|field| field.name == "path").map(|field| field.value().to_owned());
    let longer = typed.and_then(|typed| {
        let common = common_start(&prompt.found)?;
        (common.len() > typed.len() && common.starts_with(&typed)).then_some(common)
    });
    match longer {
        Some(longer) => {
            prompt.form.set("path", longer);
            look_up(state)
        }
        None => {
            prompt.form.next();
            Vec::new()
        }
    }
}

/// As far as all names agree.
pub(super) fn common_start(names: &[String]) -> Option<String> {
    let first = names.first()?;
    let agreed = names.iter().map(|name| {
        let same = first.chars().zip(name.chars()).take_while(|(a, b)| a == b);
        same.map(|(letter, _)| letter.len_utf8()).sum::<usize>()
    });
    agreed.min().and_then(|length| first.get(..length)).map(str::to_owned)
}

/// Asks for files when the path has changed.
fn look_up(state: &mut State) -> Vec<Effect> {
    let Some(prompt) = super::prompt(state) else { return Vec::new() };
    match prompt.form.focused() {
        Some(field) if field.name == "path" => vec![Effect::CompletePath(field.value().to_owned())],
        _ => Vec::new(),
    }
}

pub(super) fn found(state: &mut State, typed: &str, found: Vec<String>) -> Vec<Effect> {
    if let Some(prompt) = super::prompt(state)
        && prompt.form.fields.iter().any(|field| field.name == "path" && field.value() == typed)
    {
        prompt.found = found;
    } else if state.overlay.is_none() {
        state.found = found;
    }
    Vec::new()
}

pub(super) fn type_key(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    match &mut state.overlay {
        Some(Overlay::Prompt(prompt)) => prompt.form.key(key),
        Some(Overlay::Picker(picker)) => {
            picker.filter.key(key);
            picker.selected = 0;
        }
        _ => {}
    }
    suggest_target(state);
    look_up(state)
}

pub(super) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    match &mut state.overlay {
        Some(Overlay::Prompt(prompt)) => prompt.form.paste(text),
        Some(Overlay::Picker(picker)) => {
            picker.filter.paste(text);
            picker.selected = 0;
        }
        _ => {}
    }
    suggest_target(state);
    look_up(state)
}

/// What the typed file can become stands behind the format field.
fn suggest_target(state: &mut State) {
    let Some(prompt) = super::prompt(state) else { return };
    if prompt.kind != PromptKind::AddFile || prompt.form.focused().is_none_or(|field| field.name != "path") {
        return;
    }
    let path = paths::typed(&prompt.form.get("path"));
    let wanted = prompt.form.get("to");
    let name =
        Path::new(&path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let targets = state.conversions.targets(&name);
    if let (Some(first), false) = (targets.first().cloned(), targets.contains(&wanted))
        && let Some(prompt) = super::prompt(state)
    {
        prompt.form.set("to", first);
    }
}
