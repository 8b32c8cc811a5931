//! Every key there is, in one table: it drives what keys do, the hints of the last line and the help screen.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Open or close the help.
    Help,
    /// Leave the program.
    Quit,
    /// Clear the text, else close the popup, else ask to press it again to quit.
    Interrupt,
    /// Paint everything anew.
    Redraw,
    /// Give the terminal back to the shell for a while.
    Suspend,
    /// One step back; never quits.
    Back,
    /// The chat screen.
    Chat,
    /// The conversion screen.
    Convert,
    /// Ask the hub again.
    Refresh,
    /// Begin to type.
    Compose,
    /// Choose a message.
    Select,
    /// Complete a command or a name, else choose a message.
    CompleteLine,
    /// Answer the message.
    Reply,
    /// Change the message.
    Edit,
    /// Remove the message, or do not send it.
    Delete,
    /// Put a sign on the message.
    React,
    /// Pin the message, or take its pin away.
    Pin,
    /// Have a file of the message converted.
    ConvertFile,
    /// Send a file.
    SendFile,
    /// Send the message.
    Send,
    /// A line end within the message.
    Newline,
    /// The room or row above.
    Up,
    /// The room or row below.
    Down,
    /// A screenful back.
    PageUp,
    /// A screenful on.
    PageDown,
    /// Half a screenful back.
    HalfUp,
    /// Half a screenful on.
    HalfDown,
    /// To the oldest.
    Top,
    /// To the newest.
    Bottom,
    /// To the first that is unread.
    FirstUnread,
    /// The next room with something unread.
    NextUnread,
    /// Make a room.
    NewRoom,
    /// Find a room, joined or public.
    Rooms,
    /// Bring somebody into the room.
    Invite,
    /// Leave the room.
    Leave,
    /// Send the refused message again, or convert the failed file again.
    Retry,
    /// Convert a file.
    Add,
    /// Save the result.
    Save,
    /// Stop the conversion.
    Cancel,
    /// Complete the path that is being typed, or go to the next field.
    Complete,
    /// The next field.
    Next,
    /// The field before.
    Previous,
    /// Do what the form is for.
    Submit,
    /// Make an account.
    SignUp,
    /// Send the verification mail again.
    Resend,
    /// End the session.
    SignOut,
    /// Yes.
    Yes,
    /// No.
    No,
}

/// Where the keys go right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before it is known who is signed in.
    Connecting,
    /// Typing into the sign-in form.
    SignIn,
    /// The sign-in form, not typing.
    SignInNav,
    /// Typing into the sign-up form.
    SignUp,
    /// Typing a link or code.
    Verify,
    /// Reading the chat.
    Chat,
    /// Doing something to a message.
    Messages,
    /// Writing a message.
    Writing,
    /// The list of conversions.
    Convert,
    /// Typing into a small form.
    Prompt,
    /// Choosing a room.
    Picker,
    /// A question with yes and no.
    Confirm,
    /// The help.
    Help,
}

impl Place {
    /// All of them, in the order of the help.
    pub const ALL: [Self; 13] = [
        Self::Connecting,
        Self::SignIn,
        Self::SignInNav,
        Self::SignUp,
        Self::Verify,
        Self::Chat,
        Self::Messages,
        Self::Writing,
        Self::Convert,
        Self::Prompt,
        Self::Picker,
        Self::Confirm,
        Self::Help,
    ];

    /// Whether letters go into text: the two modes.
    pub fn is_typing(self) -> bool {
        matches!(
            self,
            Self::SignIn | Self::SignUp | Self::Verify | Self::Writing | Self::Prompt | Self::Picker
        )
    }

    /// The mode as a word.
    pub fn mode(self) -> &'static str {
        if self.is_typing() { "TYPE" } else { "NAV" }
    }

    /// What the help calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Connecting => "Connecting",
            Self::SignIn => "Sign in",
            Self::SignInNav => "Sign in (not typing)",
            Self::SignUp => "New account",
            Self::Verify => "Verify",
            Self::Chat => "Chat",
            Self::Messages => "A message",
            Self::Writing => "Writing a message",
            Self::Convert => "Convert",
            Self::Prompt => "Small forms",
            Self::Picker => "Rooms",
            Self::Confirm => "Questions",
            Self::Help => "Help",
        }
    }
}

