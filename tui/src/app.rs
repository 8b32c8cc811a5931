//! The state of the client: everything that is on the screen and nothing else. It changes in `update` only.

use std::path::PathBuf;

use client::Health;
use jiff::tz::TimeZone;
use wire::{
    ClientId, JobId, RoomId, Timestamp, UserId,
    accounts::{KeptMail, MailRoute, Me},
    files::File,
    rooms::Room,
};

use crate::{
    Options,
    conversions::Conversions,
    form::{Field, Form},
    keys::Place,
    layout::{self, ChatAreas, Flow},
    msg::{Failure, NamedFile},
    room::{self, RoomState},
    theme::Theme,
};

/// The whole screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// Finding out who is signed in.
    Connecting,
    /// E-mail and password.
    SignIn,
    /// A new account.
    SignUp,
    /// The link or code of a mail.
    Verify,
    /// Rooms and messages.
    Chat,
    /// Conversions.
    Convert,
}

/// How the live socket is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// Not asked for, or on its way for the first time.
    #[default]
    Connecting,
    /// Up.
    Live,
    /// Down, and being tried.
    Reconnecting {
        /// How often it was tried.
        attempt: u32,
        /// Why it is down.
        why: String,
    },
}

/// How a notice is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It worked.
    Good,
    /// Something to know.
    Plain,
    /// It did not work.
    Bad,
}

/// A sentence on the last line for a few seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The sentence.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
    /// When it goes.
    pub until: Timestamp,
    /// Whether it goes at once when the hub is there again.
    pub offline: bool,
}

/// The verification screen.
#[derive(Clone, Debug, Default)]
pub struct Verify {
    /// Whose address.
    pub email: String,
    /// To sign in afterwards; never shown, never stored.
    pub password: String,
    /// What the hub does with mail, once known.
    pub route: Option<MailRoute>,
    /// The kept mail with its code.
    pub mail: Option<KeptMail>,
    /// The one field.
    pub form: Form,
}

/// What lies over the screen.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// All keys; scrolled down by so many lines.
    Help(u16),
    /// A small form.
    Prompt(Prompt),
    /// A list of rooms.
    Picker(Picker),
    /// A question.
    Confirm(Confirm),
}

/// A small form.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// What it is for.
    pub kind: PromptKind,
    /// Its fields.
    pub form: Form,
    /// Files that begin with what is typed.
    pub found: Vec<String>,
    /// Files of this machine that it is about, beside one that is typed.
    pub files: Vec<NamedFile>,
    /// What in the composer it takes the place of.
    pub pasted: String,
}

/// What a small form is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptKind {
    /// Make a room.
    NewRoom,
    /// Invite somebody into this room.
    Invite(RoomId),
    /// Convert a file.
    AddFile,
    /// Save the result of this conversion.
    Save(JobId),
    /// Send files into this room, or have one converted there.
    Send(RoomId),
    /// Have this file of a room converted for everybody there.
    ConvertFile(RoomId, Box<File>),
    /// Save these files of a room.
    SaveFiles(Vec<File>),
    /// Put a sign on the message at this position.
    React(RoomId, u64),
}

/// A list of rooms to open or join.
#[derive(Clone, Debug, Default)]
pub struct Picker {
    /// One field: a part of the name.
    pub filter: Form,
    /// Public rooms, once known.
    pub public: Vec<Room>,
    /// Index into what is shown.
    pub selected: usize,
}

/// A question with yes and no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// Quit although something is under way?
    Quit,
    /// Leave this room?
    Leave(RoomId),
    /// End the session?
    SignOut,
    /// Stop this upload?
    StopUpload(u64),
    /// Stop this conversion?
    CancelJob(JobId),
    /// Remove the message at this position?
    Delete(RoomId, u64),
    /// Do not send this message?
    Withdraw(ClientId),
}

