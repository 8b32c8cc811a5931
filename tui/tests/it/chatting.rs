//! Rooms, messages, what is on its way, what was missed.

use client::Health;
use ratatui::crossterm::event::{KeyCode, KeyModifiers};
use tui::{
    app::{Link, Overlay},
    msg::{Effect, Heard, Msg},
};
use wire::{events::What, rooms::EventPage};

use crate::fixtures::{BOB, CAROL, Client, cid, event, lost, refused, room, room_id, said, sent, waits};

fn queued(client: &mut Client, number: u128) -> u64 {
    let effects = client.take_effects();
    let Some(Effect::Say { room, draft, .. }) = effects.into_iter().find(|e| matches!(e, Effect::Say { .. }))
    else {
        panic!("nothing was said");
    };
    client.tell(Msg::Queued { room, draft, cid: cid(number) });
    draft
}

#[test]
fn what_is_typed_is_sent_by_enter_and_shown_at_once() {
    let mut client = Client::chatting(80, 24);

    client.typed("hello all").press(KeyCode::Enter);

    assert!(
        matches!(&client.effects[..], [Effect::Say { room, said, .. }] if *room == room_id(1) && said.body == "hello all")
    );
    client.sees("·  ann        hello all").sees_not("queued");
    queued(&mut client, 7);
    client.sees("◌  ann        hello all  queued");
    assert!(client.state.open_room().unwrap().composer.is_empty());
}

#[test]
fn a_queued_message_becomes_sent_in_its_place_once_whatever_comes_first() {
    let mut echo_last = Client::chatting(80, 24);
    echo_last.typed("one").press(KeyCode::Enter);
    queued(&mut echo_last, 7);
    let mut echo = said(1, 9, 0, (1, "ann"), "one");
    echo.cid = cid(7);
    let mut echo_first = Client::chatting(80, 24);
    echo_first.typed("one").press(KeyCode::Enter);
    queued(&mut echo_first, 7);
    let taken = sent(7, 1, 9);

    echo_last.hear(taken.clone());
    echo_last.sees("✓  ann        one").sees_not("queued");
    echo_last.hear(Heard::Event(echo.clone()));
    echo_first.hear(Heard::Event(echo)).hear(taken);

    for client in [&mut echo_last, &mut echo_first] {
        client.sees("✓  ann        one").sees_not("queued");
        assert_eq!(client.text().matches("ann        one").count(), 1);
    }
}

#[test]
fn stored_messages_have_two_ticks() {
    let mut client = Client::chatting(80, 24);
    client.hear(Heard::Event(said(1, 4, 0, (1, "ann"), "mine")));
    client.sees("✓  ann        mine");

    client.hear(Heard::Head(wire::events::Head { room: room_id(1), pos: 4, n: 4, h: String::new() }));

    client.sees("✓✓ ann        mine");
}

#[test]
fn a_refused_message_says_why_and_can_be_sent_again() {
    let mut client = Client::chatting(80, 24);
    client.typed("too fast").press(KeyCode::Enter);
    queued(&mut client, 7);

    client.hear(refused(7, 1, "ten messages a second"));

    client.sees("✗  ann        too fast").sees("not sent: ten messages a second");
    client.press(KeyCode::Esc).press(KeyCode::Char('R'));
    assert!(matches!(&client.effects[..], [Effect::Say { said, .. }] if said.body == "too fast"));
    assert!(matches!(&client.effects[..], [Effect::Say { cid: Some(same), .. }] if *same == cid(7)));
    client.sees_not("✗").sees("queued");
}

#[test]
fn what_the_outbox_kept_from_before_is_shown_and_sent_or_dropped() {
    let mut client = Client::chatting(80, 24);

    client.hear(waits(7, 1, "from before")).hear(waits(7, 1, "from before")).hear(waits(
        8,
        1,
        "dropped elsewhere",
    ));
    client.sees("◌  ann        from before  queued").sees("dropped elsewhere");
    assert_eq!(client.text().matches("from before").count(), 1);

    client.hear(Heard::Dropped { cid: cid(8), room: room_id(1) });
    client.hear(sent(7, 1, 9));
    client.sees("✓  ann        from before").sees_not("dropped elsewhere");
}

