//! Whatever is pressed, pasted, resized or told, nothing panics, and what must hold holds.

use proptest::prelude::*;
use ratatui::crossterm::event::{KeyCode, KeyModifiers};
use tui::msg::{Effect, Failure, FailureKind, Heard, Msg, NamedFile};
use wire::{conversions::JobState, events::What, messages::UnderWay, rooms::EventPage};

use crate::fixtures::{
    BOB, Client, cid, event, job, lost, me, refused, room, room_id, said, sent, user, waits,
};

#[derive(Clone, Debug)]
enum Step {
    Key(KeyCode, KeyModifiers),
    Tell(Box<Msg>),
}

fn key() -> impl Strategy<Value = Step> {
    let code = prop_oneof![
        4 => any::<char>().prop_map(KeyCode::Char),
        8 => prop::sample::select("abcdefghijklmnopqrstuvwxyzGIRLO?[]/ 12".chars().collect::<Vec<_>>()).prop_map(KeyCode::Char),
        8 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Up, KeyCode::Down, KeyCode::Left,
            KeyCode::Right, KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home, KeyCode::End, KeyCode::Backspace,
            KeyCode::Delete, KeyCode::F(1), KeyCode::F(2), KeyCode::F(3), KeyCode::Null,
        ]),
    ];
    let modifiers = prop::sample::select(vec![
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::CONTROL,
        KeyModifiers::ALT,
        KeyModifiers::SHIFT,
    ]);
    (code, modifiers).prop_map(|(code, modifiers)| Step::Key(code, modifiers))
}

fn act(tgt: u64, kind: u8) -> What {
    match kind {
        0 => What::Edited { tgt, body: "better".into(), mentions: Vec::new(), removed: None },
        1 => What::Redacted { tgt },
        2 => What::Reacted { tgt, body: "👍".into() },
        _ => What::Pinned { tgt },
    }
}

fn heard() -> impl Strategy<Value = Heard> {
    let room = 1..5_u128;
    let pos = 1..80_u64;
    prop_oneof![
        6 => (room.clone(), pos.clone(), ".{0,200}").prop_map(|(r, p, body)| Heard::Event(said(r, p, p as i64, (BOB, "bob"), &body))),
        1 => (room.clone(), pos.clone()).prop_map(|(r, p)| Heard::Event(event(r, p, 0, (1, "ann"), What::Joined))),
        2 => (room.clone(), pos.clone(), pos.clone(), 0..4_u8).prop_map(|(r, p, tgt, kind)| Heard::Event(event(r, p, 0, (BOB, "bob"), act(tgt, kind)))),
        1 => (room.clone(), pos.clone()).prop_map(|(r, p)| Heard::Read { room: room_id(r), pos: p }),
        1 => (room.clone(), pos.clone()).prop_map(|(r, p)| Heard::Stored { room: room_id(r), pos: p }),
        1 => (room.clone(), ".{0,80}", any::<bool>()).prop_map(|(r, name, on)| Heard::Typing { room: room_id(r), user: user(BOB), name, on }),
        1 => Just(Heard::Connected),
        1 => (0..9_u32, ".{0,20}").prop_map(|(attempt, why)| lost(attempt, &why)),
        1 => (room.clone(), pos.clone()).prop_map(|(r, p)| Heard::Live { room: room_id(r), pos: p }),
        1 => (room.clone(), pos.clone(), pos.clone()).prop_map(|(r, from, to)| Heard::Gap { room: room_id(r), from, to }),
        1 => (room.clone(), pos.clone(), 1..6_u128).prop_map(|(r, pos, c)| sent(c, r, pos)),
        1 => (room.clone(), 1..6_u128, ".{0,80}").prop_map(|(r, c, why)| refused(c, r, &why)),
        1 => (room.clone(), 1..6_u128, ".{0,80}").prop_map(|(r, c, body)| waits(c, r, &body)),
        1 => (room.clone(), prop::collection::vec(1..80_u64, 0..4)).prop_map(|(r, pos)| Heard::Void { room: room_id(r), pos }),
        1 => (room.clone(), 1..6_u128, 1..6_u128).prop_map(|(r, c, f)| Heard::Renewed { cid: cid(c), fresh: cid(f), room: room_id(r) }),
        1 => ".{0,20}".prop_map(|name| Heard::Entered { room: room_id(4), by: user(BOB), name }),
        1 => (room.clone(), 1..6_u128).prop_map(|(r, c)| Heard::Dropped { cid: cid(c), room: room_id(r) }),
        1 => room.clone().prop_map(|r| Heard::Left { room: room_id(r) }),
        1 => room.prop_map(|r| Heard::Restarted { room: room_id(r) }),
        1 => (1..4_u128, ".{0,20}").prop_map(|(number, name)| Heard::Job(Box::new(job(number, &name, "pdf", JobState::Completed)))),
        1 => Just(Heard::SignedOut { why: "over".into() }),
        1 => Just(Heard::Draining),
        1 => (1..80_u64, any::<Option<u32>>()).prop_map(|(pos, position)| Heard::Card {
            room: room_id(1), pos, at: UnderWay { position, ..UnderWay::of(JobState::Queued) },
        }),
        1 => (1..6_u128, ".{0,40}", any::<u64>(), any::<u64>()).prop_map(|(c, name, sent, total)| Heard::Uploading {
            cid: cid(c), room: room_id(1), name, sent, total,
        }),
    ]
}

