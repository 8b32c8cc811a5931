//! A room opens where the unread begins, and only what was on the screen is read.

use ratatui::crossterm::event::{KeyCode, KeyModifiers};
use tui::msg::{Effect, Failure, FailureKind, Heard, Msg};
use wire::rooms::{EventPage, Room};

use crate::fixtures::{BOB, Client, lost, me, room, room_id, said};

/// Of the hub: so many unread after this position, counted up to that one.
fn counted(number: u128, name: &str, unread: u64, mark: u64, upto: u64) -> Room {
    let (unread, mark, upto) = (Some(unread), Some(mark), Some(upto));
    Room { unread, mentions: Some(0), mark, upto, ..room(number, name, "") }
}

fn from_bob(room: u128, pos: u64) -> wire::events::RoomEvent {
    said(room, pos, 0, (BOB, "bob"), &format!("number {pos}."))
}

/// Signed in, in #alpha with nothing unread and #build with 40 of 60 unread; both are told.
fn at_alpha(rows: u16) -> Client {
    let mut client = Client::new(80, rows);
    client.tell(Msg::Recognised(Ok(me()))).hear(Heard::Connected);
    client.tell(Msg::Rooms(Ok(vec![counted(1, "alpha", 0, 0, 0), counted(2, "build", 40, 20, 60)])));
    client.hear(Heard::Live { room: room_id(1), pos: 0 });
    (1..=60).for_each(|pos| {
        client.hear(Heard::Event(from_bob(2, pos)));
    });
    client.hear(Heard::Live { room: room_id(2), pos: 60 });
    client.press(KeyCode::Esc);
    client
}

/// Read marks that went out since they were asked for last.
fn marks(client: &mut Client) -> Vec<u64> {
    let asides = std::mem::take(&mut client.asides).into_iter();
    asides.filter_map(|effect| if let Effect::Read(_, pos) = effect { Some(pos) } else { None }).collect()
}

fn unread(client: &Client) -> u64 {
    client.state.unread(client.state.room(room_id(2)).unwrap())
}

/// The last message that is on the screen.
fn last_in_sight(client: &Client) -> u64 {
    let text = client.text();
    let number = text.rsplit("number ").next().and_then(|rest| rest.split('.').next());
    number.and_then(|number| number.parse().ok()).unwrap()
}

#[test]
fn a_room_opens_at_its_first_unread_message_and_is_read_as_far_as_it_is_seen() {
    let mut client = at_alpha(24);
    marks(&mut client);

    client.press(KeyCode::Char('j')).sees("── 40 new ──").sees("number 20.").sees("number 21.");

    let seen = last_in_sight(&client);
    assert!((30..45).contains(&seen), "{seen}");
    assert_eq!((marks(&mut client), unread(&client)), (vec![seen], 60 - seen));
    client.sees(&format!("↓ {} new · G newest", 60 - seen)).sees(&format!("#build        {}", 60 - seen));

    client.press(KeyCode::PageDown);
    let further = last_in_sight(&client);
    assert!(further > seen);
    assert_eq!((marks(&mut client), unread(&client)), (vec![further], 60 - further));
    client.press(KeyCode::PageUp);
    assert_eq!(marks(&mut client), [0_u64; 0], "what is read stays read");

    client.press(KeyCode::Char('G')).sees("number 60.");
    assert_eq!((marks(&mut client), unread(&client)), (vec![60], 0));
    client.press(KeyCode::Char('u')).sees("── 40 new ──").sees("number 21.");
    client.press(KeyCode::Char('i')).with_modifier(KeyCode::End, KeyModifiers::ALT).sees("number 60.");
    client.with_modifier(KeyCode::Char('u'), KeyModifiers::ALT).sees("number 21.");
}

#[test]
fn what_fits_is_read_at_once_with_the_line_in_view() {
    let mut client = at_alpha(60);
    marks(&mut client);

    client.press(KeyCode::Char('j')).sees("── 40 new ──").sees("number 60.");

    assert_eq!((marks(&mut client), unread(&client)), (vec![60], 0));
}

#[test]
fn what_lies_below_a_window_that_grows_is_read() {
    let mut client = at_alpha(24);
    client.press(KeyCode::Char('j'));
    assert!(unread(&client) > 0);

    client.tell(Msg::Resized(80, 100)).sees("number 60.");

    assert_eq!(unread(&client), 0);
}

#[test]
fn nothing_is_read_behind_a_popup_or_in_a_window_that_shows_nothing() {
    let mut client = at_alpha(24);
    client.hear(Heard::Event(from_bob(1, 1)));
    marks(&mut client);

    client.press(KeyCode::F(1)).hear(Heard::Event(from_bob(1, 2)));
    assert_eq!(marks(&mut client), [0_u64; 0]);
    client.press(KeyCode::Esc);
    assert_eq!(marks(&mut client), [2]);
    client.tell(Msg::Resized(30, 8)).hear(Heard::Event(from_bob(1, 3)));
    assert_eq!(marks(&mut client), [0_u64; 0]);
    client.tell(Msg::Resized(80, 24));
    assert_eq!(marks(&mut client), [3]);
}

