//! Commands behind a slash, and files and conversions that everybody in the room sees.

use client::Attachment;
use ratatui::crossterm::event::KeyCode;
use tui::msg::{Effect, Heard, Msg, NamedFile};
use wire::{
    FileId,
    conversions::{FormatPair, JobProgress, JobState},
    events::What,
    files::File,
    messages::UnderWay,
};

use crate::fixtures::{ANN, BOB, CAROL, Client, at, cid, event, lost, room_id, user};

fn file(number: u128, name: &str) -> File {
    let (sha256, media_type) = (String::new(), "application/octet-stream".into());
    File { id: FileId(uuid::Uuid::from_u128(number)), name: name.into(), bytes: 2_048, sha256, media_type }
}

fn with_file(columns: u16, rows: u16) -> Client {
    let mut client = Client::chatting(columns, rows);
    let att = vec![file(1, "report.docx")];
    let said = What::Said { body: "here".into(), re: None, mentions: vec![], att, removed: None };
    client.hear(Heard::Event(event(1, 1, 0, (BOB, "bob"), said))).take_effects();
    client
}

fn asked(client: &mut Client) {
    let (body, to) = ("report.docx".into(), "pdf".into());
    let file = Some(Box::new(file(1, "report.docx")));
    let wish = What::ConvertRequested { body, to, file, removed: None };
    client.hear(Heard::Event(event(1, 2, 1, (ANN, "ann"), wish)));
}

fn told(state: JobState, percent: Option<u8>, position: Option<u32>) -> Heard {
    let progress = percent.map(|percent| JobProgress {
        stage: "converting".into(),
        done: 1,
        total: None,
        unit: "pages".into(),
        percent: Some(percent),
    });
    Heard::Card { room: room_id(1), pos: 2, at: UnderWay { state, position, progress } }
}

#[test]
fn convert_takes_the_file_above_and_shows_the_wish_at_once() {
    let mut client = with_file(80, 24);

    client.typed("/convert pdf").press(KeyCode::Enter).sees("▤ report.docx → pdf");

    let [Effect::LoadFormats, .., Effect::Say { said, .. }] = &client.effects[..] else {
        panic!("{:?}", client.effects);
    };
    assert_eq!((said.convert.as_deref(), &said.att[..]), (Some("pdf"), &[file(1, "report.docx").id][..]));
}

#[test]
fn a_card_tells_how_far_it_is_until_it_is_settled() {
    let mut client = with_file(80, 24);
    asked(&mut client);
    client.sees("report.docx → pdf").sees("waits to be converted");

    client.hear(told(JobState::Queued, None, Some(2))).sees("queued, 2 before it");
    client.hear(told(JobState::InProgress, Some(50), None)).sees("50 %  converting");
    let body = "report.pdf".to_owned();
    let done = What::ConvertCompleted {
        tgt: 2,
        file: Some(Box::new(file(2, &body))),
        body,
        lost: vec!["a picture".into()],
        removed: None,
    };
    client.hear(Heard::Event(event(1, 3, 2, (ANN, "ann"), done)));

    client.sees("✓ report.pdf  2.0 KiB").sees("! missing: a picture").sees_not("50 %");
    client.hear(told(JobState::InProgress, Some(60), None)).sees_not("60 %");
}

#[test]
fn what_was_told_of_a_card_ends_with_the_link_and_with_time() {
    let mut client = with_file(80, 24);
    asked(&mut client);

    client.hear(told(JobState::InProgress, Some(50), None)).hear(lost(1, "")).sees_not("50 %");
    client.hear(told(JobState::InProgress, Some(50), None)).sees("50 %");
    client.now = client.state.deadline().unwrap();
    client.tell(Msg::Elapsed).sees_not("50 %").sees("waits to be converted");
}

#[test]
fn tab_completes_commands_formats_and_paths() {
    let mut client = with_file(80, 24);
    let pair = |to: &str| FormatPair {
        from: "docx".into(),
        to: to.into(),
        engine: "builtin".into(),
        fidelity: "flow".into(),
        also: Vec::new(),
        consent: false,
    };
    client.tell(Msg::Formats(Ok(vec![pair("pdf"), pair("txt")])));

    client.typed("/co").sees("/convert FORMAT [FILE]").press(KeyCode::Tab).typed("p").sees("  pdf");
    client.press(KeyCode::Tab).typed("a");
    client.tell(Msg::Paths { typed: "a".into(), found: vec!["a b.docx".into()] }).press(KeyCode::Tab);

    assert_eq!(client.state.open_room().unwrap().composer.text(), "/convert pdf a b.docx ");
    client.take_effects();
    client.press(KeyCode::Enter);
    let [Effect::Attach { paths, said, .. }, ..] = &client.effects[..] else {
        panic!("{:?}", client.effects)
    };
    assert_eq!((paths[0].to_str(), said.convert.as_deref()), (Some("a b.docx"), Some("pdf")));
}

