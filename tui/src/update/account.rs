//! Signing in, signing up, verifying, signing out.

use wire::{
    Timestamp,
    accounts::{KeptMail, MailRoute, Me, SignUp, SignedUp},
};

use super::{go, notify};
use crate::{
    app::{Link, Screen, State, Tone, Verify, sign_in_form, sign_up_form, verify_form},
    keys::{Action, Place},
    msg::{Answer, Effect, Failure, FailureKind},
    text,
};

/// Seconds until a hub that does not answer is asked again.
const ASK_AGAIN: i64 = 3;

pub(super) fn act(state: &mut State, place: Place, action: Action, now: Timestamp) -> Vec<Effect> {
    match (place, action) {
        (Place::SignInNav, Action::Compose) => state.typing = true,
        (Place::SignIn, Action::Back) => state.typing = false,
        (Place::SignIn | Place::SignInNav, Action::SignUp) => {
            let email = state.sign_in.get("email");
            if state.sign_up.get("email").is_empty() {
                state.sign_up.set("email", email);
            }
            go(state, Screen::SignUp, true);
        }
        (Place::SignUp | Place::Verify, Action::Back) => go(state, Screen::SignIn, true),
        (Place::Verify, Action::Resend) => {
            let email = state.verify.email.clone();
            notify(state, Tone::Plain, "asking for another mail…", now);
            return vec![Effect::Resend(email)];
        }
        (_, Action::Next) => form(state, place).next(),
        (_, Action::Previous) => form(state, place).previous(),
        (_, Action::Submit) => return submit(state, place),
        _ => {}
    }
    Vec::new()
}

fn form(state: &mut State, place: Place) -> &mut crate::form::Form {
    match place {
        Place::SignUp => &mut state.sign_up,
        Place::Verify => &mut state.verify.form,
        _ => &mut state.sign_in,
    }
}

/// Enter: the next field, and on the last one what the form is for. While the hub is asked, nothing.
fn submit(state: &mut State, place: Place) -> Vec<Effect> {
    let form = form(state, place);
    if form.busy {
        return Vec::new();
    }
    if !form.at_end() {
        form.next();
        return Vec::new();
    }
    form.error = None;
    match place {
        Place::SignIn => sign_in(state),
        Place::SignUp => sign_up(state),
        Place::Verify => verify(state),
        _ => Vec::new(),
    }
}

fn sign_in(state: &mut State) -> Vec<Effect> {
    if state.sign_in.first_missing(&["email", "password"]) {
        return Vec::new();
    }
    state.sign_in.busy = true;
    vec![Effect::SignIn(state.sign_in.get("email"), state.sign_in.secret("password"))]
}

fn sign_up(state: &mut State) -> Vec<Effect> {
    let form = &mut state.sign_up;
    if form.first_missing(&["name", "email", "password", "again"]) {
        return Vec::new();
    }
    if form.secret("password") != form.secret("again") {
        form.complain(3, "is not the same");
        return Vec::new();
    }
    form.busy = true;
    let (name, email, password) = (form.get("name"), form.get("email"), form.secret("password"));
    vec![Effect::SignUp(SignUp { email, name, password })]
}

/// An empty field takes the code that the hub kept, if it kept one.
fn verify(state: &mut State) -> Vec<Effect> {
    let typed = state.verify.form.get("token");
    let kept = state.verify.mail.as_ref().and_then(|mail| mail.link.clone().or(mail.code.clone()));
    let token = if typed.is_empty() { kept } else { Some(typed) };
    let Some(token) = token else {
        state.verify.form.complain(0, "is empty");
        return Vec::new();
    };
    state.verify.form.busy = true;
    vec![Effect::Verify(token)]
}

/// Who the stored session belongs to: on to the chat, or to the sign-in form.
pub(super) fn recognised(state: &mut State, answer: Answer<Me>, now: Timestamp) -> Vec<Effect> {
    match answer {
        Ok(me) => enter(state, me),
        Err(failure) if failure.kind == FailureKind::SignedOut => {
            go(state, Screen::SignIn, true);
            Vec::new()
        }
        Err(failure) => {
            state.unreachable = Some(failure);
            state.ask_again = Some(now.plus_seconds(ASK_AGAIN));
            Vec::new()
        }
    }
}

/// Signed in: the socket opens, the rooms are asked for.
fn enter(state: &mut State, me: Me) -> Vec<Effect> {
    state.unreachable = None;
    let same = state.me.as_ref().is_some_and(|before| before.id == me.id);
    if same {
        state.rooms.iter_mut().for_each(crate::room::RoomState::restart);
    } else {
        state.rooms.clear();
        state.open = None;
        state.conversions.jobs.clear();
        state.conversions.uploads.clear();
    }
    state.conversions.loaded = false;
    state.rooms_known = false;
    state.me = Some(me);
    state.link = Link::Connecting;
    state.sign_in = sign_in_form();
    state.sign_up = sign_up_form();
    state.verify = Verify::default();
    go(state, Screen::Chat, state.open.is_some());
    let mut effects = vec![Effect::GoLive];
    effects.extend(state.rooms.iter().map(|room| Effect::Subscribe(room.id())));
    effects.push(Effect::LoadRooms);
    effects
}

