//! What a line behind a slash does, and what Tab adds to what is written.

use std::collections::BTreeSet;

use wire::{
    Timestamp, UserId,
    rooms::{Member, NewRoom},
};

use super::{chat, files, notify, overlay, select};
use crate::{
    app::{Overlay, State, Tone},
    commands::{self, Command, Does, Line},
    msg::Effect,
    room::{About, RoomState},
    unsaid::Unsaid,
};

/// Does it. The line leaves the composer, unless it was wrong: then it stays, to be mended.
pub(super) fn run(state: &mut State, line: Line<'_>, now: Timestamp) -> Vec<Effect> {
    let (command, rest) = match line {
        Line::Command(command, rest) => (command, rest),
        Line::Path(text) => {
            let (room, text) = (state.open, text.to_owned());
            return room.map(|room| Effect::LookAt { room, text, typed: true }).into_iter().collect();
        }
        Line::Unknown(name) => {
            let what = format!("there is no command /{name}; /help lists them, // begins a text");
            notify(state, Tone::Bad, what, now);
            return Vec::new();
        }
        Line::Text(_) => return Vec::new(),
    };
    if let Some(what) = wrong(state, command, rest) {
        notify(state, Tone::Bad, what, now);
        return Vec::new();
    }
    if let Some(room) = state.open_room_mut() {
        room.composer.take();
    }
    let mut effects = does(state, command, rest, now);
    effects.extend(chat::typing(state, now));
    effects
}

fn does(state: &mut State, command: &Command, rest: &str, now: Timestamp) -> Vec<Effect> {
    match command.does {
        Does::Convert => files::convert_line(state, rest, now),
        Does::SendFile => files::send_line(state, rest),
        Does::Save => files::save_line(state, rest, now),
        Does::Reply => reply(state, rest, now),
        Does::Edit => select::edit(state, Some(rest).filter(|rest| !rest.is_empty()), now),
        Does::Delete => {
            select::none(state);
            select::delete(state, None, now)
        }
        Does::React => select::react(state, rest, now),
        Does::Pin => select::pin(state, Some(true), now),
        Does::Unpin => select::pin(state, Some(false), now),
        Does::Invite => {
            let (room, whom) = (state.open, person(state, rest));
            room.zip(whom.ok()).map(|(room, whom)| Effect::Invite(room, whom)).into_iter().collect()
        }
        Does::Direct => person(state, rest).map(Effect::Direct).into_iter().collect(),
        Does::Join => overlay::pick_named(state, rest.trim_start_matches('#')),
        Does::New if rest.is_empty() => {
            overlay::new_room(state);
            Vec::new()
        }
        Does::New => {
            let name = rest.trim_start_matches('#').to_lowercase();
            vec![Effect::NewRoom(NewRoom { name, topic: String::new(), private: false })]
        }
        Does::Leave => chat::leave(state, now),
        Does::Help => {
            state.overlay = Some(Overlay::Help(0));
            Vec::new()
        }
        Does::Quit => super::keyboard::quit(state),
    }
}

/// What is wrong with a line that is better said before anything is done, as long as it can be mended.
fn wrong(state: &State, command: &Command, rest: &str) -> Option<String> {
    match command.does {
        _ if command.needs_more() && rest.is_empty() => Some(format!("it takes more: {}", command.usage())),
        Does::Invite | Does::Direct => person(state, rest).err(),
        Does::Convert => {
            let (to, formats) = (rest.split_whitespace().next()?, &state.conversions.formats);
            let is_known = formats.is_empty() || formats.iter().any(|pair| pair.to.eq_ignore_ascii_case(to));
            (!is_known).then(|| format!("nothing becomes {to} here; Tab shows what there is"))
        }
        _ => None,
    }
}

/// Somebody as the hub takes them: an e-mail address or an id as it stands, a name as that of a member of one's rooms.
fn person(state: &State, named: &str) -> Result<String, String> {
    let name = named.trim_start_matches('@');
    if name.contains('@') || named.parse::<UserId>().is_ok() {
        return Ok(named.to_owned());
    }
    let called = known(state).filter(|member| handle(&member.name) == handle(name));
    let found: BTreeSet<UserId> = called.map(|member| member.id).collect();
    match (found.first(), found.len()) {
        (Some(one), 1) => Ok(one.to_string()),
        (None, _) => Err(format!("nobody in your rooms is called {name}; an e-mail address names anybody")),
        (_, many) => Err(format!("{many} people are called {name}; say an e-mail address")),
    }
}

/// Members of the rooms that were looked at.
fn known(state: &State) -> impl Iterator<Item = &Member> {
    state.rooms.iter().flat_map(|room| &room.members)
}

