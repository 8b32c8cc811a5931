//! Who is here, who writes, what is unread, and what was done to messages.

use ratatui::crossterm::event::{KeyCode, KeyModifiers};
use tui::msg::{Effect, Heard, Msg};
use wire::{
    events::What,
    frames::{Here, Presence},
    rooms::{Member, MemberRole, Room},
};

use crate::fixtures::{ANN, BOB, CAROL, Client, at, event, lost, me, room, room_id, said, user};

fn types(client: &mut Client, by: (u128, &str), on: bool) {
    client.hear(Heard::Typing { room: room_id(1), user: user(by.0), name: by.1.into(), on });
}

fn counted(number: u128, name: &str, unread: u64, mentions: u64, mark: u64, upto: u64) -> Room {
    let (unread, mentions) = (Some(unread), Some(mentions));
    Room { unread, mentions, mark: Some(mark), upto: Some(upto), ..room(number, name, "") }
}

fn naming(room: u128, pos: u64, who: u128, body: &str) -> Heard {
    let (mentions, body) = (vec![user(who)], body.to_owned());
    Heard::Event(event(
        room,
        pos,
        1,
        (BOB, "bob"),
        What::Said { body, re: None, mentions, att: Vec::new(), removed: None },
    ))
}

#[test]
fn who_writes_is_shown_until_they_say_it_stop_or_fall_silent() {
    let mut client = Client::chatting(80, 24);
    client.with_talk();

    types(&mut client, (BOB, "bob"), true);
    client.sees("bob is typing…");
    types(&mut client, (CAROL, "Carol\u{1b}[2J"), true);
    client.sees("bob and Carol").sees("are typing…");
    types(&mut client, (ANN, "ann"), true);
    client.sees("bob and Carol").sees_not("ann is typing");
    client.hear(Heard::Event(said(1, 6, 3, (BOB, "bob"), "there"))).sees_not("bob and");
    types(&mut client, (CAROL, "Carol"), false);
    client.sees_not("typing…");

    types(&mut client, (BOB, "bob"), true);
    let until = client.state.deadline().expect("it ends by itself");
    client.now = until;
    client.tell(Msg::Elapsed).sees_not("typing…");
    types(&mut client, (BOB, "bob"), true);
    client.hear(lost(1, "")).sees_not("typing…");
}

#[test]
fn that_one_writes_is_said_now_and_then_and_when_nothing_is_left() {
    let mut client = Client::chatting(80, 24);
    let said = |client: &mut Client| -> Vec<bool> {
        let asides = std::mem::take(&mut client.asides).into_iter();
        let typing = asides.filter_map(|effect| match effect {
            Effect::Typing(room, on) => {
                assert_eq!(room, room_id(1));
                Some(on)
            }
            _ => None,
        });
        typing.collect()
    };

    client.typed("  ");
    assert_eq!(said(&mut client), Vec::<bool>::new(), "blanks are nothing to send");
    client.typed("hello");
    assert_eq!(said(&mut client), [true]);
    client.now = client.now.plus_seconds(4);
    client.typed("!!");
    assert_eq!(said(&mut client), [true]);
    client.press(KeyCode::Enter);
    assert_eq!(said(&mut client), [false]);
    client.typed("x").press(KeyCode::Backspace);
    assert_eq!(said(&mut client), [true, false]);
    client.typed("x").ctrl('c');
    assert_eq!(said(&mut client), [true, false]);
}

#[test]
fn members_and_the_other_one_of_a_conversation_have_a_dot() {
    let mut client = Client::chatting(120, 30);
    let with_bob = Room { direct: true, private: true, members: 2, ..room(4, "bob", "") };
    client.tell(Msg::Rooms(Ok(vec![room(1, "general", ""), with_bob])));
    client.sees("@bob").sees_not("● bob");
    let here = |number, is| Here { user: user(number), is };
    let everybody =
        |room, who: &[Here]| Heard::Presence { room: room_id(room), all: true, who: who.to_vec() };

    client.hear(everybody(1, &[here(BOB, Presence::Online), here(ANN, Presence::Online)]));
    client.sees("● bob ").sees("○ Carol").sees("● ann");
    let away = vec![here(BOB, Presence::Away)];
    client.hear(Heard::Presence { room: room_id(1), all: false, who: away.clone() });
    client.sees("◐ bob ").sees("● ann");

    client.hear(everybody(4, &[here(ANN, Presence::Online)])).sees("○bob");
    client.hear(Heard::Presence { room: room_id(4), all: false, who: away }).sees("◐bob");
    client.press(KeyCode::Esc).press(KeyCode::Char('k'));
    client.sees("◐bob · away");
}