pub(super) fn signed_in(state: &mut State, answer: Answer<Me>) -> Vec<Effect> {
    match answer {
        Ok(me) => enter(state, me),
        Err(failure) if failure.kind == FailureKind::Unverified && state.screen == Screen::SignIn => {
            state.sign_in.busy = false;
            let (email, password) = (state.sign_in.get("email"), state.sign_in.secret("password"));
            to_verify(state, email.clone(), password, None);
            vec![Effect::FindMail { to: email, wait: false }]
        }
        Err(failure) => {
            // Wrong credentials right after verification land on the sign-in form, where they can be typed.
            if state.screen == Screen::Verify {
                let email = state.verify.email.clone();
                state.sign_in.set("email", email);
                state.sign_in.focus = 1;
                go(state, Screen::SignIn, true);
            }
            state.sign_in.fail(&spoken(&failure));
            Vec::new()
        }
    }
}

pub(super) fn signed_up(state: &mut State, answer: Answer<SignedUp>) -> Vec<Effect> {
    match answer {
        Ok(done) => {
            state.sign_up.busy = false;
            let password = state.sign_up.secret("password");
            let email = text::clean_line(&done.user.email);
            to_verify(state, email.clone(), password, Some(done.mail));
            if done.mail == MailRoute::Kept {
                return vec![Effect::FindMail { to: email, wait: true }];
            }
        }
        Err(failure) => state.sign_up.fail(&spoken(&failure)),
    }
    Vec::new()
}

fn to_verify(state: &mut State, email: String, password: String, route: Option<MailRoute>) {
    state.verify = Verify { email, password, route, mail: None, form: verify_form() };
    go(state, Screen::Verify, true);
}

pub(super) fn mail(state: &mut State, answer: Answer<Option<KeptMail>>) -> Vec<Effect> {
    // A hub with SMTP, or one on another machine, has no kept mail to show: that is no failure.
    if let Ok(Some(mail)) = answer
        && mail.to.eq_ignore_ascii_case(&state.verify.email)
    {
        state.verify.route = Some(MailRoute::Kept);
        state.verify.mail = Some(mail);
    }
    Vec::new()
}

pub(super) fn verified(state: &mut State, answer: Answer<Me>, now: Timestamp) -> Vec<Effect> {
    match answer {
        Ok(me) => {
            let (email, password) = (state.verify.email.clone(), state.verify.password.clone());
            notify(state, Tone::Good, format!("welcome, {}", me.name), now);
            if !password.is_empty() {
                return vec![Effect::SignIn(email, password)];
            }
            state.sign_in.set("email", email);
            go(state, Screen::SignIn, true);
        }
        Err(failure) => state.verify.form.fail(&spoken(&failure)),
    }
    Vec::new()
}

pub(super) fn resent(state: &mut State, answer: Answer<()>, now: Timestamp) -> Vec<Effect> {
    match answer {
        Ok(()) => {
            notify(state, Tone::Good, "another mail is on its way", now);
            if state.verify.route != Some(MailRoute::Sent) {
                return vec![Effect::FindMail { to: state.verify.email.clone(), wait: true }];
            }
        }
        Err(failure) => state.verify.form.fail(&spoken(&failure)),
    }
    Vec::new()
}

pub(super) fn signed_out(state: &mut State) -> Vec<Effect> {
    state.me = None;
    state.rooms.clear();
    state.open = None;
    state.conversions.jobs.clear();
    state.conversions.loaded = false;
    go(state, Screen::SignIn, true);
    Vec::new()
}

/// The session ended by itself: drafts stay, for the same person to come back to.
pub(super) fn session_over(state: &mut State, why: &str) -> Vec<Effect> {
    state.sign_in = sign_in_form();
    if let Some(me) = &state.me {
        state.sign_in.set("email", text::clean_line(&me.email));
        state.sign_in.focus = 1;
    }
    state.sign_in.error = Some(text::clean_line(why));
    go(state, Screen::SignIn, true);
    Vec::new()
}

/// A failure in words that cannot steer the terminal.
fn spoken(failure: &Failure) -> Failure {
    Failure {
        kind: failure.kind,
        what: text::clean_line(&failure.what),
        hint: failure.hint.as_deref().map(text::clean_line),
        fields: failure.fields.iter().map(|(to, what)| (to.clone(), text::clean_line(what))).collect(),
    }
}