/// Everything that is on the screen.
#[derive(Clone, Debug)]
pub struct State {
    /// Columns and rows.
    pub size: (u16, u16),
    /// The screen.
    pub screen: Screen,
    /// What lies over it.
    pub overlay: Option<Overlay>,
    /// Whether letters go into text, where a screen has both modes.
    pub typing: bool,
    /// Why it cannot be found out who is signed in.
    pub unreachable: Option<Failure>,
    /// When that is asked again.
    pub ask_again: Option<Timestamp>,
    /// The sign-in form.
    pub sign_in: Form,
    /// The sign-up form.
    pub sign_up: Form,
    /// The verification screen.
    pub verify: Verify,
    /// Who is signed in.
    pub me: Option<Me>,
    /// The live socket.
    pub link: Link,
    /// How the hub is.
    pub health: Health,
    /// The rooms one is in, by name.
    pub rooms: Vec<RoomState>,
    /// Whether the hub has told them.
    pub rooms_known: bool,
    /// The room on the screen.
    pub open: Option<RoomId>,
    /// The room to open first, by name or id.
    pub wanted: Option<String>,
    /// The room to open as soon as it is in the list: one just made or joined.
    pub expected: Option<RoomId>,
    /// The conversion screen.
    pub conversions: Conversions,
    /// The last line's sentence.
    pub notice: Option<Notice>,
    /// Until when a second Ctrl-C quits.
    pub quit_armed: Option<Timestamp>,
    /// Colours.
    pub theme: Theme,
    /// What the hub is called on the screen.
    pub label: String,
    /// Its address.
    pub server: String,
    /// For times of day.
    pub zone: TimeZone,
    /// Where relative paths begin and results are saved.
    pub folder: PathBuf,
    /// The next number for a draft or upload.
    pub number: u64,
    /// Whether the person was writing before choosing a message.
    pub came_from_typing: bool,
    /// Files whose names begin as the path that is being written behind a command.
    pub found: Vec<String>,
    /// Where and when it was last said that the person writes.
    pub said_typing: Option<(RoomId, Timestamp)>,
}

impl State {
    /// The state before anything is known.
    pub fn new(options: &Options) -> Self {
        Self {
            size: (0, 0),
            screen: Screen::Connecting,
            overlay: None,
            typing: false,
            unreachable: None,
            ask_again: None,
            sign_in: sign_in_form(),
            sign_up: sign_up_form(),
            verify: Verify::default(),
            me: None,
            link: Link::Connecting,
            health: Health::default(),
            rooms: Vec::new(),
            rooms_known: false,
            open: None,
            wanted: options.room.clone(),
            expected: None,
            conversions: Conversions { target: "pdf".to_owned(), ..Conversions::default() },
            notice: None,
            quit_armed: None,
            theme: options.theme,
            label: crate::text::clean_line(&options.server_label),
            server: options.server.clone(),
            zone: options.zone.clone(),
            folder: options.folder.clone(),
            number: 0,
            came_from_typing: false,
            found: Vec::new(),
            said_typing: None,
        }
    }

    /// Where keys go.
    pub fn place(&self) -> Place {
        match (&self.overlay, self.screen, self.typing) {
            (Some(Overlay::Help(_)), ..) => Place::Help,
            (Some(Overlay::Prompt(_)), ..) => Place::Prompt,
            (Some(Overlay::Picker(_)), ..) => Place::Picker,
            (Some(Overlay::Confirm(_)), ..) => Place::Confirm,
            (None, Screen::Connecting, _) => Place::Connecting,
            (None, Screen::SignIn, true) => Place::SignIn,
            (None, Screen::SignIn, false) => Place::SignInNav,
            (None, Screen::SignUp, _) => Place::SignUp,
            (None, Screen::Verify, _) => Place::Verify,
            (None, Screen::Chat, false) if self.selected().is_some() => Place::Messages,
            (None, Screen::Chat, false) => Place::Chat,
            (None, Screen::Chat, true) => Place::Writing,
            (None, Screen::Convert, _) => Place::Convert,
        }
    }

    /// A number that was not given before.
    pub fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Who is signed in; nobody's id before that.
    pub fn my_id(&self) -> UserId {
        self.me.as_ref().map_or(UserId(uuid::Uuid::nil()), |me| me.id)
    }

    /// What the person is called.
    pub fn my_name(&self) -> String {
        self.me.as_ref().map(|me| crate::text::clean_line(&me.name)).unwrap_or_default()
    }

    /// A room one is in.
    pub fn room(&self, id: RoomId) -> Option<&RoomState> {
        self.rooms.iter().find(|room| room.id() == id)
    }

    /// The same, to change it.
    pub fn room_mut(&mut self, id: RoomId) -> Option<&mut RoomState> {
        self.rooms.iter_mut().find(|room| room.id() == id)
    }

