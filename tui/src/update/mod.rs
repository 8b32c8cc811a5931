//! State × message → effects. Pure: no clock, no network, no files, no terminal.

mod account;
mod chat;
pub(crate) mod command;
mod convert;
mod files;
mod keyboard;
mod landing;
mod live;
pub(crate) mod overlay;
mod rooms;
pub(crate) mod select;

use wire::Timestamp;

use crate::{
    app::{Notice, Overlay, Screen, State, Tone},
    msg::{Effect, Failure, FailureKind, Msg},
};

/// Seconds that a notice stays, and letters that add one more.
const NOTICE: (i64, i64) = (5, 20);

/// What a message does to the state, and what is to be done about it.
pub fn update(state: &mut State, msg: Msg, now: Timestamp) -> Vec<Effect> {
    let (before, covered) = (state.notice.clone(), state.overlay.is_some());
    let mut effects = taken(state, msg, now);
    // What comes over the screen says there what its keys are.
    if !covered && state.overlay.is_some() && state.notice == before {
        state.notice = None;
    }
    effects.extend(landing::land(state));
    effects.extend(landing::read(state));
    effects
}

fn taken(state: &mut State, msg: Msg, now: Timestamp) -> Vec<Effect> {
    match msg {
        Msg::Key(key) => keyboard::key(state, key, now),
        Msg::Pasted(text) => keyboard::paste(state, &text, now),
        Msg::Resized(columns, rows) => {
            state.size = (columns, rows);
            chat::settle(state)
        }
        Msg::Told(sentence) => {
            notify(state, Tone::Plain, sentence, now);
            Vec::new()
        }
        Msg::Elapsed => elapsed(state, now),

        Msg::Recognised(answer) => account::recognised(state, answer, now),
        Msg::SignedIn(answer) => account::signed_in(state, answer),
        Msg::SignedUp(answer) => account::signed_up(state, answer),
        Msg::Mail(answer) => account::mail(state, answer),
        Msg::Verified(answer) => account::verified(state, answer, now),
        Msg::Resent(answer) => account::resent(state, answer, now),
        Msg::SignedOut => account::signed_out(state),

        Msg::Rooms(answer) => rooms::listed(state, answer, now),
        Msg::PublicRooms(answer) => rooms::public(state, answer, now),
        Msg::RoomMade(answer) | Msg::Joined(answer) => rooms::entered(state, answer, now),
        Msg::LeftRoom(room, answer) => rooms::left(state, room, answer, now),
        Msg::Invited(answer) => rooms::invited(state, answer, now),
        Msg::Members(room, answer) => rooms::members(state, room, answer, now),
        Msg::Older(room, answer) => rooms::older(state, room, answer, now),
        Msg::Missing(room, until, answer) => {
            let load = |after| Effect::LoadMissing { room, after, until };
            rooms::missing(state, room, until, answer, load)
        }
        Msg::Rows(room, until, answer) => {
            let load = |after| Effect::LoadRows { room, after, until };
            rooms::missing(state, room, until, answer, load)
        }
        Msg::Queued { room, draft, cid } => {
            if let Some(room) = state.room_mut(room) {
                room.timeline.name_pending(draft, cid);
            }
            Vec::new()
        }
        Msg::Heard(heard) => live::heard(state, heard, now),

        Msg::Attached { room, said, files } => files::attached(state, room, said, files, now),
        Msg::Named { room, text, typed, files } => files::named(state, room, text, typed, files, now),
        Msg::Acted { room, tgt, op, answer } => select::acted(state, room, tgt, op, answer, now),
        Msg::Fetching { name, bytes, total } => files::fetching(state, &name, bytes, total, now),
        Msg::Fetched(answer) => files::fetched(state, answer, now),

        Msg::UploadMoved { upload, sent, total } => convert::moved(state, upload, sent, total),
        Msg::Uploaded(upload, answer) => convert::uploaded(state, upload, answer),
        Msg::Jobs(answer) => convert::listed(state, answer, now),
        Msg::JobChanged(answer) => convert::changed(state, answer, now),
        Msg::Formats(answer) => convert::formats(state, answer),
        Msg::Saving { job, bytes } => convert::saving(state, job, bytes),
        Msg::Saved(job, answer) => convert::saved(state, job, answer, now),
        Msg::Paths { typed, found } => overlay::found(state, &typed, found),
    }
}

/// What is over is taken from the screen.
fn elapsed(state: &mut State, now: Timestamp) -> Vec<Effect> {
    if state.notice.as_ref().is_some_and(|notice| notice.until <= now) {
        state.notice = None;
    }
    if state.quit_armed.is_some_and(|until| until <= now) {
        state.quit_armed = None;
    }
    for room in &mut state.rooms {
        room.crowd.elapsed(now);
        room.timeline.elapsed(now);
    }
    if state.ask_again.is_some_and(|until| until <= now) {
        state.ask_again = None;
        return vec![Effect::Recognise];
    }
    Vec::new()
}

/// Puts a sentence on the last line.
fn notify(state: &mut State, tone: Tone, text: impl Into<String>, now: Timestamp) {
    let text = crate::text::clean_line(&text.into());
    let letters = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let until = now.plus_seconds(NOTICE.0 + letters / NOTICE.1);
    state.notice = Some(Notice { text, tone, until, offline: false });
}

/// Tells of a failure; one that ends the session leads to the sign-in screen.
fn failed(state: &mut State, failure: &Failure, now: Timestamp) -> Vec<Effect> {
    if failure.kind == FailureKind::SignedOut {
        return account::session_over(state, &failure.what);
    }
    notify(state, Tone::Bad, failure.sentence(), now);
    if let Some(notice) = &mut state.notice {
        notice.offline = failure.kind == FailureKind::Unreachable;
    }
    Vec::new()
}

/// The screen changes; what lay over the other one goes.
fn go(state: &mut State, screen: Screen, typing: bool) {
    state.screen = screen;
    state.typing = typing;
    state.overlay = None;
}

/// Whether the prompt of the overlay is of a kind.
fn prompt(state: &mut State) -> Option<&mut crate::app::Prompt> {
    match &mut state.overlay {
        Some(Overlay::Prompt(prompt)) => Some(prompt),
        _ => None,
    }
}