#[test]
fn pasting_several_lines_never_sends() {
    let mut client = Client::chatting(80, 24);

    client.tell(Msg::Pasted("first\nsecond\r\n\tthird\u{1b}[31m\n".into()));

    assert!(client.effects.is_empty());
    assert_eq!(client.state.open_room().unwrap().composer.text(), "first\nsecond\n    third\n");
}

#[test]
fn a_book_is_not_taken_into_a_message() {
    let mut client = Client::chatting(80, 24);

    client.typed("kept").tell(Msg::Pasted("x".repeat(1 << 20)));

    client.sees("too much text to paste");
    assert_eq!(client.state.open_room().unwrap().composer.text(), "kept");
}

#[test]
fn alt_enter_and_ctrl_j_make_lines() {
    let mut client = Client::chatting(80, 24);

    client.typed("a").with_modifier(KeyCode::Enter, KeyModifiers::ALT).typed("b").ctrl('j').typed("c");
    assert!(client.effects.is_empty());
    client.press(KeyCode::Enter);

    assert!(matches!(&client.effects[..], [Effect::Say { said, .. }] if said.body == "a\nb\nc"));
}

#[test]
fn blank_and_oversized_messages_are_not_sent_and_not_lost() {
    let mut client = Client::chatting(80, 24);

    client.typed("  ").press(KeyCode::Enter);
    client.tell(Msg::Pasted("x".repeat(17 * 1024))).press(KeyCode::Enter);

    assert!(client.effects.is_empty());
    client.sees("too long: 17 KiB");
    assert!(client.state.open_room().unwrap().composer.text().len() > 17 * 1024);
}

#[test]
fn messages_elsewhere_are_counted_until_the_room_is_opened() {
    let mut client = Client::chatting(80, 24);

    client.hear(Heard::Event(said(2, 1, 1, (BOB, "bob"), "red")));
    client.hear(Heard::Event(said(2, 2, 1, (BOB, "bob"), "green")));
    client.hear(Heard::Event(event(2, 3, 1, (CAROL, "carol"), What::Joined)));
    client.hear(Heard::Event(said(1, 1, 1, (BOB, "bob"), "seen at once")));

    client.sees("#build         2");
    assert_eq!(client.state.unread(client.state.room(room_id(1)).unwrap()), 0);
    client.with_modifier(KeyCode::Char('n'), KeyModifiers::ALT);
    assert_eq!(client.state.open, Some(room_id(2)));
    client.sees("── 2 new ──").sees("green");
    assert_eq!(client.state.unread(client.state.room(room_id(2)).unwrap()), 0);
}

#[test]
fn the_past_that_a_subscription_begins_with_is_not_unread() {
    let mut client = Client::new(80, 24);
    client.tell(Msg::Recognised(Ok(crate::fixtures::me())));
    client.tell(Msg::Rooms(Ok(vec![room(1, "alpha", ""), room(2, "beta", "")])));

    client.hear(Heard::Event(said(2, 1, 0, (BOB, "bob"), "old")));
    client.hear(Heard::Live { room: room_id(2), pos: 1 });
    client.hear(Heard::Event(said(2, 2, 0, (BOB, "bob"), "new")));

    assert_eq!(client.state.unread(client.state.room(room_id(2)).unwrap()), 1);
}

#[test]
fn a_break_shows_a_banner_keeps_writing_possible_and_marks_what_was_missed() {
    let mut client = Client::chatting(80, 24);
    client.with_talk();

    client.hear(lost(3, "connection refused"));
    client.typed("still here").press(KeyCode::Enter);
    client.sees("◐ reconnecting… (attempt 3) · 1 message queued · connecti…");
    client.sees("○ offline");
    queued(&mut client, 7);
    client.hear(lost(4, "connection refused"));
    client.hear(Heard::Connected);
    client.hear(Heard::Event(said(1, 6, 5, (BOB, "bob"), "you missed this")));
    client.hear(Heard::Live { room: room_id(1), pos: 6 });

    client.sees_not("reconnecting").sees("● live").sees("── 1 new ──").sees("you missed this");
    assert!(matches!(client.state.link, Link::Live));
    assert!(client.effects.iter().any(|effect| matches!(effect, Effect::LoadRooms)));
}

