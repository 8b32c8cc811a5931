//! Every screen as it is painted, and the styles of the chat in both themes.

use ratatui::{buffer::Buffer, crossterm::event::KeyCode};
use tui::{
    Theme,
    msg::{Failure, FailureKind, Heard, Msg},
};
use wire::{
    accounts::{KeptMail, MailRoute, NewUser, SignedUp},
    conversions::{JobError, JobProgress, JobState},
    events::What,
    files::File,
};

use crate::fixtures::{BOB, CAROL, Client, at, cid, event, job, lost, options, refused, room_id, said, user};

/// The screen with its frame of quotes, as [`ratatui::backend::TestBackend`] prints it.
macro_rules! looks_like {
    ($name:literal, $client:expr) => {
        insta::assert_snapshot!($name, $client.text())
    };
}

fn signed_out(columns: u16, rows: u16) -> Client {
    let mut client = Client::new(columns, rows);
    client.tell(Msg::Recognised(Err(Failure::new(FailureKind::SignedOut, "not signed in"))));
    client
}

/// A conversation with everything in it: days, own messages in all states, news elsewhere.
fn talking(theme: Theme, columns: u16, rows: u16) -> Client {
    let mut options = options();
    options.theme = theme;
    let mut client = Client::chatting_with(options, columns, rows);
    client.with_talk();
    client.hear(Heard::Head(wire::events::Head { room: room_id(1), pos: 4, n: 4, h: String::new() }));
    client.hear(Heard::Event(said(2, 1, 1, (BOB, "bob"), "build is green")));
    client.hear(Heard::Event(said(1, 6, 3, (1, "ann"), "will do")));
    client.now = at(4);
    client.typed("no").press(KeyCode::Enter).tell(Msg::Queued { room: room_id(1), draft: 1, cid: cid(1) });
    client.hear(refused(1, 1, "too many messages"));
    client.typed("on it").press(KeyCode::Enter).tell(Msg::Queued { room: room_id(1), draft: 2, cid: cid(2) });
    client.typed("and then");
    client
}

#[test]
fn files_stand_below_what_was_said() {
    let mut client = Client::chatting_with(options(), 60, 16);
    let file = |number, name: &str, bytes| File {
        id: wire::FileId(uuid::Uuid::from_u128(number)),
        name: name.into(),
        bytes,
        sha256: String::new(),
        media_type: "application/octet-stream".into(),
    };
    let with =
        |body: &str, att| What::Said { body: body.into(), re: None, mentions: vec![], att, removed: None };
    let both = vec![file(1, "report.pdf", 1_258_291), file(2, "chart.png", 48_000)];
    client.hear(Heard::Event(event(1, 1, 0, (BOB, "bob"), with("the report of today", both))));
    client.hear(Heard::Event(event(1, 2, 1, (CAROL, "carol"), with("", vec![file(3, "notes.txt", 900)]))));
    looks_like!("files", client);
}

#[test]
fn a_chosen_message() {
    let mut client = talking(Theme::Ansi, 80, 24);
    client.press(KeyCode::Esc).press(KeyCode::Tab).press(KeyCode::Up).press(KeyCode::Up);
    looks_like!("message", client);
}

#[test]
fn commands() {
    let mut client = Client::chatting(80, 24);
    client.with_talk().typed("/");
    looks_like!("commands", client);
    client.press(KeyCode::Esc).tell(Msg::Resized(40, 12)).press(KeyCode::Char('i')).typed("re");
    looks_like!("commands_40x12", client);
}

#[test]
fn sign_in() {
    let mut client = signed_out(80, 24);
    client.typed("ann@example.org").press(KeyCode::Tab).typed("secret");
    looks_like!("sign_in", client);
}

#[test]
fn sign_in_on_a_narrow_screen() {
    looks_like!("sign_in_40x12", signed_out(40, 12));
}

#[test]
fn sign_up() {
    let mut client = signed_out(80, 24);
    client.ctrl('n').typed("Ann").press(KeyCode::Tab).typed("ann@example").press(KeyCode::Tab).typed("aaa");
    let mut failure = Failure::new(FailureKind::Refused, "");
    failure.fields.push(("/email".into(), "needs a domain, such as ann@example.org".into()));
    client.tell(Msg::SignedUp(Err(failure)));
    looks_like!("sign_up", client);
}

#[test]
fn sign_up_on_a_narrow_screen() {
    let mut client = signed_out(40, 12);
    looks_like!("sign_up_40x12", client.ctrl('n'));
}