/// A key with its modifiers. Shift is part of the letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(pub KeyCode, pub KeyModifiers);

impl Key {
    const fn plain(code: KeyCode) -> Self {
        Self(code, KeyModifiers::NONE)
    }

    const fn letter(letter: char) -> Self {
        Self::plain(KeyCode::Char(letter))
    }

    const fn ctrl(letter: char) -> Self {
        Self(KeyCode::Char(letter), KeyModifiers::CONTROL)
    }

    const fn alt(code: KeyCode) -> Self {
        Self(code, KeyModifiers::ALT)
    }

    /// How hints write it, such as `Ctrl-N`.
    pub fn label(self) -> String {
        let name = match self.0 {
            KeyCode::Char(letter) if self.1.is_empty() => letter.to_string(),
            KeyCode::Char(letter) => letter.to_uppercase().to_string(),
            KeyCode::F(number) => format!("F{number}"),
            KeyCode::Up => "↑".into(),
            KeyCode::Down => "↓".into(),
            KeyCode::PageUp => "PgUp".into(),
            KeyCode::PageDown => "PgDn".into(),
            KeyCode::BackTab => "Shift-Tab".into(),
            other => format!("{other:?}"),
        };
        let ctrl = if self.1.contains(KeyModifiers::CONTROL) { "Ctrl-" } else { "" };
        let alt = if self.1.contains(KeyModifiers::ALT) { "Alt-" } else { "" };
        format!("{ctrl}{alt}{name}")
    }