#[test]
fn a_break_in_which_nothing_was_missed_leaves_no_line() {
    let mut client = Client::chatting(80, 24);
    client.with_talk();

    client.hear(lost(1, "")).hear(Heard::Connected);
    client.hear(Heard::Live { room: room_id(1), pos: 5 });
    client.hear(Heard::Event(said(1, 6, 5, (BOB, "bob"), "afterwards")));

    client.sees("afterwards").sees_not(" new ─");
}

#[test]
fn events_are_shown_once_and_in_the_order_of_the_log() {
    let mut client = Client::chatting(80, 24);

    for pos in [3, 1, 2, 3, 2] {
        client.hear(Heard::Event(said(1, pos, 0, (BOB, "bob"), &format!("number {pos}"))));
    }

    let text = client.text();
    let places: Vec<usize> = (1..=3).map(|pos| text.find(&format!("number {pos}")).unwrap()).collect();
    assert!(places.is_sorted());
    assert_eq!(text.matches("number ").count(), 3);
}

#[test]
fn page_up_shows_older_rows_then_asks_for_history_and_stays_where_it_is() {
    let mut client = Client::chatting(80, 24);
    client.hear(Heard::Restarted { room: room_id(1) }).take_effects();
    for pos in 101..=160 {
        client.hear(Heard::Event(said(1, pos, 0, (BOB, "bob"), &format!("number {pos}"))));
    }
    client.hear(Heard::Live { room: room_id(1), pos: 160 }).sees("number 160");

    client.press(KeyCode::PageUp);
    client.sees_not("number 160").sees("↓ PgDn to the newest");
    assert!(client.effects.is_empty());
    for _ in 0..5 {
        client.press(KeyCode::PageUp);
    }
    client.sees("number 101");
    assert!(
        matches!(&client.effects[..], [Effect::LoadOlder(room, 101)] if *room == room_id(1)),
        "asked once"
    );

    let older = (51..=100).map(|pos| said(1, pos, 0, (BOB, "bob"), &format!("number {pos}"))).collect();
    let before = client.text();
    client.tell(Msg::Older(
        room_id(1),
        Ok(EventPage { events: older, ep: "e".into(), upto: 100, persisted: 100, more: false }),
    ));
    let first_rows = |text: &str| text.lines().skip(3).take(10).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(first_rows(&before), first_rows(&client.text()));
    client.press(KeyCode::PageUp).sees("number 100");
}

#[test]
fn new_messages_do_not_move_what_is_being_read() {
    let mut client = Client::chatting(80, 24);
    for pos in 1..=60 {
        client.hear(Heard::Event(said(1, pos, 0, (BOB, "bob"), &format!("number {pos}"))));
    }
    client.press(KeyCode::PageUp);
    let pane = |text: &str| -> Vec<String> {
        text.lines().skip(1).take(18).map(|line| line.chars().skip(20).collect()).collect()
    };
    let before = pane(&client.text());

    for pos in 61..=63 {
        client.hear(Heard::Event(said(1, pos, 0, (BOB, "bob"), &format!("number {pos}"))));
    }

    assert_eq!(before, pane(&client.text()));
    client.sees("↓ 3 new");
    client.press(KeyCode::PageDown).press(KeyCode::PageDown).sees("number 63").sees_not("↓");
}

#[test]
fn a_gap_is_shown_and_fetched() {
    let mut client = Client::chatting(80, 24);
    client.hear(Heard::Event(said(1, 1, 0, (BOB, "bob"), "before")));

    client.hear(Heard::Gap { room: room_id(1), from: 1, to: 4 });
    client.hear(Heard::Event(said(1, 4, 0, (BOB, "bob"), "after")));

    client.sees("loading what is missing here");
    assert!(matches!(&client.effects[..], [Effect::LoadMissing { after: 1, until: 4, .. }]));
    let events = vec![said(1, 2, 0, (BOB, "bob"), "between"), said(1, 3, 0, (BOB, "bob"), "two")];
    let page = EventPage { events, ep: "e".into(), upto: 3, persisted: 3, more: true };
    client.tell(Msg::Missing(room_id(1), 4, Ok(page)));
    client.sees_not("missing").sees("between");
}