/// A name as it is written behind an `@`.
fn handle(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

fn reply(state: &mut State, text: &str, now: Timestamp) -> Vec<Effect> {
    select::reply(state, now);
    let draft = state.next_number();
    let Some(room) = state.open_room_mut() else { return Vec::new() };
    match room.about.take() {
        Some(About::Reply(pos)) => {
            chat::say(room, draft, Unsaid { re: Some(pos), ..Unsaid::text(text) }, now)
        }
        _ => Vec::new(),
    }
}

/// Tab: as much as is clear of a command, a format, a path or a name; where there is nothing to add, a message is
/// chosen.
pub(super) fn complete(state: &mut State, now: Timestamp) -> Vec<Effect> {
    let Some(room) = state.open_room() else { return Vec::new() };
    let text = room.composer.text();
    match completed(state, room, &text) {
        Some(longer) => {
            if let Some(room) = state.open_room_mut() {
                room.composer.put(&longer);
            }
            look_up(state).into_iter().collect()
        }
        None if text.starts_with('/') => Vec::new(),
        None => select::begin(state, true, now),
    }
}

fn completed(state: &State, room: &RoomState, text: &str) -> Option<String> {
    if let Some(command) = commands::beginning(text).first() {
        let space = if command.takes.is_empty() { "" } else { " " };
        return Some(format!("/{}{space}", command.name));
    }
    if commands::complete(text).is_some() {
        let (typed, candidates) = behind(state, text)?;
        let longer = overlay::common_start(&candidates)?;
        let head = text.strip_suffix(typed.as_str())?;
        let whole = candidates.len() == 1 && !longer.ends_with('/');
        let space = if whole { " " } else { "" };
        return (longer.len() > typed.len() || whole).then(|| format!("{head}{longer}{space}"));
    }
    let (head, typed) = text.rsplit_once('@')?;
    if typed.contains(char::is_whitespace) || head.chars().next_back().is_some_and(char::is_alphanumeric) {
        return None;
    }
    let fits = |name: &&str| name.to_lowercase().starts_with(&typed.to_lowercase());
    let name = room.members.iter().map(|member| member.name.as_str()).find(fits)?;
    Some(format!("{head}@{} ", name.replace(' ', "-")))
}

/// What is being typed behind a command, and what it can become.
pub(crate) fn behind(state: &State, text: &str) -> Option<(String, Vec<String>)> {
    let (command, rest) = commands::complete(text)?;
    let formats = command.does == Does::Convert && !rest.contains(' ');
    if formats {
        let fits = |to: &String| to.starts_with(&rest.to_lowercase());
        return Some((rest.to_owned(), targets(state).into_iter().filter(fits).collect()));
    }
    if matches!(command.does, Does::Invite | Does::Direct) {
        let typed = handle(rest.trim_start_matches('@'));
        let mut names: Vec<String> =
            known(state).map(|member| handle(&member.name)).filter(|name| name.starts_with(&typed)).collect();
        names.sort();
        names.dedup();
        return Some((rest.to_owned(), names));
    }
    let path = path_of(command, rest)?;
    Some((path.to_owned(), state.found.iter().filter(|found| found.starts_with(path)).cloned().collect()))
}

/// The path that is being typed.
fn path_of<'a>(command: &Command, rest: &'a str) -> Option<&'a str> {
    match command.does {
        Does::Convert => rest.split_once(' ').map(|(_, path)| path),
        Does::SendFile | Does::Save => Some(rest),
        _ => None,
    }
}

/// What the file that is meant can become; everything there is when no file is meant.
fn targets(state: &State) -> Vec<String> {
    let meant = state.open_room().and_then(|room| select::meant(room, |entry| !entry.sources().is_empty()));
    let of_it =
        meant.and_then(|entry| entry.sources().first()).map(|file| state.conversions.targets(&file.name));
    of_it.filter(|targets| !targets.is_empty()).unwrap_or_else(|| {
        let mut all: Vec<String> = state.conversions.formats.iter().map(|pair| pair.to.clone()).collect();
        all.sort();
        all.dedup();
        all
    })
}

/// What has to be asked for to complete what is written now.
pub(super) fn look_up(state: &State) -> Option<Effect> {
    let text = state.open_room()?.composer.text();
    let (command, rest) = commands::complete(&text)?;
    match path_of(command, rest) {
        Some(path) => Some(Effect::CompletePath(path.to_owned())),
        None if command.does == Does::Convert && state.conversions.formats.is_empty() => {
            Some(Effect::LoadFormats)
        }
        None => None,
    }
}
