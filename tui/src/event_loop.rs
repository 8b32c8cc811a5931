//! The loop: wait for anything, update, do what is to be done, paint once when nothing more is ready.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

use client::Hub;
use futures_util::Stream;
use ratatui::{Terminal, backend::Backend, crossterm::event::Event};
use tokio::sync::mpsc;

use crate::{
    Clock, Options,
    app::State,
    effects::Runner,
    msg::{Effect, Msg},
    update::update,
    view,
};

/// Messages from effects that may wait; a full queue slows the senders down.
const MESSAGES: usize = 1_024;
/// How many messages are taken before a paint, when they come without end.
const BURST: usize = 512;

/// From outside: the terminal and the system.
#[derive(Clone, Debug)]
pub enum Input {
    /// From the terminal.
    Event(Event),
    /// This signal asks to end.
    Killed(i32),
    /// SIGTSTP.
    StopAsked,
    /// SIGCONT: somebody had stopped us.
    Continued,
}

impl From<Event> for Input {
    fn from(event: Event) -> Self {
        Self::Event(event)
    }
}

/// Why the loop gives the terminal back to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// The person is done, or the input has ended.
    Quit,
    /// A signal ended it.
    Killed(i32),
    /// The process is to be stopped; call [`App::drive`] again afterwards.
    Suspended,
    /// The process was stopped and continued; set the terminal's modes anew and call [`App::drive`] again.
    Resumed,
}

/// A running client: state, effects under way, and what they have sent.
pub struct App {
    state: State,
    runner: Runner,
    messages: mpsc::Receiver<Msg>,
    clock: Clock,
    dirty: bool,
    pause: Option<Pause>,
    clear: bool,
}

impl App {
    /// A client that begins by asking the hub who is signed in. Must be called within a tokio runtime.
    pub fn new(hub: Hub, options: Options) -> Self {
        let (sender, messages) = mpsc::channel(MESSAGES);
        let mut runner = Runner::new(hub, &options, sender);
        runner.run(Effect::Recognise);
        let state = State::new(&options);
        Self { state, runner, messages, clock: options.clock, dirty: true, pause: None, clear: false }
    }

    /// Ends: the hub is told what was read last, or not within a second.
    pub async fn close(self) {
        self.runner.close().await;
    }

    /// What is on the screen.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Puts a sentence on the last line.
    pub fn tell(&mut self, sentence: String) {
        self.take(Msg::Told(sentence));
    }

    /// Runs until there is a reason to pause. Nothing is lost between two calls.
    pub async fn drive<B, S, I>(&mut self, terminal: &mut Terminal<B>, input: &mut S) -> anyhow::Result<Pause>
    where
        B: Backend,
        B::Error: Send + Sync + 'static,
        S: Stream<Item = I> + Unpin,
        I: Into<Input>,
    {
        let size = terminal.size()?;
        self.take(Msg::Resized(size.width, size.height));
        self.paint(terminal)?;
        loop {
            self.wait(input).await;
            for _ in 0..BURST {
                if self.pause.is_some() || !self.take_ready(input).await {
                    break;
                }
            }
            if let Some(pause) = self.pause.take() {
                return Ok(pause);
            }
            self.paint(terminal)?;
        }
    }

    /// Waits for one thing to happen and takes it.
    async fn wait<S, I>(&mut self, input: &mut S)
    where
        S: Stream<Item = I> + Unpin,
        I: Into<Input>,
    {
        let pause = self.until_deadline();
        tokio::select! {
            next = poll_fn(|cx| Pin::new(&mut *input).poll_next(cx)) => self.take_input(next.map(Into::into)),
            Some(msg) = self.messages.recv() => self.take(msg),
            () = self.runner.failed() => self.take(Msg::Told("a part of the client failed; what it did may be undone".into())),
            () = async { tokio::time::sleep(pause.unwrap_or_default()).await }, if pause.is_some() => self.take(Msg::Elapsed),
        }
    }

    /// Takes one thing that is ready, without waiting. The stream is polled with the task's own waker: crossterm
    /// remembers only the first waker it is given.
    async fn take_ready<S, I>(&mut self, input: &mut S) -> bool
    where
        S: Stream<Item = I> + Unpin,
        I: Into<Input>,
    {
        let ready = poll_fn(|cx| Poll::Ready(Pin::new(&mut *input).poll_next(cx))).await;
        if let Poll::Ready(next) = ready {
            self.take_input(next.map(Into::into));
            return true;
        }
        match self.messages.try_recv() {
            Ok(msg) => {
                self.take(msg);
                true
            }
            Err(_) => false,
        }
    }

    fn take_input(&mut self, input: Option<Input>) {
        match input {
            Some(Input::Event(Event::Key(key))) => self.take(Msg::Key(key)),
            Some(Input::Event(Event::Paste(text))) => self.take(Msg::Pasted(text)),
            Some(Input::Event(Event::Resize(columns, rows))) => self.take(Msg::Resized(columns, rows)),
            Some(Input::Event(_)) => {}
            Some(Input::Killed(signal)) => self.pause = Some(Pause::Killed(signal)),
            Some(Input::StopAsked) => self.pause = Some(Pause::Suspended),
            Some(Input::Continued) => self.pause = Some(Pause::Resumed),
            None => self.pause = Some(Pause::Quit),
        }
    }

    fn take(&mut self, msg: Msg) {
        self.dirty = true;
        let now = (self.clock)();
        for effect in update(&mut self.state, msg, now) {
            match effect {
                Effect::Quit => self.pause = Some(Pause::Quit),
                Effect::Suspend => self.pause = Some(Pause::Suspended),
                Effect::Redraw => self.clear = true,
                effect => self.runner.run(effect),
            }
        }
    }

    fn paint<B>(&mut self, terminal: &mut Terminal<B>) -> anyhow::Result<()>
    where
        B: Backend,
        B::Error: Send + Sync + 'static,
    {
        if std::mem::take(&mut self.clear) {
            wipe(terminal)?;
        }
        if std::mem::take(&mut self.dirty) {
            terminal.draw(|frame| view::draw(frame, &self.state))?;
        }
        Ok(())
    }

    /// How long until something on the screen changes by itself; nothing when nothing will.
    fn until_deadline(&self) -> Option<Duration> {
        let micros = self.state.deadline()?.micros().saturating_sub((self.clock)().micros());
        Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
    }
}

/// Empties the terminal, so that the next paint paints every cell. `Terminal::clear` would do that too, but first ask
/// the terminal where its cursor is, and the answer would be fought over with the reader of the keys.
pub(crate) fn wipe<B>(terminal: &mut Terminal<B>) -> anyhow::Result<()>
where
    B: Backend,
    B::Error: Send + Sync + 'static,
{
    terminal.backend_mut().clear()?;
    terminal.swap_buffers();
    Ok(())
}

/// The client on any terminal with any input, until it ends; pauses to suspend are passed over. For tests.
pub async fn run_with<B, S, I>(
    terminal: &mut Terminal<B>,
    input: S,
    hub: Hub,
    options: Options,
) -> anyhow::Result<Pause>
where
    B: Backend,
    B::Error: Send + Sync + 'static,
    S: Stream<Item = I>,
    I: Into<Input>,
{
    let mut input = std::pin::pin!(input);
    let mut app = App::new(hub, options);
    loop {
        match app.drive(terminal, &mut input).await? {
            Pause::Suspended | Pause::Resumed => {}
            end => return Ok(end),
        }
    }
}