#[test]
fn what_the_database_has_otherwise_is_shown_as_it_is_there() {
    let mut client = Client::chatting(80, 24);
    for (pos, text) in [(1, "before"), (2, "wrong"), (3, "too many"), (5, "after")] {
        client.hear(Heard::Event(said(1, pos, 0, (BOB, "bob"), text)));
    }

    client.hear(Heard::Differs { room: room_id(1), after: 1, upto: 4 });
    client
        .sees("loading what is missing here")
        .sees("before")
        .sees("after")
        .sees_not("wrong")
        .sees_not("too many");
    assert!(matches!(&client.effects[..], [Effect::LoadRows { after: 1, until: 5, .. }]));
    // Page by page, and from the database only.
    let page = |events, more| EventPage { events, ep: "e".into(), upto: 5, persisted: 5, more };
    client.tell(Msg::Rows(room_id(1), 5, Ok(page(vec![said(1, 2, 0, (BOB, "bob"), "right")], true))));
    assert!(matches!(client.effects.last(), Some(Effect::LoadRows { after: 2, until: 5, .. })));
    client.tell(Msg::Rows(room_id(1), 5, Ok(page(vec![said(1, 4, 0, (BOB, "bob"), "lost")], true))));

    client.sees("right").sees("lost").sees_not("missing").sees_not("wrong").sees_not("too many");
}

#[test]
fn a_hub_that_is_not_well_says_so_above_the_messages_until_it_is() {
    let mut client = Client::chatting(120, 24);
    let rows = client.state.messages_size().1;

    client.hear(Heard::Health(Health { read_only: false, minutes_behind: 6 }));
    client.sees("the hub's database is 6 minutes behind");
    client.hear(Heard::Health(Health { read_only: true, minutes_behind: 6 }));
    client.sees("the hub stores no messages right now").sees_not("6 minutes");
    assert_eq!(client.state.messages_size().1, rows - 1);

    client.hear(Heard::Health(Health::default()));
    client.sees_not("the hub").sees("live");
    assert_eq!(client.state.messages_size().1, rows);
}

#[test]
fn remote_text_cannot_steer_the_terminal() {
    let mut client = Client::chatting(80, 24);

    client.hear(Heard::Event(said(
        1,
        1,
        0,
        (BOB, "b\u{1b}[2Job"),
        "x\u{1b}]52;c;c2VjcmV0\u{7}y\u{202e}z\tt",
    )));

    client.sees("bob").sees("xyz t");
    let backend = client.screen();
    let cells = backend.backend().buffer().content();
    assert!(cells.iter().all(|cell| !cell.symbol().chars().any(|c| c.is_control() || c == '\u{202e}')));
}

#[test]
fn drafts_stay_with_their_rooms() {
    let mut client = Client::chatting(80, 24);

    client.typed("for general").with_modifier(KeyCode::Up, KeyModifiers::ALT).typed("for build");
    client.with_modifier(KeyCode::Down, KeyModifiers::ALT);

    assert_eq!(client.state.open, Some(room_id(1)));
    client.sees("for general").sees_not("for build");
}

#[test]
fn a_public_room_is_found_and_joined_and_a_new_one_made() {
    let mut client = Client::chatting(80, 24);
    client.ctrl('k').typed("rel");
    assert!(matches!(client.effects[0], Effect::LoadPublicRooms));
    let mut release = room(9, "release", "");
    release.joined = false;

    client.tell(Msg::PublicRooms(Ok(vec![release.clone()])));
    client.sees("#release").press(KeyCode::Enter);

    assert!(client.take_effects().iter().any(|e| matches!(e, Effect::Join(id) if *id == room_id(9))));
    release.joined = true;
    client.tell(Msg::Joined(Ok(release)));
    assert_eq!(client.state.open, Some(room_id(9)));
    assert!(client.take_effects().iter().any(|e| matches!(e, Effect::Subscribe(id) if *id == room_id(9))));

    client.ctrl('n').typed("#Party").press(KeyCode::Down).press(KeyCode::Down).press(KeyCode::Char(' '));
    client.press(KeyCode::Enter);
    assert!(matches!(&client.effects[..], [Effect::NewRoom(new)] if new.name == "party" && new.private));
}

#[test]
fn a_name_that_is_taken_is_told_in_the_form() {
    let mut client = Client::chatting(80, 24);
    client.ctrl('n').typed("general").press(KeyCode::Enter);

    let mut failure = tui::msg::Failure::new(tui::msg::FailureKind::Refused, "taken");
    failure.fields.push(("/name".into(), "#general is there already".into()));
    client.tell(Msg::RoomMade(Err(failure)));

    client.sees("✗ #general is there already").sees("New room");
}