#[test]
fn what_is_unread_before_what_is_loaded_is_fetched_first() {
    let mut client = Client::new(80, 24);
    client.tell(Msg::Recognised(Ok(me()))).hear(Heard::Connected);
    client.tell(Msg::Rooms(Ok(vec![counted(2, "build", 90, 10, 100)])));
    (51..=100).for_each(|pos| {
        client.hear(Heard::Event(from_bob(2, pos)));
    });
    client.take_effects();

    client.hear(Heard::Live { room: room_id(2), pos: 100 }).sees("loading older messages").sees("number 51.");
    assert!(matches!(&client.take_effects()[..], [Effect::LoadOlder(_, 51)]));
    client.tell(Msg::Elapsed);
    assert!(client.take_effects().is_empty(), "asked once");
    assert_eq!((marks(&mut client), unread(&client)), (vec![], 90));
    let page = |from, to| EventPage {
        events: (from..=to).map(|pos| from_bob(2, pos)).collect(),
        ep: "e".into(),
        upto: to,
        persisted: to,
        more: true,
    };
    client.tell(Msg::Older(room_id(2), Ok(page(31, 50))));
    assert!(matches!(&client.take_effects()[..], [Effect::LoadOlder(_, 31)]));
    client.tell(Msg::Older(room_id(2), Ok(page(5, 30))));

    client.sees("── 90 new ──").sees("number 11.").sees("number 10.");
    let seen = last_in_sight(&client);
    assert_eq!((marks(&mut client), unread(&client)), (vec![seen], 100 - seen));
    assert!(client.take_effects().is_empty());
}

#[test]
fn what_cannot_be_fetched_is_not_asked_for_without_end_and_stays_unread() {
    let mut client = Client::new(80, 24);
    client.tell(Msg::Recognised(Ok(me()))).hear(Heard::Connected);
    client.tell(Msg::Rooms(Ok(vec![counted(2, "build", 90, 10, 100)])));
    (51..=100).for_each(|pos| {
        client.hear(Heard::Event(from_bob(2, pos)));
    });
    client.hear(Heard::Live { room: room_id(2), pos: 100 }).take_effects();

    let failure = Failure::new(FailureKind::Unreachable, "cannot reach the hub");
    client.tell(Msg::Older(room_id(2), Err(failure))).sees("cannot reach the hub").sees("── 90 new ──");
    client.tell(Msg::Elapsed);

    assert!(client.take_effects().is_empty());
    assert_eq!((marks(&mut client), unread(&client)), (vec![], 90));
    client.press(KeyCode::Esc).press(KeyCode::Char('G'));
    assert_eq!(
        (marks(&mut client), unread(&client)),
        (vec![100], 0),
        "whoever goes to the newest has read it"
    );
}

#[test]
fn a_few_that_fit_are_not_all_that_is_unread() {
    let mut client = Client::new(80, 24);
    client.tell(Msg::Recognised(Ok(me()))).hear(Heard::Connected);
    client.tell(Msg::Rooms(Ok(vec![counted(2, "build", 90, 10, 100)])));
    client.hear(Heard::Event(from_bob(2, 99))).hear(Heard::Event(from_bob(2, 100)));
    client.hear(Heard::Live { room: room_id(2), pos: 100 }).take_effects();

    client.tell(Msg::Older(room_id(2), Err(Failure::new(FailureKind::Unreachable, "away"))));

    client.sees("number 100.").sees("── 90 new ──");
    assert_eq!((marks(&mut client), unread(&client)), (vec![], 90));
    client.press(KeyCode::Esc).press(KeyCode::Char('u'));
    assert!(matches!(&client.take_effects()[..], [Effect::LoadOlder(_, 99)]), "it can be asked for again");
}

#[test]
fn what_was_missed_while_the_link_was_down_is_shown_from_its_beginning() {
    let mut client = at_alpha(24);
    client.hear(Heard::Event(from_bob(1, 1)));
    client.hear(lost(1, "connection refused")).hear(Heard::Connected);
    marks(&mut client);
    (2..=61).for_each(|pos| {
        client.hear(Heard::Event(from_bob(1, pos)));
    });
    assert_eq!(marks(&mut client), [0_u64; 0], "not before it is clear where it begins");

    client.hear(Heard::Live { room: room_id(1), pos: 61 });

    client.sees("── 60 new ──").sees("number 2.").sees_not("number 61.");
    let seen = last_in_sight(&client);
    assert_eq!(marks(&mut client), [seen]);
}

#[test]
fn what_was_missed_and_comes_in_pages_is_counted_when_it_is_all_there() {
    let mut client = at_alpha(24);
    client.hear(Heard::Event(from_bob(1, 1)));
    client.hear(lost(1, "")).hear(Heard::Connected).hear(Heard::Gap { room: room_id(1), from: 1, to: 60 });
    client.hear(Heard::Event(from_bob(1, 60))).hear(Heard::Live { room: room_id(1), pos: 60 });
    marks(&mut client);
    client.tell(Msg::Elapsed);
    assert_eq!(marks(&mut client), [0_u64; 0]);

    let events = (2..=59).map(|pos| from_bob(1, pos)).collect();
    let page = EventPage { events, ep: "e".into(), upto: 59, persisted: 59, more: false };
    client.tell(Msg::Missing(room_id(1), 60, Ok(page)));

    client.sees("── 59 new ──").sees("number 2.").sees_not("number 60.");
    assert_eq!(marks(&mut client), [last_in_sight(&client)]);
}

#[test]
fn choosing_a_message_stays_where_one_reads() {
    let mut client = at_alpha(24);
    client.press(KeyCode::Char('j'));
    let seen = last_in_sight(&client);

    client
        .press(KeyCode::Tab)
        .press(KeyCode::Char('r'))
        .sees(&format!("Reply · Esc stops · bob: number {seen}."));
    client.press(KeyCode::Esc).press(KeyCode::Esc).press(KeyCode::Tab).press(KeyCode::Esc);

    assert_eq!(unread(&client), 60 - seen, "what is below is still unread");
    client.sees("── 40 new ──").sees_not("number 60.");
    client.press(KeyCode::Esc).sees("number 60.");
    assert_eq!(unread(&client), 0);
    client.press(KeyCode::Char('u')).sees("nothing unread here");
}