#[test]
fn verify() {
    let mut client = signed_out(80, 24);
    let account = NewUser { id: user(1), email: "ann@example.org".into(), name: "Ann".into() };
    client.tell(Msg::SignedUp(Ok(SignedUp { user: account, mail: MailRoute::Kept })));
    let mail = KeptMail {
        id: uuid::Uuid::nil(),
        to: "ann@example.org".into(),
        subject: "Activate your account".into(),
        text: String::new(),
        link: None,
        code: Some("K7QX-2M9P".into()),
        at: at(0),
    };
    client.tell(Msg::Mail(Ok(Some(mail))));
    looks_like!("verify", client);
}

#[test]
fn no_hub() {
    let mut client = Client::new(80, 24);
    let failure =
        Failure::new(FailureKind::Unreachable, "cannot reach http://127.0.0.1:8000/: connection refused");
    client.tell(Msg::Recognised(Err(failure)));
    looks_like!("no_hub", client);
}

#[test]
fn chat() {
    looks_like!("chat_80x24", talking(Theme::Ansi, 80, 24));
    looks_like!("chat_40x12", talking(Theme::Ansi, 40, 12));
    looks_like!("chat_120x36", talking(Theme::Ansi, 120, 36));
}

#[test]
fn chat_while_the_link_is_down() {
    let mut client = talking(Theme::Ansi, 80, 24);
    client.hear(lost(2, "connection refused"));
    looks_like!("chat_reconnecting", client);
}

#[test]
fn chat_without_rooms() {
    let mut client = Client::new(80, 24);
    client
        .tell(Msg::Recognised(Ok(crate::fixtures::me())))
        .hear(Heard::Connected)
        .tell(Msg::Rooms(Ok(Vec::new())));
    looks_like!("chat_without_rooms", client);
}

#[test]
fn convert() {
    let mut client = Client::chatting(80, 24);
    client.press(KeyCode::F(3)).tell(Msg::Jobs(Ok(Vec::new())));
    looks_like!("convert_empty", client);
    let mut working = job(5, "report.docx", "pdf", JobState::InProgress);
    working.progress = Some(JobProgress {
        stage: "converting".into(),
        done: 7,
        total: Some(11),
        unit: "pages".into(),
        percent: Some(64),
    });
    let mut waiting = job(4, "photo.png", "webp", JobState::Queued);
    waiting.position = Some(2);
    let mut failed = job(2, "broken.doc", "pdf", JobState::Failed);
    failed.error =
        Some(JobError { kind: "corrupt".into(), detail: "not a Word file, or a damaged one".into() });
    let mut done = job(1, "notes.md", "pdf", JobState::Completed);
    done.bytes_out = Some(42_000);
    client.tell(Msg::Jobs(Ok(vec![working, waiting, failed, done])));
    client.press(KeyCode::Char('a')).typed("/data/q3.xlsx").press(KeyCode::Enter).press(KeyCode::Enter);
    client.tell(Msg::UploadMoved { upload: 1, sent: 3_900_000, total: Some(14_000_000) });
    looks_like!("convert", client);
}

#[test]
fn adding_a_file() {
    let mut client = Client::chatting(80, 24);
    client.press(KeyCode::F(3)).press(KeyCode::Char('a')).typed("re");
    let found =
        ["report.docx", "receipts/", "readme.md", "recipe.txt", "rest.csv"].map(String::from).to_vec();
    client.tell(Msg::Paths { typed: "re".into(), found });
    looks_like!("add_file", client);
}

#[test]
fn new_room() {
    let mut client = Client::chatting(80, 24);
    looks_like!("new_room", client.ctrl('n').typed("release"));
}

#[test]
fn finding_a_room() {
    let mut client = Client::chatting(80, 24);
    let mut public = crate::fixtures::room(7, "games", "what we play on Fridays");
    public.joined = false;
    client.ctrl('k').tell(Msg::PublicRooms(Ok(vec![public]))).press(KeyCode::Down);
    looks_like!("find_room", client);
}

#[test]
fn help() {
    let mut client = Client::chatting(80, 24);
    looks_like!("help", client.press(KeyCode::F(1)));
}

#[test]
fn help_on_a_narrow_screen_loses_nothing() {
    let mut client = Client::chatting(40, 12);
    looks_like!("help_40x12", client.press(KeyCode::F(1)));

    let mut seen = client.text();
    for _ in 0..60 {
        seen.push_str(&client.press(KeyCode::PageDown).text());
    }
    let signs = ["invite somebody into the room", "@ and bold", "a message that names you", "not captured."];
    signs.iter().for_each(|words| assert!(seen.contains(words), "no {words:?}"));
    assert!(!seen.contains('…'), "{seen}");
    for part in tui::manual::parts(&[]) {
        part.rows.iter().for_each(|(what, _)| assert!(seen.contains(what), "no {what:?}"));
    }
}

