//! A message is chosen, and something is done to it.

use ratatui::crossterm::event::KeyCode;
use tui::{
    app::Overlay,
    msg::{Effect, Failure, FailureKind, Msg},
};
use wire::messages::Op;

use crate::fixtures::{Client, cid, refused, room_id, waits};

fn talking() -> Client {
    let mut client = Client::chatting(80, 24);
    client.with_talk().take_effects();
    client
}

#[test]
fn an_answer_goes_to_the_message_that_was_chosen() {
    let mut client = talking();

    client.press(KeyCode::Up).press(KeyCode::Up).press(KeyCode::Up).press(KeyCode::Char('r'));
    client.sees("Reply · Esc stops · bob: the docx").typed("thanks").press(KeyCode::Enter);

    assert!(
        matches!(&client.effects[..], [Effect::Say { said, .. }] if said.re == Some(2) && said.body == "thanks")
    );
    client.sees_not("Reply ·").typed("more").press(KeyCode::Enter);
    assert!(matches!(&client.effects[..], [_, Effect::Say { said, .. }] if said.re.is_none()));
}

#[test]
fn esc_leads_back_to_where_the_person_was() {
    let mut client = talking();

    client.press(KeyCode::Up).sees("NAV").press(KeyCode::Esc);
    assert!(client.state.typing && client.state.selected().is_none());

    client.press(KeyCode::Esc).press(KeyCode::Tab);
    assert!(client.state.selected().is_some());
    client.press(KeyCode::Esc);
    assert!(!client.state.typing && client.state.selected().is_none());
}

#[test]
fn an_arrow_in_a_text_moves_the_cursor() {
    let mut client = talking();

    client.typed("half").press(KeyCode::Up);

    assert!(client.state.typing && client.state.selected().is_none());
}

#[test]
fn only_an_own_message_is_changed_and_a_refused_change_is_not_lost() {
    let mut client = talking();

    client.press(KeyCode::Up).press(KeyCode::Char('e')).sees("only your own messages can be changed");
    client.press(KeyCode::Up).press(KeyCode::Char('e')).sees("Edit · Enter keeps it");
    client.typed(" (done)").press(KeyCode::Enter);

    let edit = |body: &str| Op::Edit { body: body.into() };
    assert!(
        matches!(&client.effects[..], [Effect::Act(_, 4, op)] if *op == edit("converting it now (done)")),
        "{:?}",
        client.effects
    );
    let refused = Failure::new(FailureKind::Refused, "too late to change it");
    let (room, op) = (room_id(1), edit("converting it now (done)"));
    client.tell(Msg::Acted { room, tgt: 4, op, answer: Err(refused) });
    client.sees("too late to change it").sees("Edit ·").sees("converting it now (done)");
}

#[test]
fn what_was_being_written_is_there_again_after_an_edit() {
    let mut client = talking();
    client.typed("a draft").press(KeyCode::Esc).press(KeyCode::Tab).press(KeyCode::Up);

    client.press(KeyCode::Char('e')).sees_not("a draft").press(KeyCode::Esc).sees("a draft");

    assert!(client.take_effects().is_empty());
}

#[test]
fn removing_asks_and_a_sign_or_a_pin_does_not() {
    let mut client = talking();

    client.press(KeyCode::Up).press(KeyCode::Char('d')).sees("for everybody?").press(KeyCode::Enter);
    assert!(client.take_effects().is_empty(), "Enter means no");
    client.press(KeyCode::Char('d')).press(KeyCode::Char('y'));
    assert!(matches!(&client.take_effects()[..], [Effect::Act(_, 5, Op::Redact)]));

    client.press(KeyCode::Up).press(KeyCode::Char('p'));
    assert!(matches!(&client.take_effects()[..], [Effect::Act(_, 4, Op::Pin)]));
    client.press(KeyCode::Char('+')).sees("1 👍").typed("1").press(KeyCode::Enter);
    assert!(matches!(&client.take_effects()[..], [Effect::Act(_, 4, Op::React { body })] if body == "👍"));
}

#[test]
fn a_message_that_waits_is_taken_out_of_the_outbox_or_sent_again() {
    let mut client = talking();
    client.hear(waits(7, 1, "not yet")).hear(refused(7, 1, "too many messages"));

    client.press(KeyCode::Up).press(KeyCode::Char('d')).sees("Not send this message?");
    assert!(matches!(client.state.overlay, Some(Overlay::Confirm(_))));
    client.press(KeyCode::Char('y'));
    assert!(matches!(&client.take_effects()[..], [Effect::Withdraw(same)] if *same == cid(7)));

    client.press(KeyCode::Char('R'));
    assert!(matches!(&client.take_effects()[..], [Effect::Say { cid: Some(same), .. }] if *same == cid(7)));
}

#[test]
fn keys_that_do_nothing_to_a_message_are_no_hints() {
    let mut client = talking();

    client.press(KeyCode::Up).sees("r reply").sees_not("e edit").sees_not("s save").sees_not("c convert");
    client.press(KeyCode::Up).sees("e edit");
}