#[test]
fn unread_counts_are_the_hubs_and_kept_by_what_happens() {
    let mut client = Client::new(80, 24);
    client.tell(Msg::Recognised(Ok(me()))).hear(Heard::Connected);
    client.tell(Msg::Rooms(Ok(vec![counted(1, "alpha", 0, 0, 9, 9), counted(2, "build", 7, 1, 3, 40)])));
    client.sees("#build      7 @1");

    // The past that the subscription begins with is counted already.
    client
        .hear(Heard::Event(said(2, 40, 1, (BOB, "bob"), "counted")))
        .hear(Heard::Live { room: room_id(2), pos: 40 });
    client.sees("#build      7 @1");
    client.hear(naming(2, 41, ANN, "@ann look")).hear(naming(2, 42, CAROL, "@carol look"));
    client.hear(Heard::Event(said(2, 43, 1, (ANN, "ann"), "mine")));
    client.sees("#build      9 @2");
    // An answer that was on its way meanwhile counts nothing twice.
    client.tell(Msg::Rooms(Ok(vec![counted(1, "alpha", 0, 0, 9, 9), counted(2, "build", 8, 2, 3, 41)])));
    client.sees("#build      9 @2");
}

#[test]
fn reading_moves_the_mark_and_another_device_clears_the_badge() {
    let mut client = Client::new(80, 24);
    client.tell(Msg::Recognised(Ok(me()))).hear(Heard::Connected);
    client.tell(Msg::Rooms(Ok(vec![counted(1, "alpha", 2, 0, 3, 9), counted(2, "build", 7, 1, 3, 40)])));
    assert!(client.asides.is_empty(), "nothing is on the screen yet");
    for (pos, body) in [(8, "one"), (9, "two")] {
        client.hear(Heard::Event(said(1, pos, 0, (BOB, "bob"), body)));
    }
    client.hear(Heard::Live { room: room_id(1), pos: 9 });
    assert!(matches!(&client.asides[..], [Effect::Read(id, 9)] if *id == room_id(1)), "{:?}", client.asides);
    let text = client.text();
    let places = ["── 2 new ──", "one", "two"].map(|words| text.find(words).unwrap());
    assert!(places.is_sorted(), "{text}");

    client.press(KeyCode::Esc).press(KeyCode::PageUp).hear(Heard::Event(said(
        1,
        10,
        0,
        (BOB, "bob"),
        "three",
    )));
    client
        .hear(Heard::Event(said(2, 40, 1, (BOB, "bob"), "counted")))
        .hear(Heard::Live { room: room_id(2), pos: 40 });
    client.sees("#build      7 @1").hear(Heard::Read { room: room_id(2), pos: 40 }).sees_not("@1");
    assert_eq!(client.state.unread(client.state.room(room_id(2)).unwrap()), 0);
    client.hear(Heard::Event(said(2, 44, 1, (BOB, "bob"), "later"))).sees("#build         1");

    // Read in part elsewhere, before what is loaded here: only the hub can count that.
    client.tell(Msg::Rooms(Ok(vec![counted(1, "alpha", 0, 0, 10, 10), counted(3, "old", 90, 0, 3, 200)])));
    client
        .hear(Heard::Event(said(3, 200, 1, (BOB, "bob"), "newest")))
        .hear(Heard::Live { room: room_id(3), pos: 200 });
    client.take_effects();
    client.hear(Heard::Read { room: room_id(3), pos: 50 });
    assert!(matches!(&client.effects[..], [Effect::LoadRooms]));
}

#[test]
fn a_freshly_opened_room_shows_what_is_stored() {
    let mut client = Client::chatting(80, 24);
    client.hear(Heard::Event(said(1, 4, 0, (ANN, "ann"), "long ago"))).sees("✓  ann        long ago");

    client.hear(Heard::Stored { room: room_id(1), pos: 4 });

    client.sees("✓✓ ann        long ago");
}