fn told() -> impl Strategy<Value = Step> {
    let failure = || Failure::new(FailureKind::Refused, "no");
    let msg = prop_oneof![
        10 => heard().prop_map(Msg::Heard),
        3 => (0..130_u16, 0..50_u16).prop_map(|(columns, rows)| Msg::Resized(columns, rows)),
        2 => ".{0,300}".prop_map(Msg::Pasted),
        2 => "/(convert|send|save|reply|edit|delete|react|pin|unpin|join|new) .{0,20}".prop_map(Msg::Pasted),
        1 => (1..5_u128, ".{0,30}", any::<bool>()).prop_map(|(r, text, typed)| Msg::Named {
            room: room_id(r), text, typed, files: vec![NamedFile { path: "/tmp/a.docx".into(), bytes: 9 }],
        }),
        1 => Just(Msg::Elapsed),
        1 => Just(Msg::SignedIn(Ok(me()))),
        1 => Just(Msg::Verified(Ok(me()))),
        1 => Just(Msg::SignedIn(Err(Failure::new(FailureKind::Unverified, "verify")))),
        1 => Just(Msg::SignedOut),
        1 => prop::collection::vec(1..5_u128, 0..4).prop_map(|numbers| {
            Msg::Rooms(Ok(numbers.into_iter().map(|number| room(number, &format!("room{number}"), "")).collect()))
        }),
        1 => (1..5_u128, 1..60_u64).prop_map(|(number, pos)| Msg::Older(room_id(number), Ok(EventPage {
            events: vec![said(number, pos, 0, (BOB, "bob"), "older")], ep: "e".into(), upto: pos, persisted: pos, more: true,
        }))),
        1 => (0..6_u64, any::<u64>(), any::<Option<u64>>()).prop_map(|(upload, sent, total)| Msg::UploadMoved { upload, sent, total }),
        1 => (0..6_u64).prop_map(move |upload| Msg::Uploaded(upload, Err(failure()))),
        1 => (1..5_u128, 0..9_u64, 1..6_u128).prop_map(|(r, draft, c)| Msg::Queued { room: room_id(r), draft, cid: cid(c) }),
    ];
    msg.prop_map(|msg| Step::Tell(Box::new(msg)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_stream_of_keys_and_events_panics(
        signed_in in any::<bool>(),
        steps in prop::collection::vec(prop_oneof![3 => key(), 2 => told()], 1..120),
    ) {
        let mut client = if signed_in { Client::chatting(80, 24) } else { Client::new(80, 24) };
        for step in steps {
            let pasted = matches!(&step, Step::Tell(msg) if matches!(**msg, Msg::Pasted(_)));
            let escape = matches!(&step, Step::Key(KeyCode::Esc, _));
            client.take_effects();
            match step {
                Step::Key(code, modifiers) => client.with_modifier(code, modifiers),
                Step::Tell(msg) => client.tell(*msg),
            };
            let effects = client.take_effects();
            let sends = effects.iter().any(|e| matches!(e, Effect::Say { .. } | Effect::Quit));
            prop_assert!(!(pasted && sends), "a paste sent or quit");
            let quits = effects.iter().any(|e| matches!(e, Effect::Quit));
            prop_assert!(!(escape && quits), "Esc quit");
            client.screen();
        }
    }
}