#[test]
fn long_complaints_are_not_cut() {
    let mut client = Client::chatting(80, 24);
    let mut failure = Failure::new(FailureKind::Refused, "");
    let why = "letters, digits, - _ . only, and no spaces: a name is written behind # and in commands, so it is one word";
    failure.fields.push(("/name".into(), why.into()));
    client.ctrl('n').typed("my room").tell(Msg::RoomMade(Err(failure)));
    looks_like!("new_room_refused", client);
}

#[test]
fn the_finder_tells_that_there_is_more() {
    let mut client = Client::chatting(80, 24);
    let rooms = (10..58).map(|number| crate::fixtures::room(number, &format!("room-{number}"), ""));
    let public = rooms.map(|room| wire::rooms::Room { joined: false, ..room }).collect();
    client.ctrl('k').tell(Msg::PublicRooms(Ok(public))).sees("… and 40 more");
    for _ in 0..20 {
        client.press(KeyCode::Down);
    }
    looks_like!("find_room_more", client);
}

#[test]
fn a_question() {
    let mut client = Client::chatting(80, 24);
    looks_like!("question", client.press(KeyCode::Esc).press(KeyCode::Char('L')));
}

#[test]
fn too_small() {
    let mut client = talking(Theme::Ansi, 80, 24);
    looks_like!("too_small_32x9", client.tell(Msg::Resized(32, 9)));
}

#[test]
fn nothing_at_all_is_no_size_to_panic_on() {
    let mut client = talking(Theme::Ansi, 80, 24);
    for size in [(0, 0), (0, 5), (5, 0), (1, 1), (40, 10), (41, 10), (60, 10), (100, 10), (300, 200)] {
        client.tell(Msg::Resized(size.0, size.1)).press(KeyCode::PageUp).press(KeyCode::PageDown);
        client.screen();
    }
}

#[test]
fn the_terminal_may_have_changed_before_the_message_of_it_comes() {
    let mut client = talking(Theme::Ansi, 120, 36);
    for size in [(80, 24), (41, 11), (3, 3), (1, 1), (200, 60)] {
        let mut terminal =
            ratatui::Terminal::new(ratatui::backend::TestBackend::new(size.0, size.1)).unwrap();
        terminal.draw(|frame| tui::view::draw(frame, &client.state)).unwrap();
        let early = terminal.backend().to_string();
        client.tell(Msg::Resized(size.0, size.1));
        assert_eq!(early, client.text());
    }
}

#[test]
fn styles_of_the_chat() {
    let ansi = talking(Theme::Ansi, 80, 24).screen();
    let mono = talking(Theme::Mono, 80, 24).screen();

    insta::assert_snapshot!("chat_styles_ansi", style_map(ansi.backend().buffer()));
    insta::assert_snapshot!("chat_styles_mono", style_map(mono.backend().buffer()));
    let plain = ratatui::style::Color::Reset;
    assert!(mono.backend().buffer().content().iter().all(|cell| cell.fg == plain && cell.bg == plain));
}

#[test]
fn no_theme_sets_a_background() {
    let screen = talking(Theme::Ansi, 120, 36).screen();

    let plain = ratatui::style::Color::Reset;
    assert!(screen.backend().buffer().content().iter().all(|cell| cell.bg == plain));
}

/// The runs of styled cells, a line each: row, columns, colours, modifiers, text.
fn style_map(buffer: &Buffer) -> String {
    let mut lines = String::new();
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let first = &buffer[(x, y)];
            let same = |at: &u16| {
                let cell = &buffer[(*at, y)];
                (cell.fg, cell.bg, cell.modifier) == (first.fg, first.bg, first.modifier)
            };
            let end = (x..buffer.area.width).take_while(same).last().unwrap_or(x) + 1;
            let text: String = (x..end).map(|at| buffer[(at, y)].symbol()).collect();
            if (first.fg, first.bg, first.modifier) != Default::default() {
                let style = format!("{:?}/{:?} {:?}", first.fg, first.bg, first.modifier);
                lines.push_str(&format!("{y:>2} {x:>3}..{end:<3} {style:<32} {}\n", text.trim_end()));
            }
            x = end;
        }
    }
    lines
}