#[test]
fn messages_are_shown_as_they_are_now() {
    let mut client = Client::chatting(80, 24);
    let act = |pos, by, what| Heard::Event(event(1, pos, 5, by, what));
    client.with_talk();

    let better = What::Edited { tgt: 4, body: "done".into(), mentions: Vec::new(), removed: None };
    client.hear(act(6, (ANN, "ann"), better)).sees("done (edited)").sees_not("converting it now");
    client.hear(act(7, (BOB, "bob"), What::Reacted { tgt: 4, body: "👍".into() }));
    client.hear(act(8, (CAROL, "Carol Diaz"), What::Reacted { tgt: 4, body: "👍".into() })).sees("👍 2");
    client.hear(act(9, (BOB, "bob"), What::Unreacted { tgt: 4, body: "👍".into() })).sees("👍 1");
    client
        .hear(act(10, (CAROL, "Carol Diaz"), What::Redacted { tgt: 5 }))
        .sees("(removed)")
        .sees_not("merci");
    let body = "which one?".to_owned();
    client.hear(act(
        11,
        (BOB, "bob"),
        What::Said { body, re: Some(4), mentions: Vec::new(), att: Vec::new(), removed: None },
    ));

    client.sees("↪ ann: done (edited)").sees("which one?");
    client.sees_not("edited 4").sees_not("put 👍").sees_not("removed 5");
}

#[test]
fn what_was_done_to_a_message_is_known_when_it_is_loaded_later() {
    let mut client = Client::chatting(80, 24);
    client.hear(Heard::Restarted { room: room_id(1) });
    client.hear(Heard::Event(event(1, 90, 5, (BOB, "bob"), What::Reacted { tgt: 20, body: "👍".into() })));
    client
        .hear(Heard::Event(said(1, 91, 5, (BOB, "bob"), "newest")))
        .hear(Heard::Live { room: room_id(1), pos: 91 });
    let better = What::Edited { tgt: 20, body: "better".into(), mentions: Vec::new(), removed: None };
    let older = vec![said(1, 20, 0, (BOB, "bob"), "worse"), event(1, 30, 0, (BOB, "bob"), better)];

    let page = wire::rooms::EventPage { events: older, ep: "e".into(), upto: 89, persisted: 91, more: false };
    client.tell(Msg::Older(room_id(1), Ok(page)));

    client.sees("better (edited)").sees("👍 1").sees_not("worse");
}

#[test]
fn an_unread_message_that_is_removed_does_not_count() {
    let mut client = Client::chatting(80, 24);
    client.hear(Heard::Event(said(2, 1, 1, (BOB, "bob"), "oops"))).sees("#build         1");

    client.hear(Heard::Event(event(2, 2, 1, (BOB, "bob"), What::Redacted { tgt: 1 })));

    assert_eq!(client.state.unread(client.state.room(room_id(2)).unwrap()), 0);
    client.now = at(3);
    client.with_modifier(KeyCode::Char('n'), KeyModifiers::ALT).sees("nothing unread elsewhere");
}

#[test]
fn whoever_comes_into_the_room_is_here_as_the_list_of_members_says() {
    let mut client = Client::chatting(120, 36);
    let told =
        vec![Here { user: user(ANN), is: Presence::Online }, Here { user: user(BOB), is: Presence::Away }];
    client.hear(Heard::Presence { room: room_id(1), all: true, who: told });
    client.sees("○ Carol");

    client.hear(Heard::Event(event(1, 9, 1, (4, "dora"), What::Joined)));
    assert!(client.take_effects().iter().any(|effect| matches!(effect, Effect::LoadMembers(_))));
    let member = |number: u128, name: &str, presence| Member {
        id: user(number),
        name: name.into(),
        role: MemberRole::Member,
        joined_at: at(0),
        presence: Some(presence),
    };
    let members = vec![
        member(ANN, "ann", Presence::Online),
        member(BOB, "bob", Presence::Online),
        member(4, "dora", Presence::Online),
    ];
    client.tell(Msg::Members(room_id(1), Ok(members)));

    client.sees("● dora").sees("◐ bob");
}