#[test]
fn somebody_is_invited_by_address() {
    let mut client = Client::chatting(80, 24);

    client
        .with_modifier(KeyCode::Char('i'), KeyModifiers::ALT)
        .typed("dan@example.org")
        .press(KeyCode::Enter);

    assert!(
        matches!(&client.effects[..], [Effect::Invite(room, who)] if *room == room_id(1) && who == "dan@example.org")
    );
}

#[test]
fn leaving_a_room_asks_first_and_opens_a_neighbour() {
    let mut client = Client::chatting(80, 24);

    client.press(KeyCode::Esc).press(KeyCode::Char('L')).sees("Leave #general?");
    assert!(client.effects.is_empty());
    client.press(KeyCode::Char('y'));
    assert!(matches!(&client.effects[..], [Effect::Leave(room)] if *room == room_id(1)));
    client.tell(Msg::LeftRoom(room_id(1), Ok(())));

    assert_eq!(client.state.open, Some(room_id(3)));
}

#[test]
fn esc_steps_back_and_never_quits_and_ctrl_c_quits_on_the_second_time() {
    let mut client = Client::chatting(80, 24);
    for _ in 0..5 {
        client.press(KeyCode::Esc);
    }
    assert!(client.effects.is_empty());

    client.press(KeyCode::Char('i')).typed("text").ctrl('c');
    assert!(client.state.open_room().unwrap().composer.is_empty(), "the first one clears");
    client.ctrl('c').sees("press Ctrl-C again to quit");
    assert!(client.effects.is_empty());
    client.ctrl('c');

    assert!(matches!(client.effects[..], [Effect::Quit]));
}

#[test]
fn the_second_ctrl_c_must_come_soon() {
    let mut client = Client::chatting(80, 24);

    client.ctrl('c');
    client.now = client.now.plus_seconds(10);
    client.tell(Msg::Elapsed).ctrl('c');

    assert!(client.effects.is_empty());
}

#[test]
fn quitting_with_unsent_messages_asks() {
    let mut client = Client::chatting(80, 24);
    client.typed("unsent").press(KeyCode::Enter).press(KeyCode::Esc);
    client.take_effects();

    client.press(KeyCode::Char('q'));

    assert!(client.effects.is_empty());
    client.sees("1 unsent messages").press(KeyCode::Enter);
    assert!(client.effects.is_empty() && client.state.overlay.is_none(), "Enter is no");
    client.press(KeyCode::Char('q')).press(KeyCode::Char('y'));
    assert!(matches!(client.effects[..], [Effect::Quit]));
}

#[test]
fn the_session_ends_and_comes_back_with_drafts_and_unsent_messages() {
    let mut client = Client::chatting(80, 24);
    client.typed("under way").press(KeyCode::Enter).typed("a draft");
    queued(&mut client, 7);

    client.hear(Heard::SignedOut { why: "the session was revoked".into() });
    client.sees("Sign in").sees("the session was revoked").sees("ann@example.org");
    client.tell(Msg::SignedIn(Ok(crate::fixtures::me())));

    client.sees("a draft").sees("not sent: the session ended before");
    let kept = waits(7, 1, "under way");
    client.hear(kept).sees("under way  queued").sees_not("not sent");
    assert!(client.effects.iter().any(|e| matches!(e, Effect::GoLive)));
    assert_eq!(client.effects.iter().filter(|e| matches!(e, Effect::Subscribe(_))).count(), 3);
}

#[test]
fn the_wanted_room_opens_first_or_is_offered() {
    let mut options = crate::fixtures::options();
    options.room = Some("#beta".into());
    let mut client = Client::with(options.clone(), 80, 24);
    client.tell(Msg::Recognised(Ok(crate::fixtures::me())));
    let mut stranger = Client::with(options, 80, 24);
    stranger.tell(Msg::Recognised(Ok(crate::fixtures::me())));

    client.tell(Msg::Rooms(Ok(vec![room(1, "alpha", ""), room(2, "beta", "")])));
    stranger.tell(Msg::Rooms(Ok(vec![room(1, "alpha", "")])));

    assert_eq!(client.state.open, Some(room_id(2)));
    assert!(matches!(stranger.state.overlay, Some(Overlay::Picker(_))));
    stranger.sees("you are in no room called beta");
}
