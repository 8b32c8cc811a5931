//! Fixed people, rooms, times and a state to try things on. No clock, no zone of the machine, no fresh ids.

use std::sync::Arc;

use client::Draft;
use jiff::tz::TimeZone;
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
};
use tui::{
    Options, Theme,
    app::State,
    msg::{Effect, Heard, Msg},
    update::update,
    view,
};
use uuid::Uuid;
use wire::{
    ClientId, Code, JobId, MessageId, Problem, RoomId, Timestamp, UserId,
    accounts::{Me, Role},
    conversions::{Job, JobState},
    events::{RoomEvent, What},
    rooms::{Member, MemberRole, Room},
};

/// 2025-11-22 19:58:00 UTC, a Saturday.
pub(crate) const EVENING: i64 = 1_763_841_480_000_000;

pub(crate) fn at(minutes: i64) -> Timestamp {
    Timestamp::from_micros(EVENING).plus_seconds(minutes * 60)
}

pub(crate) fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

pub(crate) fn room_id(number: u128) -> RoomId {
    RoomId(Uuid::from_u128(0xA000 + number))
}

pub(crate) fn cid(number: u128) -> ClientId {
    ClientId(Uuid::from_u128(0xC000 + number))
}

pub(crate) fn job_id(number: u128) -> JobId {
    JobId(Uuid::from_u128(0xF000 + number))
}

pub(crate) const ANN: u128 = 1;
pub(crate) const BOB: u128 = 2;
pub(crate) const CAROL: u128 = 3;

pub(crate) fn me() -> Me {
    Me {
        id: user(ANN),
        email: "ann@example.org".into(),
        name: "ann".into(),
        bio: String::new(),
        tz: String::new(),
        role: Role::User,
        has_photo: false,
        allow_third_party: false,
        created_at: at(0),
    }
}

pub(crate) fn room(number: u128, name: &str, topic: &str) -> Room {
    Room {
        id: room_id(number),
        name: name.into(),
        private: name.starts_with("sec"),
        topic: topic.into(),
        members: 3,
        joined: true,
        direct: false,
        role: None,
        unread: None,
        mentions: None,
        mark: None,
        upto: None,
        created_at: at(0),
    }
}

pub(crate) fn event(room: u128, pos: u64, minutes: i64, by: (u128, &str), what: What) -> RoomEvent {
    RoomEvent {
        id: MessageId(Uuid::from_u128(u128::from(pos))),
        room: room_id(room),
        pos,
        prev: pos.checked_sub(1),
        ts: at(minutes),
        by: user(by.0),
        name: by.1.into(),
        cid: cid(0x1000 + u128::from(pos)),
        what,
    }
}

pub(crate) fn said(room: u128, pos: u64, minutes: i64, by: (u128, &str), body: &str) -> RoomEvent {
    event(room, pos, minutes, by, What::said(body))
}

