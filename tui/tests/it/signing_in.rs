//! From nothing to the chat: sign up, verify, sign in.

use ratatui::crossterm::event::KeyCode;
use tui::{
    app::Screen,
    msg::{Effect, Failure, FailureKind, Msg},
};
use wire::accounts::{KeptMail, MailRoute, NewUser, SignedUp};

use crate::fixtures::{Client, at, me, user};

fn at_sign_in() -> Client {
    let mut client = Client::new(80, 24);
    client.tell(Msg::Recognised(Err(Failure::new(FailureKind::SignedOut, "not signed in"))));
    client
}

fn kept_mail() -> KeptMail {
    KeptMail {
        id: uuid::Uuid::nil(),
        to: "ann@example.org".into(),
        subject: "Activate your account".into(),
        text: String::new(),
        link: Some("http://127.0.0.1:8000/verify?token=abc".into()),
        code: Some("K7QX-2M9P".into()),
        at: at(0),
    }
}

/// The sign-up form filled in and sent.
fn signed_up(mail: MailRoute) -> Client {
    let mut client = at_sign_in();
    client.ctrl('n').typed("Ann").press(KeyCode::Enter).typed("ann@example.org").press(KeyCode::Enter);
    client.typed("a long password").press(KeyCode::Tab).typed("a long password").press(KeyCode::Enter);
    let effects = client.take_effects();
    assert!(
        matches!(&effects[..], [Effect::SignUp(account)] if account.name == "Ann" && account.password == "a long password")
    );
    let user = NewUser { id: user(1), email: "ann@example.org".into(), name: "Ann".into() };
    client.tell(Msg::SignedUp(Ok(SignedUp { user, mail })));
    client
}

#[test]
fn a_newcomer_is_in_the_chat_with_enter_where_the_hub_keeps_its_mail() {
    let mut client = signed_up(MailRoute::Kept);
    assert!(
        matches!(&client.take_effects()[..], [Effect::FindMail { to, wait: true }] if to == "ann@example.org")
    );

    client.tell(Msg::Mail(Ok(Some(kept_mail()))));
    client.sees("activate now").sees("K7QX-2M9P").press(KeyCode::Enter);

    assert!(matches!(&client.take_effects()[..], [Effect::Verify(token)] if token.ends_with("token=abc")));
    client.tell(Msg::Verified(Ok(me())));
    assert!(matches!(&client.take_effects()[..], [Effect::SignIn(email, password)]
        if email == "ann@example.org" && password == "a long password"));
    client.tell(Msg::SignedIn(Ok(me())));
    assert_eq!(client.state.screen, Screen::Chat);
    assert!(matches!(&client.effects[..], [Effect::GoLive, Effect::LoadRooms]));
}

#[test]
fn where_mail_is_sent_nothing_is_looked_for_and_the_code_is_typed() {
    let mut client = signed_up(MailRoute::Sent);
    assert!(client.take_effects().is_empty());

    client.press(KeyCode::Enter).sees("is empty");
    client.typed("K7QX-2M9P").press(KeyCode::Enter);

    assert!(matches!(&client.effects[..], [Effect::Verify(code)] if code == "K7QX-2M9P"));
}

#[test]
fn an_unverified_account_is_led_to_verification_and_then_in() {
    let mut client = at_sign_in();
    client.typed("ann@example.org").press(KeyCode::Tab).typed("a long password").press(KeyCode::Enter);
    client.take_effects();

    client.tell(Msg::SignedIn(Err(Failure::new(FailureKind::Unverified, "verify first"))));

    assert_eq!(client.state.screen, Screen::Verify);
    assert!(matches!(&client.take_effects()[..], [Effect::FindMail { wait: false, .. }]));
    client.tell(Msg::Mail(Ok(Some(kept_mail())))).press(KeyCode::Enter);
    client.tell(Msg::Verified(Ok(me())));
    assert!(
        client
            .effects
            .iter()
            .any(|e| matches!(e, Effect::SignIn(_, password) if password == "a long password"))
    );
}

#[test]
fn complaints_stand_at_their_fields() {
    let mut client = at_sign_in();
    client.ctrl('n').press(KeyCode::Up).press(KeyCode::Enter);
    client.sees("✗ is empty");
    client
        .typed("Ann")
        .press(KeyCode::Tab)
        .typed("ann")
        .press(KeyCode::Tab)
        .typed("aaaaaaaaaa")
        .press(KeyCode::Tab);
    client.typed("bbbbbbbbbb").press(KeyCode::Enter).sees("✗ is not the same");
    client.ctrl('c').typed("aaaaaaaaaa").press(KeyCode::Enter);
    client.take_effects();

    let mut failure = Failure::new(FailureKind::Refused, "fields are wrong");
    failure.fields.push(("/email".into(), "has no @".into()));
    client.tell(Msg::SignedUp(Err(failure)));

    client.sees("✗ has no @").sees_not("fields are wrong");
    assert_eq!(client.state.sign_up.focus, 1);
}

#[test]
fn wrong_credentials_are_told_and_can_be_typed_again() {
    let mut client = at_sign_in();
    client.typed("ann@example.org").press(KeyCode::Enter).typed("wrong").press(KeyCode::Enter);
    client.sees("asking the hub…").press(KeyCode::Enter);
    assert_eq!(client.take_effects().len(), 1, "while the hub is asked, Enter does nothing");

    client.tell(Msg::SignedIn(Err(Failure::new(
        FailureKind::Refused,
        "The address or the password is wrong.",
    ))));

    client.sees("✗ The address or the password is wrong.").sees_not("asking");
    client.ctrl('c').typed("right").press(KeyCode::Enter);
    assert!(matches!(&client.effects[..], [Effect::SignIn(_, password)] if password == "right"));
}

#[test]
fn passwords_are_never_on_the_screen() {
    let mut client = at_sign_in();
    client.typed("ann@example.org").press(KeyCode::Tab).typed("tr0ub4dor");
    client.sees_not("tr0ub4dor").sees("·········");
}

#[test]
fn without_a_hub_the_first_screen_says_so_and_tries_again() {
    let mut client = Client::new(80, 24);
    client.sees("connecting to http://127.0.0.1:8000/");

    client.tell(Msg::Recognised(Err(Failure::new(FailureKind::Unreachable, "connection refused"))));
    client.sees("No hub at").sees("connection refused").sees("mshub up");
    client.press(KeyCode::Char('r'));
    assert!(matches!(&client.take_effects()[..], [Effect::Recognise]));

    client.tell(Msg::Recognised(Err(Failure::new(FailureKind::Unreachable, "connection refused"))));
    client.now = client.state.deadline().expect("it is asked again without a key");
    client.tell(Msg::Elapsed).sees("No hub at");
    assert!(matches!(&client.take_effects()[..], [Effect::Recognise]));
    client.tell(Msg::Recognised(Ok(me()))).sees_not("No hub at");
    assert_eq!(client.state.screen, Screen::Chat);
}

#[test]
fn not_typing_q_quits_and_typing_it_does_not() {
    let mut client = at_sign_in();

    client.typed("q");
    assert!(client.effects.is_empty());
    client.press(KeyCode::Esc).sees(" NAV ").press(KeyCode::Char('q'));

    assert!(matches!(client.effects[..], [Effect::Quit]));
}
