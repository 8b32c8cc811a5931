//! The terminal's modes, and nothing else: the only place that enters raw mode, and that always leaves it again.

use std::{
    fs,
    io::{self, IsTerminal, Write, stdout},
    panic::{self, PanicHookInfo},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use futures_util::{Stream, StreamExt, stream};
use ratatui::crossterm::{cursor, event, event::EventStream, style, terminal};
use tokio::signal::unix::{SignalKind, signal};

use crate::{Theme, event_loop::Input};

/// Whether the terminal is ours right now: leaving twice does nothing.
static OURS: AtomicBool = AtomicBool::new(false);

type Hook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync;

/// The terminal while it is ours. Dropping it gives the terminal back; so does a panic.
pub struct Guard {
    previous: Arc<Hook>,
}

impl Guard {
    /// Raw mode, alternate screen, bracketed paste.
    ///
    /// Errors: standard input or output is no terminal, or it refuses.
    pub fn enter() -> io::Result<Self> {
        if !io::stdin().is_terminal() || !stdout().is_terminal() {
            let why = "the full screen needs a terminal for input and output; `mshub chat` works without one";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        let guard = Self { previous: install_hook() };
        take()?;
        Ok(guard)
    }

    /// Gives the terminal back, stops the process group as Ctrl-Z does, and takes the terminal again after `fg`.
    ///
    /// Errors: there is no shell that could continue us, so nothing was stopped; the terminal refuses.
    pub fn suspend(&self) -> io::Result<()> {
        if !has_shell() {
            return Err(io::Error::other("no shell waits for this program"));
        }
        give_back();
        // `kill` of the shell is there on every Unix; 0 is the process group of its caller, which is ours.
        let stopped = Command::new("sh").args(["-c", "kill -STOP 0"]).stdin(Stdio::null()).status();
        take()?;
        stopped.map(drop)
    }

    /// Sets every mode anew: after the process was stopped from outside, a shell has changed them.
    pub fn renew(&self) -> io::Result<()> {
        give_back();
        take()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
        if !thread::panicking() {
            let previous = self.previous.clone();
            panic::set_hook(Box::new(move |info| previous(info)));
        }
    }
}

fn take() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    OURS.store(true, Ordering::SeqCst);
    let entered = ratatui::crossterm::execute!(
        stdout(),
        terminal::EnterAlternateScreen,
        event::EnableBracketedPaste,
        cursor::Hide
    );
    if entered.is_err() {
        give_back();
    }
    entered
}

/// Every step on its own: one that fails keeps none of the others from happening.
fn give_back() {
    if !OURS.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = stdout();
    let _ = ratatui::crossterm::queue!(out, event::DisableBracketedPaste);
    let _ = ratatui::crossterm::queue!(out, style::SetAttribute(style::Attribute::Reset));
    let _ = ratatui::crossterm::queue!(out, terminal::LeaveAlternateScreen);
    let _ = ratatui::crossterm::queue!(out, cursor::Show);
    let _ = out.flush();
    let _ = terminal::disable_raw_mode();
}

/// A panic of the thread that paints gives the terminal back before it is told. One of a background task is only
/// logged: the screen lives on, and the loop tells of it.
fn install_hook() -> Arc<Hook> {
    let previous: Arc<Hook> = Arc::from(panic::take_hook());
    let told = previous.clone();
    let painter = thread::current().id();
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == painter {
            give_back();
            told(info);
        } else {
            tracing::error!(panic = %info, "a background task failed");
        }
    }));
    previous
}

/// Whether colour sequences are written is the theme's decision alone: crossterm's own reading of `NO_COLOR` turns
/// colours into sequences that also reset bold and reversed.
pub fn colours(theme: Theme) {
    style::force_color_output(theme == Theme::Ansi);
}

/// Keys, pastes and sizes from the terminal, and the signals that concern it.
///
/// Errors: a signal cannot be listened to.
pub fn input() -> io::Result<impl Stream<Item = Input>> {
    let events = EventStream::new().filter_map(|event| std::future::ready(event.ok().map(Input::Event)));
    let signals = [
        on(SignalKind::terminate(), Input::Killed(15))?.boxed(),
        on(SignalKind::hangup(), Input::Killed(1))?.boxed(),
        on(SignalKind::interrupt(), Input::Killed(2))?.boxed(),
        on(SignalKind::quit(), Input::Killed(3))?.boxed(),
        on(SignalKind::from_raw(SIGABRT), Input::Killed(SIGABRT))?.boxed(),
        on(SignalKind::from_raw(SIGTSTP), Input::StopAsked)?.boxed(),
        on(SignalKind::from_raw(SIGCONT), Input::Continued)?.boxed(),
    ];
    Ok(stream::select(events, stream::select_all(signals)))
}

fn on(kind: SignalKind, input: Input) -> io::Result<impl Stream<Item = Input>> {
    let arrived = signal(kind)?;
    Ok(stream::unfold((arrived, input), |(mut arrived, input)| async move {
        arrived.recv().await.map(|()| (input.clone(), (arrived, input)))
    }))
}

/// The same number on every Unix.
const SIGABRT: i32 = 6;
#[cfg(any(target_os = "macos", target_os = "freebsd", target_os = "openbsd", target_os = "netbsd"))]
const SIGTSTP: i32 = 18;
#[cfg(any(target_os = "macos", target_os = "freebsd", target_os = "openbsd", target_os = "netbsd"))]
const SIGCONT: i32 = 19;
#[cfg(not(any(target_os = "macos", target_os = "freebsd", target_os = "openbsd", target_os = "netbsd")))]
const SIGTSTP: i32 = 20;
#[cfg(not(any(target_os = "macos", target_os = "freebsd", target_os = "openbsd", target_os = "netbsd")))]
const SIGCONT: i32 = 18;

/// Whether somebody outside our process group, but of our session, can continue us (POSIX: the group is not
/// orphaned). In a window whose only program is this one nobody could, and stopping would be for ever.
/// Where `/proc` tells nothing, a shell is assumed.
fn has_shell() -> bool {
    let Some((mut parent, group, session)) = process("self") else { return true };
    loop {
        match process(&parent.to_string()) {
            Some((above, its_group, its_session))
                if its_group == group && its_session == session && above > 0 =>
            {
                parent = above;
            }
            Some((_, _, its_session)) => return its_session == session,
            None => return false,
        }
    }
}

/// Parent, process group and session of a process: fields 4 to 6 of proc_pid_stat(5).
fn process(id: &str) -> Option<(i64, i64, i64)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(1).map(str::parse::<i64>);
    Some((fields.next()?.ok()?, fields.next()?.ok()?, fields.next()?.ok()?))
}