    fn is(self, event: &KeyEvent) -> bool {
        // Terminals disagree on whether an upper-case letter or Shift-Tab also carries Shift.
        let modifiers = event.modifiers.difference(KeyModifiers::SHIFT);
        let code = match event.code {
            KeyCode::Char(letter) if !modifiers.is_empty() => KeyCode::Char(letter.to_ascii_lowercase()),
            other => other,
        };
        self.0 == code && self.1 == modifiers
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// What it asks for.
    pub action: Action,
    /// Stable name of the action.
    pub id: &'static str,
    /// Keys that do the same; hints show the first.
    pub keys: &'static [Key],
    /// Where they do it.
    pub places: &'static [Place],
    /// A few words for the help.
    pub about: &'static str,
    /// A word or two for the last line of the screen; empty for none.
    pub hint: &'static str,
}

const F1: Key = Key::plain(KeyCode::F(1));
const ENTER: Key = Key::plain(KeyCode::Enter);
const ESC: Key = Key::plain(KeyCode::Esc);
const UP: Key = Key::plain(KeyCode::Up);
const DOWN: Key = Key::plain(KeyCode::Down);
const PAGE_UP: Key = Key::plain(KeyCode::PageUp);
const PAGE_DOWN: Key = Key::plain(KeyCode::PageDown);

const fn bind(
    action: Action,
    id: &'static str,
    keys: &'static [Key],
    places: &'static [Place],
    about: &'static str,
    hint: &'static str,
) -> Binding {
    Binding { action, id, keys, places, about, hint }
}

use Place::{
    Chat, Confirm, Connecting, Convert, Help, Messages, Picker, Prompt, SignIn, SignInNav, SignUp, Verify,
    Writing,
};

const FORMS: &[Place] = &[SignIn, SignUp, Verify, Prompt];
const HOME: &[Place] = &[Chat, Messages, Writing, Convert];
const NAV: &[Place] = &[Connecting, SignInNav, Chat, Messages, Convert];
const READING: &[Place] = &[Chat, Messages];
const TALK: &[Place] = &[Chat, Messages, Writing];

/// The table. Within a place the hints come in this order.
#[rustfmt::skip]
pub const BINDINGS: &[Binding] = &[
    bind(Action::Submit, "form.submit", &[ENTER], FORMS, "go on; on the last field: do it", "go on"),
    bind(Action::Next, "form.next", &[Key::plain(KeyCode::Tab), DOWN], &[SignIn, SignUp], "next field", "next field"),
    bind(Action::Complete, "form.complete", &[Key::plain(KeyCode::Tab)], &[Prompt], "complete the path, or next field", "next"),
    bind(Action::Next, "form.below", &[DOWN], &[Prompt], "next field", ""),
    bind(Action::Previous, "form.previous", &[Key::plain(KeyCode::BackTab), UP], &[SignIn, SignUp, Prompt], "field before", ""),
    bind(Action::SignUp, "account.new", &[Key::ctrl('n')], &[SignIn], "make an account", "new account"),
    bind(Action::SignUp, "account.new", &[Key::letter('n')], &[SignInNav], "make an account", "new account"),
    bind(Action::Resend, "account.resend", &[Key::ctrl('r')], &[Verify], "send the mail again", "send again"),
    bind(Action::Send, "message.send", &[ENTER], &[Writing], "send", "send"),
    bind(Action::Newline, "message.newline", &[Key::alt(KeyCode::Enter), Key::ctrl('j')], &[Writing], "line end in the message", "newline"),
    bind(Action::CompleteLine, "message.complete", &[Key::plain(KeyCode::Tab)], &[Writing], "complete a /command or @name; else: messages", "messages"),
    bind(Action::Select, "message.choose", &[UP], &[Writing], "choose a message, when nothing is written", ""),
    bind(Action::Back, "back", &[ESC], &[SignIn, Writing], "stop typing: letters become keys", "keys"),
    bind(Action::Compose, "message.write", &[Key::letter('i'), ENTER], READING, "write a message", "write"),
    bind(Action::Reply, "message.reply", &[Key::letter('r')], &[Messages], "answer it", "reply"),
    bind(Action::Save, "message.save", &[Key::letter('s')], &[Messages], "save its files", "save"),
    bind(Action::ConvertFile, "message.convert", &[Key::letter('c')], &[Messages], "convert its file for everybody here", "convert"),
    bind(Action::Retry, "message.retry", &[Key::letter('R')], &[Messages], "send it again, when it was refused", "send again"),
    bind(Action::Edit, "message.edit", &[Key::letter('e')], &[Messages], "change it, when it is yours", "edit"),
    bind(Action::React, "message.react", &[Key::letter('+')], &[Messages], "put a sign on it, or take it back", "sign"),
    bind(Action::Delete, "message.delete", &[Key::letter('d')], &[Messages], "remove it, or do not send it (asks)", "delete"),
    bind(Action::Pin, "message.pin", &[Key::letter('p')], &[Messages], "pin it, or take its pin away", ""),
    bind(Action::Chat, "message.leave", &[Key::plain(KeyCode::Tab)], &[Messages], "to the rooms", ""),
    bind(Action::Compose, "form.type", &[Key::letter('i'), ENTER], &[SignInNav], "type into the form", "type"),
    bind(Action::Submit, "room.open", &[ENTER], &[Picker], "open, and join if need be", "open"),
    bind(Action::Up, "room.up", &[UP, Key::letter('k')], &[Chat], "room above", ""),
    bind(Action::Down, "room.down", &[DOWN, Key::letter('j')], &[Chat], "room below", "↑ room"),
    bind(Action::Add, "convert.add", &[Key::letter('a'), Key::ctrl('o')], &[Convert], "add a file", "add file"),
    bind(Action::Save, "convert.save", &[Key::letter('s')], &[Convert], "save the result", "save"),
    bind(Action::Cancel, "convert.cancel", &[Key::letter('x')], &[Convert], "stop the conversion (asks)", "stop"),
    bind(Action::Back, "back", &[ESC], &[Convert], "back to the chat", "chat"),
    bind(Action::Retry, "convert.retry", &[Key::letter('R')], &[Convert], "convert the failed file again", "retry"),
    bind(Action::Up, "message.up", &[UP, Key::letter('k')], &[Messages], "message above", ""),
    bind(Action::Down, "message.down", &[DOWN, Key::letter('j')], &[Messages], "message below", ""),
    bind(Action::Up, "list.up", &[UP, Key::letter('k')], &[Convert, Help], "line above", ""),
    bind(Action::Down, "list.down", &[DOWN, Key::letter('j')], &[Convert, Help], "line below", ""),
    bind(Action::Up, "pick.up", &[UP], &[Picker], "room above", ""),
    bind(Action::Down, "pick.down", &[DOWN], &[Picker], "room below", "↑ choose"),
    bind(Action::Up, "room.above", &[Key::alt(KeyCode::Up)], TALK, "room above", ""),
    bind(Action::Down, "room.below", &[Key::alt(KeyCode::Down)], TALK, "room below", ""),
    bind(Action::PageUp, "scroll.page_up", &[PAGE_UP], &[Chat, Messages, Writing, Help], "a screen up: older messages", ""),
    bind(Action::PageDown, "scroll.page_down", &[PAGE_DOWN], &[Chat, Messages, Writing, Help], "a screen down", ""),
    bind(Action::HalfUp, "scroll.half_up", &[Key::ctrl('u')], READING, "half a screen up", ""),
    bind(Action::HalfDown, "scroll.half_down", &[Key::ctrl('d')], READING, "half a screen down", ""),
    bind(Action::Top, "scroll.top", &[Key::letter('g'), Key::plain(KeyCode::Home)], READING, "oldest that is loaded", ""),
    bind(Action::Bottom, "scroll.bottom", &[Key::letter('G'), Key::plain(KeyCode::End)], READING, "newest", ""),
    bind(Action::Bottom, "scroll.bottom", &[Key::alt(KeyCode::End)], &[Writing], "newest", ""),
    bind(Action::FirstUnread, "scroll.unread", &[Key::letter('u'), Key::alt(KeyCode::Char('u'))], READING, "first unread", ""),
    bind(Action::FirstUnread, "scroll.unread", &[Key::alt(KeyCode::Char('u'))], &[Writing], "first unread", ""),
    bind(Action::NextUnread, "room.next_unread", &[Key::letter(']'), Key::alt(KeyCode::Char('n'))], READING, "next room with news", ""),
    bind(Action::NextUnread, "room.next_unread", &[Key::alt(KeyCode::Char('n'))], &[Writing], "next room with news", ""),
    bind(Action::Rooms, "room.find", &[Key::ctrl('k')], TALK, "find or join a room", "find room"),
    bind(Action::Select, "message.choose", &[Key::plain(KeyCode::Tab)], &[Chat], "choose a message", "messages"),
    bind(Action::Convert, "screen.convert", &[Key::plain(KeyCode::F(3))], TALK, "your conversions", "convert"),
    bind(Action::NewRoom, "room.new", &[Key::ctrl('n')], TALK, "make a room", "new room"),
    bind(Action::Invite, "room.invite", &[Key::letter('I'), Key::alt(KeyCode::Char('i'))], &[Chat], "invite somebody into the room", "invite"),
    bind(Action::Invite, "room.invite", &[Key::alt(KeyCode::Char('i'))], &[Writing], "invite somebody into the room", "invite"),
    bind(Action::Leave, "room.leave", &[Key::letter('L')], &[Chat], "leave the room (asks)", ""),
    bind(Action::Retry, "message.retry", &[Key::letter('R')], &[Chat], "send the refused message again", ""),
    bind(Action::SendFile, "file.send", &[Key::ctrl('o')], TALK, "send a file, or have it converted here", "file"),
    bind(Action::Save, "file.save", &[Key::letter('s')], &[Chat], "save the newest file of the room", ""),
    bind(Action::Refresh, "refresh", &[Key::letter('r')], &[Connecting], "try again", "try again"),
    bind(Action::Refresh, "refresh", &[Key::letter('r')], &[Chat, Convert], "ask the hub again", ""),
    bind(Action::Chat, "screen.chat", &[Key::plain(KeyCode::F(2))], HOME, "chat", ""),
    bind(Action::Chat, "screen.chat", &[Key::letter('1')], &[Chat, Convert], "chat", ""),
    bind(Action::Convert, "screen.convert", &[Key::letter('2')], READING, "your conversions", ""),
    bind(Action::SignOut, "account.sign_out", &[Key::letter('O')], &[Chat], "sign out (asks)", ""),
    bind(Action::Yes, "answer.yes", &[Key::letter('y')], &[Confirm], "yes", "yes"),
    bind(Action::No, "answer.no", &[Key::letter('n'), ENTER], &[Confirm], "no", "no"),
    bind(Action::Back, "back", &[ESC], &[SignUp, Verify, Prompt, Picker, Confirm, Help], "one step back", "back"),
    bind(Action::Back, "back", &[ESC], &[Chat], "to the newest message", ""),
    bind(Action::Back, "back", &[ESC], &[Messages], "back to where you were", "back"),
    bind(Action::Quit, "quit", &[Key::letter('q')], NAV, "quit", "quit"),
    bind(Action::Help, "help", &[F1], &Place::ALL, "this help", "help"),
    bind(Action::Help, "help", &[Key::letter('?')], &[Connecting, SignInNav, Chat, Messages, Convert, Help], "this help", ""),
    bind(Action::Redraw, "redraw", &[Key::ctrl('l')], &Place::ALL, "paint the screen anew", ""),
    bind(Action::Suspend, "suspend", &[Key::ctrl('z')], &Place::ALL, "back to the shell; `fg` returns", ""),
    bind(Action::Interrupt, "interrupt", &[Key::ctrl('c')], &Place::ALL, "clear, close, and twice: quit", ""),
];

/// What a key asks for at a place, if anything.
pub fn action(place: Place, event: &KeyEvent) -> Option<Action> {
    of(place).find(|binding| binding.keys.iter().any(|key| key.is(event))).map(|binding| binding.action)
}

/// The bindings of a place, in the order of the table.
pub fn of(place: Place) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |binding| binding.places.contains(&place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_at_one_place() {
        for place in Place::ALL {
            let keys: Vec<(Key, &str)> =
                of(place).flat_map(|line| line.keys.iter().map(|key| (*key, line.id))).collect();
            for (index, (key, id)) in keys.iter().enumerate() {
                let other = keys.iter().skip(index + 1).find(|(later, _)| later == key);
                assert!(other.is_none(), "{} is {id} and {other:?} at {place:?}", key.label());
            }
        }
    }

    #[test]
    fn typing_leaves_letters_alone() {
        for place in Place::ALL.into_iter().filter(|place| place.is_typing()) {
            for key in of(place).flat_map(|line| line.keys) {
                assert!(
                    !(matches!(key.0, KeyCode::Char(_)) && key.1.is_empty()),
                    "{} at {place:?}",
                    key.label()
                );
            }
        }
    }

    #[test]
    fn keys_that_belong_to_terminals_and_multiplexers_are_left_to_them() {
        // tmux, screen, flow control, Tab, Enter, Backspace, Esc in disguise.
        let taken: Vec<Key> = "basqimh".chars().map(Key::ctrl).collect();

        for line in BINDINGS {
            assert!(!line.keys.iter().any(|key| taken.contains(key)), "{}", line.id);
        }
    }

    #[test]
    fn every_place_has_help_and_a_way_back_or_out() {
        for place in Place::ALL {
            let actions: Vec<Action> = of(place).map(|line| line.action).collect();
            assert!(actions.contains(&Action::Help), "{place:?}");
            assert!(actions.contains(&Action::Interrupt), "{place:?}");
            assert!(actions.contains(&Action::Back) || actions.contains(&Action::Quit), "{place:?}");
        }
    }

    #[test]
    fn shift_is_part_of_the_letter() {
        let upper = KeyEvent::new(KeyCode::Char('R'), KeyModifiers::SHIFT);
        let tab = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);

        assert_eq!(action(Place::Chat, &upper), Some(Action::Retry));
        assert_eq!(action(Place::SignUp, &tab), Some(Action::Previous));
    }
}