    /// The room on the screen.
    pub fn open_room(&self) -> Option<&RoomState> {
        self.open.and_then(|id| self.room(id))
    }

    /// The same, to change it.
    pub fn open_room_mut(&mut self) -> Option<&mut RoomState> {
        self.open.and_then(|id| self.room_mut(id))
    }

    /// The message of the open room that was chosen.
    pub fn selected(&self) -> Option<room::Place> {
        self.open_room()?.timeline.selected
    }

    /// Messages of a room that were not read, on no device of the person.
    pub fn unread(&self, room: &RoomState) -> u64 {
        self.counts(room).0
    }

    /// The same, and how many of them name the person.
    pub fn counts(&self, room: &RoomState) -> (u64, u64) {
        room.counted.unread(&room.timeline, self.my_id())
    }

    /// Messages in the outbox.
    pub fn queued(&self) -> usize {
        self.rooms.iter().map(|room| room.timeline.queued()).sum()
    }

    /// The parts of the chat screen, with the banner's line already taken from the messages.
    pub fn chat_areas(&self) -> ChatAreas {
        let area = layout::above_footer(self.size);
        let width = layout::inside(layout::chat(area, 1).composer).width;
        let rows = self.open_room().map_or(1, |room| room.composer.rows(width));
        layout::chat(area, rows)
    }

    /// Columns and rows of the messages.
    pub fn messages_size(&self) -> (u16, u16) {
        let area = layout::inside(self.chat_areas().messages);
        let banner = u16::from(self.banner().is_some());
        (area.width, area.height.saturating_sub(banner))
    }

    /// What stands above the messages: how the link is, or how the hub is.
    pub fn banner(&self) -> Option<String> {
        let queued = || match self.queued() {
            0 => String::new(),
            1 => " · 1 message queued".to_owned(),
            count => format!(" · {count} messages queued"),
        };
        match &self.link {
            Link::Reconnecting { attempt, why } => {
                let tries = if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
                let why = if why.is_empty() { String::new() } else { format!(" · {why}") };
                Some(format!("◐ reconnecting…{tries}{}{why}", queued()))
            }
            _ if self.health.is_good() => None,
            _ => Some(format!("◐ {}{}", self.health, queued())),
        }
    }

    /// How the open room's timeline falls into rows.
    pub fn flow<'a>(&'a self, room: &'a RoomState, my_name: &'a str) -> Flow<'a> {
        let (columns, _) = self.messages_size();
        Flow { timeline: &room.timeline, me: self.my_id(), my_name, columns, zone: &self.zone }
    }

    /// Rooms that the picker shows: those whose name has the typed letters, joined ones first.
    pub fn picks(&self, picker: &Picker) -> Vec<Room> {
        let typed = picker.filter.get("filter").trim_start_matches('#').to_lowercase();
        let joined = self.rooms.iter().map(|room| room.room.clone());
        let others = picker.public.iter().filter(|room| self.room(room.id).is_none()).cloned();
        joined.chain(others).filter(|room| room.name.to_lowercase().contains(&typed)).collect()
    }

    /// When something on the screen changes by itself next.
    pub fn deadline(&self) -> Option<Timestamp> {
        let notice = self.notice.as_ref().map(|notice| notice.until);
        let writing = self.rooms.iter().filter_map(|room| room.crowd.deadline());
        let cards = self.rooms.iter().filter_map(|room| room.timeline.deadline());
        let once = [notice, self.quit_armed, self.ask_again];
        once.into_iter().flatten().chain(writing).chain(cards).min()
    }
}

/// The sign-in form.
pub fn sign_in_form() -> Form {
    Form::new(vec![Field::text("E-mail", "email", ""), Field::secret("Password", "password", "")])
}

/// The sign-up form.
pub fn sign_up_form() -> Form {
    Form::new(vec![
        Field::text("Name", "name", "what others see"),
        Field::text("E-mail", "email", "where the activation mail goes"),
        Field::secret("Password", "password", "10 characters or more"),
        Field::secret("Again", "again", "the same once more"),
    ])
}

/// The verification form.
pub fn verify_form() -> Form {
    Form::new(vec![Field::text("Link or code", "token", "as it stands in the mail")])
}