#[test]
fn a_wrong_command_stays_to_be_mended_and_is_never_said() {
    let mut client = with_file(80, 24);

    client.typed("/nonsense here").press(KeyCode::Enter).sees("there is no command /nonsense");
    assert!(client.effects.is_empty());
    client.ctrl('c').typed("/invite").press(KeyCode::Enter).sees("it takes more: /invite WHO");
    client
        .ctrl('c')
        .typed("/dm nobody")
        .press(KeyCode::Enter)
        .sees("nobody in your rooms is called nobody")
        .sees("/dm nobody");
    assert!(client.effects.is_empty());
    client.ctrl('c').typed("/dm carol").press(KeyCode::Tab).sees("/dm carol-diaz").press(KeyCode::Enter);
    assert!(matches!(&client.take_effects()[..], [Effect::Direct(id), ..] if *id == user(CAROL).to_string()));
    client.typed("/invite dora@example.org").press(KeyCode::Enter);
    assert!(
        matches!(&client.take_effects()[..], [Effect::Invite(_, whom), ..] if whom == "dora@example.org")
    );
    client.ctrl('c').typed("//shrug").press(KeyCode::Enter);
    assert!(matches!(&client.effects[..], [Effect::Say { said, .. }] if said.body == "/shrug"));
}

#[test]
fn a_file_that_was_read_goes_under_way_and_shows_its_bytes() {
    let mut client = with_file(80, 24);
    let attached = Attachment {
        path: "/home/ann/files/a.txt".into(),
        name: "a.txt".into(),
        bytes: 4_096,
        sha256: String::new(),
    };

    client.typed("/send a.txt look at this").press(KeyCode::Enter);
    let Some(Effect::Attach { room, said, .. }) = client.take_effects().pop() else {
        panic!("nothing is read")
    };
    client.tell(Msg::Attached { room, said, files: Ok(vec![attached]) });

    let Some(Effect::Say { room, draft, said, .. }) = client.take_effects().pop() else { panic!("not said") };
    assert_eq!((said.body.as_str(), said.files.len()), ("look at this", 1));
    client.tell(Msg::Queued { room, draft, cid: cid(7) }).sees("look at this").sees("▤ a.txt  4.0 KiB");
    client.hear(Heard::Uploading { cid: cid(7), room, name: "a.txt".into(), sent: 1_024, total: 4_096 });
    client.sees("25 %  uploading a.txt");
}

#[test]
fn a_dropped_file_is_asked_about_and_a_pasted_text_is_not() {
    let mut client = with_file(80, 24);
    client.tell(Msg::Pasted("see /tmp/a.docx".into()));
    assert!(!client.effects.iter().any(|effect| matches!(effect, Effect::LookAt { .. })));
    client.ctrl('c');

    client.tell(Msg::Pasted("'/tmp/a b.docx' ".into()));
    let Some(Effect::LookAt { room, text, typed }) = client.take_effects().pop() else {
        panic!("not looked at")
    };
    let files = vec![NamedFile { path: "/tmp/a b.docx".into(), bytes: 2_048 }];
    client.tell(Msg::Named { room, text, typed, files }).sees("a b.docx for #general").take_effects();
    client.press(KeyCode::Enter);

    assert!(matches!(&client.effects[..], [Effect::Attach { said, .. }] if said.convert.is_none()));
    assert!(client.state.open_room().unwrap().composer.is_blank(), "nothing is left of the path");
}

#[test]
fn a_file_is_saved_by_its_key_and_by_command() {
    let mut client = with_file(80, 24);

    client.press(KeyCode::Up).press(KeyCode::Char('s')).sees("/home/ann/files/report.docx");
    client.press(KeyCode::Enter).sees("saving report.docx");
    assert!(matches!(&client.take_effects()[..], [Effect::Fetch(files, path)]
        if files[0].name == "report.docx" && path.ends_with("report.docx")));
    client.tell(Msg::Fetched(Ok(vec!["/home/ann/files/report (2).docx".into()])));
    client.sees("saved as /home/ann/files/report (2).docx");

    client.press(KeyCode::Char('i')).typed("/save /tmp/x").press(KeyCode::Enter);
    let fetched = |effect: &Effect| matches!(effect, Effect::Fetch(_, path) if path.ends_with("x"));
    assert!(client.effects.iter().any(fetched), "{:?}", client.effects);
}

#[test]
fn a_narrow_terminal_shows_commands_and_a_card() {
    let mut client = with_file(40, 12);
    asked(&mut client);
    client.now = at(2);
    client.hear(told(JobState::InProgress, Some(50), None)).sees("50 %");

    client.typed("/c").sees("/convert").press(KeyCode::Esc).press(KeyCode::Tab).sees("reply");
}