pub(crate) fn job(number: u128, name: &str, to: &str, state: JobState) -> Job {
    let (_, from) = name.rsplit_once('.').unwrap_or(("", "txt"));
    Job {
        id: job_id(number),
        owner: user(ANN),
        name: name.into(),
        from: from.into(),
        to: to.into(),
        state,
        seq: 1,
        progress: None,
        position: None,
        eta: None,
        attempt: 1,
        bytes_in: 2_202_009,
        bytes_out: None,
        sha256: None,
        engine: None,
        degraded: false,
        lost: Vec::new(),
        error: None,
        seconds: None,
        cached_from: None,
        work: None,
        batch: None,
        held: false,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// The link is gone for a second.
pub(crate) fn lost(attempt: u32, why: &str) -> Heard {
    Heard::Reconnecting { attempt, in_ms: 1_000, why: why.into() }
}

/// An own message has its place.
pub(crate) fn sent(number: u128, room: u128, pos: u64) -> Heard {
    let id = MessageId(Uuid::from_u128(u128::from(pos)));
    Heard::Sent { cid: cid(number), room: room_id(room), pos, id, ts: at(0) }
}

/// An own message was refused for good.
pub(crate) fn refused(number: u128, room: u128, why: &str) -> Heard {
    let problem = Problem::new(Code::RateLimited, why);
    Heard::Refused { cid: cid(number), room: room_id(room), problem }
}

/// A message was left in the outbox.
pub(crate) fn waits(number: u128, room: u128, body: &str) -> Heard {
    let draft = Draft { cid: cid(number), ..Draft::new(room_id(room), body.into()) };
    Heard::Queued { draft: Box::new(draft), at: at(0) }
}

pub(crate) fn options() -> Options {
    Options {
        server_label: "local".into(),
        server: "http://127.0.0.1:8000/".into(),
        room: None,
        theme: Theme::Ansi,
        folder: "/home/ann/files".into(),
        home: Some("/home/ann".into()),
        outboxes: None,
        verified: None,
        device: None,
        zone: TimeZone::UTC,
        clock: Arc::new(|| at(0)),
    }
}

/// A state with hands: keys and messages go in, effects are kept, the screen can be looked at.
pub(crate) struct Client {
    pub(crate) state: State,
    pub(crate) effects: Vec<Effect>,
    /// What goes out by the way: that the person writes, and what they have read.
    pub(crate) asides: Vec<Effect>,
    pub(crate) now: Timestamp,
}

impl Client {
    pub(crate) fn new(columns: u16, rows: u16) -> Self {
        Self::with(options(), columns, rows)
    }

    pub(crate) fn with(options: Options, columns: u16, rows: u16) -> Self {
        let mut client =
            Self { state: State::new(&options), effects: Vec::new(), asides: Vec::new(), now: at(0) };
        client.tell(Msg::Resized(columns, rows));
        client
    }

    pub(crate) fn tell(&mut self, msg: Msg) -> &mut Self {
        let effects = update(&mut self.state, msg, self.now).into_iter();
        let (asides, effects): (Vec<_>, Vec<_>) =
            effects.partition(|effect| matches!(effect, Effect::Read(..) | Effect::Typing(..)));
        self.effects.extend(effects);
        self.asides.extend(asides);
        self
    }

    pub(crate) fn hear(&mut self, heard: Heard) -> &mut Self {
        self.tell(Msg::Heard(heard))
    }

    pub(crate) fn press(&mut self, code: KeyCode) -> &mut Self {
        self.tell(Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    pub(crate) fn with_modifier(&mut self, code: KeyCode, modifiers: KeyModifiers) -> &mut Self {
        self.tell(Msg::Key(KeyEvent::new(code, modifiers)))
    }

    pub(crate) fn ctrl(&mut self, letter: char) -> &mut Self {
        self.with_modifier(KeyCode::Char(letter), KeyModifiers::CONTROL)
    }

    pub(crate) fn typed(&mut self, text: &str) -> &mut Self {
        for letter in text.chars() {
            self.press(KeyCode::Char(letter));
        }
        self
    }

    /// Effects since they were asked for last.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub(crate) fn screen(&self) -> Terminal<TestBackend> {
        let (columns, rows) = self.state.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| view::draw(frame, &self.state)).unwrap();
        terminal
    }

    /// The screen as text.
    pub(crate) fn text(&self) -> String {
        self.screen().backend().to_string()
    }

    #[track_caller]
    pub(crate) fn sees(&mut self, words: &str) -> &mut Self {
        let text = self.text();
        assert!(text.contains(words), "no {words:?} on:\n{text}");
        self
    }

    #[track_caller]
    pub(crate) fn sees_not(&mut self, words: &str) -> &mut Self {
        let text = self.text();
        assert!(!text.contains(words), "{words:?} on:\n{text}");
        self
    }

    /// Signed in, in #general and #build, the past of both told, live.
    pub(crate) fn chatting(columns: u16, rows: u16) -> Self {
        Self::chatting_with(options(), columns, rows)
    }

    pub(crate) fn chatting_with(options: Options, columns: u16, rows: u16) -> Self {
        let mut client = Self::with(options, columns, rows);
        client.tell(Msg::Recognised(Ok(me())));
        client.hear(Heard::Connected);
        client.tell(Msg::Rooms(Ok(vec![
            room(1, "general", "release day"),
            room(2, "build", ""),
            room(3, "secrets", ""),
        ])));
        client.state.open = None;
        client.tell(Msg::Rooms(Ok(vec![
            room(1, "general", "release day"),
            room(2, "build", ""),
            room(3, "secrets", ""),
        ])));
        client.open_general();
        let member = |number: u128, name: &str, role| Member {
            id: user(number),
            name: name.into(),
            role,
            joined_at: at(0),
            presence: None,
        };
        client.tell(Msg::Members(
            room_id(1),
            Ok(vec![
                member(BOB, "bob", MemberRole::Owner),
                member(ANN, "ann", MemberRole::Member),
                member(CAROL, "Carol Diaz", MemberRole::Moderator),
            ]),
        ));
        for number in 1..=3 {
            client.hear(Heard::Live { room: room_id(number), pos: 0 });
        }
        client.take_effects();
        client
    }

    /// Opens #general by its keys: the room list, its name, Enter.
    fn open_general(&mut self) {
        self.ctrl('k').typed("general").press(KeyCode::Enter);
        assert_eq!(self.state.open, Some(room_id(1)));
    }

    /// A conversation over midnight.
    pub(crate) fn with_talk(&mut self) -> &mut Self {
        self.hear(Heard::Event(event(1, 1, -1500, (BOB, "bob"), What::Created { body: "general".into() })));
        self.hear(Heard::Event(said(1, 2, -1490, (BOB, "bob"), "the docx is in the share")));
        self.hear(Heard::Event(event(1, 3, 0, (CAROL, "Carol Diaz"), What::Joined)));
        self.hear(Heard::Event(said(1, 4, 1, (ANN, "ann"), "converting it now")));
        let long = "merci 🙏 — and please check that the tables survive,\nlast time two columns were missing";
        self.hear(Heard::Event(said(1, 5, 2, (CAROL, "Carol Diaz"), long)))
    }
}
