//! Keys and pasted text: first what the key table says, then the field with the cursor.

use ratatui::crossterm::event::{KeyEvent, KeyEventKind};
use wire::Timestamp;

use super::{account, chat, command, convert, files, go, notify, overlay, select};
use crate::{
    app::{Confirm, Overlay, Screen, State, Tone},
    keys::{self, Action, Place},
    msg::Effect,
};

/// Seconds in which the second Ctrl-C must come.
const QUIT_WINDOW: i64 = 3;

pub(super) fn key(state: &mut State, key: KeyEvent, now: Timestamp) -> Vec<Effect> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    let place = state.place();
    // In a text the arrow moves the cursor.
    let written = place == Place::Writing && state.open_room().is_none_or(|room| !room.composer.is_empty());
    let action = keys::action(place, &key).filter(|action| *action != Action::Select || !written);
    if action != Some(Action::Interrupt) {
        state.quit_armed = None;
    }
    match action {
        Some(action) => act(state, place, action, now),
        None if place.is_typing() => type_key(state, place, key, now),
        None => Vec::new(),
    }
}

fn act(state: &mut State, place: Place, action: Action, now: Timestamp) -> Vec<Effect> {
    match (place, action) {
        (_, Action::Interrupt) => interrupt(state, place, now),
        (_, Action::Redraw) => vec![Effect::Redraw],
        (_, Action::Suspend) => vec![Effect::Suspend],
        (_, Action::Quit) => quit(state),
        (Place::Help, Action::Help) => {
            state.overlay = None;
            Vec::new()
        }
        (_, Action::Help) => {
            state.overlay = Some(Overlay::Help(0));
            Vec::new()
        }
        (_, Action::Chat) => {
            select::none(state);
            go(state, Screen::Chat, false);
            Vec::new()
        }
        (_, Action::Convert) => convert::open(state),
        (_, Action::SignOut) => {
            state.overlay = Some(Overlay::Confirm(Confirm::SignOut));
            Vec::new()
        }
        (_, Action::SendFile) => files::ask(state, now),
        (_, Action::Add) => {
            let mut effects = convert::open(state);
            effects.extend(overlay::add_file(state));
            effects
        }
        (Place::Connecting, Action::Refresh) => {
            (state.unreachable, state.ask_again) = (None, None);
            vec![Effect::Recognise]
        }
        (Place::SignIn | Place::SignInNav | Place::SignUp | Place::Verify, _) => {
            account::act(state, place, action, now)
        }
        (Place::Messages, _) => select::act(state, action, now),
        (Place::Chat | Place::Writing, _) => chat::act(state, place, action, now),
        (Place::Convert, _) => convert::act(state, action, now),
        (Place::Help | Place::Prompt | Place::Picker | Place::Confirm, _) => {
            overlay::act(state, place, action, now)
        }
        (Place::Connecting, _) => Vec::new(),
    }
}

/// Clears the text, else closes what lies over the screen, else arms the second Ctrl-C.
fn interrupt(state: &mut State, place: Place, now: Timestamp) -> Vec<Effect> {
    if state.quit_armed.take().is_some_and(|until| now < until) {
        return vec![Effect::Quit];
    }
    if clear_text(state, place) {
        return chat::typing(state, now);
    }
    if state.overlay.take().is_some() {
        return Vec::new();
    }
    state.quit_armed = Some(now.plus_seconds(QUIT_WINDOW));
    let under_way = under_way(state).map(|what| format!(" ({what})")).unwrap_or_default();
    notify(state, Tone::Plain, format!("press Ctrl-C again to quit{under_way}"), now);
    Vec::new()
}

fn clear_text(state: &mut State, place: Place) -> bool {
    match place {
        Place::SignIn => state.sign_in.clear_focused(),
        Place::SignUp => state.sign_up.clear_focused(),
        Place::Verify => state.verify.form.clear_focused(),
        Place::Prompt => super::prompt(state).is_some_and(|prompt| prompt.form.clear_focused()),
        Place::Picker => match &mut state.overlay {
            Some(Overlay::Picker(picker)) => picker.filter.clear_focused(),
            _ => false,
        },
        Place::Writing => state.open_room_mut().is_some_and(|room| {
            let had = !room.composer.is_empty() || room.about.is_some();
            room.composer.take();
            chat::leave_about(room);
            had
        }),
        _ => false,
    }
}

/// What would be lost by quitting now.
fn under_way(state: &State) -> Option<String> {
    let uploads = state.conversions.sending();
    let queued = state.queued();
    let uploads = (uploads > 0).then(|| format!("{uploads} uploads running"));
    let queued = (queued > 0).then(|| format!("{queued} messages not sent yet"));
    let parts: Vec<String> = uploads.into_iter().chain(queued).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

pub(super) fn quit(state: &mut State) -> Vec<Effect> {
    if under_way(state).is_none() {
        return vec![Effect::Quit];
    }
    state.overlay = Some(Overlay::Confirm(Confirm::Quit));
    Vec::new()
}

fn type_key(state: &mut State, place: Place, key: KeyEvent, now: Timestamp) -> Vec<Effect> {
    match place {
        Place::SignIn => state.sign_in.key(key),
        Place::SignUp => state.sign_up.key(key),
        Place::Verify => state.verify.form.key(key),
        Place::Writing => {
            if let Some(room) = state.open_room_mut() {
                room.composer.key(key);
            }
            let mut effects = chat::typing(state, now);
            effects.extend(command::look_up(state));
            return effects;
        }
        Place::Prompt | Place::Picker => return overlay::type_key(state, key),
        _ => {}
    }
    Vec::new()
}

/// Pasted text goes where the cursor is. It is never taken for keys: nothing is sent by it.
pub(super) fn paste(state: &mut State, text: &str, now: Timestamp) -> Vec<Effect> {
    let place = state.place();
    match place {
        Place::SignIn => state.sign_in.paste(text),
        Place::SignUp => state.sign_up.paste(text),
        Place::Verify => state.verify.form.paste(text),
        Place::Writing => {
            let taken = state.open_room_mut().is_none_or(|room| room.composer.paste(text));
            if !taken {
                notify(state, Tone::Bad, "that is too much text to paste; nothing was taken", now);
            }
            let mut effects = chat::typing(state, now);
            effects.extend(state.open.filter(|_| taken).and_then(|room| files::pasted(room, text)));
            return effects;
        }
        Place::Chat | Place::Messages if state.open.is_some() => {
            state.typing = true;
            return paste(state, text, now);
        }
        Place::Prompt | Place::Picker => return overlay::paste(state, text),
        _ => {}
    }
    Vec::new()
}