#[test]
fn more_members_than_lines_are_counted() {
    let mut client = Client::chatting(120, 14);
    let member = |number: u128| Member {
        id: user(number),
        name: format!("person {number}"),
        role: MemberRole::Member,
        joined_at: at(0),
        presence: None,
    };

    client.tell(Msg::Members(room_id(1), Ok((10..40).map(member).collect())));

    client.sees("person 10").sees(" more");
}

#[test]
fn who_is_here_is_not_known_while_the_hub_is_away() {
    let mut client = Client::chatting(120, 30);
    let told = |is| Member {
        id: user(BOB),
        name: "bob".into(),
        role: MemberRole::Owner,
        joined_at: at(0),
        presence: Some(is),
    };
    client.tell(Msg::Members(room_id(1), Ok(vec![told(Presence::Online)]))).sees("● bob");

    client.hear(lost(1, "connection refused")).sees_not("● bob").sees("bob");
    client.take_effects();
    client.hear(Heard::Connected);

    let effects = client.take_effects();
    assert!(effects.iter().any(|effect| matches!(effect, Effect::LoadMembers(id) if *id == room_id(1))));
    client.tell(Msg::Members(room_id(1), Ok(vec![told(Presence::Away)]))).sees("◐ bob");
}

#[test]
fn a_message_that_names_the_reader_stands_out() {
    let mut client = Client::chatting(80, 24);
    client.hear(naming(1, 1, ANN, "@ann look")).hear(naming(1, 2, CAROL, "@carol look"));

    client.sees("@  bob        @ann look").sees_not("@  bob        @carol look");
    let screen = client.screen();
    let buffer = screen.backend().buffer();
    let bold = |words: &str| {
        let line = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        let y = (0..buffer.area.height).find(|y| line(*y).contains(words)).unwrap();
        let x = line(y).chars().collect::<String>().split(words).next().unwrap().chars().count();
        buffer[(u16::try_from(x).unwrap(), y)].modifier.contains(ratatui::style::Modifier::BOLD)
    };
    assert!(bold("@ann look") && !bold("@carol look"));
}

#[test]
fn a_conversation_of_two_begins_in_words_of_its_own() {
    let mut client = Client::chatting(80, 24);
    let with_bob = Room { direct: true, private: true, members: 2, ..room(4, "bob", "") };
    client.tell(Msg::Rooms(Ok(vec![room(1, "general", ""), with_bob])));
    let invited = || What::Invited { user: user(BOB), body: "bob".into() };
    client.hear(Heard::Event(event(4, 1, 0, (ANN, "ann"), What::Created { body: String::new() })));
    client.hear(Heard::Event(event(4, 2, 0, (ANN, "ann"), invited())));
    client.hear(Heard::Event(event(1, 1, 0, (ANN, "ann"), invited())));

    client.sees("ann invited bob").press(KeyCode::Esc).press(KeyCode::Char('k'));

    client.sees("ann opened the conversation").sees("only ann and bob are in it").sees_not("invited");
    client.hear(Heard::Restarted { room: room_id(4) });
    client.hear(Heard::Event(event(4, 2, 0, (ANN, "ann"), invited()))).sees("only ann and bob");
}

#[test]
fn what_was_wrong_goes_when_it_is_over_or_something_else_begins() {
    let mut client = Client::chatting(80, 24);
    let failure = |kind, what: &str| Err(tui::msg::Failure::new(kind, what));
    client.hear(lost(1, "connection refused"));
    client.tell(Msg::Jobs(failure(tui::msg::FailureKind::Unreachable, "cannot reach the hub")));
    client.sees("cannot reach the hub").hear(Heard::Connected).sees_not("cannot reach the hub");

    client.tell(Msg::Jobs(failure(tui::msg::FailureKind::Refused, "no such thing"))).sees("no such thing");
    client.hear(lost(1, "")).hear(Heard::Connected).sees("no such thing");
    client.ctrl('n').sees_not("no such thing").sees("New room").sees("Enter go on");
    client.tell(Msg::Jobs(failure(tui::msg::FailureKind::Refused, "new trouble"))).sees("new trouble");
}
