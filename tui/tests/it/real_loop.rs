//! The real loop, with a terminal of cells and a scripted person, and no hub at its address.

use std::time::Duration;

use client::{Hub, SessionStore};
use futures_util::{StreamExt, stream};
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers},
};
use tui::{App, Input, Pause, app::Screen, run_with};

use crate::fixtures::options;

/// Nothing listens there: port 9 is never given out.
fn nowhere() -> Hub {
    let options = client::Options { retries: 0, ..client::Options::default() };
    Hub::new("http://127.0.0.1:9".parse().unwrap(), SessionStore::Memory, options).unwrap()
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Input {
    Event::Key(KeyEvent::new(code, modifiers)).into()
}

fn ctrl(letter: char) -> Input {
    key(KeyCode::Char(letter), KeyModifiers::CONTROL)
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("the loop did not come back in time")
}

#[tokio::test]
async fn two_times_ctrl_c_leaves() {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let input = stream::iter([ctrl('c'), ctrl('c')]).chain(stream::pending());

    let end = in_time(run_with(&mut terminal, input, nowhere(), options())).await.unwrap();

    assert_eq!(end, Pause::Quit);
}

#[tokio::test]
async fn the_end_of_the_input_is_the_end() {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();

    let end = in_time(run_with(&mut terminal, stream::empty::<Input>(), nowhere(), options())).await.unwrap();

    assert_eq!(end, Pause::Quit);
}

#[tokio::test]
async fn a_signal_ends_it_with_its_number() {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let input = stream::iter([Input::Killed(15)]).chain(stream::pending());

    let end = in_time(run_with(&mut terminal, input, nowhere(), options())).await.unwrap();

    assert_eq!(end, Pause::Killed(15));
}

#[tokio::test]
async fn ctrl_z_pauses_and_the_same_client_goes_on() {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let mut input = std::pin::pin!(stream::iter([ctrl('z'), ctrl('c'), ctrl('c')]).chain(stream::pending()));
    let mut app = App::new(nowhere(), options());

    assert_eq!(in_time(app.drive(&mut terminal, &mut input)).await.unwrap(), Pause::Suspended);
    app.tell("back again".into());
    assert_eq!(app.state().notice.as_ref().map(|notice| notice.text.as_str()), Some("back again"));
    assert_eq!(in_time(app.drive(&mut terminal, &mut input)).await.unwrap(), Pause::Quit);
}

#[tokio::test]
async fn without_a_session_the_sign_in_form_takes_keys_and_resizes() {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let (keys, typed) = tokio::sync::mpsc::unbounded_channel::<Input>();
    let mut input =
        Box::pin(stream::unfold(typed, |mut typed| async move { typed.recv().await.map(|i| (i, typed)) }));
    let mut app = App::new(nowhere(), options());

    // The first answer (there is no session) comes by itself; a second client would wait for it by its clock.
    while app.state().screen != Screen::SignIn {
        let step = tokio::time::timeout(Duration::from_millis(20), app.drive(&mut terminal, &mut input));
        let _ = step.await;
    }
    for letter in "ann".chars() {
        keys.send(key(KeyCode::Char(letter), KeyModifiers::NONE)).unwrap();
    }
    terminal.backend_mut().resize(60, 20);
    keys.send(Event::Resize(60, 20).into()).unwrap();
    keys.send(ctrl('z')).unwrap();
    let end = in_time(app.drive(&mut terminal, &mut input)).await.unwrap();

    assert_eq!(end, Pause::Suspended);
    assert_eq!(app.state().sign_in.get("email"), "ann");
    assert_eq!(app.state().size, (60, 20));
}
